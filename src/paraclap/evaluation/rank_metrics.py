"""How well scores put clips in order: AUROC and Spearman's correlation, of the clips and of every bootstrap draw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.intervals import Resampling
from paraclap.evaluation.metrics import Codes

Values = npt.NDArray[np.floating[Any]] | Codes
_Array = npt.NDArray[np.float64]
_CELLS_IN_CHUNK = 500_000  # weights held at once as float64: 4 MB, and a handful of arrays like it


def auroc(scores: Values, is_positive: Codes) -> float:
    """Return the chance that a positive clip has the higher score of two, where equal scores count half.

    Args:
        scores: `[N]`, finite.
        is_positive: 1 yes, 0 no, -1 unknown `[N]`; unknown clips are left out.

    Returns:
        A value in 0..1; NaN if there is no positive or no negative clip.
    """
    return float(draw_auroc(_draw_once(scores), scores, is_positive)[0])


def auroc_by_label(scores: Values, is_positive: Codes) -> npt.NDArray[np.float64]:
    """Return the AUROC of each label `[C]` from scores and truth `[N, C]`; see `auroc`."""
    return draw_auroc_by_label(_draw_once(scores), scores, is_positive).squeeze(axis=0)


def macro_auroc(scores: Values, is_positive: Codes) -> float:
    """Return the mean AUROC of the labels that have clips of both kinds, from `[N, C]`; NaN if none has."""
    return float(draw_macro_auroc(_draw_once(scores), scores, is_positive)[0])


def spearman(scores: Values, values: Values) -> float:
    """Return Spearman's rank correlation of scores and values `[N]`, both finite; equal ones share their mean rank.

    NaN if the scores or the values are all alike.
    """
    return float(draw_spearman(_draw_once(scores), scores, values)[0])


def draw_auroc(resampling: Resampling, scores: Values, is_positive: Codes) -> npt.NDArray[np.float64]:
    """Return the AUROC of every draw `[K]`: that of the clips `[N]`, each repeated as often as it was drawn."""
    known = np.flatnonzero(np.asarray(is_positive) >= 0)
    positive = np.asarray(is_positive)[known] == 1
    order = _Order.sort(np.asarray(scores)[known])
    draws = []
    for weights in _chunk_weights(resampling, known):  # [k, n]
        weights_positive = weights * positive
        num_positive, num_all = weights_positive.sum(axis=1), weights.sum(axis=1)
        # Positives below positives, with ties as halves, are half of all their pairs: what is left are the negatives.
        below = np.einsum("kn,kn->k", weights_positive, order.count_below(weights)) - num_positive**2 / 2
        draws.append(_divide(below, num_positive * (num_all - num_positive)))
    return np.concatenate(draws)


def draw_auroc_by_label(resampling: Resampling, scores: Values, is_positive: Codes) -> npt.NDArray[np.float64]:
    """Return the AUROC of every draw and label, `[K, C]`, from scores and truth `[N, C]`."""
    columns = zip(np.asarray(scores).T, np.asarray(is_positive).T, strict=True)
    return np.stack([draw_auroc(resampling, *column) for column in columns], axis=1)


def draw_macro_auroc(resampling: Resampling, scores: Values, is_positive: Codes) -> npt.NDArray[np.float64]:
    """Return the macro AUROC of every draw `[K]`, over the labels that have both kinds of clips in that draw."""
    by_label = draw_auroc_by_label(resampling, scores, is_positive)
    return _divide(np.nansum(by_label, axis=1), (~np.isnan(by_label)).sum(axis=1))


def draw_spearman(resampling: Resampling, scores: Values, values: Values) -> npt.NDArray[np.float64]:
    """Return Spearman's correlation of every draw `[K]`: that of the clips `[N]`, repeated as often as drawn."""
    orders = _Order.sort(np.asarray(scores)), _Order.sort(np.asarray(values))
    draws = []
    for weights in _chunk_weights(resampling, np.arange(len(scores))):  # [k, N]
        middle = weights.sum(axis=1, keepdims=True) / 2
        # What lies below a clip, less its mean, is its rank less the mean rank; all are halves, so that sums are exact.
        first, second = (order.count_below(weights) - middle for order in orders)
        products, squares, other_squares = (
            np.einsum("kn,kn,kn->k", weights, one, other)
            for one, other in [(first, second), (first, first), (second, second)]
        )
        draws.append(_divide(products, np.sqrt(squares * other_squares)))
    return np.concatenate(draws)


@dataclass(frozen=True)
class _Order:
    """Hold how to sort `n` numbers, where each of `g` groups of equal ones ends, and the group of each number."""

    order: npt.NDArray[np.intp]  # [n]
    ends: npt.NDArray[np.intp]  # [g], places in the sorted numbers
    groups: npt.NDArray[np.intp]  # [n]

    @classmethod
    def sort(cls, numbers: npt.NDArray[Any]) -> Self:
        order = np.argsort(numbers, kind="stable")
        _, groups, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        return cls(order, np.cumsum(counts) - 1, groups)

    def count_below(self, weights: _Array) -> _Array:
        """Return how many clips of each draw lie below each clip, equal ones and itself as halves, `[k, n]`."""
        upto = np.cumsum(weights[:, self.order], axis=1)[:, self.ends]  # [k, g]
        upto[:, 1:] += upto[:, :-1].copy()
        return (upto / 2)[:, self.groups]


def _draw_once(scores: Values) -> Resampling:
    """Return the clips themselves as the only draw."""
    clips = np.arange(len(scores))
    return Resampling("clips", clips, np.ones((1, len(clips)), dtype=np.float32), "")


def _chunk_weights(resampling: Resampling, clips: npt.NDArray[np.intp]) -> Iterator[_Array]:
    """Yield how often each of `n` clips is in each draw, `[k, n]`, a few draws at a time."""
    units = resampling.units[clips]
    step = max(1, _CELLS_IN_CHUNK // max(1, len(clips)))
    for start in range(0, len(resampling.weights), step):
        yield resampling.weights[start : start + step][:, units].astype(np.float64)


def _divide(sums: _Array, by: npt.NDArray[Any]) -> _Array:
    """Divide, with NaN where there is nothing to divide by."""
    quotients = np.full(len(sums), np.nan)
    np.divide(sums, by, out=quotients, where=by > 0)
    return quotients
