"""Labelled vectors and small manifests of noise, whose classes a toy embedder reads from the names of files."""

from pathlib import Path
from typing import Any

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile

Corpus = tuple[pd.DataFrame, dict[str, Any]]  # a manifest and its metadata
FACTS = {"licence": "none", "source": "made here", "citation": "none", "version": "1", "languages": ["en"]}
DURATION = 0.25  # s
EMOTIONS = ("angry", "calm", "sad")


def make_vectors(truth: npt.NDArray[np.int64], *, spread: float = 1.0, seed: int = 0) -> npt.NDArray[np.float32]:
    """Make unit vectors `[N, 8]` that scatter around a direction of their class."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(int(truth.max()) + 1, 8))[truth] + spread * rng.normal(size=(len(truth), 8))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def make_clips(root: Path, *, speakers: int = 4, per_speaker: int = 2, classes: tuple[str, ...] = EMOTIONS) -> Corpus:
    """Write clips of each class by each speaker, named by their class, and return their manifest and its metadata."""
    root.mkdir(parents=True, exist_ok=True)
    rows = [
        (f"{name} {speaker} {number}.wav", f"s{speaker}", name)
        for speaker in range(speakers)
        for name in classes
        for number in range(per_speaker)
    ]
    noise = np.random.default_rng(0).normal(0, 0.1, round(DURATION * 16_000))
    for file, _, _ in rows:
        soundfile.write(root / file, noise, 16_000)
    files, names, labels = zip(*rows, strict=True)
    index = audformat.segmented_index(
        files, pd.to_timedelta([0.0] * len(files), unit="s"), pd.to_timedelta([DURATION] * len(files), unit="s")
    )
    manifest = pd.DataFrame({"speaker": names, "mood": labels}, index=index)
    return manifest, {"corpus": "toy", "root": str(root), **FACTS}
