"""Disturbances of log-mel spectrograms, and which of them were done, so that facts that they break are not stated.

None of them changes who speaks or what is felt.
"""

import numpy as np

from paraclap.audio import draw_channel
from paraclap.models import LogMel
from paraclap.training.recipe import AugmentationSettings

_DB = 0.1  # log10 of power for one decibel


def augment_log_mel(
    log_mel: LogMel, settings: AugmentationSettings, generator: np.random.Generator
) -> tuple[LogMel, tuple[str, ...]]:
    """Return a disturbed copy of a spectrogram `[F, M]` (log10 of power), and the names of what was done to it."""
    if generator.random() < settings.clean:
        return log_mel, ()
    disturbed, done = log_mel, []
    if generator.random() < settings.tilt:
        disturbed = disturbed + _DB * draw_channel(disturbed.shape[1], settings.tilt_db, generator).astype(np.float32)
        done.append("tilt")
    if generator.random() < settings.noise:
        disturbed = _add_noise(disturbed, generator.uniform(*settings.snr_db), generator)
        done.append("noise")
    if generator.random() < settings.low_pass:
        disturbed = _limit_band(disturbed, generator.uniform(*settings.low_pass_band))
        done.append("low_pass")
    if generator.random() < settings.time_mask:
        disturbed = _mask(disturbed, 0, settings.num_masks, generator)
        done.append("time_mask")
    if generator.random() < settings.frequency_mask:
        disturbed = _mask(disturbed, 1, settings.num_masks, generator)
        done.append("frequency_mask")
    return np.asarray(disturbed, dtype=np.float32), tuple(done)


def _add_noise(log_mel: LogMel, snr_db: float, generator: np.random.Generator) -> LogMel:
    """Add stationary noise at a level below the mean power; a random slope tilts it around the middle of the band."""
    slope = generator.normal() * 10.0 * _DB * np.linspace(-1.0, 1.0, log_mel.shape[1])
    signal = np.power(10.0, log_mel)
    level = np.log10(signal.mean()) - snr_db * _DB
    fluctuation = generator.standard_exponential(log_mel.shape, dtype=np.float32)  # of the power of Gaussian noise
    noise = np.power(10.0, level + slope).astype(np.float32) * fluctuation
    return np.asarray(np.log10(signal + noise), dtype=np.float32)


def _limit_band(log_mel: LogMel, band: float) -> LogMel:
    limited = log_mel.copy()
    limited[:, round(band * log_mel.shape[1]) :] = log_mel.min()
    return limited


def _mask(log_mel: LogMel, axis: int, num_masks: int, generator: np.random.Generator) -> LogMel:
    """Replace stretches of up to a tenth of an axis by the mean (SpecAugment, Park et al. 2019)."""
    masked = log_mel.copy()
    size = log_mel.shape[axis]
    for _ in range(num_masks):
        width = int(generator.integers(0, max(1, size // 10) + 1))
        begin = int(generator.integers(0, size - width + 1))
        where = slice(begin, begin + width)
        masked[(where, slice(None)) if axis == 0 else (slice(None), where)] = log_mel.mean()
    return masked
