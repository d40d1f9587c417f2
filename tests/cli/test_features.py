import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.cli.conftest import Run
from tests.features.corpora import make_manifest, make_noise, write_voices

from paraclap.corpora import write_manifest
from paraclap.features import load_features, read_features

FACTS = {"licence": "none", "source": "made here", "citation": "none", "version": "1", "languages": ["en"]}
Toy = tuple[Path, pd.DataFrame, dict[str, Any]]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return the path of a manifest of two voices and noise, and what is in it."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    root = tmp_path / "toy"
    write_voices(root, [0.5, 0.4])
    soundfile.write(root / "noise.wav", make_noise(0.5), 16_000)
    rows = [("0.wav", 0.0, 0.5), ("noise.wav", 0.0, 0.5), ("1.wav", 0.0, 0.4)]
    return save_manifest(rows, root, tmp_path / "m.parquet")


def save_manifest(rows: list[tuple[str, float, float]], root: Path, path: Path) -> Toy:
    manifest, metadata = make_manifest(rows, root)
    write_manifest(path, manifest, metadata | FACTS)
    return path, manifest, metadata


def test_the_table_is_that_of_the_library_and_what_is_missing_is_counted(run: Run, toy: Toy, tmp_path: Path) -> None:
    path, manifest, metadata = toy
    out = tmp_path / "sub" / "f.parquet"

    done = run("features", path, "--out", out)

    assert (done.status, done.stdout) == (0, "")
    assert done.stderr.splitlines()[0] == f"{out}: 3 rows, 0 of them from the cache"
    assert "1 row lacks values: nothing voiced" in done.stderr.splitlines()
    assert "2 rows lack values: nothing unvoiced" in done.stderr.splitlines()
    table, _ = read_features(out, manifest=manifest, metadata=metadata)
    expected, _ = load_features(manifest, metadata, cache=False, num_workers=1)
    pd.testing.assert_frame_equal(table, expected, check_column_type=False)


def test_a_second_run_finds_all_in_the_cache(run: Run, toy: Toy, tmp_path: Path) -> None:
    run("features", toy[0], "--out", tmp_path / "f.parquet", "--cache", tmp_path / "own")

    again = run("features", toy[0], "--out", tmp_path / "f.parquet", "--cache", tmp_path / "own", "--workers", "1")
    without = run("features", toy[0], "--out", tmp_path / "f.parquet", "--no-cache")

    assert again.stderr.startswith(f"{tmp_path / 'f.parquet'}: 3 rows, 3 of them from the cache\n")
    assert without.stderr.startswith(f"{tmp_path / 'f.parquet'}: 3 rows, 0 of them from the cache\n")
    assert (tmp_path / "own" / "features.sqlite").is_file()
    assert not (tmp_path / "caches").exists()


def test_windows_are_rows(run: Run, toy: Toy, tmp_path: Path) -> None:
    done = run("features", toy[0], "--out", tmp_path / "f.parquet", "--window", "0.3", "--hop", "0.1")

    assert done.status == 0
    table, metadata = read_features(tmp_path / "f.parquet")
    assert [(file, start.total_seconds()) for file, start, _ in table.index] == [
        *(("0.wav", start) for start in (0.0, 0.1, 0.2)),
        *(("noise.wav", start) for start in (0.0, 0.1, 0.2)),
        *(("1.wav", start) for start in (0.0, 0.1)),
    ]
    assert (metadata["window"], metadata["hop"]) == (0.3, 0.1)


def test_bad_files_are_named_and_the_others_are_measured(run: Run, toy: Toy, tmp_path: Path) -> None:
    root = Path(toy[2]["root"])
    (root / "bad.wav").write_bytes(b"no audio")
    path, _, _ = save_manifest([("bad.wav", 0.0, 1.0), ("0.wav", 0.0, 0.5)], root, tmp_path / "b.parquet")

    done = run("features", path, "--out", tmp_path / "f.parquet")

    assert done.status == 1
    assert done.stderr.startswith(f"{tmp_path / 'f.parquet'}: 2 rows, 0 of them from the cache\n")
    assert f"paraclap: {root / 'bad.wav'}: cannot be read as audio" in done.stderr
    table, _ = read_features(tmp_path / "f.parquet")
    assert np.isnan(table.iloc[0, :88].to_numpy(dtype=np.float32)).all()
    assert table["reason"].iloc[1].startswith("nothing unvoiced")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hop", "1"], "paraclap: hop of 1 s without a window; give the length of the windows too\n"),
        (["--window", "0"], "paraclap: window of 0 s; expected at least 0.1 s\n"),
        (["--window", "1", "--hop", "0"], "paraclap: hop of 0 s; expected more than 0 s\n"),
    ],
)
def test_windows_that_make_no_sense_are_one_sentence(
    run: Run, toy: Toy, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run("features", toy[0], "--out", tmp_path / "f.parquet", *arguments)

    assert (done.status, done.stdout, done.stderr) == (1, "", message)
    assert not (tmp_path / "f.parquet").exists()


def test_without_opensmile_one_sentence_names_the_extra_and_the_licence(
    run: Run, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)

    done = run("features", toy[0], "--out", tmp_path / "f.parquet")

    assert (done.status, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("paraclap: openSMILE is not installed")
    assert "pip install 'paraclap[features]' (its licence: research, education and other non-commercial use" in line


def test_help_names_the_extra_and_the_licence(run: Run) -> None:
    done = run("features", "--help")

    assert done.status == 0
    assert "pip install 'paraclap[features]'" in done.stdout
    assert "The licence of openSMILE allows research, education" in done.stdout
    assert "non-commercial use only" in done.stdout


def test_a_cache_and_none_are_not_both_given(run: Run, toy: Toy, tmp_path: Path) -> None:
    done = run("features", toy[0], "--out", tmp_path / "f.parquet", "--cache", tmp_path, "--no-cache")

    assert done.status == 2
    assert "give either a folder or --no-cache" in done.stderr


@pytest.mark.parametrize("out", ["f.csv", "folder.parquet"])
def test_a_table_that_cannot_be_written_is_refused_before_any_work(run: Run, tmp_path: Path, out: str) -> None:
    (tmp_path / "folder.parquet").mkdir()

    done = run("features", "nowhere.parquet", "--out", tmp_path / out)

    assert done.status == 1
    assert done.stderr.startswith(f"paraclap: --out {tmp_path / out}: ")


def test_what_is_no_manifest_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("features", tmp_path / "nowhere.parquet", "--out", tmp_path / "f.parquet")

    assert (done.status, done.stderr) == (
        1,
        f"paraclap: no file {tmp_path / 'nowhere.parquet'}; expected a manifest written by paraclap\n",
    )
