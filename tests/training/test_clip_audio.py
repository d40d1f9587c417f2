import tarfile
from collections.abc import Sequence
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from tests.inference.voices import write_voice

from paraclap.audio import read_audio
from paraclap.records import BadFile
from paraclap.training.clip_audio import list_segments, open_files


def make_manifest(rows: Sequence[tuple[str, float, float]]) -> pd.DataFrame:
    files, starts, ends = zip(*rows, strict=True)
    index = audformat.segmented_index(files, pd.to_timedelta(starts, unit="s"), pd.to_timedelta(ends, unit="s"))
    return pd.DataFrame(index=index)


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    write_voice(tmp_path / "in" / "a.wav", 2.0)
    write_voice(tmp_path / "in" / "sub" / "b.wav", 0.4, seed=1)
    return tmp_path / "in"


def test_segments_are_files_below_the_root_with_seconds(tmp_path: Path) -> None:
    manifest = make_manifest([("a.wav", 0.0, 1.5), ("sub/b.wav", 0.25, 0.5)])

    expected = [(str(tmp_path / "a.wav"), 0.0, 1.5), (str(tmp_path / "sub" / "b.wav"), 0.25, 0.5)]
    assert list_segments(manifest, tmp_path) == expected


@pytest.mark.parametrize(
    ("start", "seconds", "begin", "end"),
    [(0.0, None, 0.5, 1.75), (0.0, 10.0, 0.5, 1.75), (0.25, 0.5, 0.75, 1.25), (0.75, 3.0, 1.25, 1.75)],
)
def test_a_row_is_read_from_within_its_file(
    voices: Path, start: float, seconds: float | None, begin: float, end: float
) -> None:
    audio = open_files(make_manifest([("sub/b.wav", 0.0, 0.4), ("a.wav", 0.5, 1.75)]), voices)

    heard = audio.read(1, start=start, seconds=seconds)

    assert audio.duration(1) == 1.25
    assert heard.dtype == np.float32
    assert np.array_equal(heard, read_audio(voices / "a.wav")[round(begin * 16000) : round(end * 16000)])


def test_files_that_are_missing_are_named_once_and_none_is_opened(
    voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paraclap.training.clip_audio.read_audio", lambda *_, **__: pytest.fail("a file was read"))
    manifest = make_manifest([("c.wav", 0, 1), ("a.wav", 0, 1), ("c.wav", 1, 2), ("sub/d.wav", 0, 1)])

    audio = open_files(manifest, voices)

    missing = [str(voices / "c.wav"), str(voices / "sub" / "d.wav")]
    assert audio.bad_files == tuple(BadFile(file, f"{file}: no such file") for file in missing)
    assert [audio.duration(row) for row in range(4)] == [0.0, 1.0, 0.0, 0.0]


def test_rows_that_are_too_short_to_be_judged_have_no_length(voices: Path) -> None:
    audio = open_files(make_manifest([("a.wav", 0.5, 0.59), ("a.wav", 0.5, 0.625)]), voices)

    assert [audio.duration(row) for row in range(2)] == [0.0, 0.125]
    assert audio.bad_files == ()
    assert len(audio.read(1)) == 2000


def test_files_in_a_tar_shard_are_there_and_are_read_in_place(voices: Path) -> None:
    with tarfile.open(voices / "shard-000000.tar", "w") as shard:
        shard.add(voices / "a.wav", "a.wav")
        shard.add(voices / "sub" / "b.wav", "sub/b.wav")
    names = ("shard-000000.tar/a.wav", "shard-000000.tar/sub/b.wav", "shard-000001.tar/a.wav")

    audio = open_files(make_manifest([(name, 0.0, 0.375) for name in names]), voices)

    assert [bad.file for bad in audio.bad_files] == [str(voices / names[2])]
    assert [audio.duration(row) for row in range(3)] == [0.375, 0.375, 0.0]
    for row, name in enumerate(("a.wav", "sub/b.wav")):
        assert np.array_equal(audio.read(row, start=0.125), read_audio(voices / name)[2000:6000])
