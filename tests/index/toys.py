"""A model that hears the spectrum and reads the letters, and archives of short sounds for it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from tests.audio.clips import make_voice

from paraclap.audio import Waveform
from paraclap.inference import AudioTextModel
from paraclap.inference.encoding import Embeddings

RATE = 16000
SIZE = 16


class Ear(AudioTextModel):
    """Turn the spectrum of a sound, and the letters of a text, into vectors of 16 dimensions."""

    logit_scale = 10.0
    fingerprint = "e" * 64

    def __init__(self, name: str = "ear") -> None:
        super().__init__(name=name)
        self.num_heard = 0

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.num_heard += len(waveforms)
        return np.stack([_hear(waveform) for waveform in waveforms])

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        return np.stack([np.random.default_rng(seed).standard_normal(SIZE) for seed in seeds]).astype(np.float32)


class OtherEar(Ear):
    """Hear the same with other weights."""

    fingerprint = "o" * 64


def _hear(waveform: Waveform) -> Embeddings:
    bands = np.array_split(np.abs(np.fft.rfft(waveform.astype(np.float64))), SIZE)
    return np.log([band.mean() + 1e-6 for band in bands]).astype(np.float32)


def write_sound(path: Path, *, seed: int, duration: float = 0.3) -> Path:
    """Write a noise whose colour depends on the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    colour = np.repeat(rng.uniform(0.05, 1, 32), 300)[: RATE // 2 + 1]
    spectrum = np.fft.rfft(rng.standard_normal(round(duration * RATE)))
    shape = np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(colour)), colour)
    samples = np.fft.irfft(spectrum * shape)
    soundfile.write(path, samples / np.abs(samples).max() * 0.5, RATE)
    return path


def write_archive(folder: Path, number: int = 12) -> Path:
    """Write short sounds into a folder with a sub-folder, and one of 45 s."""
    for place in range(number):
        write_sound(folder / ("a" if place % 2 else "b") / f"{place:02d}.wav", seed=place, duration=0.2 + 0.05 * place)
    soundfile.write(folder / "long.wav", make_voice(45.0, RATE), RATE)
    return folder
