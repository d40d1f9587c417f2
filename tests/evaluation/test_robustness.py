from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score
from tests.evaluation.corpora import make_ravdess
from tests.evaluation.toy_trials import (
    EMOTIONS,
    embed_texts,
    make_multi_label_task,
    make_speakers,
    make_task,
    make_trial,
)
from tests.evaluation.toys import RavdessEars, hash_vector

from paraclap.audio import Waveform, read_disturbances
from paraclap.errors import AudioError
from paraclap.evaluation import DISTURBANCES, EvaluationSettings, evaluate, read_result
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.pairing import compare_predictions
from paraclap.evaluation.robustness import measure_robustness
from paraclap.evaluation.trials import Trial
from paraclap.evaluation.zero_shot import compare_prompt_set

SCALE = 10.0
Vectors = npt.NDArray[np.float32]


def make_emotions() -> tuple[Trial, Vectors]:
    """Return a trial and vectors of its clips, of which most are near their class."""
    trial = make_trial(make_task(classes=EMOTIONS), make_speakers())
    words = np.array(["angry", "calm", "sad"])[trial.clips.truth]
    return trial, np.stack([hash_vector(word) for word in words])


def blur(vectors: Vectors, amount: float, seed: int = 0) -> Vectors:
    noisy = vectors + amount * np.random.default_rng(seed).normal(size=vectors.shape)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), dtype=np.float32)


def test_the_change_is_the_paired_difference_from_clean_to_disturbed() -> None:
    trial, vectors = make_emotions()
    clean, disturbed = blur(vectors, 0.2), blur(vectors, 0.6)
    text_embeds = embed_texts(trial.texts)

    found = measure_robustness(trial, clean, disturbed, text_embeds, logit_scale=SCALE)

    prompts = trial.prompt_sets["ensemble"]
    before, after = (compare_prompt_set(embeds, prompts, text_embeds).argmax(axis=1) for embeds in (clean, disturbed))
    resampling = draw_resampling(trial.clips.truth, trial.clips.speakers)
    expected = compare_predictions(trial.clips.truth, before, after, 3, resampling=resampling)
    assert {name: change.model_dump() for name, change in found.change.items()} == {
        name: pytest.approx(change.model_dump()) for name, change in expected.items()
    }
    assert found.change["uar"].value < 0
    assert found.change["uar"].high < 0
    assert found.metrics["uar"].value == pytest.approx(
        np.mean([np.mean(after[trial.clips.truth == one] == one) for one in range(3)])
    )
    assert found.similarity == pytest.approx(np.mean([a @ b for a, b in zip(clean, disturbed, strict=True)]), abs=1e-6)


def test_what_changes_nothing_has_similarity_one_and_no_change() -> None:
    trial, vectors = make_emotions()
    vectors = blur(vectors, 0.5)

    found = measure_robustness(trial, vectors, vectors, embed_texts(trial.texts), logit_scale=SCALE)

    assert found.similarity == pytest.approx(1.0, abs=1e-6)
    for change in found.change.values():
        assert (change.value, change.low, change.high, change.p) == (0.0, 0.0, 0.0, 1.0)


def test_every_metric_of_a_task_has_its_change() -> None:
    ages = make_task(
        label="age",
        classes=["young_adult", "senior"],
        intervals={"young_adult": (20, 40), "senior": (60, 130)},
        ordered_by="age",
        label_set="age",
    )
    votes = make_multi_label_task()
    manifest = make_speakers(votes=np.resize(["A", "C", "A:C", ""], 120))
    for task, metrics in ((ages, ["uar", "wa", "macro_f1", "largest_share", "auroc", "spearman"]), (votes, ["auroc"])):
        trial = make_trial(task, manifest)
        clean = np.stack([hash_vector(str(row)) for row in trial.clips.rows])
        found = measure_robustness(trial, clean, blur(clean, 0.5), embed_texts(trial.texts), logit_scale=SCALE)
        assert list(found.change) == list(found.metrics) == metrics


def test_the_auroc_and_the_correlation_after_a_disturbance_are_those_of_the_disturbed_clips() -> None:
    task = make_task(
        label="age",
        classes=["young_adult", "senior"],
        intervals={"young_adult": (20, 40), "senior": (60, 130)},
        ordered_by="age",
        label_set="age",
    )
    trial = make_trial(task, make_speakers())
    clean = np.stack([hash_vector(str(row)) for row in trial.clips.rows])
    disturbed = blur(clean, 0.5)
    text_embeds = embed_texts(trial.texts)

    found = measure_robustness(trial, clean, disturbed, text_embeds, logit_scale=SCALE)

    similarities = compare_prompt_set(disturbed, trial.prompt_sets["ensemble"], text_embeds)
    scores = similarities[:, 1] - similarities[:, 0]
    assert found.metrics["auroc"].value == pytest.approx(roc_auc_score(trial.clips.truth, scores))
    places = 1 / (1 + np.exp(-SCALE * scores.astype(float)))
    assert found.metrics["spearman"].value == pytest.approx(spearmanr(places, trial.clips.values).statistic)


def test_all_disturbances_of_the_catalogue_exist() -> None:
    assert len(DISTURBANCES) == len(set(DISTURBANCES)) == 8
    assert set(DISTURBANCES) <= set(read_disturbances())


class LoudEars(RavdessEars):
    """Hear the emotion of a file from its name, and in a waveform anger, if it is loud."""

    def hear(self, waveform: Waveform) -> Vectors:
        return hash_vector("angry" if np.abs(waveform).max() > 0.25 else "calm")


def test_clips_are_heard_clean_and_disturbed_end_to_end(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    names = ("noise-10db", "gain-minus-20db")
    ears = LoudEars()
    steps: list[tuple[str, int, int]] = []

    (result,) = evaluate(
        ["ravdess-emotion"],
        ears,
        tmp_path / "in",
        settings=EvaluationSettings(out=tmp_path / "out", disturbances=names),
        progress=lambda *step: steps.append(step),
    ).results

    trained = {name: robustness.metrics["uar"].value for name, robustness in result.robustness.items()}
    assert trained == {"noise-10db": 1 / 8, "gain-minus-20db": 1 / 8}  # all anger, all calm
    assert result.metrics["uar"].value == 0.875
    for robustness in result.robustness.values():
        assert robustness.change["uar"].value == -0.75
        assert robustness.change["largest_share"].value == pytest.approx(1 - result.metrics["largest_share"].value)
    heard = [hash_vector(ears.EMOTIONS[number % 8]) for number in range(8)]
    for name, word in zip(names, ("angry", "calm"), strict=True):
        expected = np.mean([vector @ hash_vector(word) for vector in heard])
        assert result.robustness[name].similarity == pytest.approx(expected, abs=1e-6)
    assert steps == [("ravdess", 32, 32), ("ravdess, noise-10db", 32, 32), ("ravdess, gain-minus-20db", 32, 32)]
    assert read_result(tmp_path / "out" / "ravdess-emotion.json") == result


def test_robustness_does_not_change_what_is_said_of_clean_clips(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)

    plain, heard = (
        evaluate(["ravdess-gender"], RavdessEars(), tmp_path, settings=EvaluationSettings(disturbances=names)).results[
            0
        ]
        for names in ((), ("noise-10db",))
    )

    assert heard.model_copy(update={"robustness": {}}) == plain


def test_robustness_is_measured_on_the_clips_that_can_be_read(tmp_path: Path) -> None:
    folder = make_ravdess(tmp_path, actors=2)
    (folder / "Actor_01" / "03-01-05-01-01-01-01.wav").write_bytes(b"RIFF no audio")
    settings = EvaluationSettings(disturbances=("noise-10db",))

    evaluation = evaluate(["ravdess-emotion"], LoudEars(), tmp_path, settings=settings)

    (result,) = evaluation.results
    assert (result.clips, len(evaluation.bad_files)) == (31, 1)
    assert result.robustness["noise-10db"].metrics["wa"].value == pytest.approx(3 / 31)  # three of four angry clips


class ShyEars(RavdessEars):
    """Hear nothing but files."""

    def hear(self, waveform: Waveform) -> Vectors:
        raise AudioError("too loud for me")


def test_where_no_clip_can_be_heard_with_a_disturbance_it_is_left_out_and_the_clips_are_named(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)

    evaluation = evaluate(
        ["ravdess-gender"], ShyEars(), tmp_path, settings=EvaluationSettings(disturbances=("noise-10db",))
    )

    (result,) = evaluation.results
    assert (result.clips, result.robustness, result.bad_files) == (16, {}, ())
    assert len(evaluation.bad_files) == 16
    assert evaluation.bad_files[0].reason.endswith("disturbed by noise-10db: too loud for me")
