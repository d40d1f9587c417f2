"""What cosines are worth as probabilities: their scale fitted on dev, its error, and when no answer fits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.evaluation.metrics import Codes
from paraclap.evaluation.rank_metrics import auroc
from paraclap.inference import ScoreKind, UnknownRule, compute_probabilities, score_best_answers

MIN_SCALE, MAX_SCALE = 0.1, 1000.0  # of a model worse than chance, and of one that is always right
_HALVINGS = 60
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Hold the cosines of the clips and classes of a dev task `[N, C]`, and the true class numbers `[N]`."""

    similarity: npt.NDArray[np.float32]
    truth: Codes


@dataclass(frozen=True)
class _Trial:
    """Hold how well the best answer fits clips of asked classes, and of one that was not asked about; sorted."""

    known: _Array
    unknown: _Array


def fit_temperature(problems: Sequence[Problem]) -> float:
    """Return the factor from cosine to logit with the lowest negative log-likelihood, balanced by class, mean of tasks.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2) with one factor for
    all tasks. The likelihood is convex in the factor, so its slope is halved in: from 0.1 to 1000.

    Raises:
        ConfigError: if there is no problem.
    """
    if not problems:
        raise ConfigError("no dev task to fit a scale on; expected at least one")
    low, high = MIN_SCALE, MAX_SCALE
    if _find_slope(problems, low) >= 0:
        return low
    if _find_slope(problems, high) <= 0:
        return high
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if _find_slope(problems, middle) > 0 else (middle, high)
    return float(np.sqrt(low * high))


def expected_calibration_error(probabilities: npt.NDArray[Any], truth: Codes, *, num_bins: int = 15) -> float:
    """Return by how much the highest probability differs from the share of right answers, in 0..1.

    The mean over equally wide bins of the highest probability, weighted by their clips (Guo et al. 2017, equation 3).

    Args:
        probabilities: of clips and classes, `[N, C]`.
        truth: class numbers `[N]`.
        num_bins: from 0 to 1.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == np.asarray(truth)
    bins = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=is_right - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def choose_unknown_threshold(problems: Sequence[Problem], scale: float) -> UnknownRule | None:
    """Choose from which score on the best answer is believed, where "none of these" may be true.

    One class after the other of every task with three or more is not asked about: its clips are to be told from the
    others. Of two scores, the highest cosine and the highest probability, the one with the higher mean AUROC is taken,
    and the threshold with the highest mean balanced accuracy; every task counts the same.

    Args:
        problems: the dev tasks.
        scale: factor from cosine to logit.

    Returns:
        The rule, or None if no task has three classes.
    """
    by_kind = {kind: [_leave_out_classes(p, scale, kind) for p in problems] for kind in get_args(ScoreKind)}
    by_kind = {kind: [trials for trials in tasks if trials] for kind, tasks in by_kind.items()}
    aurocs = {kind: _average([[_rank(t) for t in trials] for trials in tasks]) for kind, tasks in by_kind.items()}
    best = max(aurocs, key=aurocs.__getitem__)
    tasks = by_kind[best]
    if not tasks:
        return None
    scores = np.unique(np.concatenate([part for trials in tasks for t in trials for part in (t.known, t.unknown)]))
    thresholds = (scores[1:] + scores[:-1]) / 2 if len(scores) > 1 else scores
    accuracy = np.mean([np.mean([_judge(t, thresholds) for t in trials], axis=0) for trials in tasks], axis=0)
    place = int(accuracy.argmax())
    return UnknownRule(
        score=best,
        threshold=float(thresholds[place]),
        balanced_accuracy=float(accuracy[place]),
        auroc={kind: float(value) for kind, value in aurocs.items()},
    )


def _find_slope(problems: Sequence[Problem], scale: float) -> float:
    """Return the derivative by the scale: the expected cosine of the classes less that of the true one."""
    slopes = []
    for problem in problems:
        cosines, truth = problem.similarity.astype(np.float64), np.asarray(problem.truth)
        expected = (compute_probabilities(problem.similarity, scale) * cosines).sum(axis=1)
        excess = expected - cosines[np.arange(len(truth)), truth]
        counts = np.bincount(truth, minlength=cosines.shape[1])
        slopes.append(
            (np.bincount(truth, weights=excess, minlength=len(counts))[counts > 0] / counts[counts > 0]).mean()
        )
    return float(np.mean(slopes))


def _leave_out_classes(problem: Problem, scale: float, kind: ScoreKind) -> list[_Trial]:
    return list(_yield_trials(problem, scale, kind)) if problem.similarity.shape[1] >= 3 else []


def _yield_trials(problem: Problem, scale: float, kind: ScoreKind) -> Iterator[_Trial]:
    for number in range(problem.similarity.shape[1]):
        scores = score_best_answers(np.delete(problem.similarity, number, axis=1), scale, kind=kind)
        is_unknown = np.asarray(problem.truth) == number
        if is_unknown.any() and not is_unknown.all():
            yield _Trial(np.sort(scores[~is_unknown]), np.sort(scores[is_unknown]))


def _rank(trial: _Trial) -> float:
    is_known = np.repeat([1, 0], [len(trial.known), len(trial.unknown)])
    return auroc(np.concatenate([trial.known, trial.unknown]), is_known)


def _judge(trial: _Trial, thresholds: _Array) -> _Array:
    """Return the balanced accuracy at each threshold."""
    missed = np.searchsorted(trial.known, thresholds) / len(trial.known)
    found = np.searchsorted(trial.unknown, thresholds) / len(trial.unknown)
    return np.asarray((1 - missed + found) / 2)


def _average(by_task: Sequence[Sequence[float]]) -> float:
    return float(np.mean([np.mean(values) for values in by_task])) if by_task else 0.0
