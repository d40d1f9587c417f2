"""The loop: steps, validation, checkpoints, and at the end a model folder."""

import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml
from rich.console import Console
from safetensors import SafetensorError

from paraclap.errors import ConfigError, ParaClapError
from paraclap.training.calibrating import calibrate
from paraclap.training.checkpoints import BEST, RunState, load_best, load_state, save_best, save_state
from paraclap.training.curves import EVENTS, METRICS, MetricsLog, StepMetrics, plot_curves
from paraclap.training.engine import Engine, join_processes
from paraclap.training.frozen_audio import FrozenAudio, open_frozen_audio
from paraclap.training.gathering import let_main, num_processes, process_rank, wait_for_main
from paraclap.training.loading import BatchData, LoadedBatch, load_batches, split_batch
from paraclap.training.model_folder import BestWeights, write_model_folder
from paraclap.training.progress import show_progress
from paraclap.training.recipe import Recipe
from paraclap.training.run import TrainingRun, prepare_run
from paraclap.training.stopping import EarlyStopping, StopRequest, stop_on_signals

_log = logging.getLogger("paraclap.training")
_LOG_FILE = "train.log"
_RECIPE_FILE = "recipe.yaml"
_TEXTS_AHEAD = 512  # captions of batches to come that a frozen text tower encodes together


class StoppedError(ConfigError):
    """Say that a run was asked to stop, at which step it did, and how to go on."""


def train(recipe: Recipe, run_folder: Path, *, resume: bool = False) -> dict[str, float]:
    """Train a recipe to its end and write the model folder `run_folder/model`; return its dev metrics.

    What is validated, chosen by dev and saved is the moving average of the weights. SIGTERM and Ctrl-C save the state
    and stop. A run that was stopped goes on with `resume`, and ends with the same weights as if it had not been
    stopped; one that was killed goes on from its last validation. Started by torchrun or `accelerate launch`, several
    processes share every batch.

    Raises:
        ConfigError: if the folder holds a run already, or none to resume, or cannot be made, or the loss or its
            gradient is not finite.
        ParaClapError: if something cannot be written, such as to a full disk; what was saved before is kept.
        StoppedError: if a signal asked the run to stop.
    """
    join_processes(recipe)
    state = load_state(run_folder, recipe) if resume else None
    if state is None:
        let_main(lambda: _make_folder(run_folder, recipe))
    log_file = _LogFile(run_folder / _LOG_FILE, encoding="utf-8", delay=True)
    log_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.addHandler(log_file)
    _log.setLevel(logging.INFO if process_rank() == 0 else logging.ERROR)
    try:
        with stop_on_signals() as stop:
            with wait_for_main():  # who fills the caches
                run = prepare_run(recipe)
            return _train(run, run_folder, state, stop)
    finally:
        _log.removeHandler(log_file)
        log_file.close()


def make_batches(run: TrainingRun) -> BatchData:
    """Return the batches of a run; what a frozen audio tower makes of fixed windows is computed first.

    Raises:
        ConfigError: if the processes cannot share a batch evenly.
    """
    recipe = run.recipe
    split_batch(recipe.batch_size, num_processes(), 0, None)
    frozen: FrozenAudio | None = None
    if run.hears_frozen_windows:
        with wait_for_main():
            frozen = open_frozen_audio(recipe, run.clip_sets, run.planner, model=run.model, inputs=run.inputs)
    return BatchData(run.planner, run.inputs, frozen=frozen, chunk_size=recipe.chunk_size)


def stream_batches(data: BatchData, run: TrainingRun, *, first_step: int) -> Iterator[LoadedBatch]:
    """Yield the batches of all steps from one on; where towers are frozen, captions of several are encoded together."""
    recipe, per_step = run.recipe, run.recipe.accumulation_steps
    first = first_step * per_step
    batches = load_batches(data, range(first, recipe.steps * per_step), workers=recipe.workers)
    if not run.hears_frozen_windows:  # whose batches are small
        return batches
    count = max(1, _TEXTS_AHEAD // (recipe.batch_size * recipe.captions_per_clip))
    return run.texts.meet_ahead(batches, first=first, count=count)


def _make_folder(run_folder: Path, recipe: Recipe) -> None:
    """Make the folder of a new run; what failed before its first checkpoint left only logs, and may start again."""
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
        if any(path.name not in (_LOG_FILE, _RECIPE_FILE, METRICS, EVENTS, BEST) for path in run_folder.iterdir()):
            raise ConfigError(f"{run_folder} is not empty; use --resume to go on with its run, or another folder")
        (run_folder / _RECIPE_FILE).write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))
    except OSError as error:
        raise ConfigError(f"{run_folder} cannot be made ({error.strerror}); choose another folder") from None


class _LogFile(logging.FileHandler):
    """Write a log, but let a full disk be told by what a run cannot do without."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Pass over a line that cannot be written."""

    def close(self) -> None:
        """Close the file, even if its last lines are lost."""
        with suppress(OSError):
            super().close()


@dataclass
class _Best:
    """Keep the best validation, and how many came after it."""

    stopping: EarlyStopping
    step: int = 0
    dev: dict[str, float] = field(default_factory=lambda: {"mean": -1.0})


def _train(run: TrainingRun, folder: Path, state: RunState | None, stop: StopRequest) -> dict[str, float]:
    recipe = run.recipe
    engine = Engine(run)
    best, first = _Best(EarlyStopping(recipe.patience)), 0
    if state is not None:
        engine.restore_state(state)
        first = state.step
        best = _Best(EarlyStopping(recipe.patience, state.validations_since_best), state.best_step, state.best_dev)
    data = make_batches(run)
    if engine.is_main:
        summary = run.summary()
        Console(stderr=True).print(summary, highlight=False, markup=False, soft_wrap=True)
        _log.info(summary)
    batches = stream_batches(data, run, first_step=first)
    with (
        MetricsLog(folder, first_step=first) if engine.is_main else nullcontext() as metrics,
        show_progress("training", recipe.steps, first=first) as advance,
    ):
        begin = last = time.perf_counter()
        for step in range(first, recipe.steps):
            if best.stopping.is_due:
                _log.info("no better validation in %d: stopped at step %d", best.stopping.count, step)
                break
            loss = engine.step(step, batches)
            so_far = f", best dev mean {best.dev['mean']:.3f}" if best.step else ""
            advance(1, f"training, loss {loss:.3f}{so_far}")
            is_due = (step + 1) % recipe.validate_every == 0 or step + 1 == recipe.steps
            dev = engine.measure_average() if is_due else None
            now = time.perf_counter()
            clips = recipe.batch_size * recipe.accumulation_steps / max(now - last, 1e-9)
            last = now
            measured = StepMetrics(loss, engine.learning_rate, engine.logit_scale, now - begin, clips)
            if metrics is not None:
                metrics.write(step + 1, measured, dev)
            if dev is not None:
                _note_validation(engine, folder, best, step + 1, loss, dev)
            asked = engine.agree(stop.requested)
            if dev is not None or asked:
                saved = engine.export_state(RunState(step + 1, best.step, best.dev, best.stopping.count))
                let_main(partial(save_state, folder, saved, recipe))
            if asked and step + 1 < recipe.steps:
                raise StoppedError(
                    f"{asked}: saved the state after step {step + 1} of {recipe.steps} in {folder}; --resume goes on"
                )
    if engine.is_main or recipe.shard_parameters:  # each process has its part of what is sharded
        weights = engine.export_model(load_best(folder))
        problems = run.validation.compare(run.model, run.texts)
    if engine.is_main:
        calibration = calibrate(problems, learned_scale=float(weights["logit_scale"].exp()))
        _write_model(folder / "model", run, BestWeights(weights, best.step, best.dev, calibration))
        plot_curves(folder)
        _log.info("best step %d, dev mean %.4f; model in %s", best.step, best.dev["mean"], folder / "model")
    return best.dev


def _write_model(folder: Path, run: TrainingRun, best: BestWeights) -> None:
    try:
        write_model_folder(folder, run, best)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ParaClapError(f"{folder} cannot be written ({reason}); make room, then use --resume") from None


def _note_validation(engine: Engine, folder: Path, best: _Best, step: int, loss: float, dev: dict[str, float]) -> None:
    """Log a validation, and keep its weights if it is the best."""
    shown = ", ".join(f"{name} {value:.3f}" for name, value in dev.items())
    _log.info("step %d, loss %.4f, dev: %s", step, loss, shown)
    is_better = dev["mean"] > best.dev["mean"]
    best.stopping.update(is_better=is_better)
    if is_better:
        best.step, best.dev = step, dev
        let_main(partial(save_best, folder, engine.export_average()))
