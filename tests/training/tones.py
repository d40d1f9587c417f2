"""A recipe on made tones that is small enough for a test, and clips made of numbers, without files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from paraclap.audio import MelSettings
from paraclap.queries import load_vocabulary
from paraclap.training import Recipe, parse_recipe
from paraclap.training.clips import ClipSet
from paraclap.training.mel_cache import MelCache
from paraclap.training.settings import CorpusSettings

MELS = MelSettings()


def make_recipe(folder: Path, tower: Path, manifest: Path, **changes: Any) -> Recipe:
    """Make a recipe of a few quick steps in full precision, without workers."""
    values: dict[str, Any] = {
        "name": "tones",
        "manifests": [manifest],
        "cache": folder / "mels",
        "model": {
            "text_tower": {"id": str(tower), "package": None, "sha256": None},
            "projection_dim": 16,
            "channels": [16, 32],  # not fewer: see tests/models/tiny.py
            "hidden_size": 16,
        },
        "steps": 4,
        "batch_size": 12,
        "crop_seconds": [0.3, 0.5],
        "warmup_steps": 2,
        "validate_every": 2,
        "device": "cpu",
        "precision": "float32",
        "workers": 0,
    }
    return parse_recipe(values | changes)


def change_recipe(recipe: Recipe, **changes: Any) -> Recipe:
    """Return a recipe with some settings replaced, checked again."""
    return Recipe.model_validate(recipe.model_dump() | changes)


def make_clip_set(
    rows: Sequence[Mapping[str, Any]], *, name: str = "made", num_frames: Sequence[int] | int = 50, weight: float = 1.0
) -> ClipSet:
    """Make clips of noise, 100 frames a second, from manifest rows with a `split` each; 0 frames: cannot be read."""
    lengths = [num_frames] * len(rows) if isinstance(num_frames, int) else list(num_frames)
    offsets = [0, *np.cumsum(lengths).tolist()]
    frames = np.random.default_rng(len(rows)).normal(-3, 1, (offsets[-1], MELS.num_mels)).astype(np.float16)
    vocabulary = load_vocabulary()
    return ClipSet(
        name=name,
        settings=CorpusSettings(name=name, weight=weight),
        facts=vocabulary.read_table(pd.DataFrame(list(rows))),
        splits=np.array([row["split"] for row in rows]),
        audio=MelCache(frames, offsets, [], settings=MELS),
        fingerprint="",
        licence="CC0",
    )
