"""Disturbances of log-mel spectrograms that break no fact that is stated from labels.

None of them changes who speaks or what is felt. They do break facts about loudness, harmonicity and spectral shape,
which are therefore never stated together with them.
"""

import numpy as np

from paraclap.models import LogMel
from paraclap.training.recipe import AugmentationSettings

_DB = 0.1  # log10 of power for one decibel


def augment_log_mel(log_mel: LogMel, settings: AugmentationSettings, generator: np.random.Generator) -> LogMel:
    """Return a disturbed copy of a spectrogram `[F, M]` (log10 of power)."""
    disturbed = log_mel
    if generator.random() < settings.tilt:
        disturbed = disturbed + _draw_channel(disturbed.shape[1], settings.tilt_db, generator)
    if generator.random() < settings.noise:
        disturbed = _add_noise(disturbed, generator.uniform(*settings.snr_db), generator)
    if generator.random() < settings.low_pass:
        disturbed = _limit_band(disturbed, generator.uniform(*settings.low_pass_band))
    if generator.random() < settings.time_mask:
        disturbed = _mask(disturbed, 0, settings.num_masks, generator)
    if generator.random() < settings.frequency_mask:
        disturbed = _mask(disturbed, 1, settings.num_masks, generator)
    return np.asarray(disturbed, dtype=np.float32)


def _draw_channel(num_mels: int, level_db: float, generator: np.random.Generator) -> LogMel:
    """Draw a smooth frequency response: a slope and two slower waves, in log10 of power."""
    position = np.linspace(-1.0, 1.0, num_mels)
    response = generator.normal() * position
    for order in (1, 2):
        response = response + 0.5 * generator.normal() * np.cos(
            order * np.pi * position + generator.uniform(0, 2 * np.pi)
        )
    return np.asarray(level_db * _DB * response, dtype=np.float32)


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
