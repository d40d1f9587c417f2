"""Heads on frozen embeddings: logistic regression or nearest centroid, with one setting chosen on held-out clips."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.folds import plan_folds
from paraclap.evaluation.metrics import Codes

Kind = Literal["linear", "centroid"]
Vectors = npt.NDArray[np.floating[Any]]
Probabilities = npt.NDArray[np.float64]

# "linear": C of the logistic regression, from strong to weak regularisation. "centroid": factor from cosine to logit,
# which decides how sure a head is, never which class is the nearest.
SETTINGS: dict[Kind, tuple[float, ...]] = {
    "linear": (0.1, 1.0, 10.0, 100.0, 1000.0),
    "centroid": (3.0, 10.0, 30.0, 100.0),
}
DEFAULT_SETTING = 10.0  # of both, where speakers or clips are too few to choose
_MAX_ITERATIONS = 10_000


@dataclass(frozen=True, eq=False)
class Head:
    """Hold what turns unit vectors `[N, D]` into logits: weights `[C, D]` and bias `[C]`, float64.

    The weights of a nearest-centroid head are its unit centroids times the factor from cosine to logit.
    """

    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    def predict(self, embeds: Vectors) -> Probabilities:
        """Return the probability of each class, `[N, C]`, from unit vectors `[N, D]`."""
        logits = np.asarray(embeds, dtype=np.float64) @ self.weights.T + self.bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def fit_head(kind: Kind, embeds: Vectors, truth: Codes, *, setting: float) -> Head:
    """Fit a head; every class counts alike, however many clips it has.

    Args:
        kind: "linear" or "centroid".
        embeds: unit vectors `[N, D]`.
        truth: class numbers `[N]` from 0 on, each class at least once.
        setting: of this kind, as in `SETTINGS`.
    """
    vectors = np.asarray(embeds, dtype=np.float64)
    if kind == "centroid":
        sums = np.stack([vectors[truth == number].sum(axis=0) for number in range(int(truth.max()) + 1)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return Head(setting * sums / np.where(lengths > 0, lengths, 1.0), np.zeros(len(sums)))
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    head = LogisticRegression(C=setting, class_weight="balanced", max_iter=_MAX_ITERATIONS)
    with threadpool_limits(1):  # several threads wait for each other at every small product: many times as long
        fitted = head.fit(vectors, truth)
    weights, bias = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    if len(weights) == 1:  # of two classes scikit-learn keeps the second one's logit alone
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    return Head(weights, bias)


def choose_setting(kind: Kind, embeds: Vectors, truth: Codes, *, speakers: Codes | None) -> float:
    """Return the setting with the least loss on clips held out by speaker, of equals the first.

    The loss is the mean negative log probability of the true class, of each class and then of all classes. It decides
    less by chance than the UAR of few clips, and makes probabilities worth their name.

    Args:
        kind: "linear" or "centroid".
        embeds: unit vectors `[N, D]`, of training clips only.
        truth: class numbers `[N]`.
        speakers: speaker numbers `[N]`; clips are held out one by one if None.

    Returns:
        The setting; `DEFAULT_SETTING` if a class has too few speakers or clips to hold any out.
    """
    folds = plan_folds(truth, speakers)
    if folds is None:
        return DEFAULT_SETTING
    losses = []
    for setting in SETTINGS[kind]:
        loss = np.empty(len(truth))
        for train, test in folds:
            shares = fit_head(kind, embeds[train], truth[train], setting=setting).predict(embeds[test])
            loss[test] = -np.log(np.maximum(shares[np.arange(len(test)), truth[test]], np.finfo(np.float64).tiny))
        losses.append(float((np.bincount(truth, loss) / np.bincount(truth)).mean()))
    return SETTINGS[kind][int(np.argmin(losses))]


def cross_validate(
    kind: Kind,
    embeds: Vectors,
    truth: Codes,
    *,
    speakers: Codes | None,
    setting: float | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> tuple[npt.NDArray[np.int64], int]:
    """Predict each clip by a head that was fitted, and its setting chosen, without the clip's fold.

    Args:
        kind: "linear" or "centroid".
        embeds: unit vectors `[N, D]`.
        truth: class numbers `[N]`, at least two clips and, with speakers, two speakers of each.
        speakers: speaker numbers `[N]`; clips are cut one by one if None.
        setting: of this kind, chosen beforehand; chosen anew in each fold if None, which takes many times as long.
        advance: called with the folds done and their number.

    Returns:
        Predicted class numbers `[N]`, and the number of folds.
    """
    folds = plan_folds(truth, speakers) or []
    predicted = np.full(len(truth), -1, dtype=np.int64)
    for done, (train, test) in enumerate(folds, start=1):
        of_train = None if speakers is None else speakers[train]
        chosen = setting or choose_setting(kind, embeds[train], truth[train], speakers=of_train)
        predicted[test] = fit_head(kind, embeds[train], truth[train], setting=chosen).predict(embeds[test]).argmax(1)
        if advance is not None:
            advance(done, len(folds))
    return predicted, len(folds)
