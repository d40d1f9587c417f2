"""Small manifests of voices, noise and silence, and what openSMILE itself says of a waveform."""

from functools import cache
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import numpy.typing as npt
import opensmile
import pandas as pd
import soundfile
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, Waveform

Corpus = tuple[pd.DataFrame, dict[str, Any]]  # a manifest and its metadata

LARGEST = 32767 / 32768  # what int16 can hold


def make_noise(duration: float, *, level: float = 0.05, seed: int = 0) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, level, round(duration * SAMPLING_RATE))
    return np.asarray(samples, dtype=np.float32)


def make_glide(duration: float, first: float, last: float) -> Waveform:
    """Make a sine whose pitch moves evenly, in Hz."""
    pitch = np.linspace(first, last, round(duration * SAMPLING_RATE))
    return np.asarray(0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLING_RATE), dtype=np.float32)


def write_voices(folder: Path, durations: list[float]) -> Corpus:
    """Write voices `0.wav`, `1.wav`, ... and return their manifest, whole files, and its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, duration in enumerate(durations):
        soundfile.write(folder / f"{number}.wav", make_voice(duration, SAMPLING_RATE, seed=number), SAMPLING_RATE)
    files = [f"{number}.wav" for number in range(len(durations))]
    return make_manifest([(file, 0.0, duration) for file, duration in zip(files, durations, strict=True)], folder)


def make_manifest(rows: list[tuple[str, float, float]], root: Path) -> Corpus:
    """Return the manifest of rows of file, start and end in seconds, and its metadata."""
    files, starts, ends = zip(*rows, strict=True)
    index = audformat.segmented_index(files, pd.to_timedelta(starts, unit="s"), pd.to_timedelta(ends, unit="s"))
    return pd.DataFrame({"speaker": "one"}, index=index), {"corpus": "toy", "root": str(root)}


@cache
def load_smile() -> opensmile.Smile:
    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


def call_opensmile(waveform: Waveform) -> npt.NDArray[np.float32]:
    """Return what openSMILE says of a waveform as it is."""
    return np.asarray(load_smile()(waveform, SAMPLING_RATE), dtype=np.float32).reshape(-1)
