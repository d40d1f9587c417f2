"""Zero-shot classification from embeddings: a class is the renormalised mean of its prompts, the nearest class wins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import QueryError
from paraclap.evaluation.metrics import confusion_matrix, confusion_scores
from paraclap.evaluation.tasks import Task
from paraclap.queries import LabelSet, embed_classes

ENSEMBLE, PUBLISHED = "ensemble", "published"  # names of wordings, beside those of single templates
PromptSet = dict[str, tuple[str, ...]]  # class -> its prompts


def list_prompt_sets(task: Task, label_set: LabelSet) -> dict[str, PromptSet]:
    """Return every wording that a task is asked in, by name, each with the prompts of the task's classes.

    `ensemble` is all prompts of our label set, `published` the task's first published wording, `published-NAME` the
    others, and each template of the label set stands under its own text.
    """
    label_set = label_set.restrict(task.classes)
    sets: dict[str, PromptSet] = {ENSEMBLE: label_set.prompts}
    for place, published in enumerate(task.published):
        key = PUBLISHED if place == 0 else f"{PUBLISHED}-{published.name}"
        sets[key] = {name: (published.prompts[name],) for name in task.classes}
    for template, prompts in label_set.by_template().items():
        sets[template] = {name: (prompts[name],) for name in task.classes}
    return sets


def predict_classes(audio_embeds: npt.NDArray[Any], class_embeds: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the number of the nearest class by cosine for each clip, `[N]`; of equals the first.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        class_embeds: unit vectors `[C, D]`.
    """
    nearest: npt.NDArray[np.int64] = np.argmax(np.asarray(audio_embeds) @ np.asarray(class_embeds).T, axis=1)
    return nearest


def compare_prompt_set(
    audio_embeds: npt.NDArray[Any], prompts: PromptSet, text_embeds: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.float32]:
    """Return the cosine of each clip and each class of one wording, `[N, C]`; the first of the greatest is predicted.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        prompts: of each class.
        text_embeds: the unit vector `[D]` of every prompt, by its text.
    """
    class_embeds = embed_classes([np.stack([text_embeds[text] for text in texts]) for texts in prompts.values()])
    return np.asarray(np.asarray(audio_embeds) @ class_embeds.T, dtype=np.float32)


def zero_shot_uar(
    audio_embeds: npt.NDArray[Any],
    labels: Sequence[str],
    classes: Sequence[str],
    text_embeds: Sequence[npt.NDArray[Any]],
) -> float:
    """Return the zero-shot UAR over the classes that occur, in 0..1, with numpy alone: quick enough for every epoch.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        labels: the true class of each clip, `[N]`.
        classes: names `[C]`.
        text_embeds: for each class the embeddings of its prompts, `[prompts, D]`.

    Raises:
        QueryError: if a label is no class, or there is no clip.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    unknown = sorted(set(labels) - set(classes))
    if unknown or not len(labels):
        raise QueryError(f"labels {unknown or '(none at all)'} to score; expected some, each one of {list(classes)}")
    truth = np.asarray([numbers[label] for label in labels])
    predicted = predict_classes(audio_embeds, embed_classes(text_embeds))
    return float(confusion_scores(confusion_matrix(truth, predicted, len(classes)))["uar"])
