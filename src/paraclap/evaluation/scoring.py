"""From embeddings to the result of one task: every wording predicted, measured and drawn on the same clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from paraclap.evaluation.clips import Clips
from paraclap.evaluation.embedder import Embedder
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.measuring import describe_interval, measure_with_bounds
from paraclap.evaluation.metrics import measure
from paraclap.evaluation.results import (
    Fingerprints,
    Overlap,
    Result,
    SkippedFile,
    collect_versions,
)
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.zero_shot import PromptSet, predict_prompt_set
from paraclap.records import BadFile


@dataclass(frozen=True)
class Trial:
    """Hold one task ready to be scored: its clips, every wording of it, and the fingerprint of the corpus' manifest."""

    task: Task
    clips: Clips
    prompt_sets: Mapping[str, PromptSet]
    manifest_fingerprint: str

    @property
    def texts(self) -> list[str]:
        """List every prompt of every wording, each once, in order."""
        sets = self.prompt_sets.values()
        return list(dict.fromkeys(text for prompts in sets for texts in prompts.values() for text in texts))


def score_trial(
    trial: Trial,
    embedder: Embedder,
    audio_embeds: npt.NDArray[Any],
    text_embeds: Mapping[str, npt.NDArray[Any]],
    *,
    bad_files: Sequence[BadFile] = (),
) -> Result:
    """Score every wording of a task on its clips; the same bootstrap draws serve all of them.

    Args:
        trial: the task and its `N` clips.
        embedder: the model, for its name, fingerprint and training corpora.
        audio_embeds: the clips' unit vectors `[N, D]`.
        text_embeds: the unit vector `[D]` of every prompt, by its text.
        bad_files: clips of the task that could not be embedded.
    """
    task, clips = trial.task, trial.clips
    resampling = draw_resampling(clips.truth, clips.speakers)
    predictions = {
        name: predict_prompt_set(audio_embeds, prompts, text_embeds) for name, prompts in trial.prompt_sets.items()
    }
    by_prompts = {
        name: measure_with_bounds(clips.truth, predicted, task.classes, resampling=resampling)
        for name, predicted in predictions.items()
    }
    ensemble = measure(clips.truth, predictions["ensemble"], task.classes)
    return Result(
        task=task.name,
        corpus=task.corpus,
        label=task.label,
        classes=task.classes,
        absent_classes=tuple(name for name in task.classes if name not in ensemble.recall),
        model=embedder.name,
        metrics=by_prompts["ensemble"],
        by_prompts=by_prompts,
        recall=ensemble.recall,
        confusion=tuple(tuple(map(int, row)) for row in ensemble.confusion),
        prompts={name: dict(prompts) for name, prompts in trial.prompt_sets.items()},
        clips=len(clips.truth),
        speakers=None if clips.speakers is None else len(clips.speaker_names),
        interval=describe_interval(clips, predictions["ensemble"], len(task.classes), resampling=resampling),
        overlap=find_overlap(task, embedder.training_corpora),
        fingerprints=Fingerprints(
            model=embedder.fingerprint, manifest=trial.manifest_fingerprint, clips=clips.fingerprint()
        ),
        versions=collect_versions(),
        bad_files=tuple(SkippedFile(file=bad.file, reason=bad.reason) for bad in bad_files),
        note=task.note,
    )


def find_overlap(task: Task, training_corpora: Sequence[str] | None) -> Overlap:
    """Say whether a model was trained on the corpus of a task."""
    if training_corpora is None:
        return Overlap(training_corpora=None, trained_on_corpus=None, note="training corpora unknown")
    trained = task.corpus in training_corpora
    note = ""
    if trained and task.split == "dev":
        note = f"trained on {task.corpus}; its dev speakers were held out, and the checkpoint was chosen on them"
    elif trained and task.split == "test":
        note = f"trained on {task.corpus}; paraclap's recipes hold its test speakers out"
    elif trained:
        note = f"trained on {task.corpus}: not zero-shot"
    return Overlap(training_corpora=tuple(training_corpora), trained_on_corpus=trained, note=note)
