"""Prompt ensembles: several prompts of one class become one vector."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import QueryError


def embed_classes(text_embeds: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """Return one unit vector a class, `[C, D]`: the mean over its prompts' unit vectors, renormalised.

    Args:
        text_embeds: for each class the embeddings of its prompts, `[prompts, D]`.

    Raises:
        QueryError: if there is no class, or a class without prompts.
    """
    if not len(text_embeds) or not all(len(embeds) for embeds in text_embeds):
        raise QueryError("found no class, or a class without prompts; expected one prompt or more of each")
    means = np.stack([np.asarray(embeds, dtype=np.float64).mean(axis=0) for embeds in text_embeds])
    norms = np.linalg.norm(means, axis=-1, keepdims=True)
    class_embeds: npt.NDArray[np.float32] = (means / np.maximum(norms, 1e-12)).astype(np.float32)
    return class_embeds
