"""What a run will need, before it is begun: everything loaded, and a few steps taken on the clock."""

import resource
import sys
import time
from collections.abc import Iterator
from statistics import median

import torch

from paraclap.training.engine import Engine, join_processes
from paraclap.training.gathering import wait_for_main
from paraclap.training.loading import LoadedBatch, load_batches
from paraclap.training.loop import make_batches
from paraclap.training.recipe import Recipe
from paraclap.training.run import prepare_run
from paraclap.training.sharded import own_part

_STEPS = 5
_FIRST = 1  # steps that are not counted: kernels and workers start in them
_GIB = 2**30


def check_run(recipe: Recipe) -> str:
    """Load all that a recipe names, take five steps, and say what trains on what, and what time and memory it takes.

    Nothing is written but the caches of spectrograms, features and windows.

    Raises:
        ConfigError: if the recipe cannot be trained.
        CorpusError: if a corpus cannot be read.
        ModelError: if a tower, or the model to start from, is not there.
    """
    join_processes(recipe)
    with wait_for_main():  # who fills the caches
        run = prepare_run(recipe)
    engine = Engine(run)
    data = make_batches(run)
    number = (_STEPS + _FIRST) * recipe.accumulation_steps
    waiting: list[float] = []
    batches = _time(load_batches(data, range(number), workers=recipe.workers), waiting)
    seconds, waited = [], []
    for step in range(_STEPS + _FIRST):
        begin, before = time.perf_counter(), sum(waiting)
        engine.step(step, batches)
        seconds.append(time.perf_counter() - begin)
        waited.append(sum(waiting) - before)
    counted, waited = seconds[_FIRST:], waited[_FIRST:]
    usual = median(counted)
    hours = usual * recipe.steps / 3600
    lines = [
        run.summary(),
        f"  memory: {_count_state(run.model) / _GIB:.2f} GiB for weights, gradients, optimiser and average; "
        f"{_measure_peak() / _GIB:.2f} GiB in all so far, at its peak",
        f"  a step takes {usual:.2f} s ({min(counted):.2f} to {max(counted):.2f} in {_STEPS}), "
        f"{sum(waited) / sum(counted):.0%} of it waiting for data; {recipe.steps} steps take about {hours:.1f} h, "
        f"and {-(-recipe.steps // recipe.validate_every)} validations",
    ]
    return "\n".join(lines)


def _time(batches: Iterator[LoadedBatch], seconds: list[float]) -> Iterator[LoadedBatch]:
    """Yield batches, and note how long each one was waited for."""
    while True:
        begin = time.perf_counter()
        batch = next(batches, None)
        seconds.append(time.perf_counter() - begin)
        if batch is None:
            return
        yield batch


def _count_state(model: torch.nn.Module) -> int:
    """Count the bytes of this process' weights, and of the four numbers that training keeps beside each it trains."""
    total = 0
    for parameter in model.parameters():
        size = own_part(parameter).numel() * parameter.element_size()
        total += size * (5 if parameter.requires_grad else 1)  # gradient, two moments of AdamW, average
    return total


def _measure_peak() -> int:
    """Return the peak memory in bytes: of the GPU if one is used, or else of this process."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
