"""Whether one model is better than another on the same clips: differences of metrics, from the same draws for both."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paraclap.evaluation.intervals import Resampling, bound_draws, draw_confusions
from paraclap.evaluation.metrics import METRICS, Codes, confusion_matrix, confusion_scores

Draws = npt.NDArray[np.floating[Any]]
_ROUNDING = 1e-12  # equal metrics of different confusions may differ by less than this


class PairedDifference(BaseModel):
    """Hold by how much the second of two values is higher, the 95 % interval of that, and a two-sided p-value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float
    p: float


def compare_draws(values: tuple[float, float], draws_a: Draws, draws_b: Draws) -> PairedDifference:
    """Compare a metric of two models, or of one model on clean and disturbed clips, from the same bootstrap draws.

    `p` is twice the share of the draws in which the difference is not of its usual sign, at least 1 / K and at most 1.
    Draws in which either metric is NaN do not count; if none is left, interval and `p` are NaN.

    Args:
        values: the metric of `a` and of `b` on all clips.
        draws_a: the metric of `a` in every draw `[K]`.
        draws_b: that of `b` in the same draws `[K]`.
    """
    differences = np.asarray(draws_b, np.float64) - np.asarray(draws_a, np.float64)
    differences[np.abs(differences) < _ROUNDING] = 0.0
    low, high = bound_draws(differences)
    kept = differences[~np.isnan(differences)]
    p = float("nan")
    if len(kept):
        p = min(1.0, max(1 / len(kept), 2 * min(float(np.mean(kept <= 0)), float(np.mean(kept >= 0)))))
    return PairedDifference(value=values[1] - values[0], low=low, high=high, p=p)


def compare_predictions(
    truth: Codes, predicted_a: Codes, predicted_b: Codes, num_classes: int, *, resampling: Resampling
) -> dict[str, PairedDifference]:
    """Return the difference of every one of `METRICS` between two models on the same clips, second less first.

    Args:
        truth: class numbers `[N]`.
        predicted_a: class numbers `[N]` of the first model.
        predicted_b: class numbers `[N]` of the second model.
        num_classes: how many classes there are.
        resampling: draws of these clips.
    """
    values, draws = [], []
    for predicted in (predicted_a, predicted_b):
        values.append(confusion_scores(confusion_matrix(truth, predicted, num_classes)))
        draws.append(confusion_scores(draw_confusions(resampling, truth, predicted, num_classes)))
    return {
        name: compare_draws((float(values[0][name]), float(values[1][name])), draws[0][name], draws[1][name])
        for name in METRICS
    }
