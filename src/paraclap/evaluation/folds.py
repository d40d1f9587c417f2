"""Folds of cross-validation: by speaker where speakers are known, each class in every training part."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.evaluation.metrics import Codes

Fold = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # places of the clips to train on, and of those held out

NUM_FOLDS = 5
_NUM_DRAWS = 10


def load_sklearn() -> None:
    """Import scikit-learn, which is an extra.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise ConfigError(
            "fitting a probe needs scikit-learn, which is not installed; run pip install 'paraclap[eval]'"
        ) from None


def plan_folds(truth: Codes, speakers: Codes | None) -> list[Fold] | None:
    """Cut clips into folds in which the classes are spread alike and each class is in every training part.

    With speakers, no speaker is on both sides of a fold; there are 5 folds, fewer if there are fewer speakers, and one
    a speaker where no other cut leaves each class in every training part.

    Args:
        truth: class numbers `[N]` from 0 on.
        speakers: speaker numbers `[N]`; clips are cut one by one if None.

    Returns:
        The folds; None if a class has fewer than two clips, or fewer than two speakers.
    """
    units = np.arange(len(truth)) if speakers is None else np.asarray(speakers)
    classes_of_units = np.unique(np.stack([truth, units]), axis=1)[0]
    units_by_class = np.bincount(classes_of_units)
    if units_by_class.min() < 2:
        return None
    num_folds = min(NUM_FOLDS, len(np.unique(units)), int(np.bincount(truth).max()))
    folds: list[Fold] = []
    for cutter in _list_cutters(num_folds, by_speaker=speakers is not None):
        with warnings.catch_warnings():  # a class with fewer clips than folds is fine
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            folds = list(cutter.split(truth, truth, speakers))
        if all(len(test) and len(np.unique(truth[train])) == len(units_by_class) for train, test in folds):
            break
    return folds


def _list_cutters(num_folds: int, *, by_speaker: bool) -> Iterator[Any]:
    """Yield ways to cut, of which the last one always leaves each class in every training part."""
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

    if by_speaker:
        yield StratifiedGroupKFold(num_folds)
        for seed in range(_NUM_DRAWS):
            yield StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
        yield LeaveOneGroupOut()
    else:
        yield StratifiedKFold(num_folds)  # in order: neighbours, often of one speaker, stay together
