"""Log-mel spectrograms: what the mel tower hears."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from transformers.audio_utils import mel_filter_bank

from paraclap.audio import Waveform

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


@cache
def _window_and_filters(settings: MelSettings) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    filters = mel_filter_bank(
        num_frequency_bins=settings.fft_size // 2 + 1,
        num_mel_filters=settings.num_mels,
        min_frequency=settings.min_frequency,
        max_frequency=settings.max_frequency,
        sampling_rate=settings.sampling_rate,
        norm=None,
        mel_scale="htk",
    )
    window = np.hanning(settings.window_size + 1)[:-1]
    return window.astype(np.float32), filters.astype(np.float32)
