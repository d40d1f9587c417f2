"""The state of a run on disk: written whole, read back to go on exactly where it was."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from paraclap.errors import ConfigError
from paraclap.storage import write_atomic
from paraclap.training.recipe import Recipe

LAST = "last.pt"
BEST = "best.pt"


@dataclass
class RunState:
    """Hold what a run needs to go on: trainable weights, their average, the optimiser, texts, and how far it is."""

    step: int
    weights: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    best_step: int
    best_dev: dict[str, float]
    random_state: torch.Tensor
    texts: list[str]
    pooled_texts: torch.Tensor


def save_state(run: Path, state: RunState, recipe: Recipe) -> None:
    """Save the last state of a run, atomically."""
    with write_atomic(run / LAST) as temporary:
        torch.save({"recipe": recipe.model_dump_json(), **vars(state)}, temporary)


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
        found = json.loads(content.pop("recipe"))
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
    """Save the averaged weights that were best on dev, atomically."""
    with write_atomic(run / BEST) as temporary:
        torch.save(average, temporary)


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


def _damaged(file: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{file} cannot be read ({type(error).__name__}); it is damaged: start the run again")
