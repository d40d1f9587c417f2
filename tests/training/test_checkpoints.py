from pathlib import Path
from typing import Any

import pytest
import torch

from paraclap.errors import ConfigError
from paraclap.training import parse_recipe
from paraclap.training.checkpoints import LAST, RunState, load_state, save_state


def make_state() -> RunState:
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    optimizer = torch.optim.AdamW([weight])
    weight.square().sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return RunState(
        step=7,
        weights={"a": weight.detach()},
        average={"a": 2 * weight.detach()},
        optimizer=optimizer.state_dict(),
        best_step=5,
        best_dev={"mean": 0.5},
        random_state=torch.get_rng_state(),
        texts=["a man"],
        pooled_texts=torch.ones(1, 4),
    )


RECIPE: dict[str, Any] = {"name": "made", "corpora": [{"name": "emodb"}], "model": {"depth": 2}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    state = make_state()

    save_state(tmp_path, state, parse_recipe(RECIPE))
    loaded = load_state(tmp_path, parse_recipe(RECIPE))

    assert (loaded.step, loaded.best_step, loaded.best_dev) == (7, 5, {"mean": 0.5})
    assert torch.equal(loaded.weights["a"], state.weights["a"])
    assert torch.equal(loaded.average["a"], state.average["a"])
    assert torch.equal(loaded.random_state, state.random_state)
    assert loaded.texts == ["a man"]
    assert torch.equal(loaded.pooled_texts, state.pooled_texts)
    moments, expected = loaded.optimizer["state"][0], state.optimizer["state"][0]
    assert all(torch.equal(moments[name], expected[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    assert [path.name for path in tmp_path.iterdir()] == [LAST]


def test_the_checkpoint_of_another_recipe_is_refused_with_what_differs(tmp_path: Path) -> None:
    save_state(tmp_path, make_state(), parse_recipe(RECIPE))
    other = parse_recipe(RECIPE | {"learning_rate": 0.1, "model": {"depth": 3}})

    with pytest.raises(ConfigError, match=r"is a run of another recipe \(they differ in learning_rate, model\); use "):
        load_state(tmp_path, other)


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
