"""Calibration at the end of a run: what the dev tasks say of the probabilities of its best weights."""

from collections.abc import Mapping

import numpy as np

from paraclap.evaluation import (
    Problem,
    choose_unknown_threshold,
    expected_calibration_error,
    fit_temperature,
)
from paraclap.inference import Calibration, CalibrationError, compute_probabilities


def calibrate(problems: Mapping[str, Problem], *, learned_scale: float) -> Calibration:
    """Fit the scale of probabilities and the threshold of "none of these" on the dev tasks of a run.

    The errors are of the same clips that the scale is fitted on; with one number fitted on hundreds of clips, that
    flatters little.

    Args:
        problems: the dev tasks by name, with the cosines of the best weights.
        learned_scale: the factor from cosine to logit of these weights.

    Raises:
        ConfigError: if there is no dev task.
    """
    tasks = list(problems.values())
    scale = fit_temperature(tasks)
    errors = {
        name: CalibrationError(
            before=_find_error(problem, learned_scale),
            after=_find_error(problem, scale),
        )
        for name, problem in problems.items()
    }
    return Calibration(
        scale=scale,
        learned_scale=learned_scale,
        ece=CalibrationError(
            before=float(np.mean([error.before for error in errors.values()])),
            after=float(np.mean([error.after for error in errors.values()])),
        ),
        ece_by_task=errors,
        unknown=choose_unknown_threshold(tasks, scale),
    )


def describe_calibration(calibration: Calibration) -> str:
    """Say in a few sentences of a model card what a probability means."""
    ece, unknown = calibration.ece, calibration.unknown
    sentences = [
        f"Probabilities are the softmax of {calibration.scale:.1f} x cosine. The factor was fitted on the dev tasks "
        f"(training learned {calibration.learned_scale:.1f}) and takes their expected calibration error from "
        f"{ece.before:.3f} to {ece.after:.3f} (mean over tasks, on the clips that it was fitted on)."
    ]
    if unknown is not None:
        sentences.append(
            f'With `--unknown`, a clip is "none of these" where the best answer\'s {unknown.score} is too low: on dev, '
            f"asked about all classes but one, the AUROC is {unknown.auroc[unknown.score]:.3f} and the balanced "
            f"accuracy {unknown.balanced_accuracy:.3f}."
        )
    return " ".join([*sentences, "`calibration.json` has the figures by task."])


def _find_error(problem: Problem, scale: float) -> float:
    return expected_calibration_error(compute_probabilities(problem.similarity, scale), problem.truth)
