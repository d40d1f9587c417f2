"""A corpus of tones in the place of voices, clips made of numbers, and a recipe small enough for a test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import pandas as pd
import soundfile

from paraclap.corpora import write_manifest
from paraclap.queries import load_vocabulary
from paraclap.training import Recipe, parse_recipe
from paraclap.training.clips import ClipSet
from paraclap.training.mel_cache import MelCache
from paraclap.training.recipe import CorpusSettings

PITCHES = {"male": 110.0, "female": 260.0}  # Hz
METADATA = {"corpus": "tones", "licence": "CC0", "source": "made here", "citation": "none", "version": "1"}
NUM_MELS = 64


def write_tones(folder: Path, *, speakers: int = 5, clips: int = 4) -> Path:
    """Write a corpus whose men hum low and whose women hum high, and return its manifest."""
    rows: list[dict[str, Any]] = []
    generator = np.random.default_rng(0)
    for gender, pitch in PITCHES.items():
        for speaker in range(speakers):
            for clip in range(clips):
                duration = 0.5 + 0.1 * clip
                times = np.arange(round(duration * 16000)) / 16000
                own = pitch * generator.uniform(0.9, 1.1)
                tone = sum(np.sin(2 * np.pi * own * k * times) / k for k in range(1, 9))
                file = f"{gender}{speaker}-{clip}.wav"
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(folder / file, 0.1 * tone + generator.normal(0, 0.01, len(times)), 16000)
                row = {"file": file, "end": duration, "speaker": f"{gender}{speaker}", "gender": gender}
                rows.append(row | {"emotion": ("anger", "sadness")[clip % 2]})
    table = pd.DataFrame(rows)
    index = audformat.segmented_index(table.pop("file"), [0] * len(table), pd.to_timedelta(table.pop("end"), unit="s"))
    manifest = folder / "tones.parquet"
    write_manifest(manifest, table.set_index(index), METADATA | {"root": str(folder), "languages": []})
    return manifest


def make_recipe(folder: Path, tower: Path, manifest: Path, **changes: Any) -> Recipe:
    """Make a recipe of a few quick steps in full precision."""
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
        "precision": "float32",
    }
    return parse_recipe(values | changes)


def make_clip_set(
    rows: Sequence[Mapping[str, Any]], *, name: str = "made", num_frames: Sequence[int] | int = 50, weight: float = 1.0
) -> ClipSet:
    """Make clips of noise from manifest rows with a `split` each, without files."""
    lengths = [num_frames] * len(rows) if isinstance(num_frames, int) else list(num_frames)
    offsets = [0, *np.cumsum(lengths).tolist()]
    frames = np.random.default_rng(len(rows)).normal(-3, 1, (offsets[-1], NUM_MELS)).astype(np.float16)
    vocabulary = load_vocabulary()
    return ClipSet(
        name=name,
        settings=CorpusSettings(name=name, weight=weight),
        facts=vocabulary.read_table(pd.DataFrame(list(rows))),
        splits=np.array([row["split"] for row in rows]),
        mels=MelCache(frames, offsets, []),
        fingerprint="",
        licence="CC0",
    )
