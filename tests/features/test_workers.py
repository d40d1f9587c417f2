from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.audio.clips import AAC_MP4, make_voice, write_ffmpeg
from tests.features.corpora import make_noise

from paraclap.audio import Waveform, read_audio
from paraclap.errors import AudioError
from paraclap.features import Features, extract_features, workers
from paraclap.features.segments import Segment
from paraclap.features.workers import Workers, measure_segments

FILES = {  # name: sampling rate, what soundfile calls it
    "a.wav": (16_000, "PCM_16"),
    "b.wav": (44_100, "PCM_16"),
    "c.flac": (48_000, "PCM_16"),
    "d.ogg": (16_000, "VORBIS"),
    "e.ogg": (16_000, "OPUS"),
    "f.mp3": (44_100, "MPEG_LAYER_III"),
}


def segment(file: str, start: float, end: float) -> Segment:
    return Segment(file, round(start * 1e9), round(end * 1e9))


def write(folder: Path, name: str, duration: float) -> None:
    rate, subtype = FILES.get(name, (16_000, "PCM_16"))
    if name.endswith(".m4a"):
        write_ffmpeg(folder / name, make_voice(duration, 44_100), 44_100, AAC_MP4)
        return
    samples = make_voice(duration, rate)
    with soundfile.SoundFile(folder / name, "w", rate, 1, subtype) as stream:
        for begin in range(0, len(samples), rate):  # libsndfile crashes on long ones at once
            stream.write(samples[begin : begin + rate])


def values_of(measured: Sequence[Features | AudioError]) -> Any:
    return np.stack([row.values for row in measured if isinstance(row, Features)])


@pytest.mark.parametrize("name", [*FILES, "g.m4a"])
def test_a_segment_has_the_same_features_alone_and_among_others(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, 16.0)
    segments = [segment(name, start, start + 0.7) for start in (12.31, 10.0, 0.0, 14.4, 12.8, 3.017)]

    together = measure_segments(tmp_path, segments)

    alone = [measure_segments(tmp_path, [one])[0] for one in segments]
    assert np.array_equal(values_of(together), values_of(alone), equal_nan=True)
    assert len(values_of(together)) == len({row.tobytes() for row in values_of(together)}) == len(segments)


@pytest.mark.parametrize("name", ["a.wav", "d.ogg"])
def test_a_whole_file_is_what_is_read_of_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, 1.5)

    (found,) = measure_segments(tmp_path, [segment(name, 0.0, 1.5)])

    assert isinstance(found, Features)
    assert np.array_equal(found.values, extract_features(read_audio(tmp_path / name)).values, equal_nan=True)


def test_features_of_pcm_segments_are_those_of_the_slices(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 15.0)
    whole = read_audio(tmp_path / "a.wav")

    found = measure_segments(tmp_path, [segment("a.wav", 11.25, 12.0), segment("a.wav", 9.5, 11.25)])

    slices = [whole[180_000:192_000], whole[152_000:180_000]]
    assert np.array_equal(values_of(found), [extract_features(part).values for part in slices], equal_nan=True)


def test_a_file_is_read_once_for_the_segments_of_a_block_and_no_more_of_it_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.wav", 60.0)
    readings = []

    def note(path: Path, *, start: float, end: float) -> Waveform:
        readings.append((path.name, start, end))
        return read_audio(path, start=start, end=end)

    monkeypatch.setattr(workers, "read_audio", note)
    starts = (41.0, 42.0, 49.95, 47.5, 0.2, 1.0)

    measure_segments(tmp_path, [segment("a.wav", start, start + 0.3) for start in starts])

    assert readings == [("a.wav", 40.0, 50.25), ("a.wav", 0.0, 1.3)]


def test_bad_files_leave_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 1.0)
    (tmp_path / "bad.wav").write_bytes(b"no audio")

    first, second, third, fourth = measure_segments(
        tmp_path,
        [segment(name, 0.0, 1.0) for name in ("bad.wav", "a.wav", "nowhere.wav")] + [segment("a.wav", 0.0, 0.5)],
    )

    assert isinstance(first, AudioError)
    assert str(first).startswith(f"{tmp_path / 'bad.wav'}: cannot be read as audio")
    assert isinstance(second, Features)
    assert second.duration == 1.0
    assert str(third) == f"{tmp_path / 'nowhere.wav'}: no such file"
    assert isinstance(fourth, Features)
    assert fourth.duration == 0.5


def test_a_segment_outside_of_its_file_leaves_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 12.0)

    inside, outside, at_the_edge = measure_segments(
        tmp_path, [segment("a.wav", 10.5, 11.5), segment("a.wav", 15.0, 16.0), segment("a.wav", 11.95, 13.0)]
    )

    assert isinstance(inside, Features)
    assert str(outside) == f"{tmp_path / 'a.wav'}: segment starts at 15.0 s; the file ends at 12.000 s"
    assert str(at_the_edge) == f"{tmp_path / 'a.wav'}: 0.050 s of audio; expected at least 0.1 s"


def test_samples_that_are_not_finite_spoil_only_their_segment(tmp_path: Path) -> None:
    samples = make_voice(3.0, 16_000)
    samples[40_000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")

    good, bad = measure_segments(tmp_path, [segment("a.wav", 0.0, 1.0), segment("a.wav", 2.0, 3.0)])

    assert isinstance(good, Features)
    assert str(bad).startswith(f"{tmp_path / 'a.wav'}: samples are NaN or infinite")
    assert np.array_equal(good.values, extract_features(samples[:16_000]).values, equal_nan=True)


def test_a_segment_below_a_tenth_of_a_second_is_missing_and_no_error(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 1.0)

    short, long = measure_segments(tmp_path, [segment("a.wav", 0.5, 0.55), segment("a.wav", 0.0, 0.5)])

    assert isinstance(short, Features)
    assert np.isnan(short.values).all()
    assert (short.duration, short.reason) == (0.05, "shorter than 0.1 s")
    assert isinstance(long, Features)
    assert not np.isnan(long.values[0])


def test_processes_and_this_process_give_the_same_numbers(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 2.0)
    soundfile.write(tmp_path / "noise.wav", make_noise(1.0), 16_000)
    rows = [[segment("a.wav", 0.0, 1.0), segment("noise.wav", 0.0, 1.0)], [segment("a.wav", 1.0, 2.0)]]

    found = {}
    for number in (1, 2):
        pool = Workers(number)
        futures = [pool.submit(tmp_path, segments) for segments in rows]
        found[number] = values_of([row for future in futures for row in future.result()])
        pool.close()

    assert found[1].shape == (3, 88)
    assert np.array_equal(found[1], found[2], equal_nan=True)
