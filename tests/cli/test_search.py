import json
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

import audformat
from tests.cli.conftest import Run
from tests.index.toys import write_sound

from paraclap import ParaClap
from paraclap.index import Index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """Return an index of four voices with labels."""
    folder = tmp_path_factory.mktemp("search")
    files = [write_sound(folder / f"{number}.wav", seed=number, duration=0.5 + number) for number in range(4)]
    columns = {"gender": ["female", "male", "female", None], "remark": ["a remark that is long"] * 4}
    table = pd.DataFrame(columns, index=audformat.filewise_index([str(file) for file in files]))
    Index.build(folder / "index", table, model=ParaClap.from_pretrained(tiny_model))
    return folder / "index"


def test_hits_are_those_of_the_library(run: Run, index: Path, tmp_path: Path) -> None:
    done = run("search", index, "a tired voice", "-k", "3", "--json", "--out", tmp_path / "hits.parquet")

    expected = Index.open(index).search("a tired voice", k=3)
    rows = json.loads(done.stdout)
    assert (done.status, done.stderr) == (0, "")
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert [row["file"] for row in rows] == list(expected.index.get_level_values("file"))
    assert [row["similarity"] for row in rows] == pytest.approx(expected["similarity"].tolist())
    assert {row["start"] for row in rows} == {0.0}
    assert rows[0].keys() == {"rank", "file", "start", "end", "similarity", "gender", "remark"}
    assert pd.read_parquet(tmp_path / "hits.parquet").equals(pd.DataFrame(rows))


def test_the_table_names_what_else_there_is(run: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(index.parent)

    done = run("search", "index", "a tired voice")

    assert "--json and --out also have remark" in done.stdout
    ranks = [line.split()[0] for line in done.stdout.splitlines() if line[:1].isdigit() or line[1:2].isdigit()]
    assert ranks == ["1", "2", "3", "4"]
    assert " 2.wav " in done.stdout


def test_conditions_examples_and_further_sentences_are_passed_on(run: Run, index: Path) -> None:
    example = index.parent / "1.wav"
    arguments = ("--where", "gender = 'female'", "--like", example, "--and", "a man", "--not", "a child", "--json")

    done = run("search", index, *arguments)

    expected = Index.open(index).search(like=example, where="gender = 'female'", and_=["a man"], not_=["a child"])
    rows = json.loads(done.stdout)
    assert [row["file"] for row in rows] == list(expected.index.get_level_values("file"))
    assert [row["similarity"] for row in rows] == pytest.approx(expected["similarity"].tolist())
    assert len(rows) == 2


def test_a_page_to_listen_is_written(run: Run, index: Path, tmp_path: Path) -> None:
    done = run("search", index, "a tired voice", "--not", "a child", "--out", tmp_path / "hits.html")

    text = (tmp_path / "hits.html").read_text(encoding="utf-8")
    assert done.status == 0
    assert "<h1>a tired voice, not a child</h1>" in text
    assert text.count("<audio ") == 4


def test_nothing_found_is_said(run: Run, index: Path) -> None:
    done = run("search", index, "a tired voice", "--where", "duration > 99")

    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == "nothing found: no row of the index fulfils the condition\n"
    assert json.loads(run("search", index, "a voice", "--where", "duration > 99", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing is asked; give a sentence such as"),
        ([" "], "query 1 of 1 is empty"),
        (["x", "--where", "gendr = 'a'"], "No field named gendr"),
        (["x", "--out", "hits.doc"], "unknown suffix '.doc'; expected one of .csv, .json, .parquet, .html"),
        (["--like", "gone.wav"], "gone.wav: no such file"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run: Run, index: Path, arguments: list[str], message: str) -> None:
    done = run("search", index, *arguments)

    assert (done.status, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_model_is_refused(run: Run, index: Path) -> None:
    done = run("search", index, "a man", "--model", "paraclap-mini")

    assert done.status == 1
    assert "cannot be compared with; use that model, or build another index" in done.stderr


def test_where_there_is_no_index_it_is_said(run: Run, tmp_path: Path) -> None:
    done = run("search", tmp_path / "nothing", "a man")

    assert (done.status, done.stderr) == (
        1,
        f"paraclap: no index in {tmp_path / 'nothing'}; expected a folder that 'paraclap index build' wrote\n",
    )
