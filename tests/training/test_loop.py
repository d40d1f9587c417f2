import csv
import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.training.engines import find_differing
from tests.training.test_engine import break_loss
from tests.training.tones import change_recipe

from paraclap import ParaClap
from paraclap.corpora import read_manifest, write_manifest
from paraclap.errors import ConfigError, ParaClapError
from paraclap.storage import read_json
from paraclap.training import Recipe, StoppedError, engine, loop, prepare_run, train
from paraclap.training.checkpoints import load_best, load_state
from paraclap.training.engine import Engine
from paraclap.training.run import TrainingRun
from paraclap.training.text_inputs import TextInputs
from paraclap.training.validation import Validation

TIMING = ("seconds", "clips_per_second")
SAME_BYTES = (
    "model/model.safetensors",
    "model/training.json",
    "model/calibration.json",
    "model/README.md",
    "recipe.yaml",
)


@pytest.fixture(scope="session")
def long_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe with everything that a state must hold: dropout, chunks, two batches a step, an average."""
    model = recipe.model.model_dump() | {"dropout": 0.2, "projection_dropout": 0.5}
    changes: dict[str, Any] = {"steps": 10, "validate_every": 3, "chunk_size": 5, "accumulation_steps": 2}
    return change_recipe(recipe, model=model, loss="sigmoid", **changes)


@pytest.fixture(scope="session")
def whole(long_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that was not stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(long_recipe, folder)
    return folder


def act_before(step: int, action: Callable[[], None]) -> Callable[..., float]:
    """Return a step of the engine before one of which something happens."""
    take = Engine.step

    def take_after(self: Engine, number: int, batches: Any) -> float:
        if number == step:
            action()
        return take(self, number, batches)

    return take_after


def read_metrics(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `metrics.csv` without what the clock says."""
    with (folder / "metrics.csv").open(newline="") as stream:
        return [{k: v for k, v in row.items() if k not in TIMING} for row in csv.DictReader(stream)]


def assert_same_run(found: Path, expected: Path, recipe: Recipe) -> None:
    one, other = (load_state(folder, recipe) for folder in (found, expected))
    assert not find_differing(one.weights, other.weights, rtol=0, atol=0)
    assert not find_differing(one.average, other.average, rtol=0, atol=0)
    assert not find_differing(load_best(found), load_best(expected), rtol=0, atol=0)
    assert (one.step, one.best_step, one.best_dev) == (other.step, other.best_step, other.best_dev)
    assert torch.equal(one.processes[0]["random"]["torch"], other.processes[0]["random"]["torch"])
    assert all((found / name).read_bytes() == (expected / name).read_bytes() for name in SAME_BYTES)
    assert read_metrics(found) == read_metrics(expected)


def test_a_run_that_was_asked_to_stop_ends_like_one_that_was_not(
    long_recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    for step, name in ((4, "SIGTERM"), (7, "SIGINT")):
        with monkeypatch.context() as patch:
            number = getattr(signal, name)
            patch.setattr(Engine, "step", act_before(step, lambda number=number: os.kill(os.getpid(), number)))  # type: ignore[misc]
            message = (
                rf"^{name}: saved the state after step {step + 1} of 10 in {re.escape(str(folder))}; --resume goes"
            )
            with pytest.raises(StoppedError, match=message):
                train(long_recipe, folder, resume=step == 7)
        assert load_state(folder, long_recipe).step == step + 1
        assert not (folder / "model").exists()
        torch.manual_seed(99)

    train(long_recipe, folder, resume=True)

    assert_same_run(folder, whole, long_recipe)


def test_a_run_that_was_killed_goes_on_from_its_last_validation(
    long_recipe: Recipe, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from paraclap.training import load_recipe, train\n"
        "from tests.training.test_loop import Engine, act_before\n"
        "Engine.step = act_before(7, lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "train(load_recipe(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(long_recipe.model_dump(mode="json")))

    done = subprocess.run(
        [sys.executable, "-c", program, str(file), str(folder)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": str(torch.get_num_threads())},
        capture_output=True,
    )

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert load_state(folder, long_recipe).step == 6
    assert [row["step"] for row in read_metrics(folder)][-1] == "7"
    train(long_recipe, folder, resume=True)
    assert_same_run(folder, whole, long_recipe)


def test_a_finished_run_that_is_resumed_writes_its_model_again(
    long_recipe: Recipe, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    first = train(long_recipe, folder)
    (folder / "model" / "model.safetensors").unlink()

    assert train(long_recipe, folder, resume=True) == first
    assert_same_run(folder, whole, long_recipe)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_reads_the_audio_changes_nothing(long_recipe: Recipe, whole: Path, tmp_path: Path, workers: int) -> None:
    recipe = change_recipe(long_recipe, workers=workers)

    train(recipe, tmp_path / "run")

    found, expected = load_state(tmp_path / "run", recipe), load_state(whole, long_recipe)
    assert not find_differing(found.weights, expected.weights, rtol=0, atol=0)
    assert not find_differing(found.average, expected.average, rtol=0, atol=0)
    assert read_metrics(tmp_path / "run") == read_metrics(whole)


def test_a_resumed_run_with_workers_ends_like_one_that_was_not_stopped(
    long_recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = change_recipe(long_recipe, workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "step", act_before(4, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with pytest.raises(StoppedError):
            train(recipe, tmp_path / "run")

    train(recipe, tmp_path / "run", resume=True)

    found, expected = load_state(tmp_path / "run", recipe), load_state(whole, long_recipe)
    assert not find_differing(found.weights, expected.weights, rtol=0, atol=0)


def test_a_run_folder_holds_all_that_it_came_from_and_to(long_recipe: Recipe, whole: Path) -> None:
    names = {"best.pt", "curves.png", "last.pt", "metrics.csv", "model", "recipe.yaml", "tensorboard", "train.log"}
    assert {path.name for path in whole.iterdir()} == names
    assert Recipe.model_validate(yaml.safe_load((whole / "recipe.yaml").read_text())) == long_recipe
    assert (whole / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name.startswith("events.out.tfevents") for path in (whole / "tensorboard").iterdir()] == [True]
    rows = read_metrics(whole)
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 11)]
    assert [row["step"] for row in rows if row["dev_mean"]] == ["3", "6", "9", "10"]
    state = load_state(whole, long_recipe)
    best = max((row for row in rows if row["dev_mean"]), key=lambda row: float(row["dev_mean"]))
    assert int(best["step"]) == state.best_step
    assert float(best["dev_mean"]) == pytest.approx(state.best_dev["mean"], rel=1e-5)
    log = (whole / "train.log").read_text()
    assert "recipe tones: 10 steps of 12 clips" in log
    assert "made-tones: 32 train clips, 8 dev clips, 100% of batches" in log
    assert re.search(r"step 3, loss \d+\.\d{4}, dev: made-tones-emotion 0\.\d{3}, ", log)
    assert f"best step {state.best_step}, dev mean {state.best_dev['mean']:.4f}; model in {whole / 'model'}" in log


def test_the_model_folder_gives_the_figures_that_it_tells(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TrainingRun] = []

    def prepare(recipe: Recipe) -> TrainingRun:
        made.append(prepare_run(recipe))
        return made[-1]

    monkeypatch.setattr(loop, "prepare_run", prepare)
    dev = train(change_recipe(recipe, licence="cc0-1.0", licence_text="Do what you like.\n"), tmp_path / "run")

    clap = ParaClap.from_pretrained(tmp_path / "run" / "model")
    again = made[0].validation.measure(clap.model, TextInputs(clap.model, clap.processor, is_frozen=True))
    training = read_json(tmp_path / "run" / "model" / "training.json")
    assert again == pytest.approx(dev, abs=1e-6)
    assert training["dev"] == dev
    assert {"made-tones-emotion", "made-tones-gender", "mean"} <= set(dev)
    assert clap.training_corpora == ("made-tones",)
    assert training["weights_fingerprint"] == clap.fingerprint
    assert training["recipe"]["steps"] == recipe.steps
    assert training["corpora"][0] | {"manifest_fingerprint": ""} == {
        "name": "made-tones",
        "licence": "CC0",
        "train_clips": 32,
        "dev_clips": 8,
        "manifest_fingerprint": "",
    }
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "license: cc0-1.0" in card
    assert "| made-tones | 32 | 8 | CC0 |" in card
    assert f"| made-tones-gender | {dev['made-tones-gender']:.3f} |" in card
    assert (tmp_path / "run" / "model" / "LICENSE").read_text() == "Do what you like.\n"


def test_weights_saved_in_half_precision_are_half_as_large_and_nearly_the_same(recipe: Recipe, tmp_path: Path) -> None:
    texts = ["a man", "a woman"]
    folders = []
    for dtype in ("float32", "float16"):
        train(change_recipe(recipe, save_dtype=dtype), tmp_path / dtype)
        folders.append(tmp_path / dtype / "model")

    full, half = (ParaClap.from_pretrained(folder) for folder in folders)

    sizes = [(folder / "model.safetensors").stat().st_size for folder in folders]
    assert sizes[1] < 0.6 * sizes[0]
    assert {p.dtype for p in half.model.parameters()} == {torch.float32}
    assert abs(full.embed_text(texts) - half.embed_text(texts)).max() < 5e-3
    assert full.logit_scale == half.logit_scale


def test_tones_are_learned_within_seconds(recipe: Recipe, tmp_path: Path) -> None:
    table, metadata = read_manifest(recipe.manifests[0])
    write_manifest(tmp_path / "m.parquet", table.drop(columns="emotion"), metadata)
    model = recipe.model.model_dump() | {"dropout": 0.0, "projection_dropout": 0.0}
    settings = {"steps": 60, "validate_every": 20, "learning_rate": 2e-3, "average_decay": 0.9, "model": model}

    dev = train(change_recipe(recipe, manifests=[tmp_path / "m.parquet"], **settings), tmp_path / "run")

    assert dev["made-tones-gender"] > 0.8  # chance: 0.5


def test_a_run_ends_early_if_dev_no_longer_gets_better(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = change_recipe(recipe, steps=9, validate_every=1, patience=3)
    values = iter([0.5, 0.7, 0.6, 0.65, 0.7, 0.9])  # the last one comes too late
    monkeypatch.setattr(Validation, "measure", lambda *_: {"mean": next(values)})

    dev = train(recipe, tmp_path / "run")

    assert dev == {"mean": 0.7}
    state = load_state(tmp_path / "run", recipe)
    assert (state.step, state.best_step, state.validations_since_best) == (5, 2, 3)
    assert "no better validation in 3: stopped at step 5" in (tmp_path / "run" / "train.log").read_text()
    assert train(recipe, tmp_path / "run", resume=True) == dev
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_and_keeps_its_state(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine, "combine_losses", break_loss(what, from_call=3))
        message = rf"^the {what} is (nan|inf) at step 3 \(a batch of 12 clips: rows .*; the state before it is kept: "
        with pytest.raises(ConfigError, match=message):
            train(recipe, tmp_path / "run")

    state = load_state(tmp_path / "run", recipe)
    assert state.step == 2
    assert all(value.isfinite().all() for value in (*state.weights.values(), *state.average.values()))
    assert train(recipe, tmp_path / "run", resume=True)["mean"] > 0


@pytest.mark.parametrize("file", ["last.pt", "best.pt"])
def test_a_full_disk_ends_the_run_and_the_last_good_checkpoint_goes_on(
    long_recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    save, saved = torch.save, []

    def fill_disk(content: Any, stream: Any) -> None:
        if Path(stream.name).name.startswith(f".{file}"):
            saved.append(file)
        if len(saved) > 1 or (file == "best.pt" and saved):
            stream.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, stream)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fill_disk)
        message = (
            rf"{re.escape(file)} cannot be written \(No space left on device\); what was saved before is kept: make"
        )
        with pytest.raises(ParaClapError, match=message):
            train(long_recipe, tmp_path / "run")
    is_begun = (tmp_path / "run" / "last.pt").exists()
    assert is_begun == (file == "last.pt")
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    if is_begun:
        assert load_state(tmp_path / "run", long_recipe).step == 3

    train(long_recipe, tmp_path / "run", resume=is_begun)

    assert_same_run(tmp_path / "run", whole, long_recipe)


def test_a_disk_that_is_full_at_the_end_leaves_what_makes_the_model(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "write_model_folder", fail)
        with pytest.raises(
            ParaClapError, match=r"model cannot be written \(No space left on device\); make room, then"
        ):
            train(recipe, tmp_path / "run")

    train(recipe, tmp_path / "run", resume=True)
    assert ParaClap.from_pretrained(tmp_path / "run" / "model").training_corpora == ("made-tones",)


def test_a_run_of_another_recipe_is_refused(long_recipe: Recipe, whole: Path) -> None:
    message = r"is a run of another recipe \(they differ in learning_rate, steps\); use its recipe or another folder$"
    with pytest.raises(ConfigError, match=message):
        train(change_recipe(long_recipe, steps=11, learning_rate=0.1), whole, resume=True)


def test_a_run_that_failed_before_its_first_checkpoint_can_start_again(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no corpora and no manifests"):
        train(change_recipe(recipe, manifests=[]), tmp_path / "run")

    assert train(recipe, tmp_path / "run")["mean"] >= 0


def test_a_folder_that_cannot_be_made_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ConfigError, match=r" cannot be made \(.+\); choose another folder$"):
            train(recipe, folder)


def test_a_finished_run_without_its_best_weights_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run")
    (tmp_path / "run" / "best.pt").write_bytes(b"no weights")

    with pytest.raises(ConfigError, match=r"best\.pt cannot be read \(\w+\); it is damaged: start the run again$"):
        train(recipe, tmp_path / "run", resume=True)


def test_a_folder_with_something_in_it_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(ConfigError, match=r"is not empty; use --resume to go on with its run, or another folder$"):
        train(recipe, tmp_path)
    with pytest.raises(ConfigError, match=r"holds no run to resume \(no last\.pt\)"):
        train(recipe, tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
