import numpy as np
import pytest
from benchmarks.interval_coverage import Design, measure_coverage


@pytest.mark.parametrize("num_speakers", [24, 48])
def test_intervals_over_24_speakers_and_more_hold_the_true_uar_as_often_as_the_issue_asks(num_speakers: int) -> None:
    coverage = measure_coverage(Design(num_speakers), "speakers", num_data_sets=3_000)

    assert 0.92 <= coverage.of_population <= 0.98


def test_few_speakers_drawn_give_intervals_that_are_far_too_narrow() -> None:
    assert measure_coverage(Design(2), "speakers", num_data_sets=500).of_population < 0.6
    assert measure_coverage(Design(9), "speakers", num_data_sets=500).of_population < 0.92


def test_clips_drawn_cover_these_speakers_but_not_the_variation_between_speakers_as_the_note_says() -> None:
    coverage = measure_coverage(Design(4, num_clips=24), "clips", num_data_sets=400)

    assert 0.90 <= coverage.of_these_speakers <= 0.98
    assert coverage.of_population < 0.8


@pytest.mark.parametrize("num_clips", [1, 2])
def test_one_or_two_clips_of_each_class_and_speaker_are_drawn_within_classes_so_that_they_vary(num_clips: int) -> None:
    coverage = measure_coverage(Design(4, num_clips=num_clips), "clips", num_data_sets=400)

    assert 0.88 <= coverage.of_these_speakers <= 0.98
    assert coverage.width > 0.15


@pytest.mark.parametrize("is_trait", [False, True])
def test_simulated_speakers_have_the_recalls_of_the_population_on_average(is_trait: bool) -> None:
    design = Design(8_000, recalls=(0.2, 0.7), num_clips=3, is_trait=is_trait)
    truth, speakers = design.label_clips()

    recalls = design.draw_recalls(np.random.default_rng(0))

    assert recalls.mean(axis=0) == pytest.approx(design.recalls, abs=0.01)
    assert recalls.std(axis=0) == pytest.approx([0.4 / 5**0.5, (0.7 * 0.3 / 5) ** 0.5], abs=0.01)
    assert len(truth) == 8_000 * 3 * (1 if is_trait else 2)
    assert np.bincount(truth).tolist() == [len(truth) // 2] * 2
    assert len(set(truth[speakers == 0])) == (1 if is_trait else 2)
