import shutil
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.features.corpora import Corpus, make_manifest, write_voices

from paraclap.audio import read_audio
from paraclap.errors import ConfigError, CorpusError, ParaClapError
from paraclap.features import (
    FEATURE_SET,
    FeaturesResult,
    extract_features,
    extract_manifest,
    feature_names,
    load_features,
    measuring,
    read_features,
    tables,
    workers,
)
from paraclap.records import BadFile


def assert_same_table(first: Path, second: Path) -> None:
    pd.testing.assert_frame_equal(read_features(first)[0], read_features(second)[0])


def interrupt_after(rows: int) -> Callable[[int, int], None]:
    """Return a progress callback that stops like Ctrl-C."""

    def stop(done: int, total: int) -> None:
        if done >= rows:
            raise KeyboardInterrupt

    return stop


def test_the_table_holds_what_is_measured_of_every_utterance(few: Corpus, tmp_path: Path) -> None:
    manifest, metadata = few

    result = extract_manifest(*few, tmp_path / "f.parquet", num_workers=1)

    table, described = read_features(tmp_path / "f.parquet", manifest=manifest, metadata=metadata)
    assert list(table.columns) == [*feature_names(), "duration", "reason"]
    assert set(table.dtypes[:88]) == {np.dtype(np.float32)}
    assert table.index.tolist() == manifest.index.tolist()
    assert audformat.is_segmented_index(table)
    for place, (file, start, end) in enumerate(list(table.index)[:4]):
        row = table.iloc[place]
        samples = read_audio(Path(metadata["root"]) / file, start=start.total_seconds(), end=end.total_seconds())
        expected = extract_features(samples)
        assert np.array_equal(row[:88].to_numpy(dtype=np.float32), expected.values, equal_nan=True)
        assert (row["duration"], row["reason"]) == (expected.duration, expected.reason)
    assert table["reason"].tolist()[1::3] == ["nothing voiced", "shorter than 0.1 s"]
    assert table["duration"].tolist() == pytest.approx([0.6, 0.5, 0.4, 0.4, 0.05])
    assert (result.num_rows, result.num_cached, result.bad_files) == (5, 0, ())
    assert result.reasons["nothing voiced"] == result.reasons["shorter than 0.1 s"] == 1
    assert result.reasons["nothing unvoiced"] == 3
    assert described == {
        "feature_set": FEATURE_SET,
        "opensmile": described["opensmile"],
        "corpus": "toy",
        "manifest": described["manifest"],
        "window": None,
        "hop": None,
    }


def test_the_table_in_memory_is_the_one_on_disk_with_the_index_of_the_manifest(few: Corpus, tmp_path: Path) -> None:
    extract_manifest(*few, tmp_path / "f.parquet", num_workers=1)

    table, result = load_features(*few)

    written, _ = read_features(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(table, written, check_column_type=False)
    pd.testing.assert_index_equal(table.index, few[0].index)
    assert (result.num_rows, result.num_cached) == (5, 5)


def test_two_processes_write_the_table_of_one(voices: Corpus, tmp_path: Path) -> None:
    one = extract_manifest(*voices, tmp_path / "1.parquet", num_workers=1, cache=False)
    two = extract_manifest(*voices, tmp_path / "2.parquet", num_workers=2, cache=False)

    assert one == two == FeaturesResult(40, 0, one.reasons)
    assert_same_table(tmp_path / "1.parquet", tmp_path / "2.parquet")


def test_large_tables_are_written_in_parts(voices: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract_manifest(*voices, tmp_path / "1.parquet", num_workers=1)
    monkeypatch.setattr(tables, "_PART_SIZE", 1)

    extract_manifest(*voices, tmp_path / "2.parquet", num_workers=1)

    groups = pq.ParquetFile(tmp_path / "2.parquet").metadata
    assert [groups.row_group(number).num_rows for number in range(groups.num_row_groups)] == [8] * 5
    assert_same_table(tmp_path / "1.parquet", tmp_path / "2.parquet")
    table, _ = load_features(*voices)
    pd.testing.assert_frame_equal(table, read_features(tmp_path / "1.parquet")[0], check_column_type=False)


def test_the_same_audio_is_measured_once_whatever_it_is_called(voices: Corpus, tmp_path: Path) -> None:
    manifest, metadata = voices
    first, result = load_features(*voices, num_workers=1)
    copies = tmp_path / "copies"
    shutil.copytree(metadata["root"], copies / "deep")
    rows = [(f"deep/{file}", 0.0, end.total_seconds()) for file, _, end in manifest.index]

    again, cached = load_features(*make_manifest(rows[::-1], copies), num_workers=1)

    assert (result.num_cached, cached.num_cached) == (0, 40)
    assert np.array_equal(again.iloc[::-1, :89].to_numpy(), first.iloc[:, :89].to_numpy(), equal_nan=True)
    assert cached.reasons == result.reasons


CHANGES: dict[str, Callable[[pytest.MonkeyPatch, Path], object]] = {
    "audio": lambda patch, file: soundfile.write(file, make_voice(0.8, 16_000, seed=9), 16_000),
    "rules": lambda patch, file: patch.setattr(measuring, "rules_revision", lambda: 0),
    "opensmile": lambda patch, file: patch.setattr(measuring, "find_opensmile", lambda: "1.0"),
}


@pytest.mark.parametrize(("change", "num_cached"), [("audio", 2), ("rules", 0), ("opensmile", 0)])
def test_what_has_changed_is_measured_again(
    few: Corpus, monkeypatch: pytest.MonkeyPatch, change: str, num_cached: int
) -> None:
    load_features(*few, num_workers=1)
    assert load_features(*few, num_workers=1)[1].num_cached == 5

    CHANGES[change](monkeypatch, Path(few[1]["root"]) / "0.wav")

    assert load_features(*few, num_workers=1)[1].num_cached == num_cached


def test_the_cache_lies_in_the_users_folder_or_where_it_is_put_or_nowhere(
    few: Corpus, tmp_path: Path, cache_folder: Path
) -> None:
    load_features(*few, num_workers=1, cache=False)
    load_features(*few, num_workers=1, cache=tmp_path / "own")
    assert not cache_folder.exists()
    assert (tmp_path / "own" / "features.sqlite").is_file()

    load_features(*few, num_workers=1)

    assert (cache_folder / "features.sqlite").is_file()


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_command_that_is_stopped_goes_on_where_it_was(voices: Corpus, tmp_path: Path, num_workers: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract_manifest(*voices, tmp_path / "f.parquet", num_workers=num_workers, progress=interrupt_after(rows=20))
    assert not (tmp_path / "f.parquet").exists()

    result = extract_manifest(*voices, tmp_path / "f.parquet", num_workers=1)

    assert result.num_rows == 40
    assert result.num_cached >= 24  # workers end what they have begun, and it is kept
    expected, _ = load_features(*voices, cache=False, num_workers=1)
    table, _ = read_features(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(table, expected, check_column_type=False)


def test_progress_is_told_partition_by_partition(voices: Corpus) -> None:
    told: list[tuple[int, int]] = []

    load_features(*voices, num_workers=1, progress=lambda done, total: told.append((done, total)))

    assert told == [(8, 40), (16, 40), (24, 40), (32, 40), (40, 40)]


def test_bad_files_are_reported_and_keep_their_rows(tmp_path: Path) -> None:
    root = tmp_path / "c"
    write_voices(root, [0.5])
    (root / "bad.wav").write_bytes(b"no audio")
    rows = [("bad.wav", 0.0, 1.0), ("0.wav", 0.0, 0.5), ("nowhere.wav", 0.0, 1.0), ("bad.wav", 1.0, 2.0)]
    corpus = make_manifest(rows, root)

    table, result = load_features(*corpus, num_workers=1)

    bad, missing = result.bad_files
    assert bad.file == "bad.wav"
    assert bad.reason.startswith(f"{root / 'bad.wav'}: cannot be read as audio")
    assert bad.reason.endswith("(and 1 more of its rows)")
    assert missing == BadFile("nowhere.wav", f"{root / 'nowhere.wav'}: no such file")
    assert table.index.tolist() == corpus[0].index.tolist()
    assert table["reason"].iloc[2] == "no such file"
    assert table["reason"].iloc[0].startswith("cannot be read as audio")
    assert np.isnan(table.iloc[[0, 2, 3], :89].to_numpy()).all()
    assert table["duration"].iloc[1] == 0.5
    assert load_features(*corpus, num_workers=1)[1].num_cached == 1  # they are tried again


def test_windows_are_rows_with_their_own_times(tmp_path: Path) -> None:
    manifest, metadata = write_voices(tmp_path / "c", [1.0, 0.3])

    extract_manifest(manifest, metadata, tmp_path / "f.parquet", window=0.5, hop=0.25, num_workers=1)

    table, described = read_features(tmp_path / "f.parquet", manifest=manifest)
    times = [(file, start.total_seconds(), end.total_seconds()) for file, start, end in table.index]
    assert times == [("0.wav", 0.0, 0.5), ("0.wav", 0.25, 0.75), ("0.wav", 0.5, 1.0), ("1.wav", 0.0, 0.3)]
    assert (described["window"], described["hop"]) == (0.5, 0.25)
    samples = read_audio(tmp_path / "c/0.wav", start=0.25, end=0.75)
    assert np.array_equal(
        table.iloc[1, :88].to_numpy(dtype=np.float32), extract_features(samples).values, equal_nan=True
    )


def test_a_process_that_was_killed_is_named(voices: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(workers.Workers):
        def submit(self, *_: Any) -> "Future[list[workers.Measured]]":
            future: Future[list[workers.Measured]] = Future()
            future.set_exception(BrokenProcessPool("killed"))
            return future

    monkeypatch.setattr(measuring, "Workers", Killed)

    with pytest.raises(
        ParaClapError, match=r"^a process that measures features was killed, .+ it goes on where it was$"
    ):
        load_features(*voices)


def test_without_opensmile_nothing_is_begun(few: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)

    with pytest.raises(ConfigError, match=r"^openSMILE is not installed"):
        extract_manifest(*few, tmp_path / "f.parquet")

    assert not (tmp_path / "f.parquet").exists()


def test_what_is_no_manifest_is_refused(few: Corpus, tmp_path: Path) -> None:
    manifest, metadata = few
    for table, facts, message in (
        (manifest.reset_index(), metadata, r"^no manifest: expected utterances by file, start, end"),
        (manifest, {"corpus": "toy"}, r"^no manifest: .+ and metadata with the folder 'root'$"),
        (manifest.iloc[:0], metadata, r"^the manifest of toy has no rows; expected at least one utterance$"),
        (manifest, metadata | {"root": "nowhere"}, r"^no folder nowhere, where toy was when it was imported; import"),
    ):
        with pytest.raises(CorpusError, match=message):
            extract_manifest(table, facts, tmp_path / "f.parquet")
        with pytest.raises(CorpusError, match=message):
            load_features(table, facts)


def test_windows_without_sense_are_refused(few: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^window of 0\.01 s; expected at least 0\.1 s$"):
        extract_manifest(*few, tmp_path / "f.parquet", window=0.01)
