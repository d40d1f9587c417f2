import numpy as np
import pytest
from pydantic import ValidationError

from paraclap.evaluation.intervals import draw_resampling, find_bounds
from paraclap.evaluation.metrics import METRICS, measure
from paraclap.evaluation.pairing import compare_draws, compare_predictions
from paraclap.evaluation.rank_metrics import auroc, draw_auroc

CLASSES = ("anger", "calm", "joy")
NUM_SPEAKERS = 24


def make_predictions(seed: int, *skills: float) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Draw truth, speakers, and what models of these skills predict; models find the same speakers hard."""
    rng = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(NUM_SPEAKERS), 30)
    truth = np.tile(np.arange(30) % 3, NUM_SPEAKERS)
    hardness = rng.uniform(-0.25, 0.25, size=NUM_SPEAKERS)[speakers]
    predicted = [
        np.where(rng.random(len(truth)) < skill + hardness, truth, (truth + rng.integers(1, 3, len(truth))) % 3)
        for skill in skills
    ]
    return truth, speakers, predicted


@pytest.mark.parametrize("num_speakers", [NUM_SPEAKERS, 6])
def test_differences_equal_a_loop_that_draws_clips_once_for_both_models(num_speakers: int) -> None:
    truth, speakers, (first, second) = make_predictions(1, 0.5, 0.53)
    speakers = speakers % num_speakers
    resampling = draw_resampling(truth, speakers, num_draws=200)

    found = compare_predictions(truth, first, second, 3, resampling=resampling)

    differences: dict[str, list[float]] = {name: [] for name in METRICS}
    for weights in resampling.weights:
        clips = np.repeat(np.arange(len(truth)), weights[resampling.units].astype(int))
        one, other = (measure(truth[clips], predicted[clips], CLASSES).metrics for predicted in (first, second))
        for name in METRICS:
            differences[name].append(other[name] - one[name])
    assert list(found) == list(METRICS)
    for name, difference in found.items():
        draws = np.array(differences[name])
        value = measure(truth, second, CLASSES).metrics[name] - measure(truth, first, CLASSES).metrics[name]
        assert difference.value == pytest.approx(value)
        assert [difference.low, difference.high] == pytest.approx(list(np.percentile(draws, [2.5, 97.5])))
        p = 2 * min((draws < 1e-9).sum(), (draws > -1e-9).sum()) / 200
        assert difference.p == pytest.approx(min(1, max(p, 1 / 200)))


def test_pairing_shows_a_difference_that_two_separate_intervals_hide() -> None:
    truth, speakers, (first, second) = make_predictions(2, 0.5, 0.58)
    resampling = draw_resampling(truth, speakers)

    uar = compare_predictions(truth, first, second, 3, resampling=resampling)["uar"]
    swapped = compare_predictions(truth, second, first, 3, resampling=resampling)["uar"]

    (_, high), (low, _) = (find_bounds(resampling, truth, predicted, 3)["uar"] for predicted in (first, second))
    assert low < high  # the two intervals overlap
    assert 0 < uar.low < uar.value < uar.high
    assert uar.p < 0.01
    assert (swapped.value, swapped.low, swapped.high, swapped.p) == pytest.approx(
        (-uar.value, -uar.high, -uar.low, uar.p)
    )


def test_a_model_does_not_differ_from_itself() -> None:
    truth, speakers, (predicted,) = make_predictions(3, 0.5)

    found = compare_predictions(truth, predicted, predicted, 3, resampling=draw_resampling(truth, speakers))

    assert {tuple(difference.model_dump().values()) for difference in found.values()} == {(0.0, 0.0, 0.0, 1.0)}


def test_models_of_equal_skill_seldom_differ_and_the_interval_agrees_with_the_p_value() -> None:
    seldom = 0
    for seed in range(300):
        truth, speakers, (first, second) = make_predictions(seed, 0.5, 0.5)
        resampling = draw_resampling(truth, speakers, num_draws=400, seed=seed)
        uar = compare_predictions(truth, first, second, 3, resampling=resampling)["uar"]
        seldom += uar.p < 0.05
        if not 0.04 < uar.p < 0.06:
            assert (uar.low > 0 or uar.high < 0) == (uar.p < 0.05)

    assert 0.03 <= seldom / 300 <= 0.10  # 24 speakers: percentiles are a little narrow, in theory .068


def test_draws_of_any_metric_are_compared_and_those_without_a_value_do_not_count() -> None:
    difference = compare_draws((0.5, 0.75), np.zeros(44), np.r_[np.arange(-1, 40), [np.nan] * 3])

    assert difference.model_dump() == pytest.approx({"value": 0.25, "low": 0, "high": 38, "p": 4 / 41})


def test_without_any_draw_there_is_neither_interval_nor_p_value() -> None:
    difference = compare_draws((0.5, 0.75), np.zeros(3), np.full(3, np.nan))

    assert difference.value == 0.25
    assert np.isnan([difference.low, difference.high, difference.p]).all()


def test_auroc_of_two_models_is_compared_on_the_same_draws() -> None:
    truth, speakers, _ = make_predictions(4, 0.5)
    is_positive = (truth == 1).astype(int)
    rng = np.random.default_rng(5)
    first = rng.normal(size=len(truth)) + is_positive
    second = first + is_positive
    resampling = draw_resampling(truth, speakers)

    values = auroc(first, is_positive), auroc(second, is_positive)
    difference = compare_draws(
        values, draw_auroc(resampling, first, is_positive), draw_auroc(resampling, second, is_positive)
    )

    assert difference.low < difference.value == values[1] - values[0] < difference.high
    assert (difference.low > 0, difference.p) == (True, 0.001)


def test_a_difference_cannot_be_changed() -> None:
    difference = compare_draws((0.0, 1.0), np.zeros(2), np.ones(2))

    with pytest.raises(ValidationError, match="frozen"):
        difference.p = 0.0  # type: ignore[misc]
