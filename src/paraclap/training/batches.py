"""Batches as a pure function of the step: which clips, how they are heard, and which captions are said of them.

A batch is planned first, without reading any audio. So every process plans the whole batch, which the loss needs, and
reads its own part; and whoever reads it, and when, changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.queries import FALSE, UNKNOWN, Caption, CaptionSampler, Fact, RowFacts, Vocabulary, find_broken
from paraclap.training.augmentation import draw_disturbances
from paraclap.training.clips import ClipSet
from paraclap.training.recipe import Recipe
from paraclap.training.references import ReferenceChoice

_MAX_TRIES = 100  # clips drawn for each one of a batch, before it is clear that nothing can be said of them
WHOLE_SECONDS = 10.0  # of a clip that are heard where it is not cropped
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
    references: tuple[int, ...] = ()  # rows of the same corpus that it is heard relative to
    voice: tuple[int, int] | None = None  # corpus and row of another clip, whose voice is heard instead of its own


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
        references: for a tower that takes them.
    """

    def __init__(
        self,
        clip_sets: Sequence[ClipSet],
        recipe: Recipe,
        *,
        vocabulary: Vocabulary,
        disturbances: tuple[str, ...],
        references: ReferenceChoice | None = None,
    ) -> None:
        self._clip_sets = clip_sets
        self._recipe = recipe
        self._vocabulary = vocabulary
        self._disturbances = disturbances
        self._references = references
        self._listed = [_list_levels(clips, recipe.unlisted) for clips in clip_sets]
        self._sampler = CaptionSampler(
            vocabulary,
            attributes=recipe.captions.attributes,
            weights=recipe.attribute_weights,
            num_facts=recipe.captions.num_facts,
            negates=True,
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
            relation=self._relate([clip.clip_set for clip in planned], rows, said),
            attributes=tuple(self._vocabulary.find_topic(caption.facts) for caption in said),
        )

    def _relate(
        self, clip_sets: Sequence[int], rows: Sequence[RowFacts], said: Sequence[Caption]
    ) -> npt.NDArray[np.int8]:
        """Judge captions against clips; what a corpus has no class for is unknown, if the recipe says so."""
        encoded, statements = self._vocabulary.encode_rows(rows), [caption.facts for caption in said]
        relation = self._vocabulary.relate(encoded, statements)
        for clip_set in set(clip_sets) if self._recipe.unlisted else ():
            places = np.flatnonzero(np.array(clip_sets) == clip_set)
            known = [[fact for fact in facts if self._is_listed(fact, clip_set)] for facts in statements]
            cut = [m for m, facts in enumerate(known) if len(facts) < len(statements[m])]
            if cut:
                left = self._vocabulary.relate(encoded[places], [known[m] for m in cut])
                relation[places[:, None], cut] = np.where(left == FALSE, FALSE, UNKNOWN)
        return relation

    def _is_listed(self, fact: Fact, clip_set: int) -> bool:
        levels = self._listed[clip_set].get(fact.attribute)
        return levels is None or not levels.isdisjoint(self._vocabulary.levels_of(fact))

    @property
    def num_windows(self) -> int:
        """How many fixed windows a clip is heard in; 0 if it is always another one."""
        return self._recipe.windows_per_clip

    def plan_window(self, clip_set: int, row: int, number: int) -> PlannedClip:
        """Plan a clip in one of its fixed windows, without references."""
        return PlannedClip(clip_set, row, self._draw_window(clip_set, row, number))

    def list_windows(self, clip_set: int, row: int) -> list[View]:
        """Return the fixed windows in which a clip is heard if the recipe says how many there are."""
        return [self._draw_window(clip_set, row, number) for number in range(self._recipe.windows_per_clip)]

    def _draw_clip(self, seconds: float, seed: tuple[int, ...], generator: np.random.Generator) -> PlannedClip:
        clip_set = _draw(self._cumulated, generator)
        rows, cumulated = self._rows[clip_set], self._cumulated_rows[clip_set]
        row = int(rows[generator.integers(len(rows)) if cumulated is None else _draw(cumulated, generator)])
        references = () if self._references is None else self._references.draw(clip_set, row, generator)
        if references:  # which are heard as they are: a channel of its own would set the clip apart from them
            view = View(WHOLE_SECONDS, 0.0, (), seed)
        elif self._recipe.windows_per_clip:
            view = self._draw_window(clip_set, row, int(generator.integers(self._recipe.windows_per_clip)))
        else:
            view = self._draw_view(seconds, seed, generator)
        voice = None if self._references is None else self._references.draw_voice(generator)
        return PlannedClip(clip_set, row, view, references, voice)

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
        done = clip.view.disturbances if clip.voice is None else (*clip.view.disturbances, "voice")
        broken = find_broken(done, crop_seconds=clip.view.seconds if is_cut else None)
        return {name: levels for name, levels in clips.facts[clip.row].items() if name not in broken}


def _list_levels(clips: ClipSet, attributes: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the levels of some attributes that a corpus has; an attribute that it does not speak of is left out."""
    found = {name: frozenset().union(*(facts.get(name, frozenset()) for facts in clips.facts)) for name in attributes}
    return {name: levels for name, levels in found.items() if levels}


def _cumulate(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    cumulated = shares.cumsum()
    return np.asarray(cumulated / cumulated[-1])


def _draw(cumulated: npt.NDArray[np.float64], generator: np.random.Generator) -> int:
    """Draw what `generator.choice` draws, which sums up and checks all shares every time: 0.5 ms of 60,000 rows."""
    return int(cumulated.searchsorted(generator.random(), side="right"))


def _balance(clips: ClipSet, rows: npt.NDArray[np.intp], recipe: Recipe) -> npt.NDArray[np.float64] | None:
    """Return the share of each train row, so that classes of attributes come up more evenly; None if all are even."""
    if not recipe.balance or not len(rows):
        return None
    known = [clips.facts[int(row)] for row in rows]
    classes = [tuple(tuple(sorted(facts.get(name, ()))) for name in recipe.balance) for facts in known]
    counts = {name: classes.count(name) for name in set(classes)}
    weights = np.array([counts[name] ** (recipe.balance_temperature - 1.0) for name in classes])
    return np.asarray(weights / weights.sum(), dtype=np.float64)
