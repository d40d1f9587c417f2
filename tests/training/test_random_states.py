import io
import random

import numpy as np
import torch

from paraclap.training.random_states import get_random_states, set_random_states


def draw() -> list[float]:
    return [torch.rand(1).item(), np.random.rand(), np.random.standard_normal(), random.random()]


def test_what_was_random_comes_again_from_a_saved_state() -> None:
    np.random.standard_normal()  # of a pair, the second is kept
    stream = io.BytesIO()
    torch.save(get_random_states(), stream)
    expected = [draw() for _ in range(3)]
    stream.seek(0)

    set_random_states(torch.load(stream, weights_only=True))

    assert [draw() for _ in range(3)] == expected


def test_the_state_of_a_gpu_is_passed_over_where_there_is_none() -> None:
    states = get_random_states()
    expected = draw()

    set_random_states(states | {"gpu": None if torch.cuda.is_available() else torch.zeros(16, dtype=torch.uint8)})

    assert draw() == expected
