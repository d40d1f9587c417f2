import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.models.tiny import save_text_tower
from tests.training.tones import make_recipe, write_tones

from paraclap import ParaClap


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """Return a recipe of four steps on tones, as a file."""
    recipe = make_recipe(tmp_path, save_text_tower(tmp_path / "bert"), write_tones(tmp_path / "tones"))
    values: dict[str, Any] = recipe.model_dump(mode="json")
    path = tmp_path / "tones.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return path


def test_a_recipe_becomes_a_model_that_answers(run: Run, recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "tones"

    done = run("train", recipe_file, "--out", out, "--set", "steps=2", "--set", "model.dropout=0.1")

    assert done.status == 0
    assert re.fullmatch(
        rf"{re.escape(str(out / 'model'))}: dev UAR tones-emotion \d\.\d{{3}}, tones-gender .*, mean .*\n", done.stdout
    )
    assert "recipe tones: 2 steps of 12 clips" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["best.pt", "last.pt", "metrics.csv", "model", "train.log"]
    answer = json.loads(
        run("classify", tmp_path / "tones", "--task", "gender", "--model", out / "model", "--json").stdout
    )
    assert len(answer) == 40
    assert ParaClap.from_pretrained(out / "model").training_corpora == ("tones",)

    again = run("train", recipe_file, "--out", out)
    assert (again.status, again.stdout) == (1, "")
    expected = f"paraclap: {out} is not empty; use --resume to go on with its run, or another folder\n"
    assert again.stderr == expected
    other = run("train", recipe_file, "--out", out, "--resume")
    assert other.status == 1
    assert f"{out} is a run of another recipe (they differ in model, steps); use its recipe or" in other.stderr


def test_check_says_what_would_be_trained_and_trains_nothing(run: Run, recipe_file: Path, tmp_path: Path) -> None:
    done = run("train", recipe_file, "--out", tmp_path / "run", "--check")

    assert done.status == 0
    assert done.stdout.splitlines()[0] == "recipe tones: 4 steps of 12 clips"
    assert "  text_tower: 0.02 M parameters, frozen" in done.stdout
    assert "  tones: 32 train clips, 8 dev clips, 100% of batches" in done.stdout
    assert "  dev tasks: tones-emotion, tones-gender" in done.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mimi",), "no recipe 'mimi'; did you mean 'mini'?"),
        (("mini", "--set", "steps"), "--set 'steps'; expected key=value, such as steps=1000"),
        (
            ("mini", "--set", "model.dept=2"),
            "recipe: unknown key 'model.dept'; did you mean 'depth'? known: text_tower",
        ),
        (("mini", "--set", "corpora_root=nowhere"), "nowhere: no such folder; expected the folder that holds crema-d"),
        (("mini", "--resume"), "{out} holds no run to resume (no last.pt); start it without --resume"),
    ],
)
def test_our_errors_are_one_line_and_status_1(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "run"

    done = run("train", *arguments, "--out", out)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("paraclap: ")
    assert message.format(out=out) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_needs_a_folder(run: Run) -> None:
    done = run("train", "mini")

    assert done.status == 2
    assert "--out" in done.stderr
