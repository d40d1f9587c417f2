"""What similarities or predictions are worth: every metric of a task with its bootstrap draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.clips import Clips
from paraclap.evaluation.intervals import (
    LEVEL,
    NUM_DRAWS,
    SEED,
    Resampling,
    bound_draws,
    draw_confusions,
    uar_by_speaker,
)
from paraclap.evaluation.metrics import Codes, confusion_scores, measure
from paraclap.evaluation.pairing import PairedDifference, compare_draws
from paraclap.evaluation.rank_metrics import (
    auroc,
    auroc_by_label,
    draw_auroc,
    draw_auroc_by_label,
    draw_macro_auroc,
    draw_spearman,
    macro_auroc,
    spearman,
)
from paraclap.evaluation.results import IntervalMethod, Metric
from paraclap.evaluation.tasks import Task

Similarities = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class DrawnMetric:
    """Hold a metric and its value in every bootstrap draw `[K]`."""

    value: float
    draws: npt.NDArray[np.floating[Any]]

    def bound(self) -> Metric:
        """Return the metric with its interval."""
        low, high = bound_draws(self.draws)
        return Metric(value=self.value, low=low, high=high)


def draw_metrics(
    task: Task, clips: Clips, similarities: Similarities, *, resampling: Resampling, logit_scale: float
) -> dict[str, DrawnMetric]:
    """Measure how well similarities answer a task; what cannot be measured on these clips is left out.

    Single-label tasks have those of `METRICS`, with two classes the AUROC, and Spearman's correlation of the expected
    place among the classes where something orders them. Multi-label tasks have the mean AUROC of their classes.

    Args:
        task: the row of data.
        clips: `N` clips.
        similarities: of each clip and class, `[N, C]`.
        resampling: draws of these clips.
        logit_scale: factor from cosine to logit, which weighs the places of classes.
    """
    if task.kind == "multi-label":
        value = macro_auroc(similarities, clips.truth)
        draws = draw_macro_auroc(resampling, similarities, clips.truth)
        return {} if np.isnan(value) else {"auroc": DrawnMetric(value, draws)}
    drawn = draw_prediction_metrics(clips.truth, similarities.argmax(axis=1), task.classes, resampling=resampling)
    if len(task.classes) == 2:
        scores = similarities[:, 1] - similarities[:, 0]
        drawn["auroc"] = DrawnMetric(auroc(scores, clips.truth), draw_auroc(resampling, scores, clips.truth))
    if clips.values is not None and not np.isnan(clips.values).any():
        places = _expect_places(similarities, logit_scale)
        rho = spearman(places, clips.values)
        drawn["spearman"] = DrawnMetric(rho, draw_spearman(resampling, places, clips.values))
    return {name: one for name, one in drawn.items() if not np.isnan(one.value)}


def draw_prediction_metrics(
    truth: Codes, predicted: Codes, classes: tuple[str, ...], *, resampling: Resampling
) -> dict[str, DrawnMetric]:
    """Measure predictions by each of `METRICS`.

    Args:
        truth: class numbers `[N]`.
        predicted: class numbers `[N]`.
        classes: names `[C]`, in the order of the numbers.
        resampling: draws of these clips.
    """
    values = measure(truth, predicted, classes).metrics
    draws = confusion_scores(draw_confusions(resampling, truth, predicted, len(classes)))
    return {name: DrawnMetric(value, draws[name]) for name, value in values.items()}


def draw_label_aurocs(
    task: Task, clips: Clips, similarities: Similarities, *, resampling: Resampling
) -> dict[str, DrawnMetric]:
    """Return the AUROC of each class of a multi-label task that is true of some clips and false of others."""
    draws = draw_auroc_by_label(resampling, similarities, clips.truth)
    values = auroc_by_label(similarities, clips.truth)
    return {
        name: DrawnMetric(float(values[place]), draws[:, place])
        for place, name in enumerate(task.classes)
        if not np.isnan(values[place])
    }


def bound_all(drawn: Mapping[str, DrawnMetric]) -> dict[str, Metric]:
    """Return metrics with their intervals."""
    return {name: one.bound() for name, one in drawn.items()}


def compare_all(ones: Mapping[str, DrawnMetric], others: Mapping[str, DrawnMetric]) -> dict[str, PairedDifference]:
    """Return by how much others are higher than ones, for every metric that both have, from the same draws."""
    return {
        name: compare_draws((ones[name].value, others[name].value), ones[name].draws, others[name].draws)
        for name in ones
        if name in others
    }


def describe_interval(
    clips: Clips, predicted: Codes | None, num_classes: int, *, resampling: Resampling
) -> IntervalMethod:
    """Say how intervals were made; where clips were drawn, with each speaker's UAR if that is known."""
    by_speaker = None
    if resampling.method == "clips" and clips.speakers is not None and predicted is not None:
        recalls = uar_by_speaker(clips.truth, predicted, clips.speakers, num_classes)
        by_speaker = dict(zip(clips.speaker_names, map(float, recalls), strict=True))
    return IntervalMethod(
        method=resampling.method,
        level=LEVEL,
        draws=NUM_DRAWS,
        seed=SEED,
        note=resampling.note,
        by_speaker=by_speaker,
    )


def _expect_places(similarities: Similarities, logit_scale: float) -> npt.NDArray[np.float64]:
    """Return the mean place among the classes, weighted by their probabilities, of each clip `[N]`."""
    logits = logit_scale * np.asarray(similarities, dtype=np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray((shares @ np.arange(similarities.shape[1])) / shares.sum(axis=1))
