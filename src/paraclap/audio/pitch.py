"""Pitch of speech, frame by frame, by autocorrelation; made with numpy alone, so that all runtimes hear the same."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from paraclap.audio.waveform import Waveform

Pitch = npt.NDArray[np.float32]

_DECIMATION = 2  # what is above 4 kHz tells nothing of pitch
_FRAMES_AT_ONCE = 4096  # bounds the memory of a long waveform
_OCTAVE_COST = 0.03  # of a lag an octave longer: a whole period is meant, not two
_SURE = 0.7  # strength from which on a frame tells the range of a voice
_MIN_SURE = 10  # frames that tell a range
_MARGINS = (0.6, 2.2)  # of the quartiles of sure frames, where the range ends


@dataclass(frozen=True)
class PitchSettings:
    """Say how pitch is searched for."""

    sampling_rate: int = 16_000  # Hz
    window_size: int = 768  # samples, 48 ms: nearly three periods of the lowest
    hop_size: int = 160  # samples, 10 ms
    lowest: float = 60.0  # Hz
    highest: float = 650.0  # Hz: infants cry so high


def track_pitch(waveform: Waveform, settings: PitchSettings) -> Pitch:
    """Return the pitch in Hz and its strength, 0 to 1, of each frame `[F, 2]` of a waveform `[T]`.

    The strength is the autocorrelation of the windowed frame at the period, over that of the window (Boersma 1993): 1
    for a periodic frame, near 0 for noise. The search is run twice, the second time within the range that the
    frames of the first tell (De Looze and Hirst 2008), so that octaves are not mistaken. Frames are those of
    `compute_log_mel` with the same hop. A frame of silence has the lowest pitch and strength 0.
    """
    lags, similarity = _correlate(waveform, settings)
    cost = np.float32(_OCTAVE_COST) * np.log2(lags / lags[0]).astype(np.float32)
    found = _pick(similarity, lags, cost, settings)
    sure = found[found[:, 1] > _SURE, 0]
    if len(sure) < _MIN_SURE:
        return found
    low, high = np.quantile(sure, (0.25, 0.75)) * _MARGINS
    periods = settings.sampling_rate / _DECIMATION / lags
    is_outside = (periods < low) | (periods > high)
    return _pick(similarity, lags, cost + np.where(is_outside, np.float32(2.0), np.float32(0.0)), settings)


def _correlate(waveform: Waveform, settings: PitchSettings) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return lags `[L]` in samples of half the rate, and the similarity of each frame to itself at them `[F, L]`."""
    rate = settings.sampling_rate / _DECIMATION
    size, hop = settings.window_size // _DECIMATION, settings.hop_size // _DECIMATION
    num_frames = max(1, -(-len(waveform) // settings.hop_size))
    halved = _halve_rate(waveform)
    padded = np.zeros((num_frames - 1) * hop + size, dtype=np.float32)
    left = size // 2
    padded[left : left + len(halved)] = halved[: len(padded) - left]
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    first, last = int(rate / settings.highest) - 1, int(rate / settings.lowest) + 2
    fft_size = -(-(size + last - 1) // 64) * 64
    window, of_window = _window(size, fft_size, last)
    similarity = np.empty((num_frames, last - first), dtype=np.float32)
    for begin in range(0, num_frames, _FRAMES_AT_ONCE):
        part = slice(begin, begin + _FRAMES_AT_ONCE)
        centred = frames[part] - frames[part].mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft(centred * window, n=fft_size)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, n=fft_size)[:, :last]
        power = np.maximum(correlation[:, :1], 1e-7 * size)
        similarity[part] = (correlation / power / of_window)[:, first:last]
    return np.arange(first, last, dtype=np.float32), similarity


def _pick(
    similarity: npt.NDArray[np.float32],
    lags: npt.NDArray[np.float32],
    cost: npt.NDArray[np.float32],
    settings: PitchSettings,
) -> Pitch:
    """Return pitch and strength `[F, 2]` of the best peak of each frame, between lags by a parabola."""
    middle = similarity[:, 1:-1]
    is_peak = (middle >= similarity[:, :-2]) & (middle > similarity[:, 2:])
    scores = np.where(is_peak, middle - cost[1:-1], np.float32(-9.0))
    best = scores.argmax(axis=1)
    rows = np.arange(len(best))
    before, peak, after = (similarity[rows, best + shift] for shift in (0, 1, 2))
    curvature = before - 2 * peak + after
    shift = np.where(curvature < -1e-9, 0.5 * (before - after) / np.minimum(curvature, -1e-9), 0.0)
    lag = lags[best + 1] + np.clip(shift, -0.5, 0.5)
    strength = np.clip(peak - 0.25 * (before - after) * shift, 0.0, 1.0)
    is_found = is_peak[rows, best] & (strength > 0)
    pitch = np.where(is_found, settings.sampling_rate / _DECIMATION / lag, settings.lowest)
    return np.stack([pitch, np.where(is_found, strength, 0.0)], axis=1).astype(np.float32)


def _halve_rate(waveform: Waveform) -> npt.NDArray[np.float32]:
    """Return every second sample of a low-passed waveform."""
    filtered = np.convolve(waveform, _low_pass(), mode="same")
    return np.asarray(filtered[: len(waveform) : _DECIMATION], dtype=np.float32)


@cache
def _low_pass() -> npt.NDArray[np.float32]:
    """Return a windowed sinc that ends at 3.4 kHz of 16 kHz."""
    places = np.arange(-15, 16)
    taps = np.sinc(places * 2 * 3400 / 16_000) * np.hamming(len(places))
    return np.asarray(taps / taps.sum(), dtype=np.float32)


@cache
def _window(size: int, fft_size: int, last: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return a Hann window and its own autocorrelation at all lags up to the last."""
    window = np.hanning(size + 1)[:-1]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(window, n=fft_size)) ** 2, n=fft_size)[:last]
    return window.astype(np.float32), (correlation / correlation[0]).astype(np.float32)
