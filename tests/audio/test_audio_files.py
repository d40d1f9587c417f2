from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, find_audio, read_audio, read_duration

PCM = [("a.wav", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.wav", "DOUBLE"), ("a.flac", "PCM_16")]
LOSSY = [("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.mp3", "MPEG_LAYER_III")]
STEPS = {"PCM_16": 2**-15, "PCM_24": 2**-23, "FLOAT": 1e-9, "DOUBLE": 1e-7}


def write(path: Path, samples: np.ndarray, rate: int, subtype: str) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype, format="OGG" if path.suffix == ".opus" else None)
    return path


@pytest.mark.parametrize(("name", "subtype"), PCM)
def test_pcm_comes_back_to_one_step(tmp_path: Path, name: str, subtype: str) -> None:
    voice = make_voice(1, SAMPLING_RATE)

    samples = read_audio(write(tmp_path / name, voice, SAMPLING_RATE, subtype))

    assert samples.dtype == np.float32
    assert samples.shape == voice.shape
    assert np.abs(samples - voice).max() <= STEPS[subtype]


@pytest.mark.parametrize(("name", "subtype"), LOSSY)
def test_lossy_codecs_come_back_alike_and_in_time(tmp_path: Path, name: str, subtype: str) -> None:
    voice = make_voice(2, SAMPLING_RATE)

    samples = read_audio(write(tmp_path / name, voice, SAMPLING_RATE, subtype))

    assert samples.shape == voice.shape
    assert np.corrcoef(samples, voice)[0, 1] > 0.98  # one sample of shift would cost more


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = make_voice(1, SAMPLING_RATE, seed=1), make_voice(1, SAMPLING_RATE, seed=2)

    samples = read_audio(write(tmp_path / "a.wav", np.stack([left, right], axis=1), SAMPLING_RATE, "FLOAT"))

    np.testing.assert_array_equal(samples, (left + right) / 2)


def test_values_above_one_are_kept(tmp_path: Path) -> None:
    samples = read_audio(write(tmp_path / "a.wav", 3 * make_voice(1, SAMPLING_RATE), SAMPLING_RATE, "FLOAT"))

    assert np.abs(samples).max() == pytest.approx(2.1)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192_000])
def test_other_rates_become_16_khz(tmp_path: Path, rate: int) -> None:
    times = np.arange(rate) / rate
    path = write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * times), rate, "FLOAT")

    samples = read_audio(path)

    assert len(samples) == SAMPLING_RATE
    inner = slice(1000, -1000)  # the filter rings where the tone begins and ends
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(SAMPLING_RATE) / SAMPLING_RATE)
    assert np.abs(samples - tone)[inner].max() < 1e-5


def test_resampling_is_soxr_at_hq(tmp_path: Path) -> None:
    voice = make_voice(1, 44100)

    samples = read_audio(write(tmp_path / "a.wav", voice, 44100, "FLOAT"))

    np.testing.assert_array_equal(samples, soxr.resample(voice, 44100, SAMPLING_RATE, quality="HQ"))


def test_a_target_rate_can_be_given(tmp_path: Path) -> None:
    assert len(read_audio(write(tmp_path / "a.wav", make_voice(1, 16000), 16000, "FLOAT"), sampling_rate=8000)) == 8000


SEGMENTS = [(0.0, 0.5), (0.3, 0.9), (1.23456, 2.34567), (3.7, None), (3.7, 99.0), (0.0, None)]


@pytest.mark.parametrize(("start", "end"), SEGMENTS)
@pytest.mark.parametrize(("name", "subtype"), PCM)
def test_a_segment_is_the_slice_of_the_whole(
    tmp_path: Path, name: str, subtype: str, start: float, end: float | None
) -> None:
    path = write(tmp_path / name, make_voice(4, SAMPLING_RATE), SAMPLING_RATE, subtype)

    segment = read_audio(path, start=start, end=end)

    last = None if end is None else round(end * SAMPLING_RATE)
    np.testing.assert_array_equal(segment, read_audio(path)[round(start * SAMPLING_RATE) : last])


@pytest.mark.parametrize(("start", "end"), SEGMENTS)
@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192_000])
def test_a_resampled_segment_is_the_slice_of_the_resampled_whole(
    tmp_path: Path, rate: int, start: float, end: float | None
) -> None:
    path = write(tmp_path / "a.flac", make_voice(4, rate), rate, "PCM_16")

    segment = read_audio(path, start=start, end=end)

    last = None if end is None else round(end * SAMPLING_RATE)
    whole = read_audio(path)[round(start * SAMPLING_RATE) : last]
    assert segment.shape == whole.shape
    assert np.abs(segment - whole).max() < 1e-6


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize(("name", "subtype"), LOSSY)
def test_a_segment_of_a_lossy_file_is_within_2e_3_of_the_whole(
    tmp_path: Path, name: str, subtype: str, rate: int
) -> None:
    path = write(tmp_path / name, make_voice(10, rate), rate, subtype)
    whole = read_audio(path)

    for start in np.linspace(0, 8.9, 15):
        segment = read_audio(path, start=start, end=start + 1)
        reference = whole[round(start * SAMPLING_RATE) : round((start + 1) * SAMPLING_RATE)]
        assert segment.shape == reference.shape
        assert np.abs(segment - reference).max() < 2e-3


@pytest.mark.parametrize(("name", "subtype"), [*PCM, *LOSSY])
def test_the_same_file_gives_the_same_bits(tmp_path: Path, name: str, subtype: str) -> None:
    path = write(tmp_path / name, make_voice(3, 48000), 48000, subtype)

    np.testing.assert_array_equal(read_audio(path), read_audio(path))
    np.testing.assert_array_equal(read_audio(path, start=2), read_audio(path, start=2))


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), *LOSSY])
def test_a_short_segment_of_a_long_file_decodes_only_its_neighbourhood(
    tmp_path: Path, name: str, subtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / name, make_voice(20, SAMPLING_RATE), SAMPLING_RATE, subtype)
    frames_read = []
    original = soundfile.SoundFile.read

    def count_frames(self: soundfile.SoundFile, frames: int, **options: object) -> object:
        frames_read.append(frames)
        return original(self, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", count_frames)
    read_audio(path, start=15, end=16)

    assert sum(frames_read) <= 2.5 * SAMPLING_RATE  # 1.5 s for the decoder to settle


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize(("name", "subtype"), PCM)
def test_the_duration_comes_from_the_header(tmp_path: Path, name: str, subtype: str, rate: int) -> None:
    path = write(tmp_path / name, make_voice(1.5, rate), rate, subtype)

    assert read_duration(path) == 1.5


@pytest.mark.parametrize("name", ["caf\udce9.wav", "größe.wav", "with space.WAV", "noise"])
def test_any_file_name_and_suffix_will_do(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a.wav", make_voice(1, SAMPLING_RATE), SAMPLING_RATE, "PCM_16").rename(tmp_path / name)

    assert len(read_audio(str(tmp_path / name))) == SAMPLING_RATE
    assert read_duration(tmp_path / name) == 1


def test_folders_are_searched_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    names = ["b/2.WAV", "b/10.flac", "a.mp3", "c/d/e.m4a", "._a.mp3", ".cache/x.wav", "notes.txt", "b.wav"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    found = find_audio([tmp_path])

    assert [str(p.relative_to(tmp_path)) for p in found] == ["a.mp3", "b/10.flac", "b/2.WAV", "b.wav", "c/d/e.m4a"]


def test_files_are_listed_as_given_whatever_their_suffix(tmp_path: Path) -> None:
    for name in ("z.wav", "speech.bin"):
        (tmp_path / name).touch()

    assert find_audio([tmp_path / "z.wav", str(tmp_path / "speech.bin")]) == [
        tmp_path / "z.wav",
        tmp_path / "speech.bin",
    ]
