"""Files of voice-like signals, and the embedding of one waveform without anything around it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from tests.audio.clips import make_voice

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE, Waveform


def write_voice(path: Path, duration: float, *, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, make_voice(duration, SAMPLING_RATE, seed), SAMPLING_RATE, subtype="FLOAT")
    return path


def write_voices(folder: Path, durations: list[float]) -> list[Path]:
    return [write_voice(folder / f"{n}.wav", duration, seed=n) for n, duration in enumerate(durations)]


def embed_alone(clap: ParaClap, waveform: Waveform) -> npt.NDArray[np.float64]:
    """Embed a waveform `[T]` by itself, from the parts of the model: the oracle."""
    inputs = clap.processor(audio=[waveform], sampling_rate=SAMPLING_RATE)
    with torch.no_grad():
        embeds = clap.model.get_audio_features(**inputs)[0].double().numpy()
    return np.asarray(embeds / np.linalg.norm(embeds))
