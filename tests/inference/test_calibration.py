import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.audio.clips import make_voice
from tests.models.tiny import save_model

from paraclap import ParaClap
from paraclap.errors import ModelError, QueryError
from paraclap.inference import (
    Calibration,
    CalibrationError,
    ScoreKind,
    UnknownRule,
    compute_probabilities,
    load_model,
    read_calibration,
    score_best_answers,
    write_calibration,
)

QUERIES = ["an angry man", "a calm woman", "a sad voice"]
VOICE = make_voice(0.3, 16000)


def make_calibration(*, scale: float = 5.0, kind: ScoreKind = "similarity", threshold: float = 0.5) -> Calibration:
    error = CalibrationError(before=0.2, after=0.1)
    rule = UnknownRule(
        score=kind, threshold=threshold, balanced_accuracy=0.6, auroc={"probability": 0.5, "similarity": 0.7}
    )
    return Calibration(scale=scale, learned_scale=14.0, ece=error, ece_by_task={"a-emotion": error}, unknown=rule)


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    calibration = make_calibration()

    write_calibration(tmp_path, calibration)

    assert read_calibration(tmp_path) == calibration
    assert json.loads((tmp_path / "calibration.json").read_text())["unknown"]["threshold"] == 0.5


def test_a_folder_without_one_has_none(tmp_path: Path, tiny_model: Path) -> None:
    assert read_calibration(tmp_path) is None
    assert load_model(tiny_model).calibration is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scale": 0},
            r"calibration\.json holds no calibration \(scale: Input should be greater than 0\); expected what",
        ),
        ({"scale": None}, r"holds no calibration \(scale: Input should be a valid number\); expected"),
        ({"more": 1}, r"holds no calibration \(more: Extra inputs are not permitted\); expected"),
        ({"format_version": 2}, r"holds no calibration \(format_version: Input should be 1\); expected"),
        ({"kind": "bins"}, r"holds no calibration \(kind: Input should be 'paraclap calibration'\); expected"),
        ({"ece": {"before": 2, "after": 0}}, r"\(ece\.before: Input should be less than or equal to 1\); expected"),
    ],
)
def test_a_calibration_that_is_none_is_refused_when_the_model_is_loaded(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save_model(tmp_path)
    values = make_calibration().model_dump(mode="json") | changes
    (tmp_path / "calibration.json").write_text(json.dumps(values))

    with pytest.raises(ModelError, match=message):
        ParaClap.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            r"calibration\.json is not JSON \(.*\); expected what 'paraclap train' writes: remove the file, or fetch",
        ),
        ("[]", r"calibration\.json holds no calibration \(the file: Input should be a valid dictionary.*\); expected"),
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "calibration.json").write_text(text)

    with pytest.raises(ModelError, match=message):
        read_calibration(tmp_path)


def test_probabilities_have_the_scale_of_the_calibration_and_similarities_are_left_alone(
    tmp_path: Path, tiny_model: Path
) -> None:
    write_calibration(save_model(tmp_path), make_calibration(scale=3.0))
    plain, calibrated = ParaClap.from_pretrained(tiny_model), load_model(tmp_path)

    similarity = [c.classify(VOICE, QUERIES, values="similarity", sampling_rate=16000) for c in (plain, calibrated)]
    probability = [c.classify(VOICE, QUERIES, sampling_rate=16000).to_numpy() for c in (plain, calibrated)]

    assert similarity[0].equals(similarity[1])
    cosines = similarity[0].to_numpy()
    assert (plain.probability_scale, calibrated.probability_scale) == (plain.logit_scale, 3.0)
    assert calibrated.logit_scale == plain.logit_scale != 3.0
    assert np.array_equal(probability[0], compute_probabilities(cosines, plain.logit_scale))
    assert np.array_equal(probability[1], compute_probabilities(cosines, 3.0))


COSINES = np.array([[0.9, 0.1, 0.1], [0.4, 0.4, 0.4], [0.6, 0.6, 0.0], [0.2, -0.6, -0.6]], np.float32)


def test_scores_are_the_highest_cosine_or_the_highest_probability_above_chance() -> None:
    assert score_best_answers(COSINES, 9.0, kind="similarity") == pytest.approx([0.9, 0.4, 0.6, 0.2])
    shares = np.exp(9.0 * COSINES.astype(float))
    highest = (shares / shares.sum(axis=1, keepdims=True)).max(axis=1)
    assert score_best_answers(COSINES, 9.0, kind="probability") == pytest.approx((highest - 1 / 3) * 3 / 2, abs=1e-6)


@pytest.mark.parametrize("num_queries", [2, 5])
def test_chance_is_0_and_certainty_is_1_for_any_number_of_queries(num_queries: int) -> None:
    cosines = np.zeros((2, num_queries), np.float32)
    cosines[1, 0] = 1.0

    assert score_best_answers(cosines, 500.0, kind="probability") == pytest.approx([0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "threshold", "expected"),
    [("similarity", 0.5, [False, True, False, True]), ("probability", 0.6, [False, True, True, False])],
)
def test_a_clip_is_unknown_below_the_threshold(kind: ScoreKind, threshold: float, expected: list[bool]) -> None:
    calibration = make_calibration(scale=9.0, kind=kind, threshold=threshold)

    assert calibration.is_unknown(COSINES).tolist() == expected
    assert calibration.is_unknown(COSINES[:0]).tolist() == []


def test_of_a_table_of_similarities_unknown_clips_are_told(tmp_path: Path) -> None:
    write_calibration(save_model(tmp_path), make_calibration(threshold=-1.0))
    clap = ParaClap.from_pretrained(tmp_path)

    table = clap.classify(VOICE, QUERIES, values="similarity", sampling_rate=16000)

    assert clap.calibration is not None
    assert clap.calibration.is_unknown(table.to_numpy()).tolist() == [False]


def test_what_cannot_be_unknown_is_refused() -> None:
    calibration = make_calibration()
    without = calibration.model_copy(update={"unknown": None})

    with pytest.raises(QueryError, match=r"^found similarities of shape \[4, 1\]; expected clips x queries, two quer"):
        calibration.is_unknown(COSINES[:, :1])
    with pytest.raises(ModelError, match=r"^the model has no threshold, since no dev task had three classes; ask with"):
        without.is_unknown(COSINES)
