import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score

from paraclap.evaluation.intervals import Method, bound_draws, draw_resampling
from paraclap.evaluation.rank_metrics import (
    auroc,
    auroc_by_label,
    draw_auroc,
    draw_auroc_by_label,
    draw_macro_auroc,
    draw_spearman,
    macro_auroc,
    spearman,
)

Array = npt.NDArray[Any]
NUM_CLIPS, NUM_LABELS = 60, 3


def make_scores(seed: int, *, has_ties: bool = True) -> tuple[Array, Array]:
    """Draw scores `[N, C]`, and truth of which a fifth is unknown and that is alike for the last label."""
    rng = np.random.default_rng(seed)
    is_positive = rng.choice([-1, 0, 1], size=(NUM_CLIPS, NUM_LABELS), p=[0.2, 0.5, 0.3])
    is_positive[:, -1] = 1
    scores = rng.normal(size=is_positive.shape) + 0.7 * is_positive
    return np.round(scores, 0 if has_ties else 12).astype(np.float32), is_positive


def compare_pairs(scores: Array, is_positive: Array) -> float:
    """Compare each positive clip with each negative one."""
    pairs = [(a, b) for a in scores[is_positive == 1] for b in scores[is_positive == 0]]
    return float(np.mean([(a > b) + (a == b) / 2 for a, b in pairs])) if pairs else float("nan")


@pytest.mark.parametrize("has_ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_auroc_equals_scikit_learn_and_a_comparison_of_all_pairs(seed: int, has_ties: bool) -> None:
    scores, is_positive = make_scores(seed, has_ties=has_ties)

    by_label = auroc_by_label(scores, is_positive)

    for label in range(NUM_LABELS - 1):
        column, truth = scores[:, label], is_positive[:, label]
        known = truth >= 0
        assert auroc(column, truth) == by_label[label] == compare_pairs(column, truth)
        assert by_label[label] == pytest.approx(roc_auc_score(truth[known], column[known]))
    assert np.isnan(by_label[-1])
    assert macro_auroc(scores, is_positive) == np.mean(by_label[:-1])


@pytest.mark.parametrize("has_ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_spearman_equals_scipy(seed: int, has_ties: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(4, size=NUM_CLIPS) if has_ties else rng.random(NUM_CLIPS)
    scores = np.round(rng.normal(size=NUM_CLIPS) + values, 1)

    assert spearman(scores, values) == pytest.approx(spearmanr(scores, values).statistic, abs=1e-14)


def test_a_perfect_order_is_one_and_its_reverse_the_least() -> None:
    values = np.array([3, 1, 1, 2, 7])
    is_high = (values > 2).astype(int)

    assert spearman(values**3, values) == 1.0
    assert spearman(-values, values) == -1.0
    assert auroc(values, is_high) == 1.0
    assert auroc(-values, is_high) == 0.0
    assert auroc(np.ones(5), is_high) == 0.5


def test_where_there_is_nothing_to_put_in_order_there_is_no_value() -> None:
    scores = np.array([0.1, 0.5, 0.3])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(auroc(scores, np.array([1, 1, -1])))
        assert np.isnan(auroc(scores, np.array([-1, -1, -1])))
        assert np.isnan(macro_auroc(scores[:, None], np.array([[0], [0], [0]])))
        assert np.isnan(spearman(scores, np.array([2, 2, 2])))
        assert np.isnan(spearman(np.ones(3), scores))


METRICS: dict[str, tuple[Callable[..., Array], Callable[..., Any]]] = {
    "auroc": (
        lambda resampling, *data: draw_auroc(resampling, *(x[:, 0] for x in data)),
        lambda *data: auroc(*(x[:, 0] for x in data)),
    ),
    "auroc by label": (draw_auroc_by_label, auroc_by_label),
    "macro auroc": (draw_macro_auroc, macro_auroc),
    "spearman": (
        lambda resampling, *data: draw_spearman(resampling, *(x[:, 1] for x in data)),
        lambda *data: spearman(*(x[:, 1] for x in data)),
    ),
}


@pytest.mark.parametrize("chunk", [1, 150, 10_000])  # weights held at once: part of a draw, a few draws, all
@pytest.mark.parametrize("method", ["speakers", "clips"])
@pytest.mark.parametrize("name", METRICS)
def test_draws_equal_the_metric_of_clips_repeated_as_often_as_drawn(
    name: str, method: Method, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paraclap.evaluation.rank_metrics._CELLS_IN_CHUNK", chunk)
    draw_metric, metric = METRICS[name]
    scores, is_positive = make_scores(1)
    speakers = np.random.default_rng(2).permutation(np.arange(NUM_CLIPS) % 7)
    is_positive[:, 0] = np.where(speakers < 2, is_positive[:, 0], -1)  # so that some draws have none, or one kind
    resampling = draw_resampling(np.maximum(is_positive[:, 0], 0), speakers, num_draws=40, method=method)

    draws = draw_metric(resampling, scores, is_positive)

    assert len(draws) == 40
    for draw, weights in zip(draws, resampling.weights, strict=True):
        clips = np.repeat(np.arange(NUM_CLIPS), weights[resampling.units].astype(int))
        np.testing.assert_array_equal(draw, metric(scores[clips], is_positive[clips]))
    assert np.isfinite(draws).any()
    if name == "auroc" and method == "speakers":
        assert np.isnan(draws).any()


def test_bounds_of_draws_lie_around_the_value() -> None:
    scores, is_positive = make_scores(3)
    resampling = draw_resampling(is_positive[:, 1], np.arange(NUM_CLIPS) % 20)

    low, high = bound_draws(draw_macro_auroc(resampling, scores, is_positive))

    assert low < macro_auroc(scores, is_positive) < high
    assert 0.05 < high - low < 0.4


def test_a_thousand_draws_of_7500_clips_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    truth, speakers, scores = rng.integers(6, size=7_500), rng.integers(91, size=7_500), rng.random(7_500)
    resampling = draw_resampling(truth, speakers)

    tracemalloc.start()
    draw_auroc(resampling, scores, (truth == 2).astype(int))
    draw_spearman(resampling, scores, scores + truth)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 50e6  # bytes; all weights at once would be 60e6
