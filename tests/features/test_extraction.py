import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.features.corpora import LARGEST, call_opensmile, load_smile, make_glide, make_noise

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import AudioError, ConfigError
from paraclap.features import extract_features, extraction, feature_names, voiced_only_names

PLACE = {name: place for place, name in enumerate(feature_names())}
VOICED_ONLY = [PLACE[name] for name in voiced_only_names()]


def missing_names(waveform: Waveform) -> set[str]:
    values = extract_features(waveform).values
    return {name for name in feature_names() if np.isnan(values[PLACE[name]])}


@pytest.mark.parametrize("gain", [0.01, 1.0, 3.0])
def test_values_are_those_of_opensmile_on_the_clamped_samples(gain: float) -> None:
    waveform = np.concatenate([gain * make_voice(1.5, SAMPLING_RATE), make_noise(0.7)])
    expected = call_opensmile(np.clip(waveform, -1.0, LARGEST))

    found = extract_features(waveform)

    known = ~np.isnan(found.values)
    assert np.array_equal(found.values[known], expected[known])
    assert known.sum() >= 84
    assert not expected[~known].any()
    assert found.values.dtype == np.float32
    assert found.duration == 2.2


def test_values_are_those_that_opensmile_reads_from_the_file(tmp_path: Path) -> None:
    waveform = np.concatenate([make_voice(1.3, SAMPLING_RATE), make_noise(0.5), make_voice(0.8, SAMPLING_RATE, seed=1)])
    soundfile.write(tmp_path / "a.wav", waveform, SAMPLING_RATE, subtype="PCM_16")
    samples, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")

    found = extract_features(samples)

    expected = load_smile().process_file(str(tmp_path / "a.wav")).to_numpy()[0]
    known = ~np.isnan(found.values)
    assert np.array_equal(found.values[known], expected[known])
    assert known.sum() >= 84


def test_full_scale_is_clamped_where_opensmile_would_wrap() -> None:
    full = np.sign(make_glide(1.0, 150, 160)).astype(np.float32)
    loudness = PLACE["loudness_sma3_amean"]

    found = extract_features(full)

    assert np.array_equal(found.values, extract_features(np.minimum(full, np.float32(LARGEST))).values, equal_nan=True)
    assert np.array_equal(found.values, extract_features(2 * full).values, equal_nan=True)
    assert found.values[loudness] > 5 * call_opensmile(full)[loudness]


def test_the_waveform_handed_in_stays_as_it_is() -> None:
    waveform = 2 * make_voice(0.5, SAMPLING_RATE)
    before = waveform.copy()

    extract_features(waveform)

    assert np.array_equal(waveform, before)


@pytest.mark.parametrize("what", ["silence", "noise", "constant"])
def test_where_nothing_is_voiced_the_voiced_only_are_missing_and_nothing_else(what: str) -> None:
    waveforms = {
        "silence": np.zeros(SAMPLING_RATE, dtype=np.float32),
        "noise": make_noise(1.0),
        "constant": np.full(SAMPLING_RATE, 0.1, dtype=np.float32),
    }
    slopes = {name for name in feature_names() if name.startswith("loudness") and name.endswith("Slope")}

    found = extract_features(waveforms[what])

    assert np.isnan(found.values[VOICED_ONLY]).all()
    assert found.reason.split("; ")[0] == "nothing voiced"
    assert missing_names(waveforms[what]) - slopes == set(voiced_only_names())
    others = ~np.isnan(found.values)
    assert np.array_equal(found.values[others], call_opensmile(waveforms[what])[others])


def test_noise_has_but_one_reason() -> None:
    assert extract_features(make_noise(1.0)).reason == "nothing voiced"


def test_a_clip_that_is_voiced_in_part_has_everything() -> None:
    parts = [make_noise(0.4), make_glide(0.3, 120, 200), make_noise(0.4), make_glide(0.4, 220, 110), make_noise(0.3)]

    found = extract_features(np.concatenate(parts))

    assert (found.reason, np.isnan(found.values).sum()) == ("", 0)


def test_a_clip_that_is_voiced_throughout_has_no_unvoiced_measures() -> None:
    voice = make_voice(1.0, SAMPLING_RATE)

    assert extract_features(voice).reason == "nothing unvoiced; no unvoiced segment"
    assert missing_names(voice) == {
        *(name for name in feature_names() if "UV" in name),
        "MeanUnvoicedSegmentLength",
        "StddevUnvoicedSegmentLength",
    }


def test_a_pitch_that_only_falls_has_no_rising_slope() -> None:
    glide = np.concatenate([make_noise(0.3), make_glide(1.0, 300, 150), make_noise(0.3)])

    found = extract_features(glide)

    assert found.reason == "no rising pitch"
    assert missing_names(glide) == {
        "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope",
        "F0semitoneFrom27.5Hz_sma3nz_stddevRisingSlope",
    }
    assert found.values[PLACE["F0semitoneFrom27.5Hz_sma3nz_stddevFallingSlope"]] == 0  # of the one that was found


def test_below_a_tenth_of_a_second_everything_is_missing() -> None:
    found = extract_features(make_voice(0.0999, SAMPLING_RATE))

    assert np.isnan(found.values).all()
    assert (found.reason, len(found.values)) == ("shorter than 0.1 s", 88)
    assert found.duration == pytest.approx(0.0999, abs=1e-4)
    assert extract_features(np.zeros(0, dtype=np.float32)).reason == "shorter than 0.1 s"


@pytest.mark.parametrize("duration", [0.1, 0.12, 0.15, 0.2])
def test_short_clips_have_a_pitch_from_a_tenth_of_a_second_on(duration: float) -> None:
    voice = make_voice(duration, SAMPLING_RATE)

    assert extract_features(voice).values[0] == call_opensmile(voice)[0] > 20


def test_what_is_not_finite_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.ones((1, 88, 1))
    values[0, :2, 0] = np.inf, np.nan
    monkeypatch.setattr(extraction, "_load_smile", lambda: lambda samples, rate: values)

    found = extract_features(make_voice(0.5, SAMPLING_RATE))

    assert np.isnan(found.values[:2]).all()
    assert np.array_equal(found.values[2:], np.ones(86))
    assert found.reason == "no finite number"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(bad: float) -> None:
    waveform = make_voice(0.5, SAMPLING_RATE)
    waveform[100] = bad

    with pytest.raises(AudioError, match=r"^array: samples are NaN or infinite; expected finite numbers$"):
        extract_features(waveform)


def test_channels_are_refused() -> None:
    with pytest.raises(
        AudioError, match=r"^array: found shape \(2, 1600\); expected a mono waveform \[T\] at 16000 Hz"
    ):
        extract_features(np.zeros((2, 1600), dtype=np.float32))


def test_without_opensmile_one_sentence_names_the_extra_and_the_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    extraction._load_smile.cache_clear()
    monkeypatch.setitem(sys.modules, "opensmile", None)

    with pytest.raises(
        ConfigError,
        match=r"^openSMILE is not installed.+pip install 'paraclap\[features\]' \(its licence: research, education and "
        r"other non-commercial use only\)$",
    ):
        extract_features(make_voice(0.5, SAMPLING_RATE))
