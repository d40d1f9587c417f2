import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import AAC_MP4, Encoding, make_voice, write_ffmpeg

from paraclap.audio import SAMPLING_RATE, find_audio, read_audio, read_duration
from paraclap.errors import AudioError


def write(path: Path, duration: float = 10.0, rate: int = SAMPLING_RATE) -> Path:
    soundfile.write(path, make_voice(duration, rate), rate)
    return path


def truncate(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_audio, read_duration):
        with pytest.raises(AudioError, match=r"none\.wav: no such file$"):
            read(tmp_path / "none.wav")
    with pytest.raises(AudioError, match=r"none: no such file or folder$"):
        find_audio([tmp_path / "none"])


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()

    for read in (read_audio, read_duration):
        with pytest.raises(AudioError, match=r"a\.wav: the file is empty$"):
            read(tmp_path / "a.wav")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="this is a folder; expected an audio file"):
        read_audio(tmp_path)


def test_a_folder_without_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    with pytest.raises(AudioError, match=r"no audio file in this folder; expected suffixes like \.wav"):
        find_audio([tmp_path])


def test_a_name_that_the_system_refuses_is_an_audio_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be opened"):
        read_audio(tmp_path / ("x" * 300 + ".wav"))


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "content",
    [b"hi", b"this is a text about speech\n" * 500, bytes(50_000), PLAYLIST, b"\x89PNG\r\n\x1a\n" + bytes(500)],
    ids=["two letters", "text", "zeros", "playlist", "image"],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a", "a.raw"])
def test_what_is_not_audio_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    for read in (read_audio, read_duration):
        with pytest.raises(
            AudioError, match=rf"{name}: cannot be read as audio \(.+\); expected an intact wav, flac, "
        ):
            read(tmp_path / name)


def test_a_wav_of_a_header_only_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:44])

    for read in (read_audio, read_duration):
        with pytest.raises(AudioError, match=r"cannot be read as audio \(it holds no samples\)"):
            read(path)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au"])
def test_truncated_pcm_is_refused_where_the_missing_part_is_asked_for(tmp_path: Path, name: str) -> None:
    path = truncate(write(tmp_path / name), 0.6)

    with pytest.raises(AudioError, match=r"the file is truncated, (5\.99|6\.00). s of 10\.00. s are there; copy or"):
        read_audio(path)
    with pytest.raises(AudioError, match="the file is truncated"):
        read_audio(path, start=5.5, end=6.5)
    assert len(read_audio(path, start=4, end=5)) == SAMPLING_RATE
    assert read_duration(path) == pytest.approx(10, abs=0.01)


def test_a_wav_whose_header_is_off_by_a_little_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())

    content[40:44] = len(content).to_bytes(4, "little")  # the size of the file instead of that of its data
    path.write_bytes(content)

    assert len(read_audio(path)) == 10 * SAMPLING_RATE
    assert read_duration(path) == 10


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_truncated_flac_and_mp3_are_refused_where_the_missing_part_is_asked_for(tmp_path: Path, name: str) -> None:
    path = truncate(write(tmp_path / name), 0.6)

    for start in (0, 5.5, 8):
        with pytest.raises(AudioError, match=r"truncated.*; copy or export it again$"):
            read_audio(path, start=start)
    assert len(read_audio(path, start=4, end=5)) == SAMPLING_RATE


def test_a_truncated_m4a_is_refused(tmp_path: Path) -> None:
    encoding = Encoding("aac", "mp4", container_options={"movflags": "faststart"})
    path = write_ffmpeg(tmp_path / "a.m4a", make_voice(10, 44100), 44100, encoding)

    truncate(path, 0.6)

    with pytest.raises(AudioError, match="truncated"):
        read_audio(path)
    assert len(read_audio(path, start=4, end=5)) == SAMPLING_RATE


def test_an_m4a_without_its_index_at_the_end_is_refused(tmp_path: Path) -> None:
    path = write_ffmpeg(tmp_path / "a.m4a", make_voice(10, 44100), 44100, AAC_MP4)

    with pytest.raises(AudioError, match=r"cannot be read as audio \(Invalid data found .*\); expected an intact wav"):
        read_audio(truncate(path, 0.6))


@pytest.mark.parametrize(("name", "subtype"), [("a.opus", "OPUS"), ("a.ogg", "VORBIS")])
def test_a_truncated_ogg_is_a_shorter_ogg(tmp_path: Path, name: str, subtype: str) -> None:
    soundfile.write(tmp_path / name, make_voice(10, SAMPLING_RATE), SAMPLING_RATE, format="OGG", subtype=subtype)

    path = truncate(tmp_path / name, 0.6)

    assert 4 < len(read_audio(path)) / SAMPLING_RATE == read_duration(path) < 8


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rate", [SAMPLING_RATE, 44100])
def test_a_sample_that_is_no_number_is_refused(tmp_path: Path, value: float, rate: int) -> None:
    voice = make_voice(1, rate)
    voice[5000] = value
    soundfile.write(tmp_path / "a.wav", voice, rate, subtype="FLOAT")

    with pytest.raises(AudioError, match=r"a\.wav: samples are NaN or infinite; expected finite numbers: export the"):
        read_audio(tmp_path / "a.wav")


def test_less_than_a_tenth_of_a_second_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", duration=0.05)

    with pytest.raises(AudioError, match=r"a\.wav: 0\.050 s of audio; expected at least 0\.1 s"):
        read_audio(path)
    assert read_duration(path) == 0.05


def test_a_tenth_of_a_second_is_enough(tmp_path: Path) -> None:
    assert len(read_audio(write(tmp_path / "a.wav", duration=0.1))) == 1600
    assert len(read_audio(tmp_path / "a.wav", start=0.0, end=0.1)) == 1600


def test_a_segment_cut_short_by_the_end_of_the_file_is_refused_below_a_tenth_of_a_second(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"0\.050 s of audio; expected at least 0\.1 s"):
        read_audio(write(tmp_path / "a.wav"), start=9.95, end=12)


@pytest.mark.parametrize(
    ("start", "end"), [(-1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (math.nan, None), (0.0, math.nan), (0.0, math.inf)]
)
def test_a_segment_that_is_none_is_refused(tmp_path: Path, start: float, end: float | None) -> None:
    with pytest.raises(AudioError, match=rf"segment from {start} s to {end} s; expected 0 <= start < end"):
        read_audio(write(tmp_path / "a.wav"), start=start, end=end)


@pytest.mark.parametrize("rate", [SAMPLING_RATE, 44100])
def test_a_segment_behind_the_end_is_refused(tmp_path: Path, rate: int) -> None:
    with pytest.raises(AudioError, match=r"segment starts at 12 s; the file ends at 10\.000 s"):
        read_audio(write(tmp_path / "a.wav", rate=rate), start=12, end=13)


def test_a_segment_behind_the_end_of_a_container_is_refused(tmp_path: Path) -> None:
    path = write_ffmpeg(tmp_path / "a.m4a", make_voice(10, 44100), 44100, AAC_MP4)

    with pytest.raises(AudioError, match=r"segment starts at 12 s; the file ends at 10\.\d+ s"):
        read_audio(path, start=12, end=13)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 32
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))

    with pytest.raises(AudioError, match=r"cannot be read as audio \(it has no audio stream\)"):
        read_audio(tmp_path / "a.mp4")
