from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.evaluation.toy_trials import (
    EMOTIONS,
    make_multi_label_task,
    make_retrieval_task,
    make_speakers,
    make_task,
    make_trial,
    write_scored,
)
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.errors import ConfigError, ParaClapError
from paraclap.evaluation import compare_means, compare_results
from paraclap.evaluation.comparison import list_results
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.metrics import METRICS
from paraclap.evaluation.pairing import compare_predictions
from paraclap.evaluation.results import write_result
from paraclap.evaluation.scoring import score_trial
from paraclap.evaluation.trials import Trial


def make_emotions(num_speakers: int = 4, **changes: object) -> Trial:
    return make_trial(make_task(classes=EMOTIONS, **changes), make_speakers(num_speakers, 24))


@pytest.mark.parametrize("num_speakers", [4, 20])
def test_differences_are_the_paired_ones_of_the_predictions(num_speakers: int, tmp_path: Path) -> None:
    trial = make_emotions(num_speakers)
    one = write_scored(tmp_path / "one", trial, "weak", skill=0.6)
    other = write_scored(tmp_path / "other", trial, "strong", skill=1.4)

    (comparison,) = compare_results(tmp_path / "one", tmp_path / "other")

    predicted = [scored.similarities["ensemble"].argmax(axis=1) for scored in (one, other)]
    resampling = draw_resampling(trial.clips.truth, trial.clips.speakers)
    expected = compare_predictions(trial.clips.truth, predicted[0], predicted[1], 3, resampling=resampling)
    assert list(comparison.differences) == list(METRICS)
    for name, difference in comparison.differences.items():
        assert difference.model_dump() == pytest.approx(expected[name].model_dump())
    uar = comparison.differences["uar"]
    assert 0 < uar.low < uar.value < uar.high
    assert uar.value == pytest.approx(other.result.metrics["uar"].value - one.result.metrics["uar"].value)
    assert (comparison.first, comparison.second) == (one.result, other.result)
    assert comparison.is_paired


def test_the_second_model_is_compared_with_the_first(tmp_path: Path) -> None:
    trial = make_emotions()
    for model, skill in (("weak", 0.6), ("strong", 1.4)):
        write_scored(tmp_path / model, trial, model, skill=skill)

    (there,), (back,) = (
        compare_results(tmp_path / one, tmp_path / other) for one, other in (("weak", "strong"), ("strong", "weak"))
    )

    assert there.differences["wa"].value == -back.differences["wa"].value > 0
    assert (there.differences["wa"].low, there.differences["wa"].p) == pytest.approx(
        (-back.differences["wa"].high, back.differences["wa"].p)
    )


def test_folders_are_compared_in_the_tasks_that_both_have_and_files_one_by_one(tmp_path: Path) -> None:
    tasks = {name: make_emotions(name=name) for name in ("a", "b", "c")}
    for model, names in (("one", "cab"), ("other", "bca"), ("third", "b")):
        for name in names:
            write_scored(tmp_path / model, tasks[name], model)

    assert [found.first.task for found in compare_results(tmp_path / "one", tmp_path / "other")] == ["a", "b", "c"]
    assert [found.second.model for found in compare_results(tmp_path / "one", tmp_path / "third")] == ["third"]
    (single,) = compare_results(tmp_path / "one" / "b.json", tmp_path / "other")
    assert (single.first.task, single.second.task, single.is_paired) == ("b", "b", True)


def test_a_multi_label_task_is_compared_by_its_auroc(tmp_path: Path) -> None:
    trial = make_trial(make_multi_label_task(), make_speakers(votes=np.resize(["A", "C", "A:C", ""], 120)))
    one = write_scored(tmp_path / "one", trial, "weak", skill=0.5)
    other = write_scored(tmp_path / "other", trial, "strong", skill=2.0)

    (comparison,) = compare_results(tmp_path / "one", tmp_path / "other")

    draws = other.drawn["auroc"].draws - one.drawn["auroc"].draws
    auroc = comparison.differences["auroc"]
    assert [auroc.value, auroc.low, auroc.high] == pytest.approx(
        [other.drawn["auroc"].value - one.drawn["auroc"].value, *np.percentile(draws, [2.5, 97.5])]
    )


def test_without_the_scores_of_both_there_is_no_interval(tmp_path: Path) -> None:
    trial = make_emotions()
    write_scored(tmp_path / "one", trial, "one")
    write_scored(tmp_path / "other", trial, "other", has_scores=False)

    for places in (("one", "other"), ("other", "one")):
        (comparison,) = compare_results(*(tmp_path / place for place in places))
        assert (comparison.differences, comparison.is_paired) == ({}, False)


def test_scores_that_another_model_left_behind_are_not_taken_for_those_of_the_result(tmp_path: Path) -> None:
    trial = make_emotions()
    write_scored(tmp_path / "one", trial, "one")
    write_scored(tmp_path / "other", trial, "older")
    write_scored(tmp_path / "other", trial, "newer", has_scores=False)

    (comparison,) = compare_results(tmp_path / "one", tmp_path / "other")

    assert (comparison.second.model, comparison.is_paired) == ("newer", False)


def test_retrieval_is_compared_without_intervals(tmp_path: Path) -> None:
    trial = make_trial(make_retrieval_task(), make_speakers(2, 10))
    texts = {text: hash_vector(text) for text in trial.texts}
    for place in ("one", "other"):
        vectors = np.stack([hash_vector(f"{place} {row}") for row in trial.clips.rows])
        write_result(tmp_path / place, score_trial(trial, ToyEmbedder(), vectors, texts).result)

    (comparison,) = compare_results(tmp_path / "one", tmp_path / "other")

    assert comparison.first.metric == "text_to_audio_recall@1"
    assert not comparison.is_paired


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest[:-3],
        lambda manifest: manifest.assign(emotion=[*manifest["emotion"][1:], "anger"]),
        lambda manifest: manifest.assign(speaker=["s00"] * len(manifest)),
    ],
    ids=["clips", "labels", "speakers"],
)
def test_results_on_other_clips_are_refused(change: Callable[[pd.DataFrame], pd.DataFrame], tmp_path: Path) -> None:
    manifest = make_speakers()
    task = make_task(classes=EMOTIONS)
    write_scored(tmp_path / "one", make_trial(task, manifest), "one")
    write_scored(tmp_path / "other", make_trial(task, change(manifest)), "other")

    with pytest.raises(
        ConfigError,
        match=r"toy\.json were scored on different clips \(120 and 1\d+\), or on other labels of them; expected the "
        "same: evaluate toy again with both models on one copy of toy, with the same --limit",
    ):
        compare_results(tmp_path / "one", tmp_path / "other")


def test_results_without_a_common_task_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scored(tmp_path / name, make_emotions(name=name), name)

    with pytest.raises(
        ConfigError, match=r"has results of a, .*/b of b; expected a task that both have: evaluate both"
    ):
        compare_results(tmp_path / "a", tmp_path / "b")


def test_what_holds_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no result; expected a folder that 'paraclap evaluate --out' wrote"):
        list_results(tmp_path)
    with pytest.raises(ConfigError, match=r"no file or folder .*none; expected what 'paraclap evaluate --out' wrote"):
        list_results(tmp_path / "none")
    (tmp_path / "toy.json").write_text("{}")
    with pytest.raises(ParaClapError, match=r"toy\.json is no result of paraclap \(task: Field required\)"):
        compare_results(tmp_path, tmp_path)


def test_result_files_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_scored(tmp_path, make_emotions(name=name), "model")

    assert [path.name for path in list_results(tmp_path)] == ["a.json", "b.json"]
    assert list_results(tmp_path / "b.json") == [tmp_path / "b.json"]


def test_the_mean_over_tasks_draws_tasks_of_one_corpus_together(tmp_path: Path) -> None:
    tasks = {"a": "toy", "b": "toy", "c": "other"}
    for model, skill in (("weak", 0.6), ("strong", 1.4)):
        for name, corpus in tasks.items():
            write_scored(tmp_path / model, make_emotions(name=name, corpus=corpus), model, skill=skill)

    comparisons = compare_results(tmp_path / "weak", tmp_path / "strong")
    mean, of_corpus = compare_means(comparisons), compare_means(comparisons[:2])

    assert mean is not None
    assert of_corpus is not None
    differences = [comparison.differences["uar"] for comparison in comparisons]
    assert mean.num_tasks == 3
    assert mean.difference.value == pytest.approx(np.mean([one.value for one in differences]))
    assert mean.second.value - mean.first.value == pytest.approx(mean.difference.value)
    widths = [one.high - one.low for one in (differences[0], of_corpus.difference, mean.difference)]
    assert widths[1] == pytest.approx(widths[0])  # the same clips and answers twice: nothing new
    assert widths[2] < 0.9 * widths[0]


def test_there_is_no_mean_of_a_single_task_or_without_scores(tmp_path: Path) -> None:
    for model in ("one", "other"):
        write_scored(tmp_path / model, make_emotions(), model)

    comparisons = compare_results(tmp_path / "one", tmp_path / "other")

    assert compare_means(comparisons) is None
    assert compare_means([]) is None
