import numpy as np
import pytest

from paraclap.audio import SAMPLING_RATE, MelSettings, PitchSettings, Waveform, compute_log_mel, track_pitch

SETTINGS = PitchSettings()


def make_tone(hertz: float, *, seconds: float = 1.0, strongest: int = 1) -> Waveform:
    """Make a tone of ten harmonics, of which one is stronger than the fundamental if asked."""
    times = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    waves = [np.sin(2 * np.pi * hertz * n * times) / (0.3 if n == strongest else n) for n in range(1, 11)]
    return np.asarray(0.05 * np.sum(waves, axis=0), dtype=np.float32)


@pytest.mark.parametrize("hertz", [65.0, 98.0, 130.8, 207.0, 311.1, 440.0, 600.0])
def test_the_pitch_of_a_tone_is_found_within_half_a_percent(hertz: float) -> None:
    found = track_pitch(make_tone(hertz), SETTINGS)[5:-5]

    np.testing.assert_allclose(found[:, 0], hertz, rtol=5e-3)
    assert (found[:, 1] > 0.9).all()


@pytest.mark.parametrize("strongest", [2, 3])
def test_a_strong_harmonic_is_not_taken_for_the_pitch(strongest: int) -> None:
    found = track_pitch(make_tone(120.0, strongest=strongest), SETTINGS)[5:-5]

    np.testing.assert_allclose(found[:, 0], 120.0, rtol=5e-3)


def test_the_strength_is_the_autocorrelation_over_that_of_the_window() -> None:
    tone, noise = make_tone(200.0), np.random.default_rng(0).normal(0, 0.05, SAMPLING_RATE)
    waveform = np.asarray(tone + noise, dtype=np.float32)
    frame = 50

    pitch, strength = track_pitch(waveform, SETTINGS)[frame]

    # An oracle at the full rate: correlations of the windowed frame with itself, as sums, at the lag that was found.
    window = np.hanning(SETTINGS.window_size + 1)[:-1]
    middle = frame * SETTINGS.hop_size
    heard = np.convolve(waveform, np.sinc(np.arange(-15, 16) * 0.425) * np.hamming(31) / 2.35, mode="same")
    part = heard[middle - SETTINGS.window_size // 2 : middle + SETTINGS.window_size // 2]
    values, lag = (part - part.mean()) * window, round(SAMPLING_RATE / pitch)
    expected = (values[lag:] @ values[:-lag]) / (values @ values) / ((window[lag:] @ window[:-lag]) / (window @ window))
    assert strength == pytest.approx(expected, abs=0.02)
    assert pitch == pytest.approx(200.0, rel=0.01)


def test_noise_is_weak_and_silence_has_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLING_RATE).astype(np.float32)

    assert track_pitch(noise, SETTINGS)[:, 1].mean() < 0.3
    assert (track_pitch(np.zeros(1600, np.float32), SETTINGS)[:, 1] == 0).all()


def test_the_range_of_a_voice_forbids_octaves() -> None:
    creak = make_tone(200.0, seconds=0.3) + 0.5 * make_tone(100.0, seconds=0.3)
    alone = track_pitch(creak, SETTINGS)[5:-5, 0]
    voice = np.concatenate([make_tone(200.0), creak, make_tone(200.0)])

    found = track_pitch(voice, SETTINGS)[5:-5, 0]

    assert np.median(alone) == pytest.approx(100.0, rel=0.01)
    np.testing.assert_allclose(found, 200.0, rtol=0.05)


@pytest.mark.parametrize("num_samples", [1, 100, 1600, 1601, 47_999])
def test_frames_are_those_of_the_spectrogram(num_samples: int) -> None:
    waveform = np.random.default_rng(1).normal(0, 0.1, num_samples).astype(np.float32)

    found = track_pitch(waveform, SETTINGS)

    assert len(found) == len(compute_log_mel(waveform, MelSettings()))
    assert np.isfinite(found).all()


def test_the_level_changes_nothing() -> None:
    tone = make_tone(150.0)

    np.testing.assert_allclose(track_pitch(tone * 0.01, SETTINGS), track_pitch(tone, SETTINGS), rtol=1e-3)
