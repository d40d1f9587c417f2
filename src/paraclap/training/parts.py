"""Parts of a model: which of its parameters train, how fast, and from which step on."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from paraclap.errors import ConfigError, list_known

if TYPE_CHECKING:
    from torch import nn

    from paraclap.models import ParaClapModel

_LAYER = re.compile(r"\.layers?\.(\d+)\.")


class PartSettings(BaseModel):
    """Say how the parameters train whose names match a pattern; a later row replaces all that an earlier one says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str  # as of fnmatch, such as "audio_tower.*"
    train: bool = True
    learning_rate_factor: float = Field(1.0, gt=0, allow_inf_nan=False)  # of the recipe's learning rate
    layer_decay: float = Field(1.0, gt=0, le=1)  # factor from each layer of a tower to the one below it
    from_step: int = Field(0, ge=0)  # the first step that moves them

    @model_validator(mode="after")
    def _check_frozen(self) -> Self:
        # Not what was set: a recipe that a run saved says all keys.
        if not self.train and self != type(self).model_construct(match=self.match, train=False):
            raise ValueError("expected match alone beside train: false; to freeze until a step, leave train out")
        return self


@dataclass(frozen=True)
class TrainedPart:
    """Say how one parameter trains: by which factor of the learning rate, and from which step on."""

    factor: float
    from_step: int


def choose_parts(
    named_parameters: Iterable[tuple[str, "nn.Parameter"]], parts: Sequence[PartSettings]
) -> dict[str, TrainedPart]:
    """Return for the name of each parameter that trains how it does; one that is not returned stays frozen.

    What no row matches trains with the recipe's learning rate. What wants no gradient when it comes here, such as the
    sinusoids of Whisper, stays as it is.

    Args:
        named_parameters: all of a model, in its order, before anything wraps it.
        parts: rows of which the last one that matches a parameter counts.

    Raises:
        ConfigError: if a row matches nothing, or only what the model keeps fixed, or has a layer decay and matches no
            layers, or if nothing is left that trains.
    """
    parameters = dict(named_parameters)
    layers_above = _count_layers_above(parameters)
    chosen = dict.fromkeys(parameters, PartSettings(match="*"))
    for part in parts:
        matched = [name for name in parameters if fnmatchcase(name, part.match)]
        _check_match(part, matched, parameters, layers_above)
        chosen |= dict.fromkeys(matched, part)
    trained = {
        name: TrainedPart(part.learning_rate_factor * part.layer_decay ** layers_above.get(name, 0), part.from_step)
        for name, part in chosen.items()
        if part.train and parameters[name].requires_grad
    }
    if not trained:
        raise ConfigError("parts: every parameter is frozen; expected one that trains: leave out a row of train: false")
    return trained


def freeze(model: "nn.Module", trained: Mapping[str, TrainedPart]) -> None:
    """Ask for the gradients of what trains, and of nothing else."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)


def make_groups(model: "nn.Module", trained: Mapping[str, TrainedPart], *, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameter groups of AdamW, whose learning rate is to be multiplied by their `lr_factor`.

    Weights decay that have two dimensions or more; norms, biases and the scale of logits are left alone.
    """
    groups: dict[tuple[float, bool, int], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if name in trained:
            key = (trained[name].factor, parameter.ndim > 1, trained[name].from_step)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr_factor": factor,
            "weight_decay": weight_decay if decays else 0.0,
            "from_step": from_step,
        }
        for (factor, decays, from_step), parameters in groups.items()
    ]


def discard_early_gradients(groups: Iterable[Mapping[str, Any]], step: int) -> None:
    """Discard the gradients of groups that do not train yet at a step, before gradients are clipped.

    AdamW passes over a parameter without one: neither its moments nor weight decay touch it.
    """
    for group in groups:
        if step < group["from_step"]:
            for parameter in group["params"]:
                parameter.grad = None


def find_frozen_modules(model: "nn.Module") -> "dict[str, nn.Module]":
    """Return the top-level modules that have parameters of which none trains, by name."""
    found = {}
    for name, module in model.named_children():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            found[name] = module
    return found


def pools_always_alike(model: "ParaClapModel") -> bool:
    """Tell if nothing trains up to the pooled output of the audio tower, so that it can be kept."""
    return not any(p.requires_grad for part in (model.audio_tower, model.audio_pooling) for p in part.parameters())


def set_training_mode(model: "nn.Module") -> None:
    """Put a model into train mode, but frozen modules into eval mode: no dropout, layer drop or masking."""
    model.train()
    for module in find_frozen_modules(model).values():
        module.eval()


def describe_parts(model: "nn.Module", trained: Mapping[str, TrainedPart], *, learning_rate: float) -> list[str]:
    """Return the lines of a table that says of every top-level part how much of it trains, how fast and from when.

    Args:
        model: whose parts are described.
        trained: what `choose_parts` returned.
        learning_rate: of the recipe, which a part's factors multiply.
    """
    totals: Counter[str] = Counter()
    training: Counter[str] = Counter()
    how: dict[str, list[TrainedPart]] = {}
    for name, parameter in model.named_parameters():
        part = _top(name)
        totals[part] += parameter.numel()
        how.setdefault(part, [])
        if name in trained:
            training[part] += parameter.numel()
            how[part].append(trained[name])
    rows = [["part", "parameters", "train", "learning rate", "from step"]]
    for part, total in totals.items():
        rates = _describe_range(one.factor * learning_rate for one in how[part])
        steps = _describe_range(one.from_step for one in how[part])
        rows.append([part, f"{total:,}", f"{training[part]:,}", rates, steps])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]


def _check_match(
    part: PartSettings,
    matched: Sequence[str],
    parameters: "Mapping[str, nn.Parameter]",
    layers_above: Mapping[str, int],
) -> None:
    where = f"parts: {part.match!r}"
    if not matched:
        tops = list(dict.fromkeys(f"{_top(name)}.*" if "." in name else name for name in parameters))
        raise ConfigError(f"{where} matches no parameter{list_known(_top(part.match), tops)}")
    if part.train and not any(parameters[name].requires_grad for name in matched):
        raise ConfigError(
            f"{where} matches only what the model keeps fixed, such as {matched[0]}; leave the row out, or match more"
        )
    if part.layer_decay != 1 and not any(name in layers_above for name in matched):
        raise ConfigError(
            f"{where} has layer_decay {part.layer_decay:g} and matches no layers, such as x.layers.0.y; leave it out"
        )


def _count_layers_above(names: Iterable[str]) -> dict[str, int]:
    """Return how many layers of its tower lie above each parameter of a layer, or of what is below the layers.

    The layers of a tower are the stack with the most parameters: data2vec has position convolutions beside it, wav2vec
    2.0 adapters. Below it is what the tower registers before it: in the family of wav2vec 2.0 also a norm of the
    encoder, which comes last if `do_stable_layer_norm`, but does not say so by its name.
    """
    towers: dict[str, list[str]] = {}
    stacks: dict[str, dict[str, dict[str, int]]] = {}  # by tower and prefix, the layer of each parameter
    for name in names:
        towers.setdefault(_top(name), []).append(name)
        if layer := _LAYER.search(name):
            stack = stacks.setdefault(_top(name), {}).setdefault(name[: layer.start()], {})
            stack[name] = int(layer.group(1))
    above: dict[str, int] = {}
    for tower, found in stacks.items():
        numbers = max(found.values(), key=len)
        num_layers = 1 + max(numbers.values())
        first = towers[tower].index(next(iter(numbers)))
        above |= dict.fromkeys(towers[tower][:first], num_layers)
        above |= {name: num_layers - 1 - number for name, number in numbers.items()}
    return above


def _top(name: str) -> str:
    return name.partition(".")[0]


def _describe_range(values: Iterable[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "-"
    ends = [f"{end:.3g}" if isinstance(end, float) else str(end) for end in (ordered[0], ordered[-1])]
    return " to ".join(dict.fromkeys(ends))
