"""Answers to clips as plain values, as commands print them and the service sends them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paraclap.inference.calibration import NONE_OF_THESE
from paraclap.inference.encoding import Embeddings, EncodedClips
from paraclap.inference.scores import compute_probabilities

if TYPE_CHECKING:
    from paraclap.inference.audio_text_model import AudioTextModel


def answer_clips(
    model: "AudioTextModel",
    encoded: EncodedClips,
    columns: Sequence[str],
    text_embeds: Embeddings,
    *,
    unknown: bool,
) -> list[dict[str, Any]]:
    """Return one answer a clip: its place, `similarity` and `probability` of each query, and the `best` one.

    Args:
        model: that heard the clips.
        encoded: what it heard.
        columns: queries or classes, `[C]`.
        text_embeds: their unit vectors, `[C, D]`.
        unknown: whether a clip that no query fits is answered "none of these"; where the model has a threshold.

    Returns:
        One record a clip; with a single query its `probability` is empty.
    """
    if not encoded.clips:
        return []
    similarity = encoded.embeddings @ text_embeds.T
    probability = compute_probabilities(similarity, model.probability_scale)
    nothing_fits = np.zeros(len(similarity), dtype=bool)
    if unknown and model.calibration is not None:
        nothing_fits = model.calibration.is_unknown(similarity)
    return [
        {
            "file": clip.name,
            "start": clip.start,
            "end": clip.end,
            "similarity": dict(zip(columns, map(float, cosines), strict=True)),
            "probability": dict(zip(columns, map(float, shares), strict=True)) if len(columns) > 1 else {},
            "best": NONE_OF_THESE if fits_nothing else columns[int(cosines.argmax())],
        }
        for clip, cosines, shares, fits_nothing in zip(
            encoded.clips, similarity, probability, nothing_fits, strict=True
        )
    ]
