import numpy as np
import pytest

from paraclap.errors import ConfigError
from paraclap.evaluation.intervals import (
    bound_draws,
    draw_confusions,
    draw_resampling,
    find_bounds,
    uar_by_speaker,
)
from paraclap.evaluation.metrics import confusion_matrix, confusion_scores, measure

NUM_CLASSES = 4


def make_clips(num_speakers: int, clips_each: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(num_speakers), clips_each)
    truth = rng.integers(NUM_CLASSES, size=len(speakers))
    predicted = np.where(rng.random(len(speakers)) < 0.5, truth, rng.integers(NUM_CLASSES, size=len(speakers)))
    return truth, predicted, speakers


def test_twenty_speakers_are_drawn_as_speakers_and_nineteen_are_not() -> None:
    for num_speakers, method in [(20, "speakers"), (19, "clips")]:
        truth, _, speakers = make_clips(num_speakers, 6)
        assert draw_resampling(truth, speakers).method == method


@pytest.mark.parametrize("num_speakers", [2, 24])
def test_draws_equal_a_loop_that_repeats_each_clip_as_often_as_it_was_drawn(num_speakers: int) -> None:
    truth, predicted, speakers = make_clips(num_speakers, 15)
    resampling = draw_resampling(truth, speakers, num_draws=20)

    fast = draw_confusions(resampling, truth, predicted, NUM_CLASSES)

    for draw, weights in zip(fast, resampling.weights, strict=True):
        repeats = [int(weights[resampling.units[clip]]) for clip in range(len(truth))]
        clips = np.repeat(np.arange(len(truth)), repeats)
        assert np.array_equal(draw, confusion_matrix(truth[clips], predicted[clips], NUM_CLASSES))


def test_a_draw_of_speakers_takes_whole_speakers_as_many_as_there_are() -> None:
    truth, _, speakers = make_clips(24, 5)
    resampling = draw_resampling(truth, speakers)

    assert resampling.weights.shape == (1000, 24)
    assert set(resampling.weights.sum(axis=1)) == {24}
    assert np.array_equal(resampling.units, speakers)
    assert resampling.note == ""


def test_a_draw_of_clips_keeps_the_number_of_every_speaker_and_class() -> None:
    truth, _, speakers = make_clips(3, 40)
    resampling = draw_resampling(truth, speakers)

    for speaker in range(3):
        for label in range(NUM_CLASSES):
            cell = (speakers == speaker) & (truth == label)
            assert set(resampling.weights[:, cell].sum(axis=1)) == {cell.sum()}
    assert resampling.note == "variation between speakers not covered: 3 speakers, fewer than 20"


def test_unknown_speakers_are_said_and_clips_drawn_within_classes() -> None:
    truth, _, _ = make_clips(30, 4)
    resampling = draw_resampling(truth, None)

    assert resampling.method == "clips"
    assert resampling.note == "variation between speakers not covered: speakers unknown"
    assert set(resampling.weights[:, truth == 2].sum(axis=1)) == {(truth == 2).sum()}


def test_what_is_drawn_can_be_asked_for_and_the_note_says_what_that_leaves_open() -> None:
    truth, _, speakers = make_clips(3, 40)
    resampling = draw_resampling(truth, speakers, method="speakers")
    assert set(resampling.weights.sum(axis=1)) == {3}
    assert resampling.note == "interval too narrow: 3 speakers, fewer than 20"

    truth, _, speakers = make_clips(30, 40)
    resampling = draw_resampling(truth, speakers, method="clips")
    assert resampling.weights.shape == (1000, 1200)
    assert resampling.note == "variation between speakers not covered: clips were asked for"


def test_few_clips_of_a_speaker_and_class_are_drawn_within_classes() -> None:
    truth, _, speakers = make_clips(10, 2 * NUM_CLASSES)
    resampling = draw_resampling(truth, speakers)

    assert resampling.note.endswith("10 speakers, fewer than 20; few clips a speaker and class: drawn within classes")
    assert set(resampling.weights[:, truth == 1].sum(axis=1)) == {(truth == 1).sum()}
    first = speakers == 0
    assert len(set(resampling.weights[:, first].sum(axis=1))) > 1


def test_unknown_speakers_cannot_be_drawn() -> None:
    with pytest.raises(ConfigError, match="speakers are unknown and cannot be drawn; expected their numbers, or"):
        draw_resampling(np.array([0, 1]), None, method="speakers")


def test_the_same_seed_gives_the_same_bounds_and_another_seed_others() -> None:
    truth, predicted, speakers = make_clips(24, 20)
    bounds = [
        find_bounds(draw_resampling(truth, speakers, seed=seed), truth, predicted, NUM_CLASSES) for seed in (0, 0, 1)
    ]

    assert bounds[0] == bounds[1] != bounds[2]


def test_bounds_lie_around_the_value_and_are_quantiles_of_the_draws() -> None:
    truth, predicted, speakers = make_clips(24, 20)
    resampling = draw_resampling(truth, speakers)
    draws = np.sort(confusion_scores(draw_confusions(resampling, truth, predicted, NUM_CLASSES))["uar"])

    low, high = find_bounds(resampling, truth, predicted, NUM_CLASSES)["uar"]

    assert low < measure(truth, predicted, list("abcd")).metrics["uar"] < high
    assert np.mean(draws < low) == pytest.approx(0.025, abs=0.001)
    assert np.mean(draws > high) == pytest.approx(0.025, abs=0.001)


def test_draws_without_a_value_do_not_count_and_no_value_at_all_has_no_bounds() -> None:
    draws = np.arange(41.0)

    assert bound_draws(np.append(draws, [np.nan, np.nan])) == bound_draws(draws) == pytest.approx((1, 39))
    assert np.isnan(bound_draws(np.full(3, np.nan))).all()


def test_each_speakers_uar_is_over_the_classes_of_that_speaker() -> None:
    truth, predicted, speakers = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 3]), np.array([0, 0, 0, 1])

    assert uar_by_speaker(truth, predicted, speakers, NUM_CLASSES).tolist() == [0.75, 0.0]
