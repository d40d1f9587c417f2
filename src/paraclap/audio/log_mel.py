"""Log-mel spectrograms: what the mel tower hears; made with numpy alone, so that it is the same in every runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from paraclap.audio.waveform import Waveform

LogMel = npt.NDArray[np.float32]

_POWER_FLOOR = 1e-10
_FRAMES_AT_ONCE = 4096  # bounds the memory of a long waveform


@dataclass(frozen=True)
class MelSettings:
    """Say how a waveform becomes a log-mel spectrogram."""

    sampling_rate: int = 16_000  # Hz
    num_mels: int = 64
    fft_size: int = 1024  # samples; 15.6 Hz a bin, fine enough to tell low voices' harmonics
    window_size: int = 640  # samples, 40 ms
    hop_size: int = 160  # samples, 10 ms
    min_frequency: float = 20.0  # Hz
    max_frequency: float = 7600.0  # Hz
    dynamic_range: float = 8.0  # in log10 of power (80 dB): what is softer than this below the loudest is cut off

    @property
    def num_channels(self) -> int:
        """Values of a frame, M."""
        return self.num_mels

    def compute(self, waveform: Waveform) -> LogMel:
        """Compute the frames `[F, M]` of a waveform `[T]`."""
        return compute_log_mel(waveform, self)


def compute_log_mel(waveform: Waveform, settings: MelSettings) -> LogMel:
    """Compute the log10 mel power spectrogram `[F, M]` of a waveform `[T]`, one frame for each started hop."""
    size, hop = settings.window_size, settings.hop_size
    num_frames = max(1, -(-len(waveform) // hop))
    left = size // 2
    padded = np.zeros((num_frames - 1) * hop + size, dtype=np.float32)
    padded[left : left + len(waveform)] = waveform[: len(padded) - left]
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  # [F, size]
    window, filters = _window_and_filters(settings)
    mel = np.empty((num_frames, settings.num_mels), dtype=np.float32)
    for begin in range(0, num_frames, _FRAMES_AT_ONCE):
        part = slice(begin, begin + _FRAMES_AT_ONCE)
        spectrum = np.fft.rfft(frames[part] * window, n=settings.fft_size)
        mel[part] = (spectrum.real**2 + spectrum.imag**2) @ filters
    return np.asarray(np.log10(np.maximum(mel, _POWER_FLOOR)), dtype=np.float32)


def normalize_log_mel(log_mel: LogMel, settings: MelSettings) -> LogMel:
    """Remove the recording level from a spectrogram `[F, M]`: cut at the dynamic range, subtract the mean, scale."""
    cut = np.maximum(log_mel, log_mel.max() - np.float32(settings.dynamic_range))
    normalized: LogMel = (cut - cut.mean(dtype=np.float64).astype(np.float32)) / np.float32(2.0)
    return normalized


def pad_log_mels(log_mels: Sequence[LogMel]) -> tuple[LogMel, npt.NDArray[np.int64]]:
    """Pad spectrograms `[F, M]` with zeros to the longest: `[B, F, M]`, and the mask `[B, F]` of real frames."""
    longest = max(len(mel) for mel in log_mels)
    features = np.zeros((len(log_mels), longest, log_mels[0].shape[1]), dtype=np.float32)
    mask = np.zeros((len(log_mels), longest), dtype=np.int64)
    for row, mel in enumerate(log_mels):
        features[row, : len(mel)] = mel
        mask[row, : len(mel)] = 1
    return features, mask


@cache
def _window_and_filters(settings: MelSettings) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    window = np.hanning(settings.window_size + 1)[:-1]
    return window.astype(np.float32), _make_mel_filters(settings).astype(np.float32)


def _make_mel_filters(settings: MelSettings) -> npt.NDArray[np.float64]:
    """Make triangles of height 1, evenly spaced on HTK's mel scale, `[fft_size // 2 + 1, M]`."""
    limits = 2595.0 * np.log10(1.0 + np.array([settings.min_frequency, settings.max_frequency]) / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(limits[0], limits[1], settings.num_mels + 2) / 2595.0) - 1.0)  # Hz
    bins = np.linspace(0, settings.sampling_rate // 2, settings.fft_size // 2 + 1)[:, None]  # Hz
    widths = np.diff(edges)
    rising, falling = (bins - edges[:-2]) / widths[:-1], (edges[2:] - bins) / widths[1:]
    filters: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters
