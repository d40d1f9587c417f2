import sys

import audmetric
import numpy as np
import pytest

from paraclap.errors import ConfigError
from paraclap.evaluation.metrics import METRICS, confusion_matrix, confusion_scores, measure

CLASSES = ("anger", "calm", "fear", "joy")


def random_codes(seed: int, occurring: list[int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.choice(occurring, size=97), rng.integers(len(CLASSES), size=97)


@pytest.mark.parametrize("seed", range(5))
def test_values_equal_audmetric_when_every_class_occurs(seed: int) -> None:
    truth, predicted = random_codes(seed, [0, 1, 2, 3])
    names, guesses = [CLASSES[n] for n in truth], [CLASSES[n] for n in predicted]

    metrics = measure(truth, predicted, CLASSES).metrics

    assert metrics["uar"] == pytest.approx(audmetric.unweighted_average_recall(names, guesses))
    assert metrics["wa"] == pytest.approx(audmetric.accuracy(names, guesses))
    assert metrics["macro_f1"] == pytest.approx(audmetric.unweighted_average_fscore(names, guesses))
    assert metrics["largest_share"] == max(guesses.count(name) for name in CLASSES) / 97


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("occurring", [[0, 1, 2, 3], [0, 2], [3]])
def test_the_vectorised_values_equal_those_of_audmetric(seed: int, occurring: list[int]) -> None:
    truth, predicted = random_codes(seed, occurring)
    scores = measure(truth, predicted, CLASSES)

    fast = confusion_scores(confusion_matrix(truth, predicted, len(CLASSES)))

    assert list(fast) == list(scores.metrics) == list(METRICS)
    assert {name: float(value) for name, value in fast.items()} == pytest.approx(scores.metrics)
    assert np.array_equal(confusion_matrix(truth, predicted, len(CLASSES)), scores.confusion)


def test_predicting_a_class_that_never_occurs_is_an_error_and_the_class_itself_does_not_count() -> None:
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 3, 1, 3])

    scores = measure(truth, predicted, CLASSES)

    assert scores.metrics["uar"] == 0.5
    assert scores.metrics["wa"] == 0.5
    assert scores.metrics["macro_f1"] == pytest.approx(2 / 3)
    assert scores.recall == {"anger": 0.5, "calm": 0.5}
    # what audmetric says when asked for the classes that occur, or for all
    assert audmetric.unweighted_average_recall(list(truth), list(predicted), [0, 1]) == 1.0
    assert audmetric.unweighted_average_recall(list(truth), list(predicted), [0, 1, 2, 3]) == 0.25


def test_collapse_shows_as_the_largest_predicted_share() -> None:
    assert measure(np.array([0, 1, 2, 3]), np.zeros(4, int), CLASSES).metrics["largest_share"] == 1.0


def test_many_confusions_are_scored_at_once_and_empty_ones_are_nan() -> None:
    counts = np.zeros((2, 3, 4, 4))
    counts[0, 0] = np.eye(4)

    uar = confusion_scores(counts)["uar"]

    assert uar.shape == (2, 3)
    assert uar[0, 0] == 1.0
    assert np.isnan(uar[1, 2])


def test_a_missing_audmetric_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audmetric", None)

    with pytest.raises(ConfigError, match=r"evaluation needs audmetric.*pip install 'paraclap\[eval\]'"):
        measure(np.array([0]), np.array([0]), CLASSES)
