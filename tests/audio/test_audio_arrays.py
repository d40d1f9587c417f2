import numpy as np
import numpy.typing as npt
import pytest
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, convert_audio
from paraclap.errors import AudioError


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_integers_are_scaled_by_their_range(dtype: type[np.signedinteger]) -> None:
    bounds = np.iinfo(dtype)
    samples = np.tile(np.array([bounds.min, bounds.min // 2, 0, bounds.max], dtype=dtype), 1000)

    converted = convert_audio(samples, sampling_rate=SAMPLING_RATE)

    assert converted.dtype == np.float32
    np.testing.assert_allclose(converted[:4], [-1, -0.5, 0, bounds.max / (bounds.max + 1)], atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_taken_as_they_are(dtype: type[np.floating]) -> None:
    voice = (3 * make_voice(1, SAMPLING_RATE)).astype(dtype)

    np.testing.assert_array_equal(convert_audio(voice, sampling_rate=SAMPLING_RATE), voice.astype(np.float32))


def test_channels_come_first_and_are_averaged() -> None:
    voices = np.stack([make_voice(1, SAMPLING_RATE, seed) for seed in range(3)])

    np.testing.assert_allclose(convert_audio(voices, sampling_rate=SAMPLING_RATE), voices.mean(axis=0), atol=1e-7)
    np.testing.assert_array_equal(convert_audio(voices[:1], sampling_rate=SAMPLING_RATE), voices[0])


def test_lists_of_floats_are_arrays_too() -> None:
    assert convert_audio([0.25] * 1600, sampling_rate=SAMPLING_RATE).tolist() == [0.25] * 1600


def test_arrays_are_resampled() -> None:
    assert len(convert_audio(make_voice(1.5, 48000), sampling_rate=48000)) == 1.5 * SAMPLING_RATE
    assert len(convert_audio(make_voice(1.5, 48000), sampling_rate=48000, target_rate=8000)) == 1.5 * 8000


def test_the_input_is_not_changed() -> None:
    voice = make_voice(1, SAMPLING_RATE)
    copy = voice.copy()

    convert_audio(voice, sampling_rate=SAMPLING_RATE)[:] = 0

    np.testing.assert_array_equal(voice, copy)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(16000, np.uint8), r"^array: found shape \(16000,\) of uint8; expected floats, int16 or int32"),
        ([0, 1] * 8000, r"found shape \(16000,\) of int64; expected floats, int16 or int32"),
        (np.zeros(16000, complex), "of complex128; expected floats"),
        (["a.wav"], "expected floats"),
        (np.zeros((1, 1, 16000)), r"found shape \(1, 1, 16000\) of float64; expected .* \[T\] or \[channels, T\]"),
        (0.5, r"found shape \(\) of float64"),
        (np.zeros((16000, 2)), r"found shape \(16000, 2\); expected \[channels, T\]: transpose it"),
        ([[0.1, 0.2], [0.3]], r"found rows of unequal length; expected \[T\] or \[channels, T\]"),
        (np.zeros(1599), r"0.100 s of audio; expected at least 0.1 s"),
        (np.zeros(0), r"0.000 s of audio; expected at least 0.1 s"),
        (np.zeros((0, 16000)), r"0.000 s of audio; expected at least 0.1 s"),
        (np.full(16000, np.nan), "samples are NaN or infinite; expected finite numbers"),
        (np.full(16000, -np.inf), "samples are NaN or infinite"),
        (np.full(16000, 1e300), "samples are NaN or infinite"),
    ],
)
def test_arrays_that_are_no_speech_are_refused(samples: npt.ArrayLike, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        convert_audio(samples, sampling_rate=SAMPLING_RATE)


def test_the_sampling_rate_must_be_known() -> None:
    with pytest.raises(
        AudioError, match=r"^call: the sampling rate is unknown; pass sampling_rate= in Hz with arrays$"
    ):
        convert_audio(make_voice(1, SAMPLING_RATE), sampling_rate=None, name="call")


@pytest.mark.parametrize("rate", [0, -16000])
def test_the_sampling_rate_must_be_positive(rate: int) -> None:
    with pytest.raises(AudioError, match=f"sampling rate {rate} Hz; expected a positive number"):
        convert_audio(make_voice(1, SAMPLING_RATE), sampling_rate=rate)
