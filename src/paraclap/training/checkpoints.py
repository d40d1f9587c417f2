"""The state of a run on disk: written whole, read back to go on exactly where it was."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from paraclap.errors import ConfigError, ParaClapError
from paraclap.storage import write_atomic
from paraclap.training.recipe import Recipe

LAST = "last.pt"
BEST = "best.pt"


@dataclass
class RunState:
    """Hold what a run needs to go on: how far it is, its weights, their average, the optimiser, and all chances."""

    step: int
    best_step: int
    best_dev: dict[str, float]
    validations_since_best: int
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    average: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    processes: list[dict[str, Any]] = field(default_factory=list)  # random states and remembered texts of each


def save_state(run: Path, state: RunState, recipe: Recipe) -> None:
    """Save the last state of a run, atomically.

    Raises:
        ParaClapError: if it cannot be written, such as to a full disk; the state before it stays.
    """
    _save(run / LAST, {"recipe": recipe.model_dump_json(), **vars(state)})


def load_state(run: Path, recipe: Recipe) -> RunState:
    """Load the last state of a run.

    Raises:
        ConfigError: if there is none, it is damaged, or it belongs to another recipe.
    """
    file = run / LAST
    if not file.is_file():
        raise ConfigError(f"{run} holds no run to resume (no {LAST}); start it without --resume")
    try:
        content = torch.load(file, weights_only=True)
        defaults = Recipe(name="").model_dump(mode="json")  # of keys that came after the run
        found = defaults | json.loads(content.pop("recipe"))
        state = RunState(**content)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise _damaged(file, error) from None
    expected = recipe.model_dump(mode="json")
    differing = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    if differing:
        raise ConfigError(
            f"{run} is a run of another recipe (they differ in {', '.join(differing)}); "
            "use its recipe or another folder"
        )
    return state


def save_best(run: Path, average: dict[str, torch.Tensor]) -> None:
    """Save the averaged weights that were best on dev, atomically.

    Raises:
        ParaClapError: if they cannot be written, such as to a full disk; the ones before them stay.
    """
    _save(run / BEST, average)


def load_best(run: Path) -> dict[str, torch.Tensor]:
    """Load the averaged weights that were best on dev.

    Raises:
        ConfigError: if they are not there or damaged.
    """
    try:
        average: dict[str, torch.Tensor] = torch.load(run / BEST, weights_only=True)
    except Exception as error:
        raise _damaged(run / BEST, error) from None
    return average


def _save(file: Path, content: dict[str, Any]) -> None:
    try:
        with write_atomic(file) as temporary, temporary.open("wb") as stream:
            torch.save(content, stream)
    except (OSError, RuntimeError) as error:  # torch hides the first kind in the second
        cause = error if isinstance(error, OSError) else error.__context__
        reason = cause.strerror if isinstance(cause, OSError) else error
        raise ParaClapError(
            f"{file} cannot be written ({reason}); what was saved before is kept: make room, then use --resume "
            f"or, if there is no {LAST} yet, start again"
        ) from None


def _damaged(file: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{file} cannot be read ({type(error).__name__}); it is damaged: start the run again")
