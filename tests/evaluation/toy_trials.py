"""Made-up tasks, manifests and trials, with similarities that know a little of the truth."""

import hashlib
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.evaluation.clips import select_clips
from paraclap.evaluation.results import write_result
from paraclap.evaluation.saved_scores import write_scores
from paraclap.evaluation.scoring import Scored, score_similarities
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.trials import Trial, make_captions
from paraclap.evaluation.zero_shot import list_prompt_sets
from paraclap.queries import load_label_set, load_vocabulary

Array = npt.NDArray[Any]
EMOTIONS = ("anger", "calm", "sadness")


def make_manifest(**columns: Any) -> pd.DataFrame:
    num_rows = len(next(iter(columns.values())))
    files = [f"{row}.wav" for row in range(num_rows)]
    index = audformat.segmented_index(files, [0] * num_rows, [pd.Timedelta("1s")] * num_rows)
    return pd.DataFrame(columns, index=index)


def make_task(**changes: Any) -> Task:
    fields = {"name": "toy", "corpus": "toy", "label": "emotion", "classes": ["anger", "calm"], "label_set": "emotion"}
    return Task.model_validate({**fields, **changes})


def make_multi_label_task(**changes: Any) -> Task:
    """Return a task that asks which emotions are in the votes of a clip, such as `A:S`."""
    positive = {"anger": {"column": "votes", "pattern": "A"}, "calm": {"column": "votes", "pattern": "C"}}
    return make_task(**{"kind": "multi-label", "label": "", "positive": positive, **changes})


def make_retrieval_task(**changes: Any) -> Task:
    attributes = {"attributes": ["emotion", "gender"]}
    return make_task(**{"kind": "retrieval", "label": "", "classes": [], "label_set": "", **attributes, **changes})


def make_trial(task: Task, manifest: pd.DataFrame) -> Trial:
    clips = select_clips(task, manifest)
    wordings = list_prompt_sets(task, load_label_set(task.label_set)) if task.label_set else {}
    captions = None
    if task.kind == "retrieval":
        captions = make_captions(load_vocabulary().read_table(manifest.iloc[clips.rows]), task.attributes)
    return Trial(task, clips, wordings, "0" * 64, captions=captions)


def make_speakers(num_speakers: int = 4, clips_each: int = 30, **columns: Any) -> pd.DataFrame:
    """Make clips of speakers who say each of EMOTIONS alike often; the first half are women, every other one is old."""
    speakers = np.repeat(np.arange(num_speakers), clips_each)
    return make_manifest(
        emotion=np.resize(EMOTIONS, len(speakers)),
        speaker=[f"s{number:02d}" for number in speakers],
        gender=np.where(speakers < num_speakers / 2, "female", "male"),
        age=np.where(speakers % 2 == 0, 70.0, 30.0),
        **columns,
    )


def make_similarities(truth: Array, num_classes: int, *, seed: int = 0, skill: float = 1.0) -> npt.NDArray[np.float32]:
    """Make similarities `[N, C]` that are higher for the true classes `[N]`, or where truth `[N, C]` is 1."""
    is_true = truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(num_classes)
    noise = np.random.default_rng(seed).normal(size=is_true.shape)
    return np.asarray(0.1 * (noise + skill * is_true), dtype=np.float32)


def repeat_clips(weights: Array, units: Array) -> npt.NDArray[np.intp]:
    """Return the places of clips, each as often as its unit was drawn."""
    return np.repeat(np.arange(len(units)), weights[units].astype(int))


def embed_texts(texts: list[str]) -> dict[str, npt.NDArray[np.float32]]:
    return {text: hash_vector(text) for text in texts}


class NamedModel(ToyEmbedder):
    """Be the model of a name, with a fingerprint of its own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()


def write_scored(folder: Path, trial: Trial, model: str, *, skill: float = 1.0, has_scores: bool = True) -> Scored:
    """Write the result of a model of some skill, with its scores if wanted; models err at different clips."""
    embedder = NamedModel(model)
    seed = int(embedder.fingerprint[:6], 16)
    num_classes = len(trial.task.classes)
    similarities = {
        name: make_similarities(trial.clips.truth, num_classes, seed=seed + number, skill=skill)
        for number, name in enumerate(trial.prompt_sets)
    }
    scored = score_similarities(trial, embedder, similarities)
    write_result(folder, scored.result)
    if has_scores:
        write_scores(folder, trial, embedder, scored)
    return scored
