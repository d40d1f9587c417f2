"""Zero-shot UAR and retrieval on the dev split: which tasks the data allows, and how a model fares on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from paraclap.evaluation import Problem, measure_retrieval, zero_shot_uar
from paraclap.models import ParaClapModel
from paraclap.queries import (
    CaptionSampler,
    LabelSet,
    RowFacts,
    Vocabulary,
    embed_classes,
    list_label_sets,
    load_label_set,
)
from paraclap.training.audio_inputs import AudioInputs
from paraclap.training.clips import ClipSet
from paraclap.training.parts import pools_always_alike
from paraclap.training.recipe import Recipe
from paraclap.training.text_inputs import TextInputs

_MIN_CLIPS = 3  # of a class on dev, for the class to count
_BATCH_SIZE = 32


@dataclass(frozen=True)
class DevTask:
    """One label set on the dev clips of one corpus: their labels, missing where the class is unknown."""

    name: str
    clip_set: int
    label_set: LabelSet
    labels: tuple[str | None, ...]


@dataclass(frozen=True)
class _Asked:
    """Hold a dev task as a model sees it: clips of known classes `[N, D]`, and the prompts of each class."""

    task: DevTask
    audio_embeds: npt.NDArray[np.float32]
    labels: list[str]
    class_embeds: list[npt.NDArray[np.float32]]


class Validation:
    """Measure zero-shot UAR on dev, with the prompt ensembles that inference uses."""

    def __init__(
        self, clip_sets: Sequence[ClipSet], recipe: Recipe, *, vocabulary: Vocabulary, inputs: AudioInputs
    ) -> None:
        self._clip_sets = clip_sets
        self._inputs = inputs
        self._rows = [_draw(clips.rows("dev"), recipe.max_dev_clips, recipe.seed) for clips in clip_sets]
        self.tasks = [
            task
            for index, clips in enumerate(clip_sets)
            for name in list_label_sets()
            if (task := _find_task(index, clips, self._rows[index], load_label_set(name), vocabulary)) is not None
        ]
        facts = [clips.facts[int(row)] for clips, rows in zip(clip_sets, self._rows, strict=True) for row in rows]
        sampler = CaptionSampler(vocabulary, attributes=recipe.captions.attributes, num_facts=recipe.captions.num_facts)
        generator = np.random.default_rng(recipe.seed)
        captions = [caption for known in facts if (caption := sampler.sample(known, generator)) is not None]
        self._captions = [caption.text for caption in captions]
        self._relation = vocabulary.relate(vocabulary.encode_rows(facts), [caption.facts for caption in captions])
        self._pooled: dict[tuple[int, int], Tensor] = {}  # by a frozen tower, of batches of dev clips

    @torch.no_grad()
    def measure(self, model: ParaClapModel, texts: TextInputs) -> dict[str, float]:
        """Return the UAR of every task, how well captions find their clips, and as "mean" what checkpoints go by."""
        model.eval()
        embeds = [self._embed(model, number) for number in range(len(self._clip_sets))]
        results = {
            asked.task.name: zero_shot_uar(
                asked.audio_embeds, asked.labels, asked.task.label_set.classes, asked.class_embeds
            )
            for asked in self._ask(model, texts, embeds)
        }
        mean = self._average(results)
        if self._captions:
            captions = _embed_texts(model, texts, self._captions)
            found = measure_retrieval(np.concatenate(embeds), captions, self._relation).text_to_audio
            results |= {"retrieval-recall@10": found.recall_at_10, "retrieval-map": found.mean_average_precision}
        return results | {"mean": mean}

    @torch.no_grad()
    def compare(self, model: ParaClapModel, texts: TextInputs) -> dict[str, Problem]:
        """Return the cosines of clips and classes of every task, by its name, and which classes are true."""
        model.eval()
        embeds = [self._embed(model, number) for number in range(len(self._clip_sets))]
        problems = {}
        for asked in self._ask(model, texts, embeds):
            truth = np.array([asked.task.label_set.classes.index(label) for label in asked.labels])
            similarity = asked.audio_embeds @ embed_classes(asked.class_embeds).T
            problems[asked.task.name] = Problem(np.asarray(similarity, dtype=np.float32), truth)
        return problems

    def _ask(
        self, model: ParaClapModel, texts: TextInputs, embeds: Sequence[npt.NDArray[np.float32]]
    ) -> Iterator[_Asked]:
        for task in self.tasks:
            known = [i for i, label in enumerate(task.labels) if label is not None]
            yield _Asked(
                task,
                embeds[task.clip_set][known],
                [str(task.labels[i]) for i in known],
                [_embed_texts(model, texts, prompts) for prompts in task.label_set.prompts.values()],
            )

    def _average(self, results: Mapping[str, float]) -> float:
        """Average over corpora within each label set, then over label sets, so that none outvotes the others."""
        by_label_set: dict[str, list[float]] = {}
        for task in self.tasks:
            by_label_set.setdefault(task.label_set.name, []).append(results[task.name])
        return float(np.mean([np.mean(values) for values in by_label_set.values()])) if by_label_set else float("nan")

    def _embed(self, model: ParaClapModel, clip_set: int) -> npt.NDArray[np.float32]:
        """Embed the dev clips of a corpus `[N, D]`; what a frozen tower pools is remembered."""
        clips, rows = self._clip_sets[clip_set], self._rows[clip_set]
        embeds = np.zeros((len(rows), model.config.projection_dim), dtype=np.float32)
        order = np.argsort([clips.audio.duration(int(row)) for row in rows], kind="stable")
        for begin in range(0, len(order), _BATCH_SIZE):
            part = order[begin : begin + _BATCH_SIZE]
            embeds[part] = model.project_audio(self._pool(model, clip_set, rows[part])).float().cpu().numpy()
        return embeds

    def _pool(self, model: ParaClapModel, clip_set: int, rows: npt.NDArray[np.intp]) -> Tensor:
        key = (clip_set, int(rows[0]))
        if key in self._pooled:
            return self._pooled[key]
        pooled = self._inputs.pool(model, [self._inputs.hear_whole(clip_set, int(row)) for row in rows])
        if pools_always_alike(model):
            self._pooled[key] = pooled
        return pooled


def _embed_texts(model: ParaClapModel, texts: TextInputs, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
    embeds: npt.NDArray[np.float32] = model.project_text(texts.pool(prompts)).float().cpu().numpy()
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
