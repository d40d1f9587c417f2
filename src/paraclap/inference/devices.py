"""Where and in which precision a model computes, and how its vectors come back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch.nn.utils import parametrize

from paraclap.errors import ModelError
from paraclap.inference.encoding import Encoders

_DTYPES = ("float32", "bfloat16", "float16")
_MAX_REASON = 120  # characters of a library's own words that still help


def find_device(device: str | None) -> torch.device:
    """Return a device by name; the CPU if None.

    Raises:
        ModelError: if it does not exist or cannot be used.
    """
    try:
        target = torch.device(device or "cpu")
        torch.empty(1, device=target)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        reason = str(error).strip().splitlines()[0].rstrip(".")
        detail = f" ({reason})" if len(reason) < _MAX_REASON else ""
        raise ModelError(f"device {device!r} cannot be used{detail}; found {', '.join(there)}") from None
    return target


def find_dtype(dtype: str | None) -> torch.dtype:
    """Return a dtype by name; float32 if None.

    Raises:
        ModelError: if models do not compute in it.
    """
    name = dtype or "float32"
    if name not in _DTYPES:
        raise ModelError(f"no dtype {dtype!r}; expected one of {', '.join(_DTYPES)}")
    found: torch.dtype = getattr(torch, name)
    return found


@contextmanager
def open_encoders(device: torch.device) -> Iterator[Encoders | None]:
    """Yield threads that encode batches, each on one core of a CPU; None for other devices, which are busy with one.

    Several batches on one core each are done sooner than one batch on several cores. Threads of numpy, in which inputs
    are made, would take the cores away from them.
    """
    num_threads = torch.get_num_threads()
    if device.type != "cpu" or num_threads == 1:
        yield None
        return
    # Weights that are computed from others (weight norm) are computed once.
    with parametrize.cached(), threadpool_limits(limits=1, user_api="blas"):
        executor = ThreadPoolExecutor(num_threads, initializer=_take_one_core, initargs=(num_threads,))
        try:
            yield Encoders(executor, num_threads)
        finally:
            executor.shutdown(cancel_futures=True)  # before the cache is emptied: a running batch would fill it again


def to_numpy(embeds: torch.Tensor) -> npt.NDArray[np.float32]:
    """Bring vectors `[N, D]` from any device and precision."""
    vectors: npt.NDArray[np.float32] = embeds.float().cpu().numpy()
    return vectors


def _take_one_core(num_threads: int) -> None:
    """Compute on one core in this thread; threads that start later begin with `num_threads` as before.

    torch keeps a number for each thread, and gives every new thread the one that any thread set last.
    """
    torch.get_num_threads()  # a thread that has asked once is given no other number later
    torch.set_num_threads(1)
    restorer = Thread(target=torch.set_num_threads, args=(num_threads,))
    restorer.start()
    restorer.join()
