"""From the probabilities of windows to one class each: the path that changes its class only where that pays."""

import numpy as np
import numpy.typing as npt

_LEAST = 1e-6  # of a probability whose logarithm is taken, so that no window alone forbids a class


def find_path(probability: npt.NDArray[np.float32], *, seconds: float, switch_cost: float) -> npt.NDArray[np.int64]:
    """Return the class of each window, `[W]`, by the Viterbi algorithm (Viterbi 1967).

    Of all paths, the one is taken whose log probabilities, summed over seconds, less the cost of every change of class,
    are highest. Where paths are equally good, the class stays as it is, or is the first. Without a cost, each window
    has its most probable class.

    Args:
        probability: of each class in each window, in their order, `[W, C]`.
        seconds: from one window to the next; so that as much evidence counts as much, however many windows hear it.
        switch_cost: of a change, in nats times seconds: with 1, a stretch in which another class is twice as probable
            (0.69 nats) becomes a segment of its own from 2.9 s on, since it needs a change at either end.
    """
    evidence = seconds * np.log(np.maximum(probability.astype(np.float64), _LEAST))
    num_windows, num_classes = evidence.shape
    if not num_windows:
        return np.zeros(0, dtype=np.int64)
    classes = np.arange(num_classes)
    origins = np.empty((num_windows, num_classes), dtype=np.int64)  # the class before, of the best path to each
    score = evidence[0]
    for window in range(1, num_windows):
        best = int(score.argmax())
        stays = score >= score[best] - switch_cost
        origins[window] = np.where(stays, classes, best)
        score = np.where(stays, score, score[best] - switch_cost) + evidence[window]
    path = np.empty(num_windows, dtype=np.int64)
    path[-1] = score.argmax()
    for window in range(num_windows - 1, 0, -1):
        path[window - 1] = origins[window, path[window]]
    return path
