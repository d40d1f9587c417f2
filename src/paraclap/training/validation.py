"""Zero-shot UAR on the dev split: which tasks the data allows, and how a model fares on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from paraclap.evaluation import zero_shot_uar
from paraclap.models import MelSettings, ParaClapModel, normalize_log_mel, pad_log_mels
from paraclap.queries import LabelSet, RowFacts, Vocabulary, list_label_sets, load_label_set
from paraclap.training.clips import ClipSet
from paraclap.training.recipe import Recipe
from paraclap.training.text_bank import TextBank

_MIN_CLIPS = 3  # of a class on dev, for the class to count
_BATCH_SIZE = 32


@dataclass(frozen=True)
class DevTask:
    """One label set on the dev clips of one corpus: their labels, missing where the class is unknown."""

    name: str
    clip_set: int
    label_set: LabelSet
    labels: tuple[str | None, ...]


class Validation:
    """Measure zero-shot UAR on dev, with the prompt ensembles that inference uses."""

    def __init__(
        self, clip_sets: Sequence[ClipSet], recipe: Recipe, *, vocabulary: Vocabulary, mel_settings: MelSettings
    ) -> None:
        self._clip_sets = clip_sets
        self._mel_settings = mel_settings
        self._rows = [_draw(clips.rows("dev"), recipe.max_dev_clips, recipe.seed) for clips in clip_sets]
        self.tasks = [
            task
            for index, clips in enumerate(clip_sets)
            for name in list_label_sets()
            if (task := _find_task(index, clips, self._rows[index], load_label_set(name), vocabulary)) is not None
        ]

    @torch.no_grad()
    def measure(self, model: ParaClapModel, texts: TextBank) -> dict[str, float]:
        """Return the UAR of every task, and as "mean" what checkpoints are chosen by."""
        model.eval()
        embeds = [self._embed(model, clips, rows) for clips, rows in zip(self._clip_sets, self._rows, strict=True)]
        results = {}
        for task in self.tasks:
            known = [i for i, label in enumerate(task.labels) if label is not None]
            labels = [str(task.labels[i]) for i in known]
            prompts = task.label_set.prompts
            class_embeds = [model.project_text(texts.pool(prompts[c])).float().numpy() for c in prompts]
            results[task.name] = zero_shot_uar(embeds[task.clip_set][known], labels, list(prompts), class_embeds)
        results["mean"] = self._average(results)
        return results

    def _average(self, results: Mapping[str, float]) -> float:
        """Average over corpora within each label set, then over label sets, so that none outvotes the others."""
        by_label_set: dict[str, list[float]] = {}
        for task in self.tasks:
            by_label_set.setdefault(task.label_set.name, []).append(results[task.name])
        return float(np.mean([np.mean(values) for values in by_label_set.values()])) if by_label_set else float("nan")

    def _embed(self, model: ParaClapModel, clips: ClipSet, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        embeds = np.zeros((len(rows), model.config.projection_dim), dtype=np.float32)
        order = np.argsort([clips.mels.num_frames(int(row)) for row in rows], kind="stable")
        for begin in range(0, len(order), _BATCH_SIZE):
            part = order[begin : begin + _BATCH_SIZE]
            mels = [normalize_log_mel(clips.mels.read(int(rows[i])), self._mel_settings) for i in part]
            features, mask = pad_log_mels(mels)
            embeds[part] = model.get_audio_features(torch.from_numpy(features), torch.from_numpy(mask)).float().numpy()
        return embeds


def _draw(rows: npt.NDArray[np.intp], limit: int, seed: int) -> npt.NDArray[np.intp]:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:limit])


def _find_task(
    index: int, clips: ClipSet, rows: npt.NDArray[np.intp], label_set: LabelSet, vocabulary: Vocabulary
) -> DevTask | None:
    """Return a label set's task on a corpus, with the classes that occur often enough; None for fewer than two.

    What is measured is no task: a model is chosen by what people said of voices.
    """
    if label_set.attribute is None or vocabulary.attributes[label_set.attribute].measured:
        return None
    found = [_label(clips.facts[int(row)], label_set, vocabulary) for row in rows]
    classes = [label for label in label_set.classes if found.count(label) >= _MIN_CLIPS]
    if len(classes) < 2:
        return None
    labels = tuple(label if label in classes else None for label in found)
    return DevTask(f"{clips.name}-{label_set.name}", index, label_set.restrict(classes), labels)


def _label(facts: RowFacts, label_set: LabelSet, vocabulary: Vocabulary) -> str | None:
    stated = vocabulary.statable(facts).get(str(label_set.attribute), ())
    fitting = [level for level in stated if level in label_set.classes]
    return fitting[0] if fitting else None
