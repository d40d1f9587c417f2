"""Two processes, which gloo joins, do what one does on the whole batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.training.engines import (
    Weights,
    find_differing,
    find_gradient,
    make_engine,
    save_audio_tower,
    save_calm_text_tower,
    take_steps,
    with_towers,
)
from tests.training.tones import change_recipe
from tests.training.two_processes import run_in_two

from paraclap.errors import ConfigError
from paraclap.training import Recipe, prepare_run, train
from paraclap.training.checkpoints import load_state
from paraclap.training.loop import make_batches

NAMES = ("contrastive", "clip", "sigmoid", "combined contrastive", "combined sigmoid", "unfrozen wav2vec 2.0")


@dataclass
class Found:
    """What one process found of the same recipes."""

    losses: dict[str, float]
    gradients: dict[str, Weights]
    weights: dict[str, Weights]
    skipping: Weights
    refusals: list[str]
    agreed: str | None
    dev: dict[str, float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def recipes(recipe: Recipe, folder: Path) -> dict[str, Recipe]:
    """Return recipes without dropout, whose chances differ between one process and two; the spectrograms are there."""
    prepare_run(recipe)
    calm = with_towers(recipe, text=save_calm_text_tower(folder / "text"), dropout=0.0, projection_dropout=0.0)
    single = {name: change_recipe(calm, loss=name) for name in NAMES[:3]}
    changes: dict[str, Any] = {"chunk_size": 4, "accumulation_steps": 2, "parts": []}  # the last chunk has two clips
    combined = {f"combined {name}": change_recipe(calm, loss=name, **changes) for name in ("contrastive", "sigmoid")}
    quiet = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "mask_time_prob"), 0.0)
    tower = save_audio_tower(folder / "audio", {"layerdrop": 0.0, "feat_proj_dropout": 0.0, **quiet})
    waves = change_recipe(with_towers(calm, audio=tower), parts=[], batch_size=6, gradient_checkpointing=True)
    return single | combined | {NAMES[5]: waves}


@pytest.fixture(scope="module")
def skipping(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe that pools an inner layer of a tower, whose layers and dropout are left to chance."""
    tower = save_audio_tower(folder / "dropping", {"layerdrop": 0.5})
    changes: dict[str, Any] = {"batch_size": 8, "chunk_size": 2, "accumulation_steps": 2, "parts": []}
    return change_recipe(with_towers(recipe, audio=tower, audio_layer=1), **changes)


@pytest.fixture(scope="module")
def long_recipe(recipes: dict[str, Recipe]) -> Recipe:
    return change_recipe(recipes["combined contrastive"], learning_rate=1e-4, average_decay=0.5)


def work(recipes: dict[str, Recipe], skipping: Recipe, long_recipe: Recipe, folder: Path) -> Found:
    found = Found({}, {}, {}, {}, [], None, {})
    for name, recipe in recipes.items():
        found.losses[name], found.gradients[name] = find_gradient(recipe)
        found.weights[name] = take_steps(recipe, 2)
    found.skipping = take_steps(skipping, 4)
    run, engine = make_engine(change_recipe(recipes["clip"], batch_size=7, device=None))  # on the CPU for want of a GPU
    try:
        make_batches(run)
    except ConfigError as error:
        found.refusals.append(str(error))
    found.agreed = engine.agree(None if engine.is_main else "SIGTERM")
    found.dev = train(long_recipe, folder)
    try:
        train(long_recipe, folder)
    except ConfigError as error:
        found.refusals.append(str(error))
    return found


@pytest.fixture(scope="module")
def both(recipes: dict[str, Recipe], skipping: Recipe, long_recipe: Recipe, folder: Path) -> list[Found]:
    found: list[Found] = run_in_two(work, recipes, skipping, long_recipe, folder / "run")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_have_the_loss_and_every_gradient_of_one(
    both: list[Found], recipes: dict[str, Recipe], name: str
) -> None:
    whole = change_recipe(recipes[name], chunk_size=None)
    loss, gradient = find_gradient(whole)

    for found in both:
        assert found.losses[name] == pytest.approx(loss, abs=1e-5)
        assert not find_differing(found.gradients[name], gradient)
    assert "model.logit_scale" in gradient
    assert ("bias" in gradient) == ("sigmoid" in name)
    assert ("model.text_tower.embeddings.word_embeddings.weight" in gradient) == (name in NAMES[3:])
    assert gradient["model.logit_scale"].abs() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_have_the_same_weights_after_a_step(both: list[Found], name: str) -> None:
    first, second = (found.weights[name] for found in both)

    assert not find_differing(first, second, rtol=0, atol=0)


def test_processes_stay_together_if_layers_have_no_part_in_a_step(both: list[Found], skipping: Recipe) -> None:
    first, second = (found.skipping for found in both)

    assert not find_differing(first, second, rtol=0, atol=0)
    moved = find_differing(first, take_steps(skipping, 0), rtol=0, atol=0)
    assert {name for name in first if ".layers." in name and name not in moved} == {
        name for name in first if ".layers.1." in name
    }


def test_all_processes_refuse_what_one_refuses(both: list[Found], folder: Path) -> None:
    expected = [
        "batch_size 7 with 2 processes; expected a multiple of their number",
        f"{folder / 'run'} is not empty; use --resume to go on with its run, or another folder",
    ]
    assert [found.refusals for found in both] == [expected, expected]


def test_all_processes_stop_if_one_was_asked_to(both: list[Found]) -> None:
    assert [found.agreed for found in both] == ["SIGTERM", "SIGTERM"]


def test_a_run_of_two_processes_ends_with_the_weights_of_one(
    both: list[Found], long_recipe: Recipe, folder: Path, tmp_path: Path
) -> None:
    dev = train(long_recipe, tmp_path / "run")

    two, one = (load_state(path, long_recipe) for path in (folder / "run", tmp_path / "run"))
    assert both[0].dev == both[1].dev == pytest.approx(dev)
    assert (two.step, two.best_step, len(two.processes)) == (4, one.best_step, 2)
    assert not find_differing(two.weights, one.weights)
    assert not find_differing(two.average, one.average)
    log = (folder / "run" / "train.log").read_text()
    assert log.count("step 2, loss ") == log.count("recipe tones: ") == log.count("best step ") == 1
    rows = (folder / "run" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "1", "2", "3", "4"]
    assert (folder / "run" / "model" / "model.safetensors").is_file()
    with pytest.raises(ConfigError, match=r"^the run was trained by 2 processes, found 1; expected as many"):
        train(long_recipe, folder / "run", resume=True)
