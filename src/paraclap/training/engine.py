"""One step of training, on one process or many: batches, loss, gradient, update, and the state to go on from."""

import math
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from paraclap.errors import ConfigError
from paraclap.training.checkpoints import RunState
from paraclap.training.gathering import num_processes
from paraclap.training.loading import LoadedBatch
from paraclap.training.losses import attribute_loss, compute_loss, find_targets
from paraclap.training.parts import discard_early_gradients, make_groups, set_training_mode
from paraclap.training.random_states import get_random_states, set_random_states
from paraclap.training.recipe import Recipe
from paraclap.training.run import TrainingRun
from paraclap.training.sharded import (
    average_gradients,
    clip_gradients,
    gather_whole,
    own_part,
    reshard,
    shard_parts,
    split_groups,
    spread_like,
)
from paraclap.training.trainee import Chunk, Embedded, Passes, Trainee, backward_batch

_PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
_PATIENCE = timedelta(days=2)  # of processes that wait for the first one, which computes what will be cached


class Engine:
    """Train the model of a run, step by step; what is validated and saved is the moving average of its weights."""

    def __init__(self, run: TrainingRun) -> None:
        self._run, recipe = run, run.recipe
        self._accelerator = make_accelerator(recipe)
        self._is_sharded = recipe.shard_parameters and num_processes() > 1
        trainee = Trainee(run.model, learns_bias=recipe.loss == "sigmoid")
        if recipe.gradient_checkpointing:
            _checkpoint_gradients(run.model.audio_tower)
        # What is called evaluation mode puts no DDP around the model.
        self._trainee = self._accelerator.prepare_model(trainee, evaluation_mode=self._is_sharded)
        if self._is_sharded:
            shard_parts(run.model, self._accelerator.device)
        groups = make_groups(run.model, run.trained, weight_decay=recipe.weight_decay)
        if trainee.bias.requires_grad:
            groups.append({"params": [trainee.bias], "lr_factor": 1.0, "weight_decay": 0.0, "from_step": 0})
        self._weights = {name: p for name, p in trainee.named_parameters() if p.requires_grad}
        is_fused = self._accelerator.device.type in ("cpu", "cuda")  # one pass over memory instead of seven
        optimizer = torch.optim.AdamW(split_groups(groups), lr=recipe.learning_rate, fused=is_fused)
        has_scaler = self._accelerator.scaler is not None  # without one, the optimiser of accelerate only costs time
        self._optimizer = self._accelerator.prepare_optimizer(optimizer) if has_scaler else optimizer
        if isinstance(self._trainee, DistributedDataParallel):
            self._trainee.broadcast_buffers = False  # in every pass; those of towers never change
        if recipe.compile:
            self._trainee = torch.compile(self._trainee)
        self.average = {name: p.detach().clone() for name, p in self._weights.items()}
        # What is sharded averages its gradients in every pass: whole ones, kept for later, would fill what it spares.
        self._passes = Passes(self._accelerator.backward, lambda: self._accelerator.no_sync(self._trainee))

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return bool(self._accelerator.is_main_process)

    @property
    def learning_rate(self) -> float:
        """The rate of the last step, before the factors of parts."""
        return float(self._optimizer.param_groups[0]["lr"] / self._optimizer.param_groups[0]["lr_factor"])

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""
        return float(self._run.model.logit_scale.detach().exp())

    def step(self, step: int, batches: Iterator[LoadedBatch]) -> float:
        """Take the batches of a step, update the weights, and return the loss.

        Raises:
            ConfigError: if the loss or its gradient is not finite.
        """
        recipe = self._run.recipe
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate * group["lr_factor"] * schedule(step, recipe)
        if not self._run.model.training:  # a walk through all modules, which in every step takes as long as heads do
            set_training_mode(self._run.model)
        self._optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for number in range(recipe.accumulation_steps):
            batch = next(batches)
            loss = self.backward(batch, is_last=number + 1 == recipe.accumulation_steps)
            _check_finite("loss", loss, step, batch)
            total += float(loss)
        discard_early_gradients(self._optimizer.param_groups, step)
        clip = clip_gradients if self._is_sharded else self._accelerator.clip_grad_norm_
        norm = clip(self._weights.values(), recipe.max_gradient_norm)
        if recipe.precision != "float16":  # whose scaler passes over steps that overflow
            _check_finite("gradient", norm, step, batch)
        self._optimizer.step()
        self._run.model.clamp_logit_scale()
        decay = min(recipe.average_decay, (1 + step) / (10 + step))
        average, weights = ([own_part(p) for p in tensors.values()] for tensors in (self.average, self._weights))
        torch._foreach_lerp_(average, weights, 1 - decay)
        return total

    def backward(self, batch: LoadedBatch, *, is_last: bool = True) -> Tensor:
        """Add the gradient of one of a step's batches to the weights, and return its share of the loss."""
        device, share = self._accelerator.device, 1.0 / self._run.recipe.accumulation_steps
        relation = torch.from_numpy(batch.plan.relation).to(device)
        chunks = [
            Chunk({name: value.to(device) for name, value in audio.items()}, self._run.texts.collate(captions))
            for audio, captions in zip(batch.audio, batch.captions, strict=True)
        ]

        def loss_of(embedded: Embedded) -> Tensor:
            return share * combine_losses(embedded, relation, batch.plan.attributes, self._run.recipe)

        loss = backward_batch(self._trainee, chunks, loss_of, passes=self._passes, is_last=is_last)
        if self._is_sharded and is_last:
            average_gradients(self._weights.values())
        return loss

    def measure_average(self) -> dict[str, float]:
        """Return the dev metrics of the averaged weights."""
        current = {name: p.detach().clone() for name, p in self._weights.items()}
        self.load_weights(self.average)
        dev = self._run.validation.measure(self._run.model, self._run.texts)
        self.load_weights(current)
        found: dict[str, float] = _gather_objects(dev)[0]  # one for all: last digits decide who stops, too
        return found

    @torch.no_grad()
    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Copy weights into the model; if it is sharded, every process must do so."""
        reshard(self._run.model)
        for name, parameter in self._weights.items():
            parameter.copy_(spread_like(weights[name], parameter))

    def export_model(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Copy weights into the model, and return all of it, whole, on the first process; every one must call it."""
        self.load_weights(weights)
        return {name: gather_whole(value) for name, value in self._run.model.state_dict().items()}

    def agree(self, requested: str | None) -> str | None:
        """Return what the first process that was asked to stop was asked, so that all stop at the same step."""
        return next((name for name in _gather_objects(requested) if name), None)

    def export_state(self, state: RunState) -> RunState:
        """Fill in all that a run needs to go on, for the first process to save; every process must call it."""
        texts, pooled_texts = self._run.texts.export_state()
        scaler = self._accelerator.scaler
        state.weights = {name: gather_whole(p).clone() for name, p in self._weights.items()}
        state.average = self.export_average()
        state.optimizer = self._optimizer.state_dict()
        state.optimizer["state"] = {
            number: {name: gather_whole(value) for name, value in moments.items()}
            for number, moments in state.optimizer["state"].items()
        }
        state.scaler = {} if scaler is None else scaler.state_dict()
        state.processes = _gather_objects({"random": get_random_states(), "texts": texts, "pooled": pooled_texts})
        return state

    def export_average(self) -> dict[str, Tensor]:
        """Return the averaged weights, whole, on the first process; every process must call it."""
        return {name: gather_whole(value) for name, value in self.average.items()}

    def restore_state(self, state: RunState) -> None:
        """Go on from a state.

        Raises:
            ConfigError: if it was made by another number of processes.
        """
        if len(state.processes) != num_processes():
            raise ConfigError(
                f"the run was trained by {len(state.processes)} processes, found {num_processes()}; "
                "expected as many: batches are the same, but the chances of dropout are not"
            )
        self.load_weights(state.weights)
        self.average = {name: spread_like(state.average[name], like) for name, like in self._weights.items()}
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        for number, moments in state.optimizer["state"].items():
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = spread_like(moments[name], parameters[number])
        self._optimizer.load_state_dict(state.optimizer)
        if self._accelerator.scaler is not None:
            self._accelerator.scaler.load_state_dict(state.scaler)
        own = state.processes[self._accelerator.process_index]
        set_random_states(own["random"])
        self._run.texts.restore_state(own["texts"], own["pooled"])


def join_processes(recipe: Recipe) -> None:
    """Meet the processes that torchrun or `accelerate launch` started, if any; from here on each knows its rank.

    Raises:
        ConfigError: if accelerate is not installed, or the precision does not work on the device.
    """
    try:
        from accelerate.state import AcceleratorState, PartialState
    except ImportError:
        raise ConfigError("training needs accelerate; pip install 'paraclap[train]'") from None
    # What a run before this one in the same process left, perhaps on another device and in another precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    device = PartialState(cpu=_uses_cpu(recipe), timeout=_PATIENCE).device
    if recipe.precision == "float16" and device.type == "cpu":
        raise ConfigError("precision float16 does not train on a CPU; expected bfloat16 or float32")


def make_accelerator(recipe: Recipe) -> Any:
    """Make what places and wraps model and optimiser, on the GPU if there is one.

    Raises:
        ConfigError: if processes cannot be joined, or accelerate itself is to shard the parameters (FSDP).
    """
    join_processes(recipe)
    from accelerate import Accelerator
    from accelerate.utils import AutocastKwargs

    # Autocast would keep a copy of every layer to the end of a pass, and with it in half precision what sharding frees.
    casting = AutocastKwargs(cache_enabled=not recipe.shard_parameters)
    accelerator = Accelerator(
        mixed_precision=_PRECISIONS[recipe.precision], cpu=_uses_cpu(recipe), kwargs_handlers=[casting]
    )
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")  # one copy, of small kernels
    if accelerator.distributed_type.value == "FSDP":
        raise ConfigError(
            "accelerate is set up for FSDP; expected processes alone: leave FSDP out of its configuration, "
            "and say shard_parameters: true in the recipe"
        )
    return accelerator


def _uses_cpu(recipe: Recipe) -> bool:
    """Tell if a run is on the CPU, by its recipe or for want of a GPU; accelerate joins its processes only if told."""
    return recipe.device == "cpu" or not torch.accelerator.is_available()


def combine_losses(embedded: Embedded, relation: Tensor, attributes: tuple[str | None, ...], recipe: Recipe) -> Tensor:
    """Return the loss of a whole batch: over all captions, and within single attributes."""
    logits = embedded.scale * embedded.audio.float() @ embedded.text.float().T
    bias = embedded.bias if recipe.loss == "sigmoid" else None
    targets = find_targets(recipe.loss, relation)

    def pair_loss(some_logits: Tensor, some_relation: Tensor) -> Tensor:
        return compute_loss(recipe.loss, some_logits, some_relation, bias=bias, smoothing=recipe.smoothing)

    loss = pair_loss(logits, targets)
    if recipe.attribute_loss_weight and recipe.loss != "clip":  # in which no caption has a fact
        loss = loss + recipe.attribute_loss_weight * attribute_loss(logits, targets, attributes, pair_loss=pair_loss)
    return loss


def schedule(step: int, recipe: Recipe) -> float:
    """Return the share of the learning rate at a step: linear warm-up, then half a cosine."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    last = recipe.final_learning_rate
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress))


def _check_finite(what: str, value: Tensor, step: int, batch: LoadedBatch) -> None:
    if math.isfinite(value.item()):
        return
    rows = ", ".join(f"{clip.row} of corpus {clip.clip_set + 1}" for clip in batch.plan.clips[:3])
    raise ConfigError(
        f"the {what} is {value.item()} at step {step} (a batch of {len(batch.plan.clips)} clips: rows {rows}, ...); "
        "the state before it is kept: start again with a lower learning_rate, or --resume with the data mended"
    )


def _checkpoint_gradients(tower: Any) -> None:
    if not getattr(tower, "supports_gradient_checkpointing", False):
        raise ConfigError(f"gradient_checkpointing: a {tower.config.model_type} tower has none; leave it out")
    # It has two names: the older one is deprecated from transformers 5.23 on.
    enable = getattr(tower, "activation_checkpointing_enable", None) or tower.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def _gather_objects(value: Any) -> list[Any]:
    """Return a value of every process."""
    if num_processes() == 1:
        return [value]
    values: list[Any] = [None] * num_processes()
    torch.distributed.all_gather_object(values, value)
    return values
