"""The loop: batches, loss, steps, validation, checkpoints, and at the end a model folder."""

import csv
import logging
import math
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paraclap.errors import ConfigError
from paraclap.training.batches import Batch
from paraclap.training.checkpoints import LAST, RunState, load_best, load_state, save_best, save_state
from paraclap.training.losses import attribute_loss, contrastive_loss
from paraclap.training.model_folder import write_model_folder
from paraclap.training.recipe import Recipe
from paraclap.training.run import TrainingRun, prepare_run

_log = logging.getLogger("paraclap.training")
_LOG_FILE = "train.log"


def train(recipe: Recipe, run_folder: Path, *, resume: bool = False) -> dict[str, float]:
    """Train a recipe to its end and write the model folder `run_folder/model`; return its UARs on dev.

    What is validated, chosen by dev and saved is the moving average of the weights. A run that was stopped goes on with
    `resume` from its last validation, and ends with the same weights as if it had not been stopped.

    Raises:
        ConfigError: if the folder holds a run already, or none to resume, or cannot be made, or the loss or its
            gradient is not finite.
    """
    state = load_state(run_folder, recipe) if resume else None
    if state is None:
        _make_folder(run_folder)
    log_file = logging.FileHandler(run_folder / _LOG_FILE, encoding="utf-8")
    log_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.addHandler(log_file)
    _log.setLevel(logging.INFO)
    try:
        return _train(prepare_run(recipe), run_folder, state)
    finally:
        _log.removeHandler(log_file)
        log_file.close()


def _make_folder(run_folder: Path) -> None:
    """Make the folder of a new run; what failed before its first checkpoint left only a log, and may start again."""
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{run_folder} cannot be made ({error.strerror}); choose another folder") from None
    if any(path.name != _LOG_FILE for path in run_folder.iterdir()):
        raise ConfigError(f"{run_folder} is not empty; use --resume to go on with its run, or another folder")


def _train(run: TrainingRun, folder: Path, state: RunState | None) -> dict[str, float]:
    recipe = run.recipe
    console = Console(stderr=True)
    console.print(run.summary(), highlight=False)
    _log.info(run.summary())
    weights = {name: p for name, p in run.model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(_groups(weights, recipe.weight_decay), lr=recipe.learning_rate)
    average = {name: p.detach().clone() for name, p in weights.items()}
    best_step, best_dev, first = 0, {"mean": -1.0}, 0
    if state is not None:
        _copy(state.weights, weights)
        average, best_step, best_dev, first = state.average, state.best_step, state.best_dev, state.step
        optimizer.load_state_dict(state.optimizer)
        torch.set_rng_state(state.random_state)
        run.texts.restore_state(state.texts, state.pooled_texts)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=recipe.steps, completed=first)
        for step in range(first, recipe.steps):
            loss = _step(run, optimizer, weights, step)
            decay = min(recipe.average_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.values()), [p.detach() for p in weights.values()], 1 - decay)
            progress.update(
                bar, advance=1, description=f"training, loss {loss:.3f}, best dev UAR {best_dev['mean']:.3f}"
            )
            if (step + 1) % recipe.validate_every and step + 1 < recipe.steps:
                continue
            dev = _measure_average(run, weights, average)
            _record(folder, step + 1, loss, dev)
            if dev["mean"] > best_dev["mean"]:
                best_step, best_dev = step + 1, dev
                save_best(folder, average)
            texts, pooled_texts = run.texts.export_state()
            saved = RunState(
                step=step + 1,
                weights={name: p.detach().clone() for name, p in weights.items()},
                average=average,
                optimizer=optimizer.state_dict(),
                best_step=best_step,
                best_dev=best_dev,
                random_state=torch.get_rng_state(),
                texts=texts,
                pooled_texts=pooled_texts,
            )
            save_state(folder, saved, recipe)
    _copy(load_best(folder), weights)
    write_model_folder(folder / "model", run, best_step=best_step, dev=best_dev)
    _log.info("best step %d, dev UAR %.4f; model in %s", best_step, best_dev["mean"], folder / "model")
    return best_dev


def _step(
    run: TrainingRun, optimizer: torch.optim.Optimizer, weights: dict[str, torch.nn.Parameter], step: int
) -> float:
    recipe = run.recipe
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * _schedule(step, recipe)
    batch = run.batches.sample(step)
    run.model.train()
    run.model.text_tower.eval()
    loss = _compute_loss(run, batch)
    _check_finite("loss", loss, step)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    _check_finite("gradient", torch.nn.utils.clip_grad_norm_(weights.values(), recipe.max_gradient_norm), step)
    optimizer.step()
    run.model.clamp_logit_scale()
    return float(loss.item())


def _check_finite(what: str, value: torch.Tensor, step: int) -> None:
    if not math.isfinite(value.item()):
        raise ConfigError(
            f"the {what} is {value.item()} at step {step}; {LAST} keeps the state of the last validation: "
            "start again with a lower learning_rate"
        )


def _compute_loss(run: TrainingRun, batch: Batch) -> torch.Tensor:
    pooled = run.texts.pool(batch.captions)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=run.recipe.precision == "bfloat16"):
        audio = run.model.get_audio_features(torch.from_numpy(batch.features), torch.from_numpy(batch.mask))
        text = run.model.project_text(pooled)
    logits = run.model.logit_scale.exp() * audio.float() @ text.float().T
    relation = torch.from_numpy(batch.relation)
    by_attribute = attribute_loss(logits, relation, batch.attributes)
    return contrastive_loss(logits, relation) + run.recipe.attribute_loss_weight * by_attribute


def _schedule(step: int, recipe: Recipe) -> float:
    """Return the share of the learning rate: linear warm-up, then half a cosine down to a hundredth."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def _groups(weights: dict[str, torch.nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Decay what has two dimensions or more (frame norms too); other norms, biases and the scale are left alone."""
    matrices = [p for p in weights.values() if p.ndim > 1]
    others = [p for p in weights.values() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _copy(source: dict[str, torch.Tensor], target: dict[str, torch.nn.Parameter]) -> None:
    for name, parameter in target.items():
        parameter.copy_(source[name])


def _measure_average(
    run: TrainingRun, weights: dict[str, torch.nn.Parameter], average: dict[str, torch.Tensor]
) -> dict[str, float]:
    current = {name: p.detach().clone() for name, p in weights.items()}
    _copy(average, weights)
    dev = run.validation.measure(run.model, run.texts)
    _copy(current, weights)
    return dev


def _record(folder: Path, step: int, loss: float, dev: dict[str, float]) -> None:
    shown = ", ".join(f"{name} {value:.3f}" for name, value in dev.items())
    _log.info("step %d, loss %.4f, dev UAR: %s", step, loss, shown)
    file = folder / "metrics.csv"
    is_new = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(["step", "loss", *dev])
        writer.writerow([step, f"{loss:.5f}", *(f"{value:.5f}" for value in dev.values())])
