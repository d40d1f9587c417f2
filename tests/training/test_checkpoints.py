import errno
import json
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paraclap.errors import ConfigError, ParaClapError
from paraclap.training import parse_recipe
from paraclap.training.checkpoints import BEST, LAST, RunState, load_best, load_state, save_best, save_state
from paraclap.training.random_states import get_random_states, set_random_states

RECIPE: dict[str, Any] = {"name": "made", "corpora": [{"name": "emodb"}], "model": {"depth": 2}}


def make_state(step: int = 7, size: int = 3) -> RunState:
    weight = torch.nn.Parameter(torch.arange(2.0 * size).reshape(2, size))
    optimizer = torch.optim.AdamW([weight])
    weight.square().sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return RunState(
        step=step,
        best_step=5,
        best_dev={"mean": 0.5},
        validations_since_best=1,
        weights={"a": weight.detach()},
        average={"a": 2 * weight.detach()},
        optimizer=optimizer.state_dict(),
        processes=[{"random": get_random_states(), "texts": ["a man"], "pooled": torch.ones(1, 4)}],
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    state = make_state()
    expected = (torch.rand(2).tolist(), np.random.rand(2).tolist())

    save_state(tmp_path, state, parse_recipe(RECIPE))
    loaded = load_state(tmp_path, parse_recipe(RECIPE))

    assert (loaded.step, loaded.best_step, loaded.best_dev, loaded.validations_since_best) == (7, 5, {"mean": 0.5}, 1)
    assert torch.equal(loaded.weights["a"], state.weights["a"])
    assert torch.equal(loaded.average["a"], state.average["a"])
    moments, kept = loaded.optimizer["state"][0], state.optimizer["state"][0]
    assert all(torch.equal(moments[name], kept[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    assert loaded.processes[0]["texts"] == ["a man"]
    assert torch.equal(loaded.processes[0]["pooled"], torch.ones(1, 4))
    set_random_states(loaded.processes[0]["random"])
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist()) == expected
    assert [path.name for path in tmp_path.iterdir()] == [LAST]


def test_the_best_weights_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    save_best(tmp_path, {"a": torch.arange(3.0)})

    assert torch.equal(load_best(tmp_path)["a"], torch.arange(3.0))
    (tmp_path / BEST).write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"best\.pt cannot be read \(\w+\); it is damaged: start the run again$"):
        load_best(tmp_path)


def test_the_checkpoint_of_another_recipe_is_refused_with_what_differs(tmp_path: Path) -> None:
    save_state(tmp_path, make_state(), parse_recipe(RECIPE))
    other = parse_recipe(RECIPE | {"learning_rate": 0.1, "model": {"depth": 3}})

    with pytest.raises(ConfigError, match=r"is a run of another recipe \(they differ in learning_rate, model\); use "):
        load_state(tmp_path, other)


def test_the_checkpoint_of_a_recipe_without_a_key_that_came_later_is_loaded(tmp_path: Path) -> None:
    save_state(tmp_path, make_state(), parse_recipe(RECIPE))
    content = torch.load(tmp_path / LAST, weights_only=True)
    recipe = json.loads(content["recipe"])
    assert recipe.pop("shard_parameters") is False
    torch.save(content | {"recipe": json.dumps(recipe)}, tmp_path / LAST)

    assert load_state(tmp_path, parse_recipe(RECIPE)).step == 7
    with pytest.raises(ConfigError, match=r"is a run of another recipe \(they differ in shard_parameters\); use its"):
        load_state(tmp_path, parse_recipe(RECIPE | {"shard_parameters": True}))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no run to resume \(no last\.pt\); start it without --resume$"):
        load_state(tmp_path, parse_recipe(RECIPE))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "foreign", "lacking"])
def test_a_checkpoint_that_is_damaged_or_none_of_ours_is_refused(tmp_path: Path, damage: str) -> None:
    save_state(tmp_path, make_state(), parse_recipe(RECIPE))
    file = tmp_path / LAST
    if damage == "foreign":
        torch.save([1, 2], file)
    elif damage == "lacking":
        torch.save({"recipe": parse_recipe(RECIPE).model_dump_json(), "step": 3}, file)
    else:
        whole = file.read_bytes()
        file.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no checkpoint"}[damage])

    with pytest.raises(ConfigError, match=r"last\.pt cannot be read \(\w+\); it is damaged: start the run again$"):
        load_state(tmp_path, parse_recipe(RECIPE))


def save_both(folder: Path, step: int, size: int = 3) -> list[Callable[[], None]]:
    state = make_state(step, size)
    return [
        lambda: save_state(folder, state, parse_recipe(RECIPE)),
        lambda: save_best(folder, {"a": torch.full((2 * size,), float(step))}),
    ]


def fail_as_a_full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("number", [0, 1])
def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    save_both(tmp_path, 7)[number]()
    monkeypatch.setattr(torch, "save", fail_as_a_full_disk)
    file = tmp_path / (LAST, BEST)[number]

    message = (
        rf"^{re.escape(str(file))} cannot be written \(No space left on device\); what was saved before is kept: make "
        r"room, then use --resume or, if there is no last\.pt yet, start again$"
    )
    with pytest.raises(ParaClapError, match=message):
        save_both(tmp_path, 9)[number]()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    kept = load_best(tmp_path)["a"].tolist()[0] if number else load_state(tmp_path, parse_recipe(RECIPE)).step
    assert kept == 7


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_that_is_cut_short_by_the_system_leaves_the_checkpoint_before(tmp_path: Path, number: int) -> None:
    """Here torch itself writes, and hides the system's error in one of its own."""
    save_both(tmp_path, 7)[number]()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ParaClapError, match=r"\.pt cannot be written \(File too large\); what was saved before is"):
            save_both(tmp_path, 9, size=100_000)[number]()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = load_best(tmp_path)["a"].tolist()[0] if number else load_state(tmp_path, parse_recipe(RECIPE)).step
    assert kept == 7
    assert len(list(tmp_path.iterdir())) == 1
