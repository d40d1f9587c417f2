"""Small folders in the official layout of corpora, with noise as audio."""

from pathlib import Path

import numpy as np
import soundfile

TWO_KINDS = """
[[task]]
name = "search"
corpus = "ravdess"
kind = "retrieval"
attributes = ["emotion"]

[[task]]
name = "strong"
corpus = "ravdess"
kind = "multi-label"
classes = ["anger", "calm"]
label_set = "emotion"
positive.anger = { column = "emotion", values = ["anger", "disgust"] }
positive.calm = { column = "emotion", values = ["calm", "neutral"] }
"""


def write_noise(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 4000 + 100 * (seed % 7)), 16000)


def make_ravdess(corpora_root: Path, actors: int) -> Path:
    """Write two clips of each of the eight emotions by each actor (names as on zenodo.org/records/1188976)."""
    folder = corpora_root / "ravdess"
    for actor in range(1, actors + 1):
        for emotion in range(1, 9):
            for statement in (1, 2):
                name = f"03-01-{emotion:02d}-01-{statement:02d}-01-{actor:02d}.wav"
                write_noise(folder / f"Actor_{actor:02d}" / name, seed=100 * actor + 10 * emotion + statement)
    return folder


def make_baved(corpora_root: Path, speakers: int) -> Path:
    """Write one word at each level by each speaker (github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset)."""
    folder = corpora_root / "baved"
    for speaker in range(speakers):
        for level in range(3):
            name = f"{speaker}-{'mf'[speaker % 2]}-{20 + speaker}-1-{level}-{speaker * 3 + level}.wav"
            write_noise(folder / "1" / name, seed=10 * speaker + level)
    return folder
