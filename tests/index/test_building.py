import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

from tests.index.toys import Ear, OtherEar, write_sound

from paraclap.corpora import write_manifest
from paraclap.errors import AudioError, CorpusError, StoreError
from paraclap.index import Index, Windowing, building, store

METADATA = dict.fromkeys(["corpus", "licence", "source", "citation", "version", "languages"], "x")


def rows_of(index: Index) -> tuple[list[tuple[str, float, float]], np.ndarray]:
    table, vectors = index.read_rows()
    return [(Path(file).name, start.total_seconds(), end.total_seconds()) for file, start, end in table.index], vectors


def counts(index: Index) -> tuple[int, ...]:
    report = index.report
    assert report is not None
    return (report.new, report.changed, report.relabelled, report.unchanged, report.removed, report.embedded)


def write_labels(path: Path, root: Path, rows: Sequence[tuple[str, float, float]], **columns: Sequence[object]) -> Path:
    files, starts, ends = zip(*rows, strict=True)
    index = audformat.segmented_index(files, pd.to_timedelta(starts, unit="s"), pd.to_timedelta(ends, unit="s"))
    write_manifest(path, pd.DataFrame(columns, index=index), {**METADATA, "root": str(root)})
    return path


def test_every_window_of_an_archive_has_its_vector(archive: Path, tmp_path: Path) -> None:
    ear = Ear()

    index = Index.build(tmp_path / "index", archive, model=ear)

    assert counts(index) == (13, 0, 0, 0, 0, 17)
    rows, vectors = rows_of(index)
    assert rows[:2] == [("01.wav", 0.0, 0.25), ("03.wav", 0.0, pytest.approx(0.35))]
    assert rows[-5:] == [("long.wav", float(begin), float(min(begin + 10, 45))) for begin in range(0, 50, 10)]
    table, _ = index.read_rows()
    assert np.allclose(vectors, Ear().embed_audio(table.index), atol=1e-6)
    assert table["duration"].tolist() == pytest.approx([end - start for _, start, end in rows])
    assert list(table.columns) == ["duration", "hash", "modified"]


def test_a_second_build_embeds_only_what_is_new_or_has_changed(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    write_sound(archive / "a" / "new.wav", seed=100)
    write_sound(archive / "a" / "01.wav", seed=101)
    (archive / "b" / "00.wav").unlink()
    ear = Ear()

    index = Index.build(tmp_path / "index", archive, model=ear)

    assert counts(index) == (1, 1, 0, 11, 1, 2)
    assert ear.num_heard == 2
    fresh = Index.build(tmp_path / "fresh", archive, model=Ear())
    assert rows_of(index)[0] == rows_of(fresh)[0]
    assert np.allclose(rows_of(index)[1], rows_of(fresh)[1])


def test_a_file_that_was_only_touched_is_not_heard_again(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    os.utime(archive / "long.wav", (1_000_000_000, 1_000_000_000))
    ear = Ear()

    index = Index.build(tmp_path / "index", archive, model=ear)

    assert (counts(index), ear.num_heard) == ((0, 0, 0, 13, 0, 0), 0)
    assert index.read_rows()[0]["modified"].max().year >= 2024
    assert (index.read_rows()[0]["modified"] == pd.Timestamp("2001-09-09T01:46:40Z")).sum() == 5
    assert counts(Index.build(tmp_path / "index", archive, model=ear)) == (0, 0, 0, 13, 0, 0)


def test_a_file_that_was_renamed_is_not_heard_again(archive: Path, tmp_path: Path) -> None:
    before = rows_of(Index.build(tmp_path / "index", archive, model=Ear()))[1]
    (archive / "a").rename(archive / "z")
    ear = Ear()

    index = Index.build(tmp_path / "index", archive, model=ear)

    assert (counts(index), ear.num_heard) == ((6, 0, 0, 7, 6, 0), 0)
    assert np.allclose(np.sort(rows_of(index)[1], axis=0), np.sort(before, axis=0))


def test_a_file_that_became_shorter_leaves_no_windows_behind(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    write_sound(archive / "long.wav", seed=7, duration=0.5)

    index = Index.build(tmp_path / "index", archive, model=Ear())

    assert counts(index) == (0, 1, 0, 12, 0, 1)
    assert rows_of(index)[0][-1] == ("long.wav", 0.0, 0.5)
    assert len(index) == 13


def test_only_what_is_below_the_roots_given_is_taken_away(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    shutil.copytree(archive / "a", tmp_path / "elsewhere")
    (archive / "a" / "01.wav").unlink()
    (archive / "b" / "00.wav").unlink()

    index = Index.build(tmp_path / "index", [archive / "a", tmp_path / "elsewhere"], model=Ear())

    assert counts(index) == (6, 0, 0, 5, 1, 0)
    assert "00.wav" in {row[0] for row in rows_of(index)[0]}


def test_a_folder_that_is_missing_takes_nothing_away(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    (archive / "a").rename(tmp_path / "unmounted")

    index = Index.build(tmp_path / "index", [archive / "a", archive / "b"], model=Ear())

    assert len(index) == 17
    assert index.report is not None
    assert [bad.reason for bad in index.report.bad_files] == [f"{archive / 'a'}: no such file or folder"]


def test_nothing_is_made_where_there_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file or folder"):
        Index.build(tmp_path / "index", tmp_path / "nowhere", model=Ear())
    with pytest.raises(AudioError, match="found an empty list"):
        Index.build(tmp_path / "index", [], model=Ear())

    assert not (tmp_path / "index").exists()


def test_bad_files_are_named_at_every_build_and_the_others_kept(archive: Path, tmp_path: Path) -> None:
    (archive / "a" / "broken.wav").write_bytes(b"no audio")

    for _ in range(2):
        index = Index.build(tmp_path / "index", archive, model=Ear())

        assert index.report is not None
        assert [Path(bad.file).name for bad in index.report.bad_files] == ["broken.wav"]
        assert len(index) == 17


def test_a_file_that_broke_is_taken_away_and_comes_back_when_it_is_whole(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())
    (archive / "a" / "01.wav").write_bytes(b"no audio")
    assert len(Index.build(tmp_path / "index", archive, model=Ear())) == 16

    write_sound(archive / "a" / "01.wav", seed=1)

    assert len(Index.build(tmp_path / "index", archive, model=Ear())) == 17


def test_a_file_whose_name_is_not_utf_8_is_named(archive: Path, tmp_path: Path) -> None:
    (archive / "a" / "01.wav").rename(os.fsdecode(os.fsencode(archive) + b"/a/\xff.wav"))

    index = Index.build(tmp_path / "index", archive, model=Ear())

    assert index.report is not None
    assert "the name is not in UTF-8, which an index needs; rename it" in index.report.bad_files[0].reason


def test_files_in_a_tar_archive_are_rows_as_well(archive: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "pack"), "tar", archive)

    index = Index.build(tmp_path / "index", tmp_path / "pack.tar", model=Ear())

    assert len(index) == 17
    assert index.read_rows()[0].index[0][0] == f"{tmp_path}/pack.tar/a/01.wav"


def test_a_manifest_brings_its_utterances_and_columns(archive: Path, tmp_path: Path) -> None:
    rows = [("a/01.wav", 0.0, 0.2), ("long.wav", 1.0, 3.5), ("long.wav", 5.0, 44.0)]
    manifest = write_labels(
        tmp_path / "m.parquet",
        archive,
        rows,
        gender=["female", None, "male"],
        age=[20.0, 30.5, float("nan")],
        duration=[1, 2, 3],
    )

    index = Index.build(tmp_path / "index", manifest, model=Ear())

    table, _ = index.read_rows()
    assert table["gender"].fillna("?").tolist() == ["female", "?", "male", "male", "male", "male"]
    assert table["age"].fillna(-1).tolist() == [20, 30.5, -1, -1, -1, -1]
    assert table["manifest_duration"].tolist() == [1, 2, 3, 3, 3, 3]
    assert rows_of(index)[0][2:] == [("long.wav", s, e) for s, e in ((5, 15), (15, 25), (25, 35), (35, 44))]
    assert index.columns["gender"] == "text"
    assert index.columns["age"] == "number"


def test_new_labels_are_taken_over_without_hearing_anything_again(archive: Path, tmp_path: Path) -> None:
    rows = [("a/01.wav", 0.0, 0.2), ("long.wav", 1.0, 3.5)]
    manifest = write_labels(tmp_path / "m.parquet", archive, rows, gender=["female", None])
    Index.build(tmp_path / "index", manifest, model=Ear())
    write_labels(manifest, archive, rows, gender=["female", "male"], take=[1, 2])
    ear = Ear()

    index = Index.build(tmp_path / "index", manifest, model=ear)

    assert (counts(index), ear.num_heard) == ((0, 0, 2, 0, 0, 0), 0)
    assert index.read_rows()[0][["gender", "take"]].values.tolist() == [["female", 1.0], ["male", 2.0]]


def test_what_a_manifest_no_longer_lists_goes_and_other_manifests_stay(archive: Path, tmp_path: Path) -> None:
    one = write_labels(tmp_path / "1.parquet", archive, [("a/01.wav", 0.0, 0.2), ("a/03.wav", 0.0, 0.2)], x=["a", "b"])
    two = write_labels(tmp_path / "2.parquet", archive, [("b/00.wav", 0.0, 0.2)], x=["c"])
    Index.build(tmp_path / "index", [one, two], model=Ear())
    write_labels(one, archive, [("a/03.wav", 0.0, 0.2)], x=["b"])

    index = Index.build(tmp_path / "index", one, model=Ear())

    assert counts(index) == (0, 0, 0, 1, 1, 0)
    assert [row[0] for row in rows_of(index)[0]] == ["03.wav", "00.wav"]


def test_an_utterance_that_cannot_be_heard_is_named_every_time_and_the_others_are_heard_once(
    archive: Path, tmp_path: Path
) -> None:
    rows = [("long.wav", 1.0, 3.0), ("long.wav", 50.0, 51.0), ("long.wav", 4.0, 4.05)]
    manifest = write_labels(tmp_path / "m.parquet", archive, rows, x=["a", "b", "c"])
    ear = Ear()

    for _ in range(2):
        index = Index.build(tmp_path / "index", manifest, model=ear)

        assert index.report is not None
        reasons = [bad.reason for bad in index.report.bad_files]
        assert len(reasons) == 2
        assert "segment starts at 50 s; the file ends at 45.000 s" in reasons[0]
        assert "shorter than" in reasons[1] or "0.1 s" in reasons[1]
        assert len(index) == 1
    assert ear.num_heard == 1


def test_a_table_of_ones_own_is_as_good_as_a_manifest(archive: Path, tmp_path: Path) -> None:
    files = [str(archive / "a/01.wav"), str(archive / "a/03.wav")]
    table = pd.DataFrame({"mood": ["good", "bad"]}, index=audformat.filewise_index(files))

    index = Index.build(tmp_path / "index", table, model=Ear())

    assert index.read_rows()[0]["mood"].tolist() == ["good", "bad"]


def test_a_column_of_another_type_is_refused(archive: Path, tmp_path: Path) -> None:
    one = write_labels(tmp_path / "1.parquet", archive, [("a/01.wav", 0.0, 0.2)], take=["a"])
    two = write_labels(tmp_path / "2.parquet", archive, [("a/03.wav", 0.0, 0.2)], take=[1])

    with pytest.raises(CorpusError, match=r"column 'take' is double .* and string in another manifest"):
        Index.build(tmp_path / "index", [one, two], model=Ear())
    Index.build(tmp_path / "index", one, model=Ear())
    with pytest.raises(StoreError, match="column 'take' is string in the index and double in the manifest; rename it"):
        Index.build(tmp_path / "index", two, model=Ear())


def test_a_manifest_whose_audio_has_moved_is_refused(archive: Path, tmp_path: Path) -> None:
    manifest = write_labels(tmp_path / "m.parquet", archive, [("a/01.wav", 0.0, 0.2)], x=["a"])
    archive.rename(tmp_path / "moved")

    with pytest.raises(CorpusError, match=r"its audio is expected in .* which is no folder; import the corpus again"):
        Index.build(tmp_path / "index", manifest, model=Ear())


def test_another_model_is_refused(archive: Path, tmp_path: Path) -> None:
    Index.build(tmp_path / "index", archive, model=Ear())

    message = r"holds vectors of ear \(eeeeeeeeeeee\), which those of other \(oooooooooooo\) cannot be compared with"
    with pytest.raises(StoreError, match=message):
        Index.build(tmp_path / "index", archive, model=OtherEar("other"))
    with pytest.raises(StoreError, match=message):
        Index.open(tmp_path / "index", model=OtherEar("other"))


def test_other_windows_are_refused_and_none_are_those_of_the_index(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear(), windowing=Windowing(window=5.0, whole=5.0))
    assert len(index) == 12 + 9

    with pytest.raises(StoreError, match="holds windows of 5 s, audio of up to 5 s as one; found windows of 10 s"):
        Index.build(tmp_path / "index", archive, model=Ear(), windowing=Windowing())
    assert counts(Index.build(tmp_path / "index", archive, model=Ear())) == (0, 0, 0, 13, 0, 0)


def test_progress_ends_with_all_files(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_WINDOWS_AT_ONCE", 4)
    told: list[tuple[int, int]] = []

    Index.build(tmp_path / "index", archive, model=Ear(), progress=lambda done, total: told.append((done, total)))

    assert told[0] == (0, 13)
    assert told[-1] == (13, 13)
    assert told == sorted(told)


def test_a_full_disk_is_one_sentence_and_what_was_committed_is_kept(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_WINDOWS_AT_ONCE", 4)
    monkeypatch.setattr(building, "_COMMIT_EVERY", 0.0)
    write, num_writes = store.Store.write, 0

    def write_until_full(self: store.Store, rows: object, *, replaced_files: Sequence[str] = ()) -> None:
        nonlocal num_writes
        num_writes += 1
        if num_writes > 2:
            with store.explain(self.place):
                raise OSError("LanceError(IO): Generic LocalFileSystem error: No space left on device (os error 28)")
        write(self, rows, replaced_files=replaced_files)

    with monkeypatch.context() as patch, pytest.raises(StoreError, match=r"the disk of .* is full; free some space"):
        patch.setattr(store.Store, "write", write_until_full)
        Index.build(tmp_path / "index", archive, model=Ear())

    assert len(Index.open(tmp_path / "index")) == 8
    ear = Ear()
    assert len(Index.build(tmp_path / "index", archive, model=ear)) == 17
    assert ear.num_heard == 17 - 8


def test_a_folder_that_holds_something_else_is_left_alone(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds a, so it is no index; choose an empty or a new folder"):
        Index.build(archive, archive, model=Ear())
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file; expected the name of a folder for the index"):
        Index.build(tmp_path / "file", archive, model=Ear())
