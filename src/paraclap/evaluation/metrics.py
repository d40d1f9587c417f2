"""How good predictions are: UAR, WA, macro-F1 and the largest predicted share, by audmetric or from confusions."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError

Codes = npt.NDArray[np.integer[Any]]
METRICS = ("uar", "wa", "macro_f1", "largest_share")


@dataclass(frozen=True)
class Scores:
    """Hold the point values of one set of predictions, all in 0..1, and the confusions in clips.

    `metrics` has a value for each of `METRICS`; `recall` one for each class that occurs; `confusion` `[C, C]` has the
    true classes as rows and the predicted ones as columns.
    """

    metrics: dict[str, float]
    recall: dict[str, float]
    confusion: npt.NDArray[np.int64]


def confusion_matrix(truth: Codes, predicted: Codes, num_classes: int) -> npt.NDArray[np.int64]:
    """Count clips by true class (rows) and predicted class (columns), `[C, C]`, from class numbers `[N]`."""
    cells = np.asarray(truth) * num_classes + np.asarray(predicted)
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def confusion_scores(confusions: npt.ArrayLike) -> dict[str, npt.NDArray[np.float64]]:
    """Compute each of `METRICS` for many confusion matrices at once.

    A class without a true clip does not count in UAR and macro-F1; predicting it is an error of the clip's own class.

    Args:
        confusions: counts `[..., C, C]`, true classes as rows.

    Returns:
        One array `[...]` a metric; NaN where there is no clip.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)  # [..., C]
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    total = true.sum(axis=-1)
    occurs = true > 0
    num_occurring = occurs.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(occurs, hits / true, 0.0)
        f1 = np.where(occurs, 2 * hits / (true + predicted), 0.0)
        return {
            "uar": recall.sum(axis=-1) / num_occurring,
            "wa": hits.sum(axis=-1) / total,
            "macro_f1": f1.sum(axis=-1) / num_occurring,
            "largest_share": predicted.max(axis=-1) / total,
        }


def load_audmetric() -> ModuleType:
    """Import audmetric, which is an extra.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        import audmetric
    except ImportError:
        raise ConfigError(
            "evaluation needs audmetric, which is not installed; run pip install 'paraclap[eval]'"
        ) from None
    module: ModuleType = audmetric
    return module


def measure(truth: Codes, predicted: Codes, classes: Sequence[str]) -> Scores:
    """Measure predictions with audmetric, over the classes that occur in the truth.

    Args:
        truth: class numbers `[N]`.
        predicted: class numbers `[N]`.
        classes: names `[C]`, in the order of the numbers.

    Raises:
        ConfigError: if audmetric is not installed.
    """
    audmetric = load_audmetric()
    names = np.asarray(classes, dtype=object)
    true_names, predicted_names = names[truth].tolist(), names[predicted].tolist()
    occurring = set(true_names)
    # audmetric drops predictions outside of `labels` and counts a class without clips as 0: give it all classes, then
    # average over those that occur.
    recall = audmetric.recall_per_class(true_names, predicted_names, list(classes))
    f1 = audmetric.fscore_per_class(true_names, predicted_names, list(classes))
    confusion = np.asarray(audmetric.confusion_matrix(true_names, predicted_names, list(classes)), dtype=np.int64)
    metrics = {
        "uar": float(np.mean([recall[name] for name in classes if name in occurring])),
        "wa": float(audmetric.accuracy(true_names, predicted_names)),
        "macro_f1": float(np.mean([f1[name] for name in classes if name in occurring])),
        "largest_share": float(confusion.sum(axis=0).max() / confusion.sum()),
    }
    return Scores(metrics, {name: recall[name] for name in classes if name in occurring}, confusion)
