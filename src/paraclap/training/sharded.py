"""Sharded training (FSDP): what trains is spread over the processes layer by layer, and is whole again on disk."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from paraclap.errors import ConfigError
from paraclap.training.gathering import num_processes, process_rank
from paraclap.training.parts import find_frozen_modules

_STACKS = ("layer", "layers")  # names of the list of layers in towers of transformers


def shard_parts(model: nn.Module, device: torch.device) -> None:
    """Spread the parameters of each part of a model of which anything trains over the processes, on their device.

    A layer is whole on a process while it computes, and no longer. Frozen parts stay whole: the first process fills
    caches with them while the others wait, and each process encodes the texts that it has not met. Parameters of the
    model itself, such as the scale of logits, are scalars and stay whole too; `average_gradients` is for them.

    Raises:
        ConfigError: if a part has a parameter without a dimension to cut, or torch cannot average on the device.
    """
    _check_average(device)
    mesh = init_device_mesh(device.type, (num_processes(),))
    frozen = find_frozen_modules(model)
    for name, part in model.named_children():
        parameters = dict(part.named_parameters())
        if name in frozen or not parameters:
            continue
        if scalars := [f"{name}.{inner}" for inner, parameter in parameters.items() if not parameter.ndim]:
            raise ConfigError(f"{scalars[0]} is a scalar and cannot be spread; leave shard_parameters out")
        for module in (*find_layers(part), part):
            kind = type(module)
            fully_shard(module, mesh=mesh, reshard_after_forward=True)
            # transformers finds by the name of a tower's class which hidden states it gives: keep that of the class
            # that torch derives.
            type(module).__module__, type(module).__qualname__ = kind.__module__, kind.__qualname__


def _check_average(device: torch.device) -> None:
    """Refuse the gloo of older versions of torch, which adds up the gradients that it is asked to average."""
    one = torch.empty(1, device=device)
    ones = torch.ones(num_processes(), device=device)
    distributed.reduce_scatter_tensor(one, ones, op=distributed.ReduceOp.AVG)
    if one.item() != 1:
        raise ConfigError(
            f"shard_parameters: torch {torch.__version__} adds up what it should average on a {device.type}; "
            "update torch or leave it out"
        )


def find_layers(part: nn.Module) -> list[nn.Module]:
    """Return the layers of a tower: of its lists of layers, the one with the most named parameters, if there is any."""
    stacks = [
        list(module)
        for name, module in part.named_modules()
        if isinstance(module, nn.ModuleList) and name.rpartition(".")[2] in _STACKS
    ]
    return max(stacks, key=lambda layers: sum(len(list(layer.parameters())) for layer in layers), default=[])


def reshard(model: nn.Module) -> None:
    """Free what a forward pass without a backward left whole, before its weights change."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


@torch.no_grad()
def own_part(value: Tensor) -> Tensor:
    """Return this process' part of a tensor, in the same memory; all of one that is whole."""
    return value.to_local() if isinstance(value, DTensor) else value.detach()


@torch.no_grad()
def gather_whole(value: Tensor) -> Tensor:
    """Return a tensor, whole, on the CPU of the first process, nothing `[0]` elsewhere; every process must call it."""
    whole = value.full_tensor() if isinstance(value, DTensor) else value.detach()
    return whole.cpu() if process_rank() == 0 else torch.empty(0)


def spread_like(whole: Tensor, like: Tensor) -> Tensor:
    """Return a tensor on the device of another one, and spread like that one; every process must call it."""
    if isinstance(like, DTensor) and not isinstance(whole, DTensor):
        return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
    return whole.to(like.device)


def split_groups(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return parameter groups in which what is spread and what is whole are apart: kernels for many take one kind."""
    return [
        {**group, "params": parameters}
        for group in groups
        for is_spread in (True, False)
        if (parameters := [p for p in group["params"] if isinstance(p, DTensor) == is_spread])
    ]


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average the gradients of parameters that are whole over processes; those of the others are averaged already."""
    for parameter in parameters:
        if parameter.grad is not None and not isinstance(parameter, DTensor):
            distributed.all_reduce(parameter.grad)
            parameter.grad /= num_processes()


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients together so that their norm over all processes is at most this, and return what it was."""
    known = list(parameters)
    gradients = [parameter.grad for parameter in known if parameter.grad is not None]
    parts = [own_part(gradient) for gradient in gradients if isinstance(gradient, DTensor)]
    whole = [gradient for gradient in gradients if not isinstance(gradient, DTensor)]
    square = _sum_squares(parts, known[0].device)
    distributed.all_reduce(square)
    norm = (square + _sum_squares(whole, known[0].device)).sqrt()
    torch._foreach_mul_([*parts, *whole], (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


def _sum_squares(tensors: list[Tensor], device: torch.device) -> Tensor:
    norms = torch._foreach_norm(tensors) if tensors else (torch.zeros((), device=device),)
    return torch.stack(norms).square().sum()
