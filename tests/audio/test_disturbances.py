from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from tests.audio.clips import make_voice

from paraclap.audio import (
    SAMPLING_RATE,
    Waveform,
    add_noise,
    change_gain,
    change_speed,
    crop,
    draw_channel,
    limit_band,
    mask_band,
    mask_time,
    reverberate,
    tilt_spectrum,
)
from paraclap.errors import AudioError, ConfigError

VOICE = make_voice(2.01, SAMPLING_RATE)
SILENCE = np.zeros(SAMPLING_RATE, dtype=np.float32)


def make_tone(frequency: float, duration: float = 1.0) -> Waveform:
    times = np.arange(round(duration * SAMPLING_RATE)) / SAMPLING_RATE
    return np.sin(2 * np.pi * frequency * times).astype(np.float32)


def make_white(duration: float, seed: int = 1) -> Waveform:
    return np.random.default_rng(seed).standard_normal(round(duration * SAMPLING_RATE), dtype=np.float32)


def measure_db(samples: npt.NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-30))


def measure_bands(samples: Waveform, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Measure the power spectral density between edges in Hz, in dB."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLING_RATE)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in pairwise(edges)]
    return np.array([10 * np.log10(power[band].mean()) for band in bands])


def to_hz(mel_shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    top = 2595 * np.log10(1 + 8000 / 700)
    return np.asarray(700 * (10 ** (mel_shares * top / 2595) - 1))


def middle(samples: Waveform) -> Waveform:
    return samples[len(samples) // 4 : -len(samples) // 4]


@pytest.mark.parametrize(("gain_db", "factor"), [(0, 1), (20, 10), (-6, 0.501187), (40, 100)])
def test_a_gain_is_a_factor_and_clips_nothing(gain_db: float, factor: float) -> None:
    np.testing.assert_allclose(change_gain(VOICE, gain_db), VOICE * factor, rtol=1e-5)


@pytest.mark.parametrize("slope_db", [0, -30, 12])
@pytest.mark.parametrize("snr_db", [20, 10, -5])
def test_noise_has_the_ratio_that_is_asked_for(snr_db: float, slope_db: float) -> None:
    noisy = add_noise(VOICE, snr_db=snr_db, slope_db=slope_db, generator=np.random.default_rng(0))

    assert measure_db(VOICE) - measure_db(noisy - VOICE) == pytest.approx(snr_db, abs=0.3)


@pytest.mark.parametrize("slope_db", [0, -30, 30])
def test_noise_has_the_slope_that_is_asked_for(slope_db: float) -> None:
    tone = make_tone(440, 20)
    edges = to_hz(np.linspace(0, 1, 11))

    noise = add_noise(tone, snr_db=0, slope_db=slope_db, generator=np.random.default_rng(0)) - tone

    levels = measure_bands(noise, edges)
    np.testing.assert_allclose(np.diff(levels), slope_db / 10, atol=0.6)
    assert levels[-1] - levels[0] == pytest.approx(0.9 * slope_db, abs=0.6)


def test_noise_is_stationary_and_silence_gets_none() -> None:
    tone = make_tone(440, 8)

    noise = add_noise(tone, snr_db=0, generator=np.random.default_rng(0)) - tone

    np.testing.assert_allclose([measure_db(part) for part in np.split(noise, 8)], measure_db(noise), atol=0.3)
    assert not add_noise(SILENCE, snr_db=0, generator=np.random.default_rng(0)).any()


def test_a_response_in_db_is_heard_in_noise() -> None:
    response = np.array([0.0, 12.0, -6.0, 3.0, -20.0])
    white = make_white(20)
    shares = np.linspace(0, 1, 41)

    levels = measure_bands(tilt_spectrum(white, response_db=response), to_hz(shares))

    expected = np.interp((shares[1:] + shares[:-1]) / 2, np.linspace(0, 1, 5), response)
    np.testing.assert_allclose(levels - measure_bands(white, to_hz(shares)), expected, atol=0.4)


@pytest.mark.parametrize("frequency", [200, 1000, 3000, 6000])
def test_a_response_changes_the_level_of_a_tone_and_does_not_delay_it(frequency: float) -> None:
    response = [-10.0, 5.0, 0.0, 10.0]
    tone = make_tone(frequency)
    share = np.log1p(frequency / 700) / np.log1p(8000 / 700)

    tilted = tilt_spectrum(tone, response_db=response)

    gain = 10 ** (np.interp(share, np.linspace(0, 1, 4), response) / 20)
    np.testing.assert_allclose(middle(tilted), middle(tone) * gain, atol=0.01)


def test_a_flat_response_changes_nothing() -> None:
    np.testing.assert_allclose(tilt_spectrum(VOICE, response_db=np.zeros(64)), VOICE, atol=1e-6)
    np.testing.assert_allclose(tilt_spectrum(VOICE, response_db=[-20]), VOICE / 10, atol=1e-6)


def test_a_tilt_rings_no_sound_from_one_end_into_the_other() -> None:
    click = SILENCE.copy()
    click[0] = 1

    tilted = tilt_spectrum(click, response_db=draw_channel(64, 10, np.random.default_rng(0)))

    assert np.abs(tilted[-4000:]).max() < 1e-4 * np.abs(tilted).max()


def test_channels_are_smooth_and_as_strong_as_asked() -> None:
    generator = np.random.default_rng(0)
    drawn = np.array([draw_channel(64, 10, generator) for _ in range(3000)])

    # The slope has variance 1 at the ends, each wave (0.5 x normal x cosine of any phase) 1/8 everywhere.
    assert drawn[:, [0, -1]].std(axis=0) == pytest.approx(10 * np.sqrt(1.25), rel=0.05)
    assert drawn[:, 31:33].std(axis=0) == pytest.approx(10 * np.sqrt(0.25), rel=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.7)
    assert np.abs(np.diff(drawn, axis=1)).max() < 0.2 * np.abs(drawn).max()


@pytest.mark.parametrize("cutoff_hz", [1000, 4000])
def test_a_low_pass_keeps_what_is_below_and_kills_what_is_above(cutoff_hz: float) -> None:
    white = make_white(5)

    limited = limit_band(white, cutoff_hz=cutoff_hz)

    kept, killed = measure_bands(limited, np.array([0, cutoff_hz - 20, cutoff_hz + 105, 8000]))[[0, 2]]
    assert kept == pytest.approx(measure_bands(white, np.array([0, cutoff_hz - 20]))[0], abs=0.1)
    assert killed < kept - 100
    tone = make_tone(cutoff_hz - 100)
    np.testing.assert_allclose(middle(limit_band(tone, cutoff_hz=cutoff_hz)), middle(tone), atol=2e-3)


def test_a_low_pass_at_the_end_of_the_band_changes_nothing() -> None:
    np.testing.assert_allclose(limit_band(VOICE, cutoff_hz=8000), VOICE, atol=1e-6)


def test_a_mask_in_time_is_silent_and_leaves_the_rest() -> None:
    masked = mask_time(VOICE, start_seconds=0.5, duration_seconds=0.25)

    assert not masked[8000:12001].any()
    np.testing.assert_array_equal(masked[: 8000 - 80], VOICE[: 8000 - 80])
    np.testing.assert_array_equal(masked[12000 + 80 :], VOICE[12000 + 80 :])
    assert not mask_time(VOICE, start_seconds=1.0, duration_seconds=9)[16000:].any()


def test_a_mask_in_frequency_is_silent_and_leaves_the_rest() -> None:
    inside, outside = make_tone(1500), make_tone(2500)

    masked = mask_band(inside + outside, low_hz=1000, high_hz=2000)

    np.testing.assert_allclose(middle(masked), middle(outside), atol=2e-3)


@pytest.mark.parametrize("factor", [2, 1.1, 0.9, 0.5])
def test_speed_moves_the_pitch_and_divides_the_length(factor: float) -> None:
    tone = make_tone(500, 2)

    faster = change_speed(tone, factor)

    assert len(faster) == pytest.approx(len(tone) / factor, abs=1)
    assert count_crossings(faster) / len(faster) == pytest.approx(factor * count_crossings(tone) / len(tone), rel=0.01)
    assert measure_db(faster) == pytest.approx(measure_db(tone), abs=0.1)


def count_crossings(samples: Waveform) -> int:
    return int(np.count_nonzero(np.diff(np.signbit(samples))))


def test_no_change_of_speed_is_a_copy() -> None:
    same = change_speed(VOICE, 1)

    np.testing.assert_array_equal(same, VOICE)
    assert not np.shares_memory(same, VOICE)


@pytest.mark.parametrize("seconds", [0.3, 0.8])
def test_a_room_keeps_the_direct_sound_in_place_and_decays_as_asked(seconds: float) -> None:
    click = np.zeros(3 * SAMPLING_RATE, dtype=np.float32)
    click[1000] = 1

    impulse = reverberate(click, reverberation_seconds=seconds, generator=np.random.default_rng(0)).astype(np.float64)

    assert np.abs(impulse).argmax() == 1000
    assert np.abs(impulse[:1000]).max() < 1e-6
    tail = impulse[1001:]
    assert np.sum(tail**2) == pytest.approx(impulse[1000] ** 2, rel=1e-3)
    left = 10 * np.log10(np.cumsum((tail**2)[::-1])[::-1] / np.sum(tail**2) + 1e-30)  # Schroeder's integral
    decay_seconds = (np.argmax(left < -25) - np.argmax(left < -5)) / SAMPLING_RATE * 3
    assert decay_seconds == pytest.approx(seconds, rel=0.1)


def test_a_room_keeps_the_level_and_the_alignment() -> None:
    wet = reverberate(VOICE, reverberation_seconds=0.5, generator=np.random.default_rng(0))

    assert measure_db(wet) == pytest.approx(measure_db(VOICE), abs=0.01)
    assert find_delay(wet, VOICE) == 0


def find_delay(later: Waveform, earlier: Waveform) -> int:
    """Find the delay in samples by cross-correlation."""
    size = 2 * len(earlier)
    correlation = np.fft.irfft(np.fft.rfft(later, size) * np.conj(np.fft.rfft(earlier, size)), size)
    return int((correlation.argmax() + size // 2) % size - size // 2)


def test_a_crop_is_the_slice_and_ends_with_the_waveform() -> None:
    np.testing.assert_array_equal(crop(VOICE, start_seconds=0.5, duration_seconds=1), VOICE[8000:24000])
    np.testing.assert_array_equal(crop(VOICE, start_seconds=1.5, duration_seconds=5), VOICE[24000:])
    assert not np.shares_memory(crop(VOICE, start_seconds=0, duration_seconds=1), VOICE)


def test_a_crop_that_holds_nothing_is_refused() -> None:
    with pytest.raises(AudioError, match=r"^crop from 2 s: 0\.010 s of audio; expected at least 0\.1 s$"):
        crop(VOICE, start_seconds=2, duration_seconds=1)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda rng: change_gain(VOICE, np.inf), "gain_db is inf; expected -300 to 300"),
        (lambda rng: add_noise(VOICE, snr_db=np.nan, generator=rng), "snr_db is nan; expected -300 to 300"),
        (lambda rng: add_noise(VOICE, snr_db=0, slope_db=np.inf, generator=rng), "slope_db is inf; expected -300"),
        (lambda rng: draw_channel(0, 10, rng), "num_points is 0; expected 1 or more"),
        (lambda rng: draw_channel(4, -1, rng), "level_db is -1; expected 0 to 30"),
        (lambda rng: tilt_spectrum(VOICE, response_db=[]), r"response_db is \[\]; expected a list of numbers within"),
        (lambda rng: tilt_spectrum(VOICE, response_db=[0, np.nan]), r"response_db is \[0.0, nan\]; expected"),
        (lambda rng: tilt_spectrum(VOICE, response_db=3), "response_db is 3; expected a list"),
        (lambda rng: limit_band(VOICE, cutoff_hz=8001), "cutoff_hz is 8001; expected 0 to 8000"),
        (lambda rng: mask_time(VOICE, start_seconds=-1, duration_seconds=1), "start_seconds is -1; expected 0 or more"),
        (lambda rng: mask_time(VOICE, start_seconds=0, duration_seconds=np.nan), "duration_seconds is nan"),
        (lambda rng: mask_band(VOICE, low_hz=2000, high_hz=1000), "low_hz is 2000; expected 0 to 1000"),
        (lambda rng: mask_band(VOICE, low_hz=0, high_hz=9000), "high_hz is 9000; expected 0 to 8000"),
        (lambda rng: change_speed(VOICE, 0), "factor is 0; expected 0.1 to 10"),
        (
            lambda rng: reverberate(VOICE, reverberation_seconds=0, generator=rng),
            "reverberation_seconds is 0; expected",
        ),
        (lambda rng: crop(VOICE, start_seconds=-1, duration_seconds=1), "start_seconds is -1; expected 0 or more"),
        (lambda rng: crop(VOICE, start_seconds=0, duration_seconds=0), "duration_seconds is 0; expected 0.1 or more"),
    ],
)
def test_arguments_out_of_range_are_refused(act: Callable[[np.random.Generator], object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        act(np.random.default_rng(0))
