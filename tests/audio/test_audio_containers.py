from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import AAC_MP4, NO_NOISE, Encoding, make_voice, write_ffmpeg

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio, read_duration

BARE = {"write_xing": "0", "id3v2_version": "0"}  # MP3 that does not say its length
VARIABLE = {"flags": "+qscale", "global_quality": "590"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
KINDS = {
    "m4a": ("a.m4a", 44100, AAC_MP4),
    "m4a at 16 kHz": ("a.m4a", 16000, Encoding("aac", "ipod", NO_NOISE)),
    "mp4": ("a.mp4", 48000, AAC_MP4),
    "mp4 fragmented": ("a.mp4", 48000, Encoding("aac", "mp4", NO_NOISE, FRAGMENTED)),
    "mp4 opus": ("a.mp4", 48000, Encoding("libopus", "mp4")),
    "webm": ("a.webm", 48000, Encoding("libopus", "webm")),
    "webm live": ("a.webm", 48000, Encoding("libopus", "webm", {}, {"live": "1"})),
    "mkv": ("a.mkv", 44100, Encoding("aac", "matroska", NO_NOISE)),
    "aac": ("a.aac", 44100, Encoding("aac", "adts", NO_NOISE)),
    "mp3 at 32 kbit/s": ("a.mp3", 44100, Encoding("libmp3lame", "mp3", {"b": "32000"})),
    "opus at 16 kbit/s": ("a.opus", 16000, Encoding("libopus", "ogg", {"b": "16000", "application": "voip"})),
    "mp3 bare": ("a.mp3", 44100, Encoding("libmp3lame", "mp3", {}, BARE)),
    "mp3 bare variable": ("a.mp3", 44100, Encoding("libmp3lame", "mp3", VARIABLE, BARE)),
}
WITHOUT_DELAY = ("mp4 fragmented", "aac", "mp3 bare", "mp3 bare variable")  # these do not tell their encoder's delay


def write_kind(folder: Path, kind: str, duration: float) -> Path:
    name, rate, encoding = KINDS[kind]
    return write_ffmpeg(folder / name, make_voice(duration, rate), rate, encoding)


def measure_delay(samples: Waveform, reference: Waveform) -> int:
    """Return by how many samples the first is late, at the peak of the cross-correlation."""
    size = len(samples) + len(reference)
    correlation = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(reference, size)), size)
    lag = int(np.argmax(correlation))
    return lag if lag < size / 2 else lag - size


@pytest.mark.parametrize("kind", KINDS)
def test_containers_are_read_in_time_with_a_right_duration(tmp_path: Path, kind: str) -> None:
    path = write_kind(tmp_path, kind, duration=12)

    samples = read_audio(path)

    delay = measure_delay(samples, make_voice(12, SAMPLING_RATE))
    assert -4 <= delay <= (1300 if kind in WITHOUT_DELAY else 4)  # at low rates Opus shifts the phase a little
    assert len(samples) / SAMPLING_RATE == pytest.approx(12, abs=0.1)
    assert read_duration(path) == pytest.approx(len(samples) / SAMPLING_RATE, abs=0.065)  # a packet at 16 kHz


@pytest.mark.parametrize("kind", KINDS)
def test_a_segment_of_a_container_is_within_2e_3_of_the_whole(tmp_path: Path, kind: str) -> None:
    path = write_kind(tmp_path, kind, duration=8)
    whole = read_audio(path)

    for start in np.linspace(0, 6.9, 10):
        segment = read_audio(path, start=start, end=start + 1)
        reference = whole[round(start * SAMPLING_RATE) : round((start + 1) * SAMPLING_RATE)]
        assert segment.shape == reference.shape
        assert np.abs(segment - reference).max() < 2e-3


@pytest.mark.parametrize("options", [{"b": "32000"}, VARIABLE])
def test_a_segment_of_bursts_in_mp3_is_within_2e_3_of_the_whole(tmp_path: Path, options: dict[str, str]) -> None:
    # MP3 borrows bits from frames before: without pre-roll, segments that begin in a burst are off by 0.1 to 0.5
    voice = make_voice(8, 44100)
    bursts = voice * np.maximum(np.sin(2 * np.pi * 1.3 * np.arange(len(voice)) / 44100), 0).astype(np.float32) ** 2
    path = write_ffmpeg(tmp_path / "a.mp3", bursts, 44100, Encoding("libmp3lame", "mp3", options))
    whole = read_audio(path, sampling_rate=44100)

    for start in np.linspace(0, 6.9, 60):
        segment = read_audio(path, start=start, end=start + 1, sampling_rate=44100)
        reference = whole[round(start * 44100) : round((start + 1) * 44100)]
        assert np.abs(segment - reference).max() < 2e-3


def test_the_noise_that_aac_leaves_to_the_decoder_is_all_that_differs(tmp_path: Path) -> None:
    path = write_ffmpeg(tmp_path / "a.m4a", make_voice(12, 44100), 44100, Encoding("aac", "mp4"))
    whole = read_audio(path)[8 * SAMPLING_RATE : 9 * SAMPLING_RATE]

    segment = read_audio(path, start=8, end=9)

    assert np.std(segment - whole) < 0.1 * np.std(whole)
    np.testing.assert_array_equal(segment, read_audio(path, start=8, end=9))


def test_vorbis_in_matroska_has_no_grid_to_land_on_and_is_read_from_its_begin(tmp_path: Path) -> None:
    voice = make_voice(8, 48000)
    encoding = Encoding("vorbis", "matroska", {"strict": "-2"})
    path = write_ffmpeg(tmp_path / "a.mkv", np.asarray([voice, voice], np.float32), 48000, encoding)

    segment = read_audio(path, start=6, end=7)

    assert np.abs(segment - read_audio(path)[6 * SAMPLING_RATE : 7 * SAMPLING_RATE]).max() < 2e-3


@pytest.mark.parametrize("kind", ["m4a", "webm", "aac", "mp3 bare"])
def test_a_short_segment_of_a_long_container_decodes_only_its_neighbourhood(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_kind(tmp_path, kind, duration=20)
    decoded = []

    def count_samples(samples: Waveform) -> Waveform:
        decoded.append(samples.shape[-1] / KINDS[kind][1])
        return samples.reshape(-1)

    monkeypatch.setattr("paraclap.audio.ffmpeg.average_channels", count_samples)
    read_audio(path, start=14, end=15)

    assert 2 < sum(decoded) < 8  # WebM is entered every five seconds only


def test_stereo_is_averaged(tmp_path: Path) -> None:
    voice = make_voice(2, 48000)
    mono = read_audio(write_ffmpeg(tmp_path / "mono.m4a", np.float32(0.5) * voice, 48000, AAC_MP4))

    stereo = np.stack([voice, 0 * voice])
    averaged = read_audio(write_ffmpeg(tmp_path / "a.m4a", stereo, 48000, AAC_MP4))

    assert np.corrcoef(mono, averaged)[0, 1] > 0.99
    assert np.std(averaged) == pytest.approx(np.std(mono), rel=0.02)


def test_an_mp3_that_does_not_say_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    # libsndfile takes the first, large, frame for all of them and stops after a fifth of the file
    voice = make_voice(20, 44100)
    voice[2 * 44100 : -44100] = 0

    path = write_ffmpeg(tmp_path / "a.mp3", voice, 44100, KINDS["mp3 bare variable"][2])

    assert soundfile.info(path).duration < 10
    assert read_duration(path) == pytest.approx(20, abs=0.05)
    assert np.abs(read_audio(path)[-SAMPLING_RATE:]).max() > 0.5


@pytest.mark.parametrize(("kind", "wrong_name"), [("m4a", "b.wav"), ("webm", "b.flac"), ("mp3 bare", "c.wav")])
def test_a_container_with_a_wrong_suffix_is_read(tmp_path: Path, kind: str, wrong_name: str) -> None:
    path = write_kind(tmp_path, kind, duration=2)
    expected = read_audio(path)

    renamed = path.rename(tmp_path / wrong_name)

    np.testing.assert_array_equal(read_audio(renamed), expected)
    assert read_duration(renamed) == pytest.approx(2, abs=0.1)


def test_a_wav_named_m4a_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", make_voice(2, 22050), 22050)
    expected = read_audio(tmp_path / "a.wav")

    renamed = (tmp_path / "a.wav").rename(tmp_path / "a.m4a")

    assert np.abs(read_audio(renamed) - expected).max() < 1e-6
    assert read_duration(renamed) == 2


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"])
def test_a_wav_from_a_pipe_that_does_not_know_its_size_is_read(tmp_path: Path, size: bytes) -> None:
    soundfile.write(tmp_path / "a.wav", make_voice(2, SAMPLING_RATE), SAMPLING_RATE)
    expected = read_audio(tmp_path / "a.wav")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    data = content.index(b"data") + 4

    content[data : data + 4] = content[4:8] = size
    (tmp_path / "a.wav").write_bytes(content)

    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), expected)
    assert read_duration(tmp_path / "a.wav") == 2


def test_a_flac_from_a_pipe_that_does_not_know_its_length_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", make_voice(2, SAMPLING_RATE), SAMPLING_RATE)
    expected = read_audio(tmp_path / "a.flac")
    content = bytearray((tmp_path / "a.flac").read_bytes())

    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count samples; 0 is "unknown" (RFC 9639, section 8.2)
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)

    np.testing.assert_array_equal(read_audio(tmp_path / "a.flac"), expected)
    assert read_duration(tmp_path / "a.flac") == pytest.approx(2, abs=1e-6)
