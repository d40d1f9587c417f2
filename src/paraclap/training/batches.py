"""Batches as a pure function of the step: which clips, how they are heard, and which captions are said of them.

A batch is planned first, without reading any audio. So every process plans the whole batch, which the loss needs, and
reads its own part; and whoever reads it, and when, changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.queries import Caption, CaptionSampler, RowFacts, Vocabulary, find_broken
from paraclap.training.augmentation import draw_disturbances
from paraclap.training.clips import ClipSet
from paraclap.training.recipe import Recipe

_MAX_TRIES = 100  # clips drawn for each one of a batch, before it is clear that nothing can be said of them
_CROP_STEP = 0.32  # s: few distinct lengths, so that kernels for them are compiled once


@dataclass(frozen=True)
class View:
    """Say how a clip is heard: what is cut out of it, and what is done to that."""

    seconds: float  # of a longer clip that are heard
    start: float  # share of what the crop leaves over that lies before it
    disturbances: tuple[str, ...]
    seed: tuple[int, ...]  # of how strong they are
    window: int = 0  # number among the fixed windows of a clip, if it has some

    def is_cut(self, duration: float) -> bool:
        """Tell if a clip of so many seconds is heard in part."""
        return duration > self.seconds


@dataclass(frozen=True)
class PlannedClip:
    """Name a clip by its corpus and row, and how it is heard."""

    clip_set: int
    row: int
    view: View


@dataclass(frozen=True)
class BatchPlan:
    """Hold the clips `[B]`, captions `[C]` (equally many of each clip, in order), and which is true of which."""

    clips: tuple[PlannedClip, ...]
    captions: tuple[str, ...]
    relation: npt.NDArray[np.int8]  # [B, C]: 1 true, 0 false, -1 unknown
    attributes: tuple[str | None, ...]  # that a caption speaks of; None for several


class BatchPlanner:
    """Plan the batch of any step: same recipe and step, same batch, so that a resumed run goes on as if nothing was.

    Args:
        clip_sets: the corpora.
        recipe: of the run.
        vocabulary: what captions may say.
        disturbances: names of what can be done to what is heard.
    """

    def __init__(
        self, clip_sets: Sequence[ClipSet], recipe: Recipe, *, vocabulary: Vocabulary, disturbances: tuple[str, ...]
    ) -> None:
        self._clip_sets = clip_sets
        self._recipe = recipe
        self._vocabulary = vocabulary
        self._disturbances = disturbances
        self._sampler = CaptionSampler(
            vocabulary,
            attributes=recipe.captions.attributes,
            weights=recipe.attribute_weights,
            num_facts=recipe.captions.num_facts,
        )
        self._rows = [clips.rows("train") for clips in clip_sets]
        self._row_shares = [_balance(clips, rows, recipe) for clips, rows in zip(clip_sets, self._rows, strict=True)]
        sizes = np.array([len(rows) for rows in self._rows], dtype=float)
        weights = sizes**recipe.sampling_temperature * [clips.settings.weight for clips in clip_sets]
        self._shares = weights / weights.sum()
        self._cumulated = _cumulate(self._shares)
        self._cumulated_rows = [None if shares is None else _cumulate(shares) for shares in self._row_shares]

    @property
    def shares(self) -> dict[str, float]:
        """The share of each corpus in the batches."""
        return {clips.name: float(share) for clips, share in zip(self._clip_sets, self._shares, strict=True)}

    def plan(self, step: int) -> BatchPlan:
        """Plan the batch of a step."""
        recipe = self._recipe
        generator = np.random.default_rng([recipe.seed, step])
        shortest, longest = (max(1, round(seconds / _CROP_STEP)) for seconds in recipe.crop_seconds)
        seconds = int(generator.integers(shortest, longest + 1)) * _CROP_STEP
        planned: list[PlannedClip] = []
        rows: list[RowFacts] = []
        said: list[Caption] = []
        for attempt in range(_MAX_TRIES * recipe.batch_size):
            if len(planned) == recipe.batch_size:
                break
            clip = self._draw_clip(seconds, (recipe.seed, step, attempt), generator)
            facts = self._keep_facts(clip)
            drawn = [self._draw_caption(clip, facts, generator) for _ in range(recipe.captions_per_clip)]
            captions = [caption for caption in drawn if caption is not None]
            if len(captions) < len(drawn):
                continue
            planned.append(clip)
            rows.append(facts)
            said.extend(captions)
        if len(planned) < recipe.batch_size:
            raise ConfigError(f"recipe {recipe.name}: nothing can be said of nearly all clips; add clips with labels")
        return BatchPlan(
            clips=tuple(planned),
            captions=tuple(caption.text for caption in said),
            relation=self._vocabulary.relate(self._vocabulary.encode_rows(rows), [caption.facts for caption in said]),
            attributes=tuple(caption.facts[0].attribute if len(caption.facts) == 1 else None for caption in said),
        )

    def list_windows(self, clip_set: int, row: int) -> list[View]:
        """Return the fixed windows in which a clip is heard if the recipe says how many there are."""
        return [self._draw_window(clip_set, row, number) for number in range(self._recipe.windows_per_clip)]

    def _draw_clip(self, seconds: float, seed: tuple[int, ...], generator: np.random.Generator) -> PlannedClip:
        clip_set = _draw(self._cumulated, generator)
        rows, cumulated = self._rows[clip_set], self._cumulated_rows[clip_set]
        row = int(rows[generator.integers(len(rows)) if cumulated is None else _draw(cumulated, generator)])
        if self._recipe.windows_per_clip:
            number = int(generator.integers(self._recipe.windows_per_clip))
            return PlannedClip(clip_set, row, self._draw_window(clip_set, row, number))
        return PlannedClip(clip_set, row, self._draw_view(seconds, seed, generator))

    def _draw_caption(self, clip: PlannedClip, facts: RowFacts, generator: np.random.Generator) -> Caption | None:
        """Draw a caption of which every fact is still true; None if there is none."""
        written = self._clip_sets[clip.clip_set].captions
        if written is None:
            return self._sampler.sample(facts, generator)
        usable = [caption for caption in written[clip.row] if all(fact.attribute in facts for fact in caption.facts)]
        return usable[int(generator.integers(len(usable)))] if usable else None

    def _draw_window(self, clip_set: int, row: int, number: int) -> View:
        """Draw one of the fixed windows of a clip, as long as the longest crop."""
        seed = (self._recipe.seed, clip_set, row, number)
        view = self._draw_view(self._recipe.crop_seconds[1], seed, np.random.default_rng(seed))
        return replace(view, window=number)

    def _draw_view(self, seconds: float, seed: tuple[int, ...], generator: np.random.Generator) -> View:
        names = draw_disturbances(self._disturbances, self._recipe.augmentation, generator)
        return View(seconds, float(generator.random()), names, seed)

    def _keep_facts(self, clip: PlannedClip) -> RowFacts:
        """Return the facts of a clip that are still true of what is heard."""
        clips = self._clip_sets[clip.clip_set]
        is_cut = clip.view.is_cut(clips.audio.duration(clip.row))
        broken = find_broken(clip.view.disturbances, crop_seconds=clip.view.seconds if is_cut else None)
        return {name: levels for name, levels in clips.facts[clip.row].items() if name not in broken}


def _cumulate(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    cumulated = shares.cumsum()
    return np.asarray(cumulated / cumulated[-1])


def _draw(cumulated: npt.NDArray[np.float64], generator: np.random.Generator) -> int:
    """Draw what `generator.choice` draws, which sums up and checks all shares every time: 0.5 ms of 60,000 rows."""
    return int(cumulated.searchsorted(generator.random(), side="right"))


def _balance(clips: ClipSet, rows: npt.NDArray[np.intp], recipe: Recipe) -> npt.NDArray[np.float64] | None:
    """Return the share of each train row, so that classes of an attribute come up more evenly; None if all are even."""
    if recipe.balance is None or not len(rows):
        return None
    classes = [tuple(sorted(clips.facts[int(row)].get(recipe.balance, ()))) for row in rows]
    counts = {name: classes.count(name) for name in set(classes)}
    weights = np.array([counts[name] ** (recipe.balance_temperature - 1.0) for name in classes])
    return np.asarray(weights / weights.sum(), dtype=np.float64)
