from dataclasses import replace
from typing import Any

import audmetric
import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score
from tests.evaluation.toy_trials import (
    Array,
    make_manifest,
    make_multi_label_task,
    make_similarities,
    make_speakers,
    make_task,
    repeat_clips,
)

from paraclap.evaluation.clips import Clips, select_clips
from paraclap.evaluation.intervals import Resampling, draw_resampling, uar_by_speaker
from paraclap.evaluation.measuring import (
    DrawnMetric,
    bound_all,
    compare_all,
    describe_interval,
    draw_label_aurocs,
    draw_metrics,
    draw_prediction_metrics,
)
from paraclap.evaluation.metrics import METRICS
from paraclap.evaluation.pairing import compare_predictions
from paraclap.evaluation.tasks import Task

SCALE = 10.0
LEVELS = make_task(
    label="age",
    classes=["child", "young_adult", "senior"],
    intervals={"child": (0, 13), "young_adult": (13, 60), "senior": (60, 130)},
    ordered_by="age",
    label_set="age",
)


def make_emotions(num_speakers: int = 4, num_classes: int = 3) -> tuple[Task, Clips]:
    task = make_task(classes=["anger", "calm", "sadness"][:num_classes])
    return task, select_clips(task, make_speakers(num_speakers, 24))


def make_ages(seed: int = 0) -> Clips:
    ages = np.random.default_rng(seed).integers(3, 90, size=80).astype(float)
    return select_clips(LEVELS, make_manifest(age=ages, speaker=[f"s{number % 5}" for number in range(80)]))


def make_votes(seed: int = 0) -> tuple[Task, Clips]:
    """Make votes on two emotions, of which a few are unknown, and a third one that nobody heard."""
    rng = np.random.default_rng(seed)
    positive = {name: {"column": name, "at_least": 0.5} for name in ("anger", "calm", "fear")}
    task = make_multi_label_task(classes=list(positive), positive=positive)
    votes = {name: np.where(rng.random(60) < 0.2, np.nan, rng.random(60)) for name in ("anger", "calm")}
    speakers = [f"s{number % 4}" for number in range(60)]
    return task, select_clips(task, make_manifest(**votes, fear=np.zeros(60), speaker=speakers))


def draw(clips: Clips, **changes: Any) -> Resampling:
    return draw_resampling(clips.strata, clips.speakers, **changes)


@pytest.mark.parametrize("num_speakers", [4, 20])
def test_every_metric_of_predictions_is_that_of_audmetric_and_every_draw_that_of_the_repeated_clips(
    num_speakers: int,
) -> None:
    task, clips = make_emotions(num_speakers)
    predicted = make_similarities(clips.truth, 3).argmax(axis=1)
    resampling = draw(clips, num_draws=10)

    drawn = draw_prediction_metrics(clips.truth, predicted, task.classes, resampling=resampling)

    assert tuple(drawn) == METRICS
    samples = [np.arange(len(clips)), *(repeat_clips(weights, resampling.units) for weights in resampling.weights)]
    for name, measure in [
        ("uar", audmetric.unweighted_average_recall),
        ("wa", audmetric.accuracy),
        ("macro_f1", audmetric.unweighted_average_fscore),
    ]:
        value, *draws = (measure(clips.truth[places], predicted[places]) for places in samples)
        assert drawn[name].value == pytest.approx(value)
        assert drawn[name].draws == pytest.approx(np.array(draws))


def test_similarities_are_measured_by_the_class_that_is_nearest() -> None:
    task, clips = make_emotions()
    similarities = make_similarities(clips.truth, 3)
    resampling = draw(clips)

    drawn = draw_metrics(task, clips, similarities, resampling=resampling, logit_scale=SCALE)

    expected = draw_prediction_metrics(clips.truth, similarities.argmax(axis=1), task.classes, resampling=resampling)
    assert list(drawn) == list(METRICS)  # three classes in no order
    assert bound_all(drawn) == bound_all(expected)


def test_two_classes_have_the_auroc_of_the_second_one() -> None:
    task, clips = make_emotions(num_classes=2)
    similarities = make_similarities(clips.truth, 2)
    resampling = draw(clips, num_draws=10)

    drawn = draw_metrics(task, clips, similarities, resampling=resampling, logit_scale=SCALE)

    scores = similarities[:, 1] - similarities[:, 0]
    assert list(drawn) == [*METRICS, "auroc"]
    assert drawn["auroc"].value == pytest.approx(roc_auc_score(clips.truth, scores))
    assert 0.6 < drawn["auroc"].value < 0.9
    for auroc, weights in zip(drawn["auroc"].draws, resampling.weights, strict=True):
        places = repeat_clips(weights, resampling.units)
        assert auroc == pytest.approx(roc_auc_score(clips.truth[places], scores[places]))


def test_the_expected_place_among_ordered_classes_is_correlated_with_the_numbers_as_scipy_does() -> None:
    clips = make_ages()
    similarities = make_similarities(clips.truth, 3)
    resampling = draw(clips, num_draws=10)

    drawn = draw_metrics(LEVELS, clips, similarities, resampling=resampling, logit_scale=SCALE)

    logits = SCALE * similarities.astype(float)
    places = [sum(place * np.exp(row[place]) for place in range(3)) / np.exp(row).sum() for row in logits]
    assert clips.values is not None
    assert drawn["spearman"].value == pytest.approx(spearmanr(places, clips.values).statistic)
    assert drawn["spearman"].value > 0.2
    for rho, weights in zip(drawn["spearman"].draws, resampling.weights, strict=True):
        sample = repeat_clips(weights, resampling.units)
        assert rho == pytest.approx(spearmanr(np.array(places)[sample], clips.values[sample]).statistic)


def test_a_large_scale_makes_the_expected_place_that_of_the_nearest_class() -> None:
    clips = make_ages()
    similarities = make_similarities(clips.truth, 3)

    drawn = draw_metrics(LEVELS, clips, similarities, resampling=draw(clips, num_draws=2), logit_scale=1e6)

    assert drawn["spearman"].value == pytest.approx(spearmanr(similarities.argmax(axis=1), clips.values).statistic)


def test_a_multi_label_task_has_the_mean_auroc_of_the_labels_with_both_kinds_of_clips() -> None:
    task, clips = make_votes()
    similarities = make_similarities(clips.truth, 3, skill=0.5)
    resampling = draw(clips, num_draws=10)

    by_label = draw_label_aurocs(task, clips, similarities, resampling=resampling)
    drawn = draw_metrics(task, clips, similarities, resampling=resampling, logit_scale=SCALE)

    def measure(truth: Array, scores: Array, label: int) -> float:
        known = truth[:, label] >= 0
        return float(roc_auc_score(truth[known, label], scores[known, label]))

    expected = [measure(clips.truth, similarities, label) for label in (0, 1)]
    assert list(by_label) == ["anger", "calm"]
    assert [one.value for one in by_label.values()] == pytest.approx(expected)
    assert list(drawn) == ["auroc"]
    assert drawn["auroc"].value == pytest.approx(np.mean(expected))
    for place, weights in enumerate(resampling.weights):
        sample = repeat_clips(weights, resampling.units)
        of_draw = [measure(clips.truth[sample], similarities[sample], label) for label in (0, 1)]
        assert [one.draws[place] for one in by_label.values()] == pytest.approx(of_draw)
        assert drawn["auroc"].draws[place] == pytest.approx(np.mean(of_draw))


def test_a_draw_in_which_a_label_has_one_kind_of_clips_alone_counts_the_others() -> None:
    positive = {name: {"column": name, "at_least": 0.5} for name in ("anger", "calm")}
    task = make_multi_label_task(positive=positive)
    manifest = make_manifest(anger=[1, 0, 1, 0], calm=[1, 0, 0, 0])
    clips = select_clips(task, manifest)
    similarities = np.array([[0.9, 0.5], [0.1, 0.6], [0.2, 0.1], [0.5, 0.2]], dtype=np.float32)
    weights = np.array([[1, 1, 1, 1], [0, 2, 2, 0], [0, 0, 0, 4]], dtype=np.float32)
    resampling = Resampling("clips", np.arange(4), weights, "")

    drawn = draw_metrics(task, clips, similarities, resampling=resampling, logit_scale=SCALE)

    assert drawn["auroc"].value == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert drawn["auroc"].draws == pytest.approx([(3 / 4 + 2 / 3) / 2, 1.0, np.nan], nan_ok=True)
    assert drawn["auroc"].bound().high == pytest.approx(1.0 - 0.025 * (1.0 - (3 / 4 + 2 / 3) / 2))


def test_what_cannot_be_measured_is_left_out() -> None:
    task, clips = make_emotions(num_classes=2)
    one_kind = clips.keep(clips.truth == 0)
    similarities = make_similarities(one_kind.truth, 2)
    of_one_kind = draw_metrics(task, one_kind, similarities, resampling=draw(one_kind), logit_scale=SCALE)
    assert list(of_one_kind) == list(METRICS)

    ages = make_ages()
    assert ages.values is not None
    alike = replace(ages, values=np.ones(len(ages)))
    unknown = replace(ages, values=np.where(np.arange(len(ages)) == 3, np.nan, ages.values))
    for clips in (alike, unknown):
        similarities = make_similarities(clips.truth, 3)
        drawn = draw_metrics(LEVELS, clips, similarities, resampling=draw(clips), logit_scale=SCALE)
        assert list(drawn) == list(METRICS)

    votes, clips = make_votes()
    silent = replace(clips, truth=np.zeros_like(clips.truth))
    similarities = make_similarities(silent.truth, 3)
    assert draw_metrics(votes, silent, similarities, resampling=draw(silent), logit_scale=SCALE) == {}
    assert draw_label_aurocs(votes, silent, similarities, resampling=draw(silent)) == {}


def test_bounds_are_percentiles_of_the_draws_that_have_a_value() -> None:
    metric = DrawnMetric(0.5, np.r_[np.arange(101) / 100, [np.nan] * 5])

    assert bound_all({"uar": metric})["uar"].model_dump() == pytest.approx({"value": 0.5, "low": 0.025, "high": 0.975})


def test_models_are_compared_draw_by_draw_in_what_both_have() -> None:
    task, clips = make_emotions(num_classes=2)
    one, other = (make_similarities(clips.truth, 2, seed=seed, skill=0.3 * seed) for seed in (1, 2))
    resampling = draw(clips)
    drawn = [draw_metrics(task, clips, scores, resampling=resampling, logit_scale=SCALE) for scores in (one, other)]

    found = compare_all(*drawn)

    predicted = one.argmax(axis=1), other.argmax(axis=1)
    expected = compare_predictions(clips.truth, *predicted, 2, resampling=resampling)
    assert list(found) == [*METRICS, "auroc"]
    assert {name: found[name].model_dump() for name in METRICS} == {
        name: pytest.approx(expected[name].model_dump()) for name in METRICS
    }
    scores = [similarities[:, 1] - similarities[:, 0] for similarities in (one, other)]
    aurocs = [float(roc_auc_score(clips.truth, of_model)) for of_model in scores]
    assert found["auroc"].value == pytest.approx(aurocs[1] - aurocs[0])
    assert list(compare_all({"uar": drawn[0]["uar"]}, drawn[1])) == ["uar"]
    assert compare_all(drawn[0], {}) == {}


def test_few_speakers_are_listed_and_many_are_not() -> None:
    few, many = (make_emotions(num_speakers)[1] for num_speakers in (4, 25))
    of_few, of_many = (make_similarities(clips.truth, 3).argmax(axis=1) for clips in (few, many))

    listed = describe_interval(few, of_few, 3, resampling=draw(few))
    unlisted = describe_interval(many, of_many, 3, resampling=draw(many))

    assert few.speakers is not None
    expected = uar_by_speaker(few.truth, of_few, few.speakers, 3).tolist()
    assert listed.by_speaker == dict(zip(few.speaker_names, expected, strict=True))
    assert (listed.method, listed.level, listed.draws) == ("clips", 0.95, 1000)
    assert (unlisted.method, unlisted.by_speaker, unlisted.note) == ("speakers", None, "")


def test_no_speaker_is_listed_where_nothing_is_predicted() -> None:
    _, clips = make_votes()

    described = describe_interval(clips, None, 3, resampling=draw(clips))

    assert (described.method, described.by_speaker) == ("clips", None)
    assert described.note == "variation between speakers not covered: 4 speakers, fewer than 20"
