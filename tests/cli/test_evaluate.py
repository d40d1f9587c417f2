import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.evaluation.corpora import TWO_KINDS, make_ravdess
from tests.evaluation.toys import RavdessEars, ShiftedEars
from typer.testing import CliRunner, Result

from paraclap.cli import evaluate as command
from paraclap.cli.output import format_metric
from paraclap.errors import ConfigError, CorpusError, ModelError, ParaClapError, QueryError
from paraclap.evaluation import DISTURBANCES, Embedder, load_tasks, read_result

app = typer.Typer()
app.command()(command.evaluate)
runner = CliRunner()
FOLDERS = ("--task", "all", "--corpora", "x", "--out", "y")


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


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
        (["--task", "all", "--limit", "0"], "--limit"),
        (["--from-scores", "x"], "--out"),
        (["--from-scores", "x", "--out", "y", "--adapt", "speaker"], "takes --out alone"),
        ([*FOLDERS, "--adapt", "room"], "'room' is not one of 'none', 'channel', 'speaker'"),
        ([*FOLDERS, "--note", "crema-d"], "'crema-d' is no CORPUS=TEXT, such as crema-d=rebuilt audio"),
        ([*FOLDERS, "--note", "=rebuilt"], "'=rebuilt' is no CORPUS=TEXT"),
        ([*FOLDERS, "--note", "crema-d="], "'crema-d=' is no CORPUS=TEXT"),
        ([*FOLDERS, "--cache", "x", "--no-cache"], "give either a folder or --no-cache"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str], message: str, asked_models: list[str | None]) -> None:
    done = runner.invoke(app, arguments, env={"COLUMNS": "200"})

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


def evaluate(corpora_root: Path, *arguments: str, tasks: tuple[str, ...] = ("ravdess-emotion",)) -> Result:
    named = [option for task in tasks for option in ("--task", task)]
    folders = ["--corpora", str(corpora_root), "--out", str(corpora_root / "out")]
    return runner.invoke(app, [*named, *folders, *arguments])


def read_lines(done: Result) -> list[str]:
    return [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]


@pytest.mark.usefixtures("asked_models")
def test_a_limit_and_a_note_are_said_in_the_table(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)

    done = evaluate(tmp_path, "--limit", "16", "--note", "ravdess=found in the attic, twice = two")

    assert done.exit_code == 0
    assert "16 of 32 clips (--limit 16); variation between" in " ".join(read_lines(done))
    result = read_result(tmp_path / "out" / "ravdess-emotion.json")
    assert (result.clips, result.note) == (16, "found in the attic, twice = two")


@pytest.mark.usefixtures("asked_models")
def test_baselines_stand_in_the_table_with_what_they_had_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ravdess(tmp_path, actors=2)
    monkeypatch.setattr(command, "_find_classical", lambda *_: ())

    plain, probed = evaluate(tmp_path), evaluate(tmp_path, "--baselines")

    assert "linear probe" not in plain.stdout
    lines = {line.partition(" ")[0]: line for line in read_lines(probed)}
    assert lines["chance"].startswith("chance 0.125 0.125 each of 8 classes alike")
    assert lines["majority"].startswith("majority 0.125 0.125 always neutral")
    assert lines["linear"].startswith("linear probe 1.000 1.000 supervised: logistic regression")


@pytest.mark.usefixtures("asked_models")
def test_robustness_is_measured_with_every_disturbance_of_the_catalogue(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)

    done = evaluate(tmp_path, "--robustness", "--limit", "8")

    assert done.exit_code == 0
    assert tuple(read_result(tmp_path / "out" / "ravdess-emotion.json").robustness) == DISTURBANCES


def test_an_adapted_evaluation_names_its_protocol_in_the_table_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ravdess(tmp_path, actors=2)
    monkeypatch.setattr(command, "_load_embedder", lambda *_, **__: ShiftedEars())

    done = evaluate(tmp_path, "--adapt", "speaker")

    assert done.exit_code == 0
    assert "speaker-adapted: 2 references measured without labels on the 32 clips" in " ".join(read_lines(done))
    assert read_result(tmp_path / "out" / "ravdess-emotion.json").protocol == "speaker-adapted"


@pytest.mark.usefixtures("asked_models")
def test_a_model_that_takes_no_references_is_not_adapted(tmp_path: Path) -> None:
    done = evaluate(tmp_path, "--adapt", "channel")

    assert isinstance(done.exception, ModelError)
    assert "ears takes no reference recordings; expected a model that is made for them" in str(done.exception)


def test_help_says_what_adaptation_is() -> None:
    shown = runner.invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"})

    assert "--adapt" in shown.stdout
    assert "Hear clips relative to others without labels" in " ".join(shown.stdout.split())


def test_what_save_scores_keeps_is_scored_again_without_audio_and_without_a_model(
    tmp_path: Path, asked_models: list[str | None]
) -> None:
    folder = make_ravdess(tmp_path, actors=2)
    done = evaluate(tmp_path, "--save-scores", "--limit", "16", "--json")
    shutil.rmtree(folder)
    again = tmp_path / "again"

    scored = runner.invoke(app, ["--from-scores", str(tmp_path / "out"), "--out", str(again), "--json"])
    shown = runner.invoke(app, ["--from-scores", str(tmp_path / "out"), "--out", str(again)])

    assert done.exit_code == scored.exit_code == shown.exit_code == 0
    assert json.loads(scored.stdout) == json.loads(done.stdout)
    assert [path.name for path in again.iterdir()] == ["ravdess-emotion.json"]
    assert (again / "ravdess-emotion.json").read_bytes() == (tmp_path / "out" / "ravdess-emotion.json").read_bytes()
    assert read_lines(shown)[2].startswith("ravdess-emotion ensemble")
    assert len(asked_models) == 1


def test_a_folder_without_scores_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = runner.invoke(app, ["--from-scores", str(tmp_path), "--out", str(tmp_path)])

    assert isinstance(done.exception, ConfigError)
    assert "holds no *.scores.parquet; expected a folder of 'paraclap evaluate --save-scores'" in str(done.exception)


def test_embeddings_are_kept_for_the_user_or_in_a_folder_or_not_at_all(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ravdess(tmp_path, actors=1)
    heard: list[RavdessEars] = []

    def load(*_: object, **__: object) -> Embedder:
        heard.append(RavdessEars())
        return heard[-1]

    monkeypatch.setattr(command, "_load_embedder", load)
    own = str(tmp_path / "own")

    evaluate(tmp_path, "--no-cache")
    assert list(cache_folder.iterdir()) == []
    evaluate(tmp_path, "--cache", own)
    evaluate(tmp_path, "--cache", own)
    assert list(cache_folder.iterdir()) == []
    assert (tmp_path / "own" / "embeddings.sqlite").is_file()
    evaluate(tmp_path)
    evaluate(tmp_path)
    assert (cache_folder / "paraclap" / "embeddings.sqlite").is_file()

    assert [sum(map(len, ears.audio_calls)) for ears in heard] == [16, 16, 0, 16, 0]


@pytest.mark.usefixtures("asked_models")
def test_retrieval_and_several_labels_have_a_table_of_their_own(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    (tmp_path / "mine.toml").write_text(TWO_KINDS)

    both = evaluate(tmp_path, tasks=("ravdess-emotion", str(tmp_path / "mine.toml")))
    alone = evaluate(tmp_path, tasks=(str(tmp_path / "mine.toml"),))

    assert both.exit_code == alone.exit_code == 0
    lines = read_lines(alone)
    assert lines[0] == "task what metric value (95 % interval) chance clips note"
    search, strong = (read_result(tmp_path / "out" / f"{name}.json") for name in ("search", "strong"))
    chance = search.baselines[0].metrics["text_to_audio_recall@1"].value
    recall = format_metric(search.metrics["text_to_audio_recall@1"])
    assert lines[2].startswith(f"search all text to audio recall@1 {recall} {chance:.3f} 32 variation between speakers")
    place = next(number for number, line in enumerate(lines) if line.startswith("strong"))
    assert lines[place].startswith(f"strong all auroc {format_metric(strong.metrics['auroc'])} 0.500 32 variation")
    classes = [line for line in lines[place:] if line.startswith(("anger", "calm"))]
    assert classes == [f"{name} auroc {format_metric(strong.auroc[name])} 0.500" for name in ("anger", "calm")]
    assert read_lines(both)[-len(lines) :] == lines
    assert read_lines(both)[0].startswith("task prompts UAR (95 % interval)")


@pytest.mark.usefixtures("asked_models")
def test_a_task_in_which_nothing_can_be_measured_is_said_and_ends_with_status_1(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    (tmp_path / "mine.toml").write_text(TWO_KINDS.replace('["emotion"]', '["age_group"]'))

    done = evaluate(tmp_path, tasks=(str(tmp_path / "mine.toml"),))

    assert done.exit_code == 1
    assert "paraclap: search skipped: nothing can be measured on its 16 clips; expected captions of them" in done.stderr
    assert "strong" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--note", "crema=old"], "a note on 'crema', which no task here is about; known: ravdess"),
        (["--task", "none.toml"], "no file none.toml; expected tasks in TOML"),
    ],
)
def test_bad_input_is_one_sentence_before_a_model_is_loaded(
    arguments: list[str], message: str, tmp_path: Path, asked_models: list[str | None]
) -> None:
    done = evaluate(tmp_path, *arguments)

    assert isinstance(done.exception, ParaClapError)
    assert str(done.exception) == message
    assert asked_models == []
