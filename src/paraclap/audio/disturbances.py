"""Disturbances of waveforms `[T]` at 16 kHz, float32: new arrays, never clipped, random only by the generator given.

All of them keep the length and what happens when, but for `crop` and `change_speed`.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from paraclap.audio.waveform import MIN_DURATION, SAMPLING_RATE, Waveform, check_waveform, resample
from paraclap.errors import AudioError, ConfigError

_Floats = npt.NDArray[np.floating]

_TOP_HZ = SAMPLING_RATE / 2
_MEL_CORNER_HZ = 700.0  # of HTK's mel scale, log(1 + f / 700)
_MAX_DB = 300.0  # far from where float32 overflows
_PADDING = 8192  # samples, longer than the filters ring
_SLOPE_HZ = 100.0  # between what a filter passes and what it stops
_FADE_SECONDS = 0.005  # a mask in time without one would click


def change_gain(waveform: Waveform, gain_db: float) -> Waveform:
    """Multiply by a gain in dB.

    Raises:
        AudioError: if the waveform is not finite float32 `[T]` of at least 0.1 s (so in all functions here).
        ConfigError: if the gain is not a number within 300 dB.
    """
    check_disturbable(waveform)
    _check_range("gain_db", gain_db, -_MAX_DB, _MAX_DB)
    return waveform * np.float32(_amplitude(gain_db))


def add_noise(waveform: Waveform, *, snr_db: float, generator: np.random.Generator, slope_db: float = 0.0) -> Waveform:
    """Add stationary Gaussian noise.

    Args:
        waveform: what is disturbed; silence stays silent.
        snr_db: mean power of the waveform over that of the noise, both over the whole duration.
        generator: draws the noise.
        slope_db: level of the noise at 8 kHz over that at 0 Hz, even along the mel scale; white if 0.

    Raises:
        ConfigError: if the ratio or the slope is not a number within 300 dB.
    """
    check_disturbable(waveform)
    _check_range("snr_db", snr_db, -_MAX_DB, _MAX_DB)
    _check_range("slope_db", slope_db, -_MAX_DB, _MAX_DB)
    white = generator.standard_normal(len(waveform), dtype=np.float32)
    noise = tilt_spectrum(white, response_db=[-slope_db / 2, slope_db / 2])
    level = _measure_level(waveform) / _measure_level(noise) * _amplitude(-snr_db)
    return waveform + np.float32(level) * noise


def draw_channel(num_points: int, level_db: float, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw the smooth frequency response of a channel, in dB at equidistant points: a slope and two slower waves.

    Args:
        num_points: how many points to draw, from the bottom of the band to its top.
        level_db: standard deviation of the slope at either end.
        generator: draws the slope and the waves.

    Raises:
        ConfigError: if there is no point, or the level is not within 0 to 30 dB.
    """
    _check_range("num_points", num_points, 1, math.inf)
    _check_range("level_db", level_db, 0, 30)
    position = np.linspace(-1.0, 1.0, num_points)
    response = generator.normal() * position
    for order in (1, 2):
        weight, phase = 0.5 * generator.normal(), generator.uniform(0, 2 * np.pi)
        response = response + weight * np.cos(order * np.pi * position + phase)
    return np.asarray(level_db * response)


def tilt_spectrum(waveform: Waveform, *, response_db: npt.ArrayLike) -> Waveform:
    """Apply a frequency response without delay: dB at points that are equidistant on the mel scale, 0 Hz to 8 kHz.

    Raises:
        ConfigError: if the response is not a list of numbers within 300 dB.
    """
    check_disturbable(waveform)
    response = np.asarray(response_db)
    is_row = response.ndim == 1 and len(response) > 0 and response.dtype.kind in "fi"
    if not is_row or not (np.abs(response) <= _MAX_DB).all():
        raise ConfigError(f"response_db is {response.tolist()}; expected a list of numbers within {_MAX_DB:g} dB")
    points = np.linspace(0.0, 1.0, len(response))

    def respond(frequencies: _Floats) -> _Floats:
        position = np.log1p(frequencies / _MEL_CORNER_HZ) / np.log1p(_TOP_HZ / _MEL_CORNER_HZ)
        return np.asarray(10.0 ** (np.interp(position, points, response) / 20.0))

    return _filter(waveform, respond)


def limit_band(waveform: Waveform, *, cutoff_hz: float) -> Waveform:
    """Keep what lies below the cutoff as it is, and remove what lies more than 100 Hz above it.

    Raises:
        ConfigError: if the cutoff is not within 0 to 8000 Hz.
    """
    check_disturbable(waveform)
    _check_range("cutoff_hz", cutoff_hz, 0, _TOP_HZ)
    return _filter(waveform, lambda frequencies: np.interp(frequencies, [cutoff_hz, cutoff_hz + _SLOPE_HZ], [1, 0]))


def mask_time(waveform: Waveform, *, start_seconds: float, duration_seconds: float) -> Waveform:
    """Silence a stretch, with fades of 5 ms around it; what lies beyond the end is ignored.

    Raises:
        ConfigError: if the start or the duration is below 0 or not a number.
    """
    check_disturbable(waveform)
    _check_range("start_seconds", start_seconds, 0, math.inf)
    _check_range("duration_seconds", duration_seconds, 0, math.inf)
    times = np.arange(len(waveform)) / SAMPLING_RATE
    stop = start_seconds + duration_seconds
    edges = [start_seconds - _FADE_SECONDS, start_seconds, stop, stop + _FADE_SECONDS]
    return waveform * np.interp(times, edges, [1, 0, 0, 1]).astype(np.float32)


def mask_band(waveform: Waveform, *, low_hz: float, high_hz: float) -> Waveform:
    """Remove a band of frequencies, and keep what lies more than 100 Hz outside of it as it is.

    Raises:
        ConfigError: if it is not 0 <= low <= high <= 8000 Hz.
    """
    check_disturbable(waveform)
    _check_range("high_hz", high_hz, 0, _TOP_HZ)
    _check_range("low_hz", low_hz, 0, high_hz)
    edges = [low_hz - _SLOPE_HZ, low_hz, high_hz, high_hz + _SLOPE_HZ]
    return _filter(waveform, lambda frequencies: np.interp(frequencies, edges, [1, 0, 0, 1]))


def change_speed(waveform: Waveform, factor: float) -> Waveform:
    """Play faster (above 1) or slower: pitch, formants and tempo change together, and the length is divided by this.

    Raises:
        ConfigError: if the factor is not within 0.1 to 10.
    """
    check_disturbable(waveform)
    _check_range("factor", factor, 0.1, 10)
    return resample(waveform, round(SAMPLING_RATE * factor), SAMPLING_RATE).copy()


def reverberate(waveform: Waveform, *, reverberation_seconds: float, generator: np.random.Generator) -> Waveform:
    """Put the voice into a room: noise that decays by 60 dB in this time, as strong in all as the direct sound.

    The direct sound is not delayed, and the mean power stays as it was; what rings on after the end is cut off.

    Raises:
        ConfigError: if the reverberation time is not within 0.01 to 10 s.
    """
    check_disturbable(waveform)
    _check_range("reverberation_seconds", reverberation_seconds, 0.01, 10)
    num_samples = round(reverberation_seconds * SAMPLING_RATE)
    decay = 10.0 ** (-3.0 * np.arange(1, num_samples + 1) / num_samples)
    tail = generator.standard_normal(num_samples) * decay
    impulse = np.concatenate([[1.0], tail / np.linalg.norm(tail)])
    size = _fft_size(len(waveform) + len(impulse))
    spectrum = np.fft.rfft(waveform, size) * np.fft.rfft(impulse, size)
    return _match_level(np.fft.irfft(spectrum, size)[: len(waveform)], waveform)


def crop(waveform: Waveform, *, start_seconds: float, duration_seconds: float) -> Waveform:
    """Copy a stretch, up to the end of the waveform if that comes first.

    Raises:
        AudioError: if less than 0.1 s of the waveform lies in it.
        ConfigError: if the start is below 0, or the duration below 0.1 s.
    """
    check_disturbable(waveform)
    _check_range("start_seconds", start_seconds, 0, math.inf)
    _check_range("duration_seconds", duration_seconds, MIN_DURATION, math.inf)
    first, stop = (
        round(min(seconds * SAMPLING_RATE, len(waveform)))
        for seconds in (start_seconds, start_seconds + duration_seconds)
    )
    return check_waveform(waveform[first:stop].copy(), SAMPLING_RATE, f"crop from {start_seconds:g} s")


def check_disturbable(waveform: Waveform) -> None:
    """Refuse what is no waveform as `read_audio` and `convert_audio` return it.

    Raises:
        AudioError: if it is not float32 `[T]`, there is less than 0.1 s, or samples are NaN or infinite.
    """
    if waveform.ndim != 1 or waveform.dtype != np.float32:
        raise AudioError(
            f"waveform: found shape {waveform.shape} of {waveform.dtype}; expected [T] of float32 at 16 kHz: "
            "pass it through convert_audio"
        )
    check_waveform(waveform, SAMPLING_RATE, "waveform")


def frequency_at(mel_share: float) -> float:
    """Return the frequency in Hz that has this share of the mel scale from 0 Hz to 8 kHz below it."""
    return float(_MEL_CORNER_HZ * np.expm1(mel_share * np.log1p(_TOP_HZ / _MEL_CORNER_HZ)))


def _filter(waveform: Waveform, respond: Callable[[_Floats], _Floats]) -> Waveform:
    """Multiply the spectrum by real gains, which delay nothing."""
    size = _fft_size(len(waveform) + _PADDING)
    gains = respond(np.fft.rfftfreq(size, 1 / SAMPLING_RATE))
    filtered = np.fft.irfft(np.fft.rfft(waveform, size) * gains, size)
    return np.asarray(filtered[: len(waveform)], dtype=np.float32)


def _fft_size(num_samples: int) -> int:
    return 1 << (num_samples - 1).bit_length()  # a prime number of samples takes several times as long


def _match_level(samples: _Floats, waveform: Waveform) -> Waveform:
    """Give samples the mean power of a waveform."""
    level = _measure_level(samples)
    return np.asarray(samples * (_measure_level(waveform) / level if level > 0 else 1.0), dtype=np.float32)


def _measure_level(samples: _Floats) -> float:
    """Return the square root of the mean power."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _amplitude(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        limits = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        raise ConfigError(f"{name} is {value}; expected {limits}")
