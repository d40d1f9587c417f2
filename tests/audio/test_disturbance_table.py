import subprocess
import sys
import tomllib

import numpy as np
import pytest
from tests.audio.clips import make_voice
from tests.audio.test_disturbances import find_delay, make_white, measure_bands, measure_db, to_hz

from paraclap.audio import CODECS, SAMPLING_RATE, apply_codec, disturb, read_disturbances
from paraclap.errors import AudioError, ConfigError

VOICE = make_voice(4.03, SAMPLING_RATE)
NAMES = list(read_disturbances())
OF_ANOTHER_LENGTH = {"crop-1s": 16000, "crop-2s": 32000, "crop-3s": 48000, "speed-0.9": 71644, "speed-1.1": 58618}


def test_the_named_disturbances_are_these() -> None:
    assert NAMES == [
        "gain-minus-6db",
        "gain-plus-6db",
        "gain-minus-20db",
        "noise-20db",
        "noise-10db",
        "dull-noise-10db",
        "channel",
        "low-pass-4khz",
        "masks",
        "opus",
        "vorbis",
        "mp3",
        "telephone",
        "mobile-telephone",
        "reverb-0.5s",
        "reverb-1s",
        "crop-1s",
        "crop-2s",
        "crop-3s",
        "speed-0.9",
        "speed-1.1",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_disturbance_follows_from_the_seed_and_leaves_its_input_alone(name: str) -> None:
    voice = VOICE.copy()

    first, second = (disturb(voice, name, np.random.default_rng(3)) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(voice, VOICE)
    assert not np.shares_memory(first, voice)
    assert first.dtype == np.float32
    assert len(first) == OF_ANOTHER_LENGTH.get(name, len(VOICE))
    assert np.isfinite(first).all()
    if name not in ("crop-1s", "crop-2s", "crop-3s"):
        assert np.abs(first[:50000] - VOICE[:50000]).max() > 0.01


@pytest.mark.parametrize(
    "name", ["noise-10db", "dull-noise-10db", "channel", "masks", "reverb-0.5s", "crop-1s", "crop-2s", "crop-3s"]
)
def test_another_seed_is_another_disturbance(name: str) -> None:
    first, second = (disturb(VOICE, name, np.random.default_rng(seed)) for seed in (0, 1))

    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_samples", [1601, 16000])
def test_silence_stays_silent(name: str, num_samples: int) -> None:
    disturbed = disturb(np.zeros(num_samples, dtype=np.float32), name, np.random.default_rng(0))

    assert np.isfinite(disturbed).all()
    assert np.abs(disturbed).max() < 1e-3  # GSM knows no zero


@pytest.mark.parametrize(("name", "gain_db"), [("gain-minus-6db", -6), ("gain-plus-6db", 6), ("gain-minus-20db", -20)])
def test_the_arguments_of_a_row_are_used(name: str, gain_db: float) -> None:
    disturbed = disturb(VOICE, name, np.random.default_rng(0))

    assert measure_db(disturbed) - measure_db(VOICE) == pytest.approx(gain_db, abs=0.01)


def test_crops_lie_anywhere_and_short_clips_stay_whole() -> None:
    ramp = np.arange(32000, dtype=np.float32)

    starts = [disturb(ramp, "crop-1s", np.random.default_rng(seed))[0] for seed in range(200)]

    assert min(starts) < 500
    assert max(starts) > 15500
    np.testing.assert_array_equal(disturb(ramp, "crop-3s", np.random.default_rng(0)), ramp)


def test_masks_take_up_to_a_tenth_each() -> None:
    white = make_white(10)
    edges = to_hz(np.linspace(0, 1, 101))
    silent, removed = [], []
    for seed in range(20):
        masked = disturb(white, "masks", np.random.default_rng(seed))
        silent.append((masked == 0).mean())
        removed.append((measure_bands(masked, edges) < measure_bands(white, edges) - 20).mean())

    assert 0 < min(silent) < max(silent) <= 0.2
    assert 0 < max(removed) <= 0.22  # a band at either edge is nearly removed as well
    assert np.mean(silent) == pytest.approx(0.1, abs=0.03)  # two of 0.05 in the mean, which may overlap
    assert np.mean(removed) == pytest.approx(0.09, abs=0.04)  # the edges are kept


def test_an_unknown_name_is_told_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"^no disturbance 'noise-20'; did you mean 'noise-20db'\? known: gain-minus"):
        disturb(VOICE, "noise-20", np.random.default_rng(0))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_waveform_is_refused(name: str) -> None:
    generator = np.random.default_rng(0)
    holed = VOICE.copy()
    holed[7] = np.nan

    with pytest.raises(AudioError, match=r"^waveform: 0\.000 s of audio; expected at least 0\.1 s$"):
        disturb(VOICE[:0], name, generator)
    with pytest.raises(AudioError, match=r"^waveform: samples are NaN or infinite; expected finite numbers"):
        disturb(holed, name, generator)
    with pytest.raises(AudioError, match=r"^waveform: found shape \(2, 64480\) of float32; expected \[T\] of float32"):
        disturb(np.stack([VOICE, VOICE]), name, generator)
    with pytest.raises(AudioError, match=r"^waveform: found shape \(64480,\) of int16; expected .*convert_audio$"):
        disturb((VOICE * 1000).astype(np.int16), name, generator)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("num_samples", [1600, 1601, 16003, 48594])
def test_a_codec_neither_delays_nor_cuts(codec: str, num_samples: int) -> None:
    voice = VOICE[:num_samples]

    decoded = apply_codec(voice, codec)

    assert len(decoded) == num_samples
    assert find_delay(decoded, voice) == 0
    assert 10 < measure_db(voice) - measure_db(decoded - voice) < 40


@pytest.mark.parametrize("codec", CODECS)
def test_a_loud_voice_goes_through_a_codec_without_being_clipped(codec: str) -> None:
    loud = (5 * VOICE).astype(np.float32)

    decoded = apply_codec(loud, codec)

    assert np.abs(decoded).max() > 3
    assert measure_db(loud) - measure_db(decoded - loud) > 10


@pytest.mark.parametrize("codec", ["gsm", "ulaw"])
def test_a_telephone_hears_nothing_above_4_khz(codec: str) -> None:
    high = np.sin(2 * np.pi * 5000 * np.arange(16000) / SAMPLING_RATE).astype(np.float32)

    assert measure_db(apply_codec(high, codec)[1000:-1000]) < measure_db(high) - 40


def test_a_long_recording_does_not_break_vorbis() -> None:
    minutes = np.zeros(5 * 60 * SAMPLING_RATE, dtype=np.float32)  # in one piece, this ends the process

    assert len(apply_codec(minutes, "vorbis")) == len(minutes)


def test_an_unknown_codec_is_told_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"^no codec 'Opus '; did you mean 'opus'\? known: opus, vorbis, mp3, gsm"):
        apply_codec(VOICE, "Opus ")


def test_a_codec_that_libsndfile_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundfile.check_format", lambda *names: False)

    with pytest.raises(ConfigError, match=r"^libsndfile \S+ cannot encode 'mp3'; expected 1\.1 or later: upgrade"):
        apply_codec(VOICE, "mp3")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('kind = "gain"\ngain_db = 1\ngain = 2', "gain\n  Unexpected keyword argument"),
        ('kind = "gain"', "gain_db\n  Field required"),
        ('kind = "echo"', "Input tag 'echo' found using 'kind' does not match any of the expected tags"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(row: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = tomllib.loads(f"[x]\n{row}")
    monkeypatch.setattr("tomllib.loads", lambda text: values)

    with pytest.raises(ValueError, match=message):
        read_disturbances.__wrapped__()


def test_reading_audio_loads_no_pydantic() -> None:
    code = "import sys, paraclap.audio; print('pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
