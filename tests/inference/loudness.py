"""A model that hears only how loud a waveform is, and recordings that are loud and quiet in turns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.inference import AudioTextModel, Reference
from paraclap.inference.encoding import Embeddings
from paraclap.inference.references import Summaries

QUERIES = ["loud", "quiet"]
LOUD, QUIET = 0.5, 0.05  # peaks
_MIDDLE = np.log(0.16)  # between the two, of peaks


class Loudness(AudioTextModel):
    """Answer "loud" or "quiet", relative to a reference if there is one; what is silent is quiet."""

    logit_scale = 5.0
    fingerprint = "l" * 64
    takes_references = True

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        return self._turn([_level(waveform) - _MIDDLE for waveform in waveforms])

    def encode_relative(self, waveforms: Sequence[Waveform], reference: Reference) -> Embeddings:
        return self._turn([_level(waveform) - float(reference.mean[0]) for waveform in waveforms])

    def summarize_waveforms(self, waveforms: Sequence[Waveform]) -> Summaries:
        return np.array([[_level(waveform)] for waveform in waveforms], dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return np.array([[1.0, 0.0] if text == "loud" else [0.0, 1.0] for text in texts], dtype=np.float32)

    def _turn(self, levels: Sequence[float]) -> Embeddings:
        angles = np.pi / 4 * (1 - np.tanh(np.array(levels)))  # 0 is "loud"
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _level(waveform: Waveform) -> float:
    """Return the mean log peak of pieces of 10 ms, so that both halves of a window count alike."""
    pieces = np.abs(waveform[: len(waveform) // 160 * 160]).reshape(-1, 160).max(axis=1)
    return float(np.log(pieces + 1e-6).mean())


def make_turns(durations: Sequence[float], *, peaks: Sequence[float] = (LOUD, QUIET)) -> Waveform:
    """Make a tone whose peak goes through `peaks`, for so many seconds each."""
    parts = []
    for number, duration in enumerate(durations):
        times = np.arange(round(duration * SAMPLING_RATE)) / SAMPLING_RATE
        parts.append(peaks[number % len(peaks)] * np.sin(2 * np.pi * 220 * times))
    return np.concatenate(parts).astype(np.float32)


def write_turns(path: Path, durations: Sequence[float], *, peaks: Sequence[float] = (LOUD, QUIET)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, make_turns(durations, peaks=peaks), SAMPLING_RATE, subtype="FLOAT")
    return path
