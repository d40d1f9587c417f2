"""Embeddings of all processes together, so that each computes the loss of the whole batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed

from paraclap.errors import ParaClapError


def gather(embeds: Tensor) -> Tensor:
    """Return the rows of all processes `[W N, D]`, in their order; the gradient goes back to the rows of each.

    Every process computes the same loss of the same rows, so a process gets the sum of all gradients of its rows:
    the mean over processes, which DDP takes of the parameters' gradients, is then the gradient of that loss.
    """
    gathered: Tensor = _Gather.apply(embeds)  # type: ignore[no-untyped-call]
    return gathered


def num_processes() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def process_rank() -> int:
    """Return which of them this is, from 0."""
    return distributed.get_rank() if num_processes() > 1 else 0


@contextmanager
def wait_for_main() -> Iterator[None]:
    """Let the first process do what is inside before the others do, who find what it left."""
    if process_rank() > 0:
        distributed.barrier()
    try:
        yield
    finally:  # what fails in the first process fails in the others too, each of which then says so and ends
        if process_rank() == 0 and num_processes() > 1:
            distributed.barrier()


def let_main(act: Callable[[], object]) -> None:
    """Let the first process do something that the others need not do; an error of ours is raised in all of them."""
    failures: list[ParaClapError | None] = [None]
    if process_rank() == 0:
        try:
            act()
        except ParaClapError as error:
            failures[0] = error
    if num_processes() > 1:
        distributed.broadcast_object_list(failures)
    if failures[0] is not None:
        raise failures[0]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, embeds: Tensor) -> Tensor:
        if num_processes() == 1:
            return embeds.clone()
        parts = [torch.empty_like(embeds) for _ in range(num_processes())]
        distributed.all_gather(parts, embeds.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        if num_processes() == 1:
            return gradient
        total = gradient.clone(memory_format=torch.contiguous_format)  # autograd may give it to others too
        distributed.all_reduce(total)
        return total.chunk(num_processes())[process_rank()]
