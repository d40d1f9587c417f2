from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.test_calibration import PROBLEMS
from tests.models.tiny import make_model, make_processor
from tests.training.test_validation import dev, make_validation
from tests.training.tones import make_clip_set

from paraclap import ParaClap
from paraclap.evaluation import expected_calibration_error, fit_temperature
from paraclap.inference import compute_probabilities, read_calibration
from paraclap.storage import read_json
from paraclap.training import Recipe, train
from paraclap.training.calibrating import calibrate, describe_calibration
from paraclap.training.text_inputs import TextInputs

NAMES = ("a-emotion", "a-gender", "b-age")
TASKS = dict(zip(NAMES, PROBLEMS, strict=True))


def test_a_calibration_has_the_error_of_every_task_before_and_after() -> None:
    calibration = calibrate(TASKS, learned_scale=40.0)

    assert calibration.scale == fit_temperature(PROBLEMS)
    assert tuple(calibration.ece_by_task) == NAMES
    for name, problem in TASKS.items():
        for scale, found in (
            (40.0, calibration.ece_by_task[name].before),
            (calibration.scale, calibration.ece_by_task[name].after),
        ):
            shares = compute_probabilities(problem.similarity, scale)
            assert found == expected_calibration_error(shares, problem.truth)
    assert calibration.ece.before == pytest.approx(np.mean([e.before for e in calibration.ece_by_task.values()]))
    assert calibration.ece.after == pytest.approx(np.mean([e.after for e in calibration.ece_by_task.values()]))
    assert calibration.ece.after < calibration.ece.before
    assert (calibration.learned_scale, calibration.unknown is None) == (40.0, False)


def test_a_card_says_the_scale_the_errors_and_how_well_none_of_these_is_told() -> None:
    calibration = calibrate(TASKS, learned_scale=40.0)
    two_classes = calibrate({"a-gender": TASKS["a-gender"]}, learned_scale=40.0)
    rule = calibration.unknown

    assert rule is not None
    text = describe_calibration(calibration)
    assert text.startswith(f"Probabilities are the softmax of {calibration.scale:.1f} x cosine.")
    assert "(training learned 40.0)" in text
    assert f"from {calibration.ece.before:.3f} to {calibration.ece.after:.3f} (mean over tasks" in text
    assert f"the AUROC is {rule.auroc[rule.score]:.3f} and the balanced accuracy {rule.balanced_accuracy:.3f}" in text
    assert two_classes.unknown is None
    assert "none of these" not in describe_calibration(two_classes)


def test_dev_tasks_are_compared_as_they_are_measured() -> None:
    rows = [
        *dev(5, gender="male", emotion="anger"),
        *dev(5, gender="female", emotion="sadness"),
        *dev(2, emotion="fear"),
    ]
    others = [{**row, "emotion": None} for row in rows[2:9]]
    validation = make_validation([make_clip_set(rows, name="a"), make_clip_set(others, name="b", num_frames=30)])
    model = make_model()
    texts = TextInputs(model, make_processor(), is_frozen=True)

    measured = validation.measure(model, texts)
    problems = validation.compare(model.train(), texts)

    assert not model.training
    assert list(problems) == [task.name for task in validation.tasks] == ["a-emotion", "a-gender", "b-gender"]
    for name, problem in problems.items():
        predicted = problem.similarity.argmax(axis=1)
        recalls = [np.mean(predicted[problem.truth == number] == number) for number in np.unique(problem.truth)]
        assert np.mean(recalls) == pytest.approx(measured[name])
    assert problems["a-emotion"].truth.tolist() == [0] * 5 + [1] * 5
    assert problems["b-gender"].similarity.dtype == np.float32


def test_a_run_calibrates_the_model_that_it_writes(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run")

    folder = tmp_path / "run" / "model"
    clap = ParaClap.from_pretrained(folder)
    calibration = read_calibration(folder)
    assert calibration is not None
    assert clap.calibration == calibration
    assert clap.probability_scale == calibration.scale
    assert calibration.learned_scale == pytest.approx(clap.logit_scale, rel=1e-6)
    assert set(calibration.ece_by_task) < set(read_json(folder / "training.json")["dev"])
    assert describe_calibration(calibration) in (folder / "README.md").read_text()
