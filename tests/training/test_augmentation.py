from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, LogMel, Waveform
from paraclap.queries import find_broken
from paraclap.training.augmentation import (
    SPECTROGRAM_DISTURBANCES,
    WAVEFORM_DISTURBANCES,
    disturb_log_mel,
    disturb_waveform,
    draw_disturbances,
)
from paraclap.training.settings import AugmentationSettings

Signal = LogMel | Waveform
Disturb = Callable[..., Signal]


def make_log_mel(num_frames: int = 400, seed: int = 0) -> LogMel:
    return np.random.default_rng(seed).normal(-2, 1.5, (num_frames, 64)).astype(np.float32)


def make_waveform(seconds: float = 1.0, seed: int = 0) -> Waveform:
    return make_voice(seconds, SAMPLING_RATE, seed).astype(np.float32)


def disturb(signal: Signal, *names: str, seed: int = 0, **settings: Any) -> Signal:
    do: Disturb = disturb_log_mel if signal.ndim == 2 else disturb_waveform
    return do(signal, names, AugmentationSettings(**settings), np.random.default_rng(seed))


EACH = [
    *(pytest.param(make_log_mel, name, id=f"spectrogram-{name}") for name in SPECTROGRAM_DISTURBANCES),
    *(pytest.param(make_waveform, name, id=f"waveform-{name}") for name in WAVEFORM_DISTURBANCES),
]


@pytest.mark.parametrize(("make", "name"), EACH)
def test_each_disturbance_changes_audio_and_the_generator_is_its_only_chance(
    make: Callable[[], Signal], name: str
) -> None:
    signal, kept = make(), make()
    settings = {"low_pass_band": (0.4, 0.8)}

    first, again, *others = (disturb(signal, name, seed=seed, **settings) for seed in (3, 3, 4, 5, 6, 7))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, signal)
    assert any(not np.array_equal(first, other) for other in others)
    assert np.array_equal(signal, kept)


@pytest.mark.parametrize("num_frames", [1, 7, 400])
def test_spectrograms_keep_their_shape_and_stay_finite(num_frames: int) -> None:
    for seed in range(10):
        log_mel = make_log_mel(num_frames, seed)
        log_mel[:, 10] = -10  # silence

        disturbed = disturb(log_mel, *SPECTROGRAM_DISTURBANCES, seed=seed)

        assert disturbed.shape == (num_frames, 64)
        assert disturbed.dtype == np.float32
        assert np.isfinite(disturbed).all()


@pytest.mark.parametrize("seconds", [0.1, 0.13, 1.0])
def test_waveforms_stay_finite_and_long_enough_to_be_heard(seconds: float) -> None:
    for seed in range(10):
        disturbed = disturb(make_waveform(seconds, seed), *WAVEFORM_DISTURBANCES, seed=seed, speed_factor=(0.5, 2.0))

        assert disturbed.ndim == 1
        assert disturbed.dtype == np.float32
        assert np.isfinite(disturbed).all()
        assert 0.1 <= len(disturbed) / SAMPLING_RATE <= 2 * seconds


@pytest.mark.parametrize("signal", [make_log_mel(), make_waveform()], ids=["spectrogram", "waveform"])
def test_with_nothing_to_do_nothing_changes(signal: Signal) -> None:
    assert np.array_equal(disturb(signal), signal)


def test_disturbances_are_drawn_as_often_as_is_asked_for_and_not_for_clean_clips() -> None:
    settings = AugmentationSettings(clean=0.2, tilt=1.0, noise=0.3, low_pass=0.0, codec=1.0, gain=0.5)
    generator = np.random.default_rng(0)

    drawn = [draw_disturbances(("codec", "tilt", "noise", "low_pass"), settings, generator) for _ in range(2000)]

    assert np.mean([names == () for names in drawn]) == pytest.approx(0.2, abs=0.03)
    assert set(drawn) == {(), ("codec", "tilt"), ("codec", "tilt", "noise")}
    assert np.mean(["noise" in names for names in drawn if names]) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("name", sorted({*SPECTROGRAM_DISTURBANCES, *WAVEFORM_DISTURBANCES}))
def test_of_every_disturbance_it_is_known_which_facts_it_breaks(name: str) -> None:
    assert find_broken([name])


def test_after_another_speed_nothing_is_said_of_age_and_gender() -> None:
    assert {"gender", "age_group"} <= find_broken(["speed"])


def test_a_channel_is_the_same_smooth_curve_in_every_frame() -> None:
    log_mel = make_log_mel(20)
    ends = []
    for seed in range(300):
        channel = disturb(log_mel, "tilt", seed=seed, tilt_db=10.0) - log_mel
        assert np.ptp(channel, axis=0).max() < 1e-5
        assert np.abs(np.diff(channel[0], n=2)).max() < 0.1
        ends.append(channel[0, 0])

    assert np.std(ends) == pytest.approx(1.0, abs=0.25)  # 10 dB in log10 of power


@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_lies_below_the_mean_power_by_the_snr_in_the_middle_of_its_slope(snr_db: float) -> None:
    log_mel = np.full((3000, 64), -3.0, dtype=np.float32)
    position = np.linspace(-1, 1, 64)
    for seed in range(20):
        noise = 10.0 ** disturb(log_mel, "noise", seed=seed, snr_db=(snr_db, snr_db)) - 10.0**log_mel
        level_db = 10 * np.log10(noise.astype(np.float64).mean(axis=0))
        slope, middle = np.polyfit(position, level_db, 1)

        signal_db = 10 * np.log10((10.0 ** log_mel.astype(np.float64)).mean())
        assert middle == pytest.approx(signal_db - snr_db, abs=0.5)
        assert np.abs(level_db - middle - slope * position).max() < 1.5


def test_the_noise_of_a_waveform_has_the_snr() -> None:
    waveform = make_waveform()

    noise = disturb(waveform, "noise", snr_db=(15.0, 15.0)) - waveform

    assert 10 * np.log10(np.mean(waveform**2) / np.mean(noise**2)) == pytest.approx(15.0, abs=0.01)


def test_above_a_band_limit_there_is_only_the_softest_level() -> None:
    log_mel = make_log_mel()

    limited = disturb(log_mel, "low_pass", low_pass_band=(0.75, 0.75))

    assert np.array_equal(limited[:, :48], log_mel[:, :48])
    assert (limited[:, 48:] == log_mel.min()).all()


def test_a_waveform_keeps_what_lies_below_the_band_limit_and_loses_the_rest() -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, SAMPLING_RATE).astype(np.float32)

    limited = disturb(waveform, "low_pass", low_pass_band=(0.5, 0.5))

    cutoff = 700 * ((1 + 8000 / 700) ** 0.5 - 1)  # half of the mel scale to 8 kHz
    before, after = (np.abs(np.fft.rfft(signal)) for signal in (waveform, limited))
    assert np.abs(after - before)[100 : int(cutoff) - 50].mean() < 0.05 * before.mean()
    assert after[int(cutoff) + 200 :].mean() < 0.01 * before.mean()


@pytest.mark.parametrize(("name", "axis", "most"), [("time_mask", 0, 80), ("frequency_mask", 1, 12)])
def test_masks_are_a_few_whole_stretches_of_the_mean(name: str, axis: int, most: int) -> None:
    log_mel = make_log_mel()
    counts = []
    for seed in range(50):
        masked = disturb(log_mel, name, seed=seed, num_masks=2)
        is_hidden = (masked == log_mel.mean()).all(axis=1 - axis)
        counts.append(int(is_hidden.sum()))
        left = np.compress(~is_hidden, masked, axis)
        assert np.array_equal(left, np.compress(~is_hidden, log_mel, axis))

    assert 0 < max(counts) <= most
    assert len(set(counts)) > 5


def test_masks_of_a_waveform_silence_a_tenth_of_it_each_at_most() -> None:
    waveform = np.ones(SAMPLING_RATE, dtype=np.float32)
    shares = [np.mean(disturb(waveform, "time_mask", seed=seed, num_masks=2) == 0) for seed in range(30)]

    assert 0.15 < max(shares) <= 0.2
    assert len(set(shares)) == 30
    assert np.array_equal(disturb(waveform, "time_mask", num_masks=0), waveform)


def test_gain_is_a_factor_within_its_range() -> None:
    waveform = make_waveform()
    loudest = int(np.abs(waveform).argmax())
    gains = []
    for seed in range(100):
        changed = disturb(waveform, "gain", seed=seed, gain_db=(-6.0, 12.0))
        factor = changed[loudest] / waveform[loudest]
        assert np.allclose(changed, factor * waveform, rtol=1e-5)
        gains.append(20 * np.log10(factor))

    assert -6.0 <= min(gains) < -5.0
    assert 11.0 < max(gains) <= 12.0


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_speed_changes_length_and_pitch_together(factor: float) -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(SAMPLING_RATE) / SAMPLING_RATE).astype(np.float32)

    changed = disturb(tone, "speed", speed_factor=(factor, factor))

    assert len(changed) == SAMPLING_RATE / factor
    peak = np.abs(np.fft.rfft(changed)).argmax() * SAMPLING_RATE / len(changed)
    assert peak == pytest.approx(400 * factor, abs=2)


def test_a_codec_keeps_length_and_most_of_the_sound_and_all_of_them_are_used() -> None:
    waveform = make_waveform(0.5)
    results = {disturb(waveform, "codec", seed=seed).tobytes() for seed in range(40)}

    assert len(results) == 5
    for result in results:
        decoded = np.frombuffer(result, dtype=np.float32)
        assert len(decoded) == len(waveform)
        assert np.corrcoef(decoded, waveform)[0, 1] > 0.5
