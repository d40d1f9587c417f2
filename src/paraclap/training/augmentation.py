"""Disturbances of what training hears, drawn by name, so that facts that they break are not stated.

None of them changes who speaks or what is felt, but for `speed`, after which age and gender are not what they were.
"""

from collections.abc import Callable, Mapping

import numpy as np

from paraclap.audio import (
    CODECS,
    MIN_DURATION,
    SAMPLING_RATE,
    LogMel,
    Waveform,
    add_noise,
    apply_codec,
    change_gain,
    change_speed,
    draw_channel,
    frequency_at,
    limit_band,
    mask_band,
    mask_time,
    tilt_spectrum,
)
from paraclap.training.settings import AugmentationSettings

_DB = 0.1  # log10 of power for one decibel
_NUM_POINTS = 64  # of the frequency response of a channel
_MAX_MASK = 0.1  # of an axis (SpecAugment, Park et al. 2019)

SPECTROGRAM_DISTURBANCES = ("tilt", "noise", "low_pass", "time_mask", "frequency_mask")
WAVEFORM_DISTURBANCES = ("speed", "tilt", "noise", "low_pass", "time_mask", "frequency_mask", "codec", "gain")


def draw_disturbances(
    names: tuple[str, ...], settings: AugmentationSettings, generator: np.random.Generator
) -> tuple[str, ...]:
    """Draw which of some disturbances are done to a clip, each with its probability; none to a clean one."""
    if generator.random() < settings.clean:
        return ()
    return tuple(name for name in names if generator.random() < getattr(settings, name))


def disturb_log_mel(
    log_mel: LogMel, names: tuple[str, ...], settings: AugmentationSettings, generator: np.random.Generator
) -> LogMel:
    """Return a disturbed copy of a spectrogram `[F, M]` (log10 of power)."""
    for name in names:
        log_mel = _ON_SPECTROGRAMS[name](log_mel, settings, generator)
    return np.asarray(log_mel, dtype=np.float32)


def disturb_waveform(
    waveform: Waveform, names: tuple[str, ...], settings: AugmentationSettings, generator: np.random.Generator
) -> Waveform:
    """Return a disturbed copy of a waveform `[T]` at 16 kHz."""
    for name in names:
        waveform = _ON_WAVEFORMS[name](waveform, settings, generator)
    return waveform


def _tilt_log_mel(log_mel: LogMel, settings: AugmentationSettings, generator: np.random.Generator) -> LogMel:
    response_db = draw_channel(log_mel.shape[1], settings.tilt_db, generator)
    return log_mel + _DB * response_db.astype(np.float32)


def _add_noise_to_log_mel(log_mel: LogMel, settings: AugmentationSettings, generator: np.random.Generator) -> LogMel:
    """Add stationary noise at a level below the mean power; a random slope tilts it around the middle of the band."""
    snr_db = generator.uniform(*settings.snr_db)
    slope = generator.normal() * 10.0 * _DB * np.linspace(-1.0, 1.0, log_mel.shape[1])
    signal = np.power(10.0, log_mel)
    level = np.log10(signal.mean()) - snr_db * _DB
    fluctuation = generator.standard_exponential(log_mel.shape, dtype=np.float32)  # of the power of Gaussian noise
    noise = np.power(10.0, level + slope).astype(np.float32) * fluctuation
    return np.asarray(np.log10(signal + noise), dtype=np.float32)


def _limit_log_mel(log_mel: LogMel, settings: AugmentationSettings, generator: np.random.Generator) -> LogMel:
    limited = log_mel.copy()
    limited[:, round(generator.uniform(*settings.low_pass_band) * log_mel.shape[1]) :] = log_mel.min()
    return limited


def _mask_log_mel(log_mel: LogMel, axis: int, num_masks: int, generator: np.random.Generator) -> LogMel:
    """Replace stretches of an axis by the mean."""
    masked = log_mel.copy()
    size = log_mel.shape[axis]
    for _ in range(num_masks):
        width = int(generator.integers(0, max(1, int(_MAX_MASK * size)) + 1))
        begin = int(generator.integers(0, size - width + 1))
        where = slice(begin, begin + width)
        masked[(where, slice(None)) if axis == 0 else (slice(None), where)] = log_mel.mean()
    return masked


_OnSpectrogram = Callable[[LogMel, AugmentationSettings, np.random.Generator], LogMel]
_ON_SPECTROGRAMS: Mapping[str, _OnSpectrogram] = {
    "tilt": _tilt_log_mel,
    "noise": _add_noise_to_log_mel,
    "low_pass": _limit_log_mel,
    "time_mask": lambda log_mel, settings, generator: _mask_log_mel(log_mel, 0, settings.num_masks, generator),
    "frequency_mask": lambda log_mel, settings, generator: _mask_log_mel(log_mel, 1, settings.num_masks, generator),
}


def _change_speed(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    """Play faster or slower, but never so fast that too little is left to be heard."""
    fastest = len(waveform) / (MIN_DURATION * SAMPLING_RATE)
    return change_speed(waveform, min(generator.uniform(*settings.speed_factor), fastest))


def _tilt(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    return tilt_spectrum(waveform, response_db=draw_channel(_NUM_POINTS, settings.tilt_db, generator))


def _add_noise(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    snr_db, slope_db = generator.uniform(*settings.snr_db), 20.0 * generator.normal()
    return add_noise(waveform, snr_db=snr_db, slope_db=slope_db, generator=generator)


def _limit_band(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    return limit_band(waveform, cutoff_hz=frequency_at(generator.uniform(*settings.low_pass_band)))


def _mask_times(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    """Silence stretches of time."""
    seconds = len(waveform) / SAMPLING_RATE
    for _ in range(settings.num_masks):
        width = generator.uniform(0, _MAX_MASK)
        start = generator.uniform(0, 1 - width)
        waveform = mask_time(waveform, start_seconds=start * seconds, duration_seconds=width * seconds)
    return waveform


def _mask_bands(waveform: Waveform, settings: AugmentationSettings, generator: np.random.Generator) -> Waveform:
    """Silence stretches of the mel scale."""
    for _ in range(settings.num_masks):
        width = generator.uniform(0, _MAX_MASK)
        low = generator.uniform(0, 1 - width)
        waveform = mask_band(waveform, low_hz=frequency_at(low), high_hz=frequency_at(low + width))
    return waveform


_OnWaveform = Callable[[Waveform, AugmentationSettings, np.random.Generator], Waveform]
_ON_WAVEFORMS: Mapping[str, _OnWaveform] = {
    "speed": _change_speed,
    "tilt": _tilt,
    "noise": _add_noise,
    "low_pass": _limit_band,
    "time_mask": _mask_times,
    "frequency_mask": _mask_bands,
    "codec": lambda waveform, settings, generator: apply_codec(waveform, str(generator.choice(sorted(CODECS)))),
    "gain": lambda waveform, settings, generator: change_gain(waveform, generator.uniform(*settings.gain_db)),
}
