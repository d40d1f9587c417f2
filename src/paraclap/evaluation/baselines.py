"""What a model is compared with on the same clips: chance, the majority, and a linear probe on its own embeddings."""

from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.folds import plan_folds
from paraclap.evaluation.intervals import Resampling
from paraclap.evaluation.measuring import bound_all, draw_prediction_metrics
from paraclap.evaluation.metrics import confusion_matrix, confusion_scores
from paraclap.evaluation.probe_head import DEFAULT_SETTING, cross_validate
from paraclap.evaluation.results import Baseline, Metric
from paraclap.evaluation.retrieval_pools import expect_by_chance
from paraclap.evaluation.trials import Trial

CHANCE, MAJORITY, PROBE = "chance", "majority", "linear probe"


def find_trivial_baselines(trial: Trial) -> tuple[Baseline, ...]:
    """Return what guessing reaches on the clips of a task: each class alike, or always the most frequent one."""
    task, truth = trial.task, trial.clips.truth
    if task.kind == "retrieval":
        return (_fix(CHANCE, expect_by_chance(trial), "ranks by chance, on average"),)
    if task.kind == "multi-label":
        return (_fix(CHANCE, {"auroc": 0.5}, "scores by chance"),)
    num_classes = len(task.classes)
    chance = {"uar": 1 / num_classes, "wa": 1 / num_classes}
    most = int(np.bincount(truth, minlength=num_classes).argmax())
    scores = confusion_scores(confusion_matrix(truth, np.full_like(truth, most), num_classes))
    return (
        _fix(CHANCE, chance, f"each of {num_classes} classes alike, on average"),
        _fix(MAJORITY, {name: float(value) for name, value in scores.items()}, f"always {task.classes[most]}"),
    )


def fit_probe_baseline(trial: Trial, audio_embeds: npt.NDArray[Any], *, resampling: Resampling) -> tuple[Baseline, ...]:
    """Cross-validate a linear head on the embeddings of the clips, by speaker: what labels of this corpus would reach.

    There is none where speakers are unknown or a class has only one, since a probe that has heard the speaker is no
    measure of anything.

    Args:
        trial: a single-label task; of others there is none.
        audio_embeds: the clips' unit vectors `[N, D]`.
        resampling: draws of these clips.
    """
    clips, task = trial.clips, trial.task
    if task.kind != "single-label" or clips.speakers is None:
        return ()
    occurring, truth = np.unique(clips.truth, return_inverse=True)  # a head knows no class without clips
    if len(occurring) < 2 or plan_folds(truth, clips.speakers) is None:
        return ()
    predicted, num_folds = cross_validate(
        "linear", audio_embeds, truth, speakers=clips.speakers, setting=DEFAULT_SETTING
    )
    drawn = draw_prediction_metrics(clips.truth, occurring[predicted], task.classes, resampling=resampling)
    note = (
        f"supervised: logistic regression (C = {DEFAULT_SETTING:g}) on the model's embeddings of these clips, "
        f"{num_folds} folds by speaker"
    )
    return (Baseline(name=PROBE, protocol=trial.protocol, metrics=bound_all(drawn), note=note),)


def _fix(name: str, values: dict[str, float], note: str) -> Baseline:
    """Return a baseline that no draw changes."""
    metrics = {metric: Metric(value=value, low=value, high=value) for metric, value in values.items()}
    return Baseline(name=name, metrics=metrics, note=note)
