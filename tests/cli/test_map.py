import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.drawn import assert_refused
from tests.index.toys import write_sound

from paraclap import ParaClap

pytest.importorskip("lancedb", reason="needs the extra 'index'")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """Return an index of three sounds by the tiny model, to be read only."""
    from paraclap.index import Index

    folder = tmp_path_factory.mktemp("map")
    for seed in range(3):
        write_sound(folder / "archive" / f"{seed}.wav", seed=seed)
    Index.build(folder / "voices.idx", folder / "archive", model=ParaClap.from_pretrained(tiny_model))
    return folder / "voices.idx"


def test_a_map_is_written_and_counted(run: Run, index: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.html"

    shown = run("map", index, "--out", out, "--model", tiny_model)
    told = run("map", index, "--out", out, "--model", tiny_model, "--task", "gender", "--max-points", 2, "--json")

    assert (shown.status, shown.stdout) == (0, f"{out}: 3 dots by pca\n")
    assert json.loads(told.stdout) == {"out": str(out), "points": 2, "rows": 3, "method": "pca"}
    assert "2 of 3 windows are drawn; --max-points draws more" in told.stderr
    text = out.read_text("utf-8")
    assert "<title>voices.idx</title>" in text
    assert "coloured by gender, as answered." in text


def test_a_map_can_be_coloured_by_a_column_and_hold_the_sound(run: Run, index: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.html"

    done = run("map", index, "--out", out, "--color", "duration", "--embed", "--title", "My <voices>")

    assert done.status == 0
    text = out.read_text("utf-8")
    assert text.count("data:audio/mpeg;base64,") == 3
    assert "<h1>My &lt;voices&gt;</h1>" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "map.png"), r"paraclap: --out map\.png: unknown suffix '\.png'; expected one of \.html"),
        (("--out", "m.html", "--task", "emotoin"), r"no label set or task 'emotoin'; did you mean 'emotion'\?"),
        (("--out", "m.html", "--color", "sex"), r"no column 'sex' to colour by; known: duration"),
        (("--out", "m.html", "--method", "umap"), r"3 windows are too few for UMAP|umap-learn is not installed"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    run: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert_refused(run("map", index, *options), message)


def test_a_folder_that_is_no_index_is_named(run: Run, tmp_path: Path) -> None:
    assert_refused(run("map", tmp_path, "--out", tmp_path / "m.html"), r"no index in .*; expected")


def test_a_task_and_a_column_are_wrong_usage(run: Run, index: Path, tmp_path: Path) -> None:
    done = run("map", index, "--out", tmp_path / "m.html", "--task", "emotion", "--color", "duration")

    assert done.status == 2
    assert "give either a task or a column to colour by" in done.stderr
