"""The states of all random generators, so that what was random can come again; seeds are set by transformers."""

import random
from typing import Any

import numpy as np
import torch


def get_random_states() -> dict[str, Any]:
    """Return the states of torch, of its GPU if there is one, of numpy and of Python, as `torch.load` may read them."""
    _, keys, *rest = np.random.get_state()  # by which towers of transformers mask and drop layers
    return {
        "torch": torch.get_rng_state(),
        "gpu": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest],
        "python": random.getstate(),
    }


def set_random_states(states: dict[str, Any]) -> None:
    """Set what `get_random_states` returned; a state of a GPU is passed over where there is none."""
    torch.set_rng_state(states["torch"])
    if states["gpu"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["gpu"])
    keys, *rest = states["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
    random.setstate(states["python"])
