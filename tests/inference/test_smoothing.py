from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import pytest

from paraclap.inference.smoothing import find_path


def draw(num_windows: int, num_classes: int, seed: int) -> npt.NDArray[np.float32]:
    shares = np.random.default_rng(seed).dirichlet(np.ones(num_classes), size=num_windows)
    return shares.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("seconds", "cost"), [(1.0, 0.0), (1.0, 0.7), (0.5, 1.0), (2.0, 3.0), (1.0, 100.0)])
def test_the_path_is_the_best_of_all_paths(seed: int, seconds: float, cost: float) -> None:
    probability = draw(6, 3, seed)

    def value(path: tuple[int, ...]) -> float:
        heard = sum(np.log(float(probability[place, column])) for place, column in enumerate(path))
        return float(seconds * heard - cost * sum(a != b for a, b in pairwise(path)))

    best = max(product(range(3), repeat=6), key=value)

    assert tuple(find_path(probability, seconds=seconds, switch_cost=cost)) == best


def test_without_a_cost_each_window_has_its_most_probable_class() -> None:
    probability = draw(500, 7, seed=1)

    assert (find_path(probability, seconds=1.0, switch_cost=0.0) == probability.argmax(axis=1)).all()


def test_a_stretch_that_does_not_pay_for_its_two_changes_is_smoothed_away() -> None:
    # log 2 = 0.69 nats a window against a cost of 2: it takes three windows, as the docstring says.
    for length, expected in ((2, {0}), (3, {0, 1})):
        rows = [[2 / 3, 1 / 3]] * 5 + [[1 / 3, 2 / 3]] * length + [[2 / 3, 1 / 3]] * 5
        path = find_path(np.array(rows, dtype=np.float32), seconds=1.0, switch_cost=1.0)
        assert set(path.tolist()) == expected


def test_equal_classes_give_the_first_and_stay() -> None:
    assert find_path(np.full((4, 3), 1 / 3, dtype=np.float32), seconds=1.0, switch_cost=1.0).tolist() == [0] * 4


def test_no_window_has_no_path_and_one_that_excludes_a_class_does_not_forbid_it() -> None:
    assert find_path(np.zeros((0, 2), dtype=np.float32), seconds=1.0, switch_cost=1.0).tolist() == []
    rows = np.array([[0.01, 0.99]] * 9 + [[1.0, 0.0]] + [[0.01, 0.99]] * 9, dtype=np.float32)
    assert find_path(rows, seconds=1.0, switch_cost=20.0).tolist() == [1] * 19
