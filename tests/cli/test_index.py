import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

from tests.cli.conftest import Run
from tests.index.toys import write_sound

from paraclap import ParaClap
from paraclap.index import Index


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    for number in range(4):
        write_sound(tmp_path / "voices" / f"{number}.wav", seed=number, duration=0.4 + number)
    return tmp_path / "voices"


def test_an_index_is_built_brought_up_to_date_and_described(
    run: Run, tiny_model: Path, voices: Path, tmp_path: Path
) -> None:
    index = tmp_path / "voices.index"

    first = run("index", "build", voices, "--out", index, "--model", tiny_model)
    (voices / "0.wav").unlink()
    second = run("index", "build", voices, "--out", index, "--model", tiny_model, "--json")
    info = run("index", "info", index)

    counts = "4 new, 0 changed, 0 unchanged, 0 removed; 4 windows embedded; 4 windows in all"
    assert (first.status, first.stdout, first.stderr) == (0, f"{index}: {counts}\n", "")
    assert json.loads(second.stdout) == {
        **{"out": str(index), "windows": 3, "new": 0, "changed": 0, "relabelled": 0, "unchanged": 3, "removed": 1},
        **{"embedded": 0, "bad_files": []},
    }
    assert info.status == 0
    assert str(tiny_model) in info.stdout
    facts = json.loads(run("index", "info", index, "--json").stdout)
    assert (facts["windows"], facts["files"], facts["vector_size"], facts["search"]) == (3, 3, 16, "exact")
    assert facts["hours"] == pytest.approx((1.4 + 2.4 + 3.4) / 3600)
    assert facts["columns"] == Index.open(index).columns


def test_windows_may_be_shorter(run: Run, tiny_model: Path, voices: Path, tmp_path: Path) -> None:
    arguments = ("--out", tmp_path / "i", "--model", tiny_model, "--window", "1", "--whole", "1")

    done = run("index", "build", voices, *arguments)

    assert done.stdout.endswith("; 7 windows in all\n")


def test_bad_files_are_named_at_the_end(run: Run, tiny_model: Path, voices: Path, tmp_path: Path) -> None:
    (voices / "1.wav").write_bytes(b"no audio")

    done = run("index", "build", voices, "--out", tmp_path / "i", "--model", tiny_model)

    assert done.status == 1
    assert "3 new" in done.stdout
    assert done.stderr.startswith(f"paraclap: {voices / '1.wav'}: cannot be read as audio")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "nowhere", "--out", "i"], "nowhere: no such file or folder"),
        (["build", "voices", "--out", "i", "--window", "99"], "windows of 99 s; expected 0.5 to 30 s"),
        (
            ["build", "voices", "--out", "voices"],
            "voices holds 0.wav, so it is no index; choose an empty or a new folder",
        ),
        (["info", "voices"], "no index in voices; expected a folder that 'paraclap index build' wrote"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    run: Run, tiny_model: Path, voices: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(voices.parent)
    model = ["--model", str(tiny_model)] if arguments[0] == "build" else []

    done = run("index", *arguments, *model)

    assert (done.status, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_where_lancedb_is_missing_one_is_told_how_to_install_it(
    run: Run, voices: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)

    done = run("index", "build", voices, "--out", voices.parent / "i", "--model", tiny_model)

    assert done.status == 1
    assert done.stderr == "paraclap: an index needs LanceDB; install it: pip install 'paraclap[index]'\n"


def test_the_library_builds_the_same(run: Run, tiny_model: Path, voices: Path, tmp_path: Path) -> None:
    run("index", "build", voices, "--out", tmp_path / "a", "--model", tiny_model)
    Index.build(tmp_path / "b", voices, model=ParaClap.from_pretrained(tiny_model))

    (rows, vectors), (others, other_vectors) = (Index.open(tmp_path / name).read_rows() for name in "ab")
    assert rows.equals(others)
    assert vectors == pytest.approx(other_vectors, abs=1e-6)
