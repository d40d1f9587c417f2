import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from paraclap.errors import CorpusError, ModelError, ParaClapError
from paraclap.storage import (
    FORMAT_VERSION,
    check_empty,
    check_format_version,
    hash_bytes,
    hash_file,
    hash_table,
    read_json,
    read_table,
    write_atomic,
    write_folder_atomic,
    write_json,
    write_table,
)


def make_table() -> pd.DataFrame:
    index = audformat.segmented_index(["a.wav", "a.wav", "ä/b.wav"], [0, "1s", "0.5s"], ["1s", "2.25s", "3.123456789s"])
    columns = {
        "emotion": ["anger", None, "fear"],
        "age": [20.5, np.nan, 31.0],
        "take": [1, 2, 3],
        "split": pd.Categorical(["train", "dev", None]),
    }
    return pd.DataFrame(columns, index=index)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_an_atomic_write_replaces_the_file_when_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"

    for text in ("old", "new"):
        with write_atomic(path) as temporary:
            temporary.write_text(text)
            assert temporary.parent == path.parent
            assert temporary.suffix == ".txt"
        assert path.read_text() == text

    assert names_in(path.parent) == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with write_atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_failed_first_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"not JSON": object()})

    assert names_in(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ParaClapError, match=r"a\.json cannot be written \(.+\); choose another place$"):
        write_json(tmp_path / "file" / "a.json", 1)
    with pytest.raises(ParaClapError, match="is a folder; expected the name of a file to write"):
        write_json(tmp_path, 1)


def test_an_atomic_write_makes_a_folder_or_fills_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "new" / "one"):
        with write_folder_atomic(folder, error_type=ModelError) as temporary:
            (temporary / "a.txt").write_text("text")
            assert not folder.exists() or names_in(folder) == []
        assert names_in(folder) == ["a.txt"]
        assert folder.stat().st_mode & 0o777 == 0o755
    assert sorted(names_in(tmp_path)) == ["empty", "new"]
    assert names_in(tmp_path / "new") == ["one"]


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with write_folder_atomic(tmp_path / "link", error_type=ModelError) as temporary:
        (temporary / "a.txt").touch()
    assert (tmp_path / "link").is_symlink()
    assert names_in(tmp_path / "disk") == ["a.txt"]


def test_a_folder_with_content_is_replaced_only_if_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old.txt").touch()

    with (
        pytest.raises(ModelError, match=r"folder is not empty, it holds old\.txt; choose an empty or a new folder$"),
        write_folder_atomic(folder, error_type=ModelError),
    ):
        pytest.fail("this is work for nothing")
    with write_folder_atomic(folder, error_type=ModelError, replace=True) as temporary:
        (temporary / "new.txt").touch()

    assert names_in(folder) == ["new.txt"]
    assert names_in(tmp_path) == ["folder"]


def test_what_came_into_an_empty_folder_meanwhile_is_not_lost(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    with (
        pytest.raises(ModelError, match=r"folder cannot be written \(Directory not empty\); choose another place$"),
        write_folder_atomic(folder, error_type=ModelError),
    ):
        (folder / "mine.txt").touch()

    assert names_in(folder) == ["mine.txt"]
    assert names_in(tmp_path) == ["folder"]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("failure", "expected", "message"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (CorpusError("odd"), CorpusError, "^odd$"),
        (OSError(28, "disk full"), ModelError, r"folder cannot be written \(disk full\); choose another place$"),
        (OSError("disk full"), ModelError, r"folder cannot be written \(disk full\); choose another place$"),
    ],
)
def test_a_failed_write_leaves_a_folder_as_it_was(
    failure: BaseException, expected: type[BaseException], message: str | None, replace: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    if replace:
        (folder / "old.txt").touch()

    with (
        pytest.raises(expected, match=message),
        write_folder_atomic(folder, error_type=ModelError, replace=replace) as temporary,
    ):
        (temporary / "half.txt").touch()
        raise failure

    assert names_in(tmp_path) == ["folder"]
    assert names_in(folder) == ["old.txt"] * replace


def test_a_place_that_is_no_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    check_empty(tmp_path / "new" / "folder", error_type=ModelError)
    for folder, message in (
        (tmp_path, r"is not empty, it holds file; choose an empty or a new folder$"),
        (tmp_path / "file", r"file is a file; expected the name of a folder to write$"),
        (tmp_path / ("a" * 300), r"aaa cannot be written \(File name too long\); choose another place$"),
    ):
        with pytest.raises(ModelError, match=message):
            check_empty(folder, error_type=ModelError)
    with (
        pytest.raises(ModelError, match=r"file/new cannot be written \(Not a directory\); choose another place$"),
        write_folder_atomic(tmp_path / "file" / "new", error_type=ModelError),
    ):
        pytest.fail("this is work for nothing")


def test_json_may_hold_a_file_name_that_is_not_utf_8(tmp_path: Path) -> None:
    value = {"file": os.fsdecode(b"M\xfcller.wav")}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_json_comes_back(tmp_path: Path) -> None:
    value = {"größe": [1, 2.5, None, True], "nested": {"a": "b"}}

    write_json(tmp_path / "a.json", value)

    assert read_json(tmp_path / "a.json") == value
    assert "größe" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", [b"", b"{", b"uar: 0.5", b"\xff\xfe\x00"])
def test_what_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)

    with pytest.raises(
        ParaClapError, match=r"a\.json is not JSON \(.+\); write it again with the command that made it"
    ):
        read_json(tmp_path / "a.json")


def test_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParaClapError, match=r"^no file .*a\.json; expected a JSON file$"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ParaClapError, match=r"cannot be read \(Is a directory\); expected a JSON file$"):
        read_json(tmp_path)


def test_a_segmented_table_comes_back_with_its_metadata(tmp_path: Path) -> None:
    table = make_table()
    metadata = {"corpus": "toy", "sources": ["a", "b"], "scale": None}

    write_table(tmp_path / "m.parquet", table, kind="manifest", metadata=metadata)
    read, read_metadata = read_table(tmp_path / "m.parquet", kind="manifest")

    assert read_metadata == metadata
    assert audformat.is_segmented_index(read)
    assert str(read.index.get_level_values("end").dtype) == "timedelta64[ns]"
    pd.testing.assert_frame_equal(read, table, check_index_type=False)


def test_any_parquet_reader_reads_the_table(tmp_path: Path) -> None:
    write_table(tmp_path / "m.parquet", make_table(), kind="manifest")

    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "m.parquet"), make_table(), check_index_type=False)


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "f.parquet", make_table(), kind="features")

    with pytest.raises(CorpusError, match=r"f\.parquet holds features; expected a manifest$"):
        read_table(tmp_path / "f.parquet", kind="manifest")


def test_a_table_of_somebody_else_is_refused(tmp_path: Path) -> None:
    make_table().to_parquet(tmp_path / "f.parquet")

    with pytest.raises(CorpusError, match="holds a parquet file that paraclap did not write; expected a manifest"):
        read_table(tmp_path / "f.parquet", kind="manifest")


def test_a_table_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "m.parquet", make_table(), kind="manifest")
    content = pq.read_table(tmp_path / "m.parquet")
    header = json.loads(content.schema.metadata[b"paraclap"]) | {"format_version": FORMAT_VERSION + 1}
    pq.write_table(content.replace_schema_metadata({"paraclap": json.dumps(header)}), tmp_path / "m.parquet")

    with pytest.raises(CorpusError, match="has format version 2; this paraclap reads up to 1: upgrade it"):
        read_table(tmp_path / "m.parquet", kind="manifest")


def test_only_a_newer_format_version_is_refused() -> None:
    for version in (0, FORMAT_VERSION):
        check_format_version(version, "here")
    with pytest.raises(CorpusError, match=r"^here has format version 7; this paraclap reads up to 1: upgrade it$"):
        check_format_version(7, "here")


@pytest.mark.parametrize("content", [b"", b"file,start,end\n", b"PAR1 and nothing else, PAR1"])
def test_what_is_not_parquet_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.parquet").write_bytes(content)

    with pytest.raises(
        CorpusError, match=r"m\.parquet cannot be read as parquet \(.+\); expected a manifest written by"
    ):
        read_table(tmp_path / "m.parquet", kind="manifest")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "m.parquet", tmp_path):
        with pytest.raises(CorpusError, match=r"^no file .+; expected a manifest written by paraclap$"):
            read_table(path, kind="manifest")


def test_hashes_of_files_and_bytes_are_sha_256(tmp_path: Path) -> None:
    # the test vector "abc" of FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "a").write_bytes(b"abc")

    assert hash_bytes(b"abc") == expected
    assert hash_file(tmp_path / "a") == expected


def test_the_hash_of_a_table_survives_a_round_trip(tmp_path: Path) -> None:
    write_table(tmp_path / "m.parquet", make_table(), kind="manifest")

    assert hash_table(read_table(tmp_path / "m.parquet", kind="manifest")[0]) == hash_table(make_table())


def test_the_hash_of_a_table_is_the_same_in_another_process() -> None:
    code = "import tests.test_storage as test; print(test.hash_table(test.make_table()))"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}

    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == hash_table(make_table())


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "order of rows": lambda table: table.iloc[::-1],
    "order of columns": lambda table: table[table.columns[::-1]],
    "name of a column": lambda table: table.rename(columns={"age": "years"}),
    "a value": lambda table: table.assign(age=[20.5, np.nan, 31.5]),
    "a missing value": lambda table: table.assign(emotion=["anger", "anger", "fear"]),
    "a row less": lambda table: table.iloc[:2],
    "an end": lambda table: table.set_axis(
        audformat.segmented_index(["a.wav", "a.wav", "ä/b.wav"], [0, "1s", "0.5s"], ["1s", "2.25s", "3.123456788s"])
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_hash_of_a_table_changes_with_its(change: str) -> None:
    assert hash_table(CHANGES[change](make_table())) != hash_table(make_table())


def test_a_table_without_columns_or_rows_has_a_hash() -> None:
    assert len({hash_table(make_table()[[]]), hash_table(make_table().iloc[:0]), hash_table(make_table())}) == 3
