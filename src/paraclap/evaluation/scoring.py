"""From similarities to the result of one task: every wording measured and drawn on the same clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from paraclap.evaluation.baselines import find_trivial_baselines
from paraclap.evaluation.embedder import Embedder, ModelFacts
from paraclap.evaluation.fairness import measure_fairness
from paraclap.evaluation.intervals import Resampling, draw_resampling
from paraclap.evaluation.measuring import (
    DrawnMetric,
    Similarities,
    bound_all,
    describe_interval,
    draw_label_aurocs,
    draw_metrics,
)
from paraclap.evaluation.metrics import measure
from paraclap.evaluation.results import (
    Fingerprints,
    Overlap,
    Result,
    SkippedFile,
    collect_versions,
)
from paraclap.evaluation.retrieval_pools import measure_pools
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.trials import Trial
from paraclap.evaluation.zero_shot import ENSEMBLE, compare_prompt_set
from paraclap.records import BadFile


@dataclass(frozen=True)
class Scored:
    """Hold what a model answers to a trial: result, draws of its metrics, and similarities `[N, C]` by wording."""

    result: Result
    drawn: Mapping[str, DrawnMetric]
    similarities: Mapping[str, Similarities]
    resampling: Resampling


def score_trial(
    trial: Trial,
    embedder: Embedder,
    audio_embeds: npt.NDArray[Any],
    text_embeds: Mapping[str, npt.NDArray[Any]],
    *,
    bad_files: Sequence[BadFile] = (),
) -> Scored:
    """Score every wording of a task on its clips; the same bootstrap draws serve all of them.

    Args:
        trial: the task and its `N` clips.
        embedder: the model, for its name, fingerprint and training corpora.
        audio_embeds: the clips' unit vectors `[N, D]`.
        text_embeds: the unit vector `[D]` of every prompt or caption, by its text.
        bad_files: clips of the task that could not be embedded.
    """
    if trial.task.kind == "retrieval":
        resampling = draw_resampling(trial.clips.strata, trial.clips.speakers)
        drawn = measure_pools(trial, audio_embeds, text_embeds, resampling=resampling)
        return Scored(_make_result(trial, embedder, drawn, resampling, bad_files), drawn, {}, resampling)
    similarities = {
        name: compare_prompt_set(audio_embeds, prompts, text_embeds) for name, prompts in trial.prompt_sets.items()
    }
    return score_similarities(trial, embedder, similarities, bad_files=bad_files)


def score_similarities(
    trial: Trial, model: ModelFacts, similarities: Mapping[str, Similarities], *, bad_files: Sequence[BadFile] = ()
) -> Scored:
    """Score every wording of a task from the similarities `[N, C]` of its clips and classes.

    Args:
        trial: the task and its `N` clips.
        model: whose similarities they are.
        similarities: by the names of the wordings.
        bad_files: clips of the task that could not be embedded.
    """
    task, clips = trial.task, trial.clips
    resampling = draw_resampling(clips.strata, clips.speakers)
    by_prompts = {
        name: draw_metrics(task, clips, cosines, resampling=resampling, logit_scale=model.logit_scale)
        for name, cosines in similarities.items()
    }
    result = _make_result(trial, model, by_prompts[ENSEMBLE], resampling, bad_files)
    result = result.model_copy(
        update={
            "by_prompts": {name: bound_all(drawn) for name, drawn in by_prompts.items()},
            "prompts": {name: dict(prompts) for name, prompts in trial.prompt_sets.items()},
            **_describe_ensemble(task, trial, similarities[ENSEMBLE], resampling),
        }
    )
    return Scored(result, by_prompts[ENSEMBLE], similarities, resampling)


def _describe_ensemble(task: Task, trial: Trial, similarities: Similarities, resampling: Resampling) -> dict[str, Any]:
    """Return what a result says of our prompt ensemble alone."""
    clips = trial.clips
    if task.kind == "multi-label":
        aurocs = draw_label_aurocs(task, clips, similarities, resampling=resampling)
        return {
            "auroc": bound_all(aurocs),
            "absent_classes": tuple(name for name in task.classes if name not in aurocs),
        }
    predicted, num_classes = similarities.argmax(axis=1), len(task.classes)
    scores = measure(clips.truth, predicted, task.classes)
    return {
        "absent_classes": tuple(name for name in task.classes if name not in scores.recall),
        "recall": scores.recall,
        "confusion": tuple(tuple(map(int, row)) for row in scores.confusion),
        "interval": describe_interval(clips, predicted, num_classes, resampling=resampling),
        "fairness": measure_fairness(clips, predicted, num_classes, resampling=resampling),
    }


def _make_result(
    trial: Trial,
    model: ModelFacts,
    drawn: Mapping[str, DrawnMetric],
    resampling: Resampling,
    bad_files: Sequence[BadFile],
) -> Result:
    """Return the result of a trial with all that every kind of task has."""
    task, clips = trial.task, trial.clips
    return Result(
        task=task.name,
        kind=task.kind,
        corpus=task.corpus,
        label=task.label,
        classes=task.classes,
        absent_classes=(),
        model=model.name,
        model_facts=dict(model.facts),
        protocol=trial.protocol,
        metric=task.metric,
        metrics=bound_all(drawn),
        by_prompts={},
        recall={},
        confusion=(),
        baselines=find_trivial_baselines(trial),
        figures=task.figures,
        prompts={},
        sample=trial.sample,
        clips=len(clips),
        speakers=None if clips.speakers is None else len(clips.speaker_names),
        interval=describe_interval(clips, None, len(task.classes), resampling=resampling),
        overlap=find_overlap(task, model.training_corpora, corpora=trial.corpora),
        fingerprints=Fingerprints(
            model=model.fingerprint, manifest=trial.manifest_fingerprint, clips=clips.fingerprint()
        ),
        versions=collect_versions(),
        bad_files=tuple(SkippedFile(file=bad.file, reason=bad.reason) for bad in bad_files),
        note="; ".join(text for text in (task.note, trial.note) if text),
    )


def find_overlap(task: Task, training_corpora: Sequence[str] | None, *, corpora: Sequence[str] = ()) -> Overlap:
    """Say whether a model was trained on a corpus of a task.

    Args:
        task: the row of data.
        training_corpora: of the model, None if unknown.
        corpora: the names of the task's corpora, where its row names them otherwise, such as by a path.
    """
    if training_corpora is None:
        return Overlap(training_corpora=None, trained_on_corpus=None, note="training corpora unknown")
    common = [corpus for corpus in (corpora or task.parts or (task.corpus,)) if corpus in training_corpora]
    names = ", ".join(common)
    note = ""
    if common and task.parts:
        note = f"trained on {names}: not zero-shot"
    elif common and task.split == "dev":
        note = f"trained on {names}; its dev speakers were held out, and the checkpoint was chosen on them"
    elif common and task.split == "test":
        note = f"trained on {names}; paraclap's recipes hold its test speakers out"
    elif common:
        note = f"trained on {names}: not zero-shot"
    return Overlap(training_corpora=tuple(training_corpora), trained_on_corpus=bool(common), note=note)
