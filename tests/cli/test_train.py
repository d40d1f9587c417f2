import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.conftest import Run
from tests.models.tiny import save_text_tower
from tests.training.tones import make_recipe

from paraclap import ParaClap
from paraclap.training.engine import Engine
from paraclap.training.made_audio import write_tones


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """Return a recipe of four steps on tones, as a file."""
    recipe = make_recipe(tmp_path, save_text_tower(tmp_path / "bert"), write_tones(tmp_path / "tones"))
    values: dict[str, Any] = recipe.model_dump(mode="json")
    values["model"] = recipe.model.model_dump(mode="json", exclude_unset=True)
    path = tmp_path / "tones.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return path


def test_a_recipe_becomes_a_model_that_answers(run: Run, recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "tones"

    done = run("train", recipe_file, "--out", out, "--set", "steps=2", "--set", "model.dropout=0.1")

    assert (done.status, done.stderr.count("Traceback")) == (0, 0)
    expected = (
        rf"{re.escape(str(out / 'model'))}: dev made-tones-emotion \d\.\d{{3}}, dev made-tones-gender .*, dev mean .*\n"
    )
    assert re.fullmatch(expected, done.stdout)
    assert "recipe tones: 2 steps of 12 clips" in done.stderr
    assert re.search(r"text_tower +\d\d,\d{3} +0 +- +-\n", done.stderr)
    names = ["best.pt", "curves.png", "last.pt", "metrics.csv", "model", "recipe.yaml", "tensorboard", "train.log"]
    assert sorted(path.name for path in out.iterdir()) == names
    answer = json.loads(
        run("classify", tmp_path / "tones", "--task", "gender", "--model", out / "model", "--json").stdout
    )
    assert len(answer) == 40
    assert ParaClap.from_pretrained(out / "model").training_corpora == ("made-tones",)

    again = run("train", recipe_file, "--out", out)
    assert (again.status, again.stdout) == (1, "")
    assert again.stderr == f"paraclap: {out} is not empty; use --resume to go on with its run, or another folder\n"
    other = run("train", recipe_file, "--out", out, "--resume")
    assert other.status == 1
    assert f"{out} is a run of another recipe (they differ in model, steps); use its recipe or" in other.stderr
    resolved = run("train", out / "recipe.yaml", "--out", out, "--resume")
    assert (resolved.status, resolved.stdout) == (0, done.stdout)


def test_a_model_is_trained_further(run: Run, recipe_file: Path, tmp_path: Path) -> None:
    values = json.loads(recipe_file.read_text())
    run("train", recipe_file, "--out", tmp_path / "first", "--set", "steps=2")
    recipe_file.write_text(json.dumps(values | {"model": {"init": str(tmp_path / "first" / "model")}}))

    done = run("train", recipe_file, "--out", tmp_path / "second", "--set", "learning_rate=1e-8", "--set", "steps=2")

    assert done.status == 0
    first, second = (ParaClap.from_pretrained(tmp_path / name / "model") for name in ("first", "second"))
    weights = second.model.state_dict()
    assert all(torch.allclose(value, weights[name], atol=1e-6) for name, value in first.model.state_dict().items())
    assert first.fingerprint != second.fingerprint


def test_a_signal_ends_the_command_with_how_to_go_on(
    run: Run, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, step = tmp_path / "run", Engine.step

    def stop_at_1(self: Engine, number: int, batches: Any) -> float:
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, number, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "step", stop_at_1)
        done = run("train", recipe_file, "--out", out)

    assert (done.status, done.stdout) == (1, "")
    assert f"paraclap: SIGINT: saved the state after step 2 of 4 in {out}; --resume goes on\n" in done.stderr
    assert run("train", recipe_file, "--out", out, "--resume").status == 0


def test_check_says_what_would_be_trained_and_trains_nothing(run: Run, recipe_file: Path, tmp_path: Path) -> None:
    done = run("train", recipe_file, "--out", tmp_path / "run", "--check")

    assert done.status == 0
    assert done.stdout.splitlines()[0] == "recipe tones: 4 steps of 12 clips"
    assert re.search(r"text_tower +\d\d,\d{3} +0 +- +-\n", done.stdout)
    assert "  made-tones: 32 train clips, 8 dev clips, 100% of batches" in done.stdout
    assert "  dev tasks: made-tones-emotion, made-tones-gender" in done.stdout
    assert re.search(r"memory: 0\.00 GiB for weights, gradients, optimiser and average; \d", done.stdout)
    assert re.search(r"a step takes \d+\.\d\d s \(.*; 4 steps take about 0\.0 h, and 2 validations", done.stdout)
    assert not (tmp_path / "run").exists()
    assert run("train", recipe_file, "--check").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mimi",), "no recipe 'mimi'; did you mean 'mini'?"),
        (("mini", "--set", "steps"), "--set 'steps'; expected key=value, such as steps=1000"),
        (("mini", "--set", "model.dept=2"), "recipe: unknown key 'model.dept'; did you mean 'depth'? known: init"),
        (("mini", "--set", "corpora_root=nowhere"), "nowhere: no such folder; expected the folder that holds crema-d"),
        (("mini", "--resume"), "{out} holds no run to resume (no last.pt); start it without --resume"),
        (("smoke", "--set", "precision=float16", "--set", "device=cpu"), "precision float16 does not train on a CPU;"),
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
    assert "name the folder of the run, or use --check" in done.stderr
