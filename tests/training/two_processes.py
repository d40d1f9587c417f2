"""Two processes on one machine, joined as torchrun joins them, and what each of them returns."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing import start_processes  # type: ignore[attr-defined]

PROCESSES = 2


def run_in_two(work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call a function of a module in two processes, and return what it returned in each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        multiprocessing.set_forkserver_preload(["paraclap.training.loop"])  # what takes seconds is imported once
        start_processes(_work, (port, Path(folder), work, arguments), nprocs=PROCESSES, start_method="forkserver")  # type: ignore[no-untyped-call]
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(PROCESSES)]


def _work(rank: int, port: int, folder: Path, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ |= {
        **{
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(PROCESSES),
            "LOCAL_WORLD_SIZE": str(PROCESSES),
        },
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    }
    torch.set_num_threads(1)
    torch.save(work(*arguments), folder / f"{rank}.pt")
    if distributed.is_initialized():
        distributed.destroy_process_group()
