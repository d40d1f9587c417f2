import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.evaluation.corpora import make_ravdess
from tests.evaluation.toys import RavdessEars
from typer.testing import CliRunner

from paraclap.cli import evaluate as command
from paraclap.errors import CorpusError, QueryError
from paraclap.evaluation import Embedder, load_tasks, read_result

app = typer.Typer()
app.command()(command.evaluate)
runner = CliRunner()


@pytest.fixture
def asked_models(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Put a toy in the model's place; return the models asked for."""
    models: list[str | None] = []

    def load(model: str | None, **_: object) -> Embedder:
        models.append(model)
        return RavdessEars()

    monkeypatch.setattr(command, "_load_embedder", load)
    return models


def test_the_list_shows_every_task_without_a_model(asked_models: list[str | None]) -> None:
    shown = runner.invoke(app, ["--list"])
    as_json = runner.invoke(app, ["--list", "--json"])

    assert shown.exit_code == as_json.exit_code == 0
    for name in load_tasks():
        assert name in shown.stdout
    assert "ParaCLAP UAR 0.228" in shown.stdout
    assert [row["name"] for row in json.loads(as_json.stdout)] == list(load_tasks())
    assert asked_models == []


def test_the_list_imports_no_torch() -> None:
    code = (
        "import sys, typer; from paraclap.cli.evaluate import evaluate; evaluate(show_list=True); "
        "print('torch' in sys.modules, file=sys.stderr)"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == "False\n"


def test_one_table_shows_every_wording_with_intervals_and_results_are_written(
    tmp_path: Path, asked_models: list[str | None]
) -> None:
    make_ravdess(tmp_path, actors=2)

    done = runner.invoke(
        app,
        [
            "--task",
            "ravdess-emotion",
            "--corpora",
            str(tmp_path),
            "--out",
            str(tmp_path / "out"),
            "--model",
            "some/model",
        ],
    )

    assert done.exit_code == 0
    assert asked_models == ["some/model"]
    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    assert "UAR (95 % interval)" in lines[0]
    assert lines[2].startswith("ravdess-emotion ensemble 0.875 (0.875-0.875) 0.875 (0.875-0.875) 32 2 variation")
    rows = {line.split()[0]: line for line in lines[3:]}
    assert "1.000 (1.000-1.000)" in rows["published"]
    assert {"best:", "worst:", "published-clsp-rerun"} <= rows.keys()
    assert "fewer than 20" in done.stdout
    assert read_result(tmp_path / "out" / "ravdess-emotion.json").by_prompts["published"]["uar"].value == 1.0


def test_json_is_the_list_of_results(tmp_path: Path, asked_models: list[str | None]) -> None:
    make_ravdess(tmp_path, actors=2)

    done = runner.invoke(app, ["--task", "all", "--corpora", str(tmp_path), "--out", str(tmp_path / "out"), "--json"])

    assert done.exit_code == 0
    written = [json.loads((tmp_path / "out" / f"ravdess-{name}.json").read_text()) for name in ("emotion", "gender")]
    assert json.loads(done.stdout) == written
    assert "paraclap: tess-emotion skipped: " in done.stderr


def test_a_broken_file_is_named_the_rest_printed_and_the_status_1(
    tmp_path: Path, asked_models: list[str | None]
) -> None:
    folder = make_ravdess(tmp_path, actors=2)
    (folder / "Actor_01" / "03-01-05-01-01-01-01.wav").write_bytes(b"no audio")

    done = runner.invoke(
        app, ["--task", "ravdess-gender", "--corpora", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]
    )

    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["clips"] == 31
    assert "paraclap: Actor_01/03-01-05-01-01-01-01.wav" in done.stderr


def test_a_task_named_by_the_user_whose_corpus_is_missing_ends_with_status_1(
    tmp_path: Path, asked_models: list[str | None]
) -> None:
    make_ravdess(tmp_path, actors=1)
    options = ["--corpora", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]

    done = runner.invoke(app, ["--task", "ravdess-gender", "--task", "tess-emotion", *options])

    assert done.exit_code == 1
    assert len(json.loads(done.stdout)) == 1
    assert "paraclap: tess-emotion skipped: " in done.stderr
    assert "no recording of tess" in done.stderr


def test_nothing_evaluated_ends_with_status_1(tmp_path: Path, asked_models: list[str | None]) -> None:
    done = runner.invoke(app, ["--task", "all", "--corpora", str(tmp_path), "--out", str(tmp_path / "out"), "--json"])

    assert done.exit_code == 1
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name at least one, or 'all'"),
        (["--task", "all", "--out", "x"], "--corpora"),
        (["--task", "all", "--corpora", "x"], "--out"),
        (["--task", "all", "--batch-size", "0"], "--batch-size"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str], message: str, asked_models: list[str | None]) -> None:
    done = runner.invoke(app, arguments)

    assert done.exit_code == 2
    assert message in done.stderr
    assert asked_models == []


def test_wrong_tasks_and_folders_are_refused_before_a_model_is_loaded(
    tmp_path: Path, asked_models: list[str | None]
) -> None:
    options = ["--corpora", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]

    unknown = runner.invoke(app, ["--task", "ravdes-emotion", *options])
    missing = runner.invoke(app, ["--task", "ravdess-emotion", *options])

    assert isinstance(unknown.exception, QueryError)
    assert "did you mean 'ravdess-emotion'? 'paraclap evaluate --list' shows all" in str(unknown.exception)
    assert isinstance(missing.exception, CorpusError)
    assert "expected one that holds corpora in their official layout" in str(missing.exception)
    assert asked_models == []
