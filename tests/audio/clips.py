"""Voice-like signals, and files of them in formats that soundfile cannot write."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from paraclap.audio import Waveform


def make_voice(duration: float, sampling_rate: int, seed: int = 0) -> Waveform:
    """Make a buzz with a moving pitch, moving loudness and some noise, within [-0.7, 0.7]."""
    times = np.arange(round(duration * sampling_rate)) / sampling_rate
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / sampling_rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 15) if 160 * k < sampling_rate / 2)
    voice = buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * times)) + np.random.default_rng(seed).normal(0, 0.05, len(times))
    return np.asarray(voice / np.abs(voice).max() * 0.7, dtype=np.float32)


@dataclass(frozen=True)
class Encoding:
    """Name an FFmpeg encoder and a container, with their options."""

    codec: str
    container: str
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)


# The noise that AAC leaves to the decoder (PNS) depends on what was decoded before, so exact comparisons go without it.
NO_NOISE = {"aac_pns": "0"}
AAC_MP4 = Encoding("aac", "mp4", NO_NOISE)


def write_ffmpeg(path: Path, samples: Waveform, sampling_rate: int, encoding: Encoding) -> Path:
    """Encode `[T]` or `[channels, T]` with FFmpeg."""
    planes = np.ascontiguousarray(np.atleast_2d(samples))
    layout = "mono" if len(planes) == 1 else "stereo"
    with av.open(str(path), "w", format=encoding.container, options=encoding.container_options) as output:
        stream = output.add_stream(encoding.codec, rate=sampling_rate, options=encoding.options)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = sampling_rate, Fraction(1, sampling_rate), 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
