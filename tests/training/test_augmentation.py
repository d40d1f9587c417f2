from typing import Any

import numpy as np
import pytest

from paraclap.models import LogMel
from paraclap.training.augmentation import augment_log_mel
from paraclap.training.recipe import AugmentationSettings

NONE: dict[str, Any] = dict.fromkeys(("tilt", "noise", "low_pass", "time_mask", "frequency_mask"), 0.0)


def make_log_mel(num_frames: int = 400, seed: int = 0) -> LogMel:
    return np.random.default_rng(seed).normal(-2, 1.5, (num_frames, 64)).astype(np.float32)


def augment(log_mel: LogMel, seed: int = 0, **settings: Any) -> LogMel:
    return augment_log_mel(log_mel, AugmentationSettings(**(NONE | settings)), np.random.default_rng(seed))[0]


def test_the_generator_is_the_only_source_of_chance() -> None:
    log_mel, kept = make_log_mel(), make_log_mel()
    settings = AugmentationSettings()

    first, again, other = (augment_log_mel(log_mel, settings, np.random.default_rng(seed))[0] for seed in (3, 3, 4))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(log_mel, kept)


@pytest.mark.parametrize("num_frames", [1, 7, 400])
def test_shape_and_type_stay_and_all_is_finite(num_frames: int) -> None:
    settings = AugmentationSettings(tilt=1, noise=1, low_pass=1, time_mask=1, frequency_mask=1)
    for seed in range(20):
        log_mel = make_log_mel(num_frames, seed)
        log_mel[:, 10] = -10  # silence

        disturbed, _ = augment_log_mel(log_mel, settings, np.random.default_rng(seed))

        assert disturbed.shape == (num_frames, 64)
        assert disturbed.dtype == np.float32
        assert np.isfinite(disturbed).all()


def test_with_probability_zero_nothing_changes() -> None:
    assert np.array_equal(augment(make_log_mel()), make_log_mel())


def test_each_disturbance_comes_as_often_as_it_is_asked_for() -> None:
    log_mel = make_log_mel(5)

    changed = [not np.array_equal(augment(log_mel, seed, noise=0.3), log_mel) for seed in range(1000)]

    assert np.mean(changed) == pytest.approx(0.3, abs=0.05)


def test_a_channel_is_the_same_smooth_curve_in_every_frame() -> None:
    log_mel = make_log_mel()
    ends = []
    for seed in range(300):
        channel = augment(log_mel, seed, tilt=1.0, tilt_db=10.0) - log_mel
        assert np.ptp(channel, axis=0).max() < 1e-5
        assert np.abs(np.diff(channel[0], n=2)).max() < 0.1
        ends.append(channel[0, 0])

    assert np.std(ends) == pytest.approx(1.0, abs=0.25)  # 10 dB in log10 of power


@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_lies_below_the_mean_power_by_the_snr_in_the_middle_of_its_slope(snr_db: float) -> None:
    log_mel = make_log_mel(3000)
    position = np.linspace(-1, 1, 64)
    for seed in range(5):
        noise = 10.0 ** augment(log_mel, seed, noise=1.0, snr_db=(snr_db, snr_db)) - 10.0**log_mel
        level_db = 10 * np.log10(noise.astype(np.float64).mean(axis=0))
        slope, middle = np.polyfit(position, level_db, 1)

        signal_db = 10 * np.log10((10.0 ** log_mel.astype(np.float64)).mean())
        assert middle == pytest.approx(signal_db - snr_db, abs=0.5)
        assert np.abs(level_db - middle - slope * position).max() < 1.5


def test_above_a_band_limit_there_is_only_the_softest_level() -> None:
    log_mel = make_log_mel()

    limited = augment(log_mel, low_pass=1.0, low_pass_band=(0.75, 0.75))

    assert np.array_equal(limited[:, :48], log_mel[:, :48])
    assert (limited[:, 48:] == log_mel.min()).all()


@pytest.mark.parametrize(("name", "axis", "most"), [("time_mask", 0, 80), ("frequency_mask", 1, 12)])
def test_masks_are_a_few_whole_stretches_of_the_mean(name: str, axis: int, most: int) -> None:
    log_mel = make_log_mel()
    counts = []
    for seed in range(50):
        masked = augment(log_mel, seed, **{name: 1.0, "num_masks": 2})
        is_hidden = (masked == log_mel.mean()).all(axis=1 - axis)
        counts.append(int(is_hidden.sum()))
        left = np.compress(~is_hidden, masked, axis)
        assert np.array_equal(left, np.compress(~is_hidden, log_mel, axis))

    assert 0 < max(counts) <= most
    assert len(set(counts)) > 5
