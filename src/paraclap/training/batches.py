"""Batches as a pure function of the step: which clips, which crops, which disturbances, which captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.models import LogMel, MelSettings, normalize_log_mel, pad_log_mels
from paraclap.queries import Caption, CaptionSampler, RowFacts, Vocabulary, find_broken
from paraclap.training.augmentation import augment_log_mel
from paraclap.training.clips import ClipSet
from paraclap.training.recipe import Recipe

_MAX_TRIES = 100  # clips drawn for each one of a batch, before it is clear that nothing can be said of them
_CROP_STEP = 32  # frames: few distinct lengths, so that kernels for them are compiled once


@dataclass(frozen=True)
class Batch:
    """Hold spectrograms `[B, F, M]` with mask `[B, F]`, captions, and which caption is true of which clip `[B, C]`."""

    features: LogMel
    mask: npt.NDArray[np.int64]
    captions: tuple[str, ...]
    relation: npt.NDArray[np.int8]
    attributes: tuple[str | None, ...]  # that a caption speaks of; None for several


class BatchSampler:
    """Draw the batch of any step: same recipe and step, same batch, so that a resumed run goes on as if nothing was."""

    def __init__(
        self, clip_sets: Sequence[ClipSet], recipe: Recipe, *, vocabulary: Vocabulary, mel_settings: MelSettings
    ) -> None:
        self._clip_sets = clip_sets
        self._recipe = recipe
        self._vocabulary = vocabulary
        self._mel_settings = mel_settings
        self._frame_rate = mel_settings.sampling_rate / mel_settings.hop_size
        self._sampler = CaptionSampler(
            vocabulary,
            attributes=recipe.captions.attributes,
            weights=recipe.attribute_weights,
            num_facts=recipe.captions.num_facts,
        )
        self._rows = [clips.rows("train") for clips in clip_sets]
        sizes = np.array([len(rows) for rows in self._rows], dtype=float)
        weights = sizes**recipe.sampling_temperature * [clips.settings.weight for clips in clip_sets]
        self._shares = weights / weights.sum()

    @property
    def shares(self) -> dict[str, float]:
        """The share of each corpus in the batches."""
        return {clips.name: float(share) for clips, share in zip(self._clip_sets, self._shares, strict=True)}

    def sample(self, step: int) -> Batch:
        """Draw the batch of a step."""
        generator = np.random.default_rng([self._recipe.seed, step])
        shortest, longest = (round(seconds * self._frame_rate / _CROP_STEP) for seconds in self._recipe.crop_seconds)
        length = int(generator.integers(max(1, shortest), max(1, longest) + 1)) * _CROP_STEP
        mels: list[LogMel] = []
        rows: list[RowFacts] = []
        said: list[Caption] = []
        for _ in range(_MAX_TRIES * self._recipe.batch_size):
            if len(mels) == self._recipe.batch_size:
                break
            clips, row = self._draw_clip(generator)
            log_mel, facts = self._disturb(clips, row, length, generator)
            drawn = [self._sampler.sample(facts, generator) for _ in range(self._recipe.captions_per_clip)]
            captions = [caption for caption in drawn if caption is not None]
            if not captions:
                continue
            mels.append(log_mel)
            rows.append(facts)
            said.extend(captions)
        if len(mels) < self._recipe.batch_size:
            raise ConfigError(
                f"recipe {self._recipe.name}: nothing can be said of nearly all clips; add clips with labels"
            )
        features, mask = pad_log_mels(mels)
        relation = self._vocabulary.relate(self._vocabulary.encode_rows(rows), [caption.facts for caption in said])
        return Batch(
            features=features,
            mask=mask,
            captions=tuple(caption.text for caption in said),
            relation=relation,
            attributes=tuple(caption.facts[0].attribute if len(caption.facts) == 1 else None for caption in said),
        )

    def _draw_clip(self, generator: np.random.Generator) -> tuple[ClipSet, int]:
        corpus = int(generator.choice(len(self._shares), p=self._shares))
        rows = self._rows[corpus]
        return self._clip_sets[corpus], int(rows[generator.integers(len(rows))])

    def _disturb(
        self, clips: ClipSet, row: int, length: int, generator: np.random.Generator
    ) -> tuple[LogMel, RowFacts]:
        """Cut and disturb a clip; return its spectrogram `[F, M]`, and the facts that are still true of it."""
        spare = clips.mels.num_frames(row) - length
        start = int(generator.integers(spare + 1)) if spare > 0 else 0
        log_mel = clips.mels.read(row, start=start, length=length)
        disturbed, done = augment_log_mel(log_mel, self._recipe.augmentation, generator)
        broken = find_broken(done, crop_seconds=length / self._frame_rate if spare > 0 else None)
        facts = {name: levels for name, levels in clips.facts[row].items() if name not in broken}
        return normalize_log_mel(disturbed, self._mel_settings), facts
