import audmetric
import numpy as np
import pytest
from tests.evaluation.examples import make_vectors
from tests.evaluation.toy_trials import (
    EMOTIONS,
    make_manifest,
    make_multi_label_task,
    make_retrieval_task,
    make_speakers,
    make_task,
    make_trial,
)

from paraclap.evaluation.baselines import CHANCE, MAJORITY, PROBE, find_trivial_baselines, fit_probe_baseline
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.probe_head import cross_validate
from paraclap.evaluation.results import Baseline
from paraclap.evaluation.trials import Trial

TASK = make_task(classes=EMOTIONS)


def fit(trial: Trial, vectors: np.ndarray) -> Baseline:
    clips = trial.clips
    (baseline,) = fit_probe_baseline(trial, vectors, resampling=draw_resampling(clips.strata, clips.speakers))
    return baseline


def test_chance_is_what_guesses_reach_on_average() -> None:
    manifest = make_manifest(emotion=["anger"] * 12 + ["calm"] * 3)  # sadness never occurs, and is guessed
    trial = make_trial(TASK, manifest)

    chance = find_trivial_baselines(trial)[0]

    rng = np.random.default_rng(0)
    guesses = [rng.integers(3, size=15) for _ in range(5000)]
    uars = [np.mean([np.mean(guess[:12] == 0), np.mean(guess[12:] == 1)]) for guess in guesses]
    assert (chance.name, chance.protocol) == (CHANCE, "plain")
    assert set(chance.metrics) == {"uar", "wa"}
    assert chance.metrics["uar"].value == pytest.approx(np.mean(uars), abs=0.01)
    assert chance.metrics["wa"].value == pytest.approx(
        np.mean([np.mean(guess == trial.clips.truth) for guess in guesses]), abs=0.01
    )
    assert chance.note == "each of 3 classes alike, on average"


def test_the_majority_is_the_most_frequent_class_for_every_clip() -> None:
    trial = make_trial(TASK, make_manifest(emotion=["anger"] * 4 + ["calm"] * 9 + ["sadness"] * 2))

    majority = find_trivial_baselines(trial)[1]

    always = np.ones(15, dtype=int)
    assert (majority.name, majority.note) == (MAJORITY, "always calm")
    values = {name: metric.value for name, metric in majority.metrics.items()}
    assert values == pytest.approx(
        {
            "uar": audmetric.unweighted_average_recall(trial.clips.truth, always),
            "wa": audmetric.accuracy(trial.clips.truth, always),
            "macro_f1": audmetric.unweighted_average_fscore(trial.clips.truth, always),
            "largest_share": 1.0,
        }
    )
    for metric in majority.metrics.values():
        assert metric.low == metric.value == metric.high


def test_scores_by_chance_have_an_auroc_of_a_half() -> None:
    (chance,) = find_trivial_baselines(make_trial(make_multi_label_task(), make_manifest(votes=["A", "C", ""])))

    assert {name: metric.value for name, metric in chance.metrics.items()} == {"auroc": 0.5}


def test_ranks_by_chance_have_the_recall_of_retrieval() -> None:
    trial = make_trial(make_retrieval_task(attributes=["gender"]), make_manifest(gender=["female"] * 3 + ["male"]))

    (chance,) = find_trivial_baselines(trial)

    assert chance.metrics["text_to_audio_recall@1"].value == pytest.approx((3 * 3 / 4 + 1 / 4) / 4)
    assert chance.metrics["audio_to_text_recall@10"].value == 1.0
    assert chance.note == "ranks by chance, on average"


def test_the_probe_is_cross_validated_by_speaker_and_measured_on_all_clips() -> None:
    trial = make_trial(TASK, make_speakers())
    vectors = make_vectors(trial.clips.truth, spread=2.0)

    probe = fit(trial, vectors)

    predicted, num_folds = cross_validate(
        "linear", vectors, trial.clips.truth, speakers=trial.clips.speakers, setting=10.0
    )
    uar = audmetric.unweighted_average_recall(trial.clips.truth, predicted)
    assert probe.metrics["uar"].value == pytest.approx(uar)
    assert 0.4 < probe.metrics["uar"].low < uar < probe.metrics["uar"].high < 1
    assert (probe.name, probe.protocol, num_folds) == (PROBE, "plain", 4)
    assert probe.note == (
        "supervised: logistic regression (C = 10) on the model's embeddings of these clips, 4 folds by speaker"
    )


def test_the_probe_has_no_advantage_from_knowing_speakers() -> None:
    speakers = np.repeat(np.arange(8), 10)
    manifest = make_manifest(
        emotion=np.array(["anger", "calm"])[speakers % 2],  # each speaker in one emotion alone
        speaker=[f"s{number}" for number in speakers],
    )
    vectors = np.eye(8, dtype=np.float32)[speakers]  # the speaker and nothing else

    trial = make_trial(make_task(), manifest)

    by_clip, _ = cross_validate("linear", vectors, trial.clips.truth, speakers=None)
    assert by_clip.tolist() == trial.clips.truth.tolist()  # as if it were easy
    assert fit(trial, vectors).metrics["uar"].value <= 0.5


def test_classes_without_clips_are_never_predicted_and_those_left_keep_their_names() -> None:
    task = make_task(classes=["boredom", "anger", "fear", "calm"])
    speakers = np.repeat(np.arange(4), 6)
    manifest = make_manifest(emotion=["anger", "calm"] * 12, speaker=[f"s{number}" for number in speakers])
    trial = make_trial(task, manifest)

    probe = fit(trial, make_vectors(trial.clips.truth, spread=0.01))

    assert set(trial.clips.truth.tolist()) == {1, 3}
    assert {name: metric.value for name, metric in probe.metrics.items()} == {
        "uar": 1.0,
        "wa": 1.0,
        "macro_f1": 1.0,
        "largest_share": 0.5,
    }


@pytest.mark.parametrize(
    "trial",
    [
        make_trial(make_task(), make_manifest(emotion=["anger"] * 10, speaker=["a", "b"] * 5)),
        make_trial(make_task(), make_manifest(emotion=["anger", "calm"] * 6, speaker=["a"] * 11 + ["b"])),
        make_trial(make_task(), make_manifest(emotion=["anger", "calm"] * 6)),
        make_trial(make_multi_label_task(), make_manifest(votes=["A", "C"] * 5)),
        make_trial(make_retrieval_task(), make_manifest(gender=["male"] * 10)),
    ],
    ids=["one class", "a class of one speaker", "speakers unknown", "multi-label", "retrieval"],
)
def test_where_a_head_cannot_be_tested_there_is_no_probe(trial: Trial) -> None:
    vectors = np.ones((len(trial.clips), 8), dtype=np.float32)

    resampling = draw_resampling(trial.clips.strata, trial.clips.speakers)
    assert fit_probe_baseline(trial, vectors, resampling=resampling) == ()
