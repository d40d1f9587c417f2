"""Retrieval as a task: captions of what a corpus says look for clips, and clips for captions, in fixed seeded pools."""

from collections.abc import Iterator, Mapping
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.intervals import Resampling
from paraclap.evaluation.measuring import DrawnMetric
from paraclap.evaluation.retrieval import rank_answers
from paraclap.evaluation.trials import Captions, Trial

POOL_SEED = 0
RECALL_AT = (1, 5, 10)
_Values = npt.NDArray[np.float64]


def measure_pools(
    trial: Trial, audio_embeds: npt.NDArray[Any], text_embeds: Mapping[str, npt.NDArray[Any]], *, resampling: Resampling
) -> dict[str, DrawnMetric]:
    """Return recall at 1, 5 and 10, median rank and mean average precision both ways, over the queries of all pools.

    There is nothing where no clip has a caption.

    Args:
        trial: a task of retrieval with its `N` clips and captions.
        audio_embeds: the clips' unit vectors `[N, D]`.
        text_embeds: the unit vector `[D]` of every caption, by its text.
        resampling: draws of these clips; a caption is drawn with the clip that it was made of.
    """
    captions = _get_captions(trial)
    if not captions.texts:
        return {}
    texts = np.stack([text_embeds[text] for text in captions.texts])
    found: dict[str, list[tuple[npt.NDArray[np.intp], npt.NDArray[np.int64], _Values]]] = {}
    for clips, of_pool in _draw_pools(trial, captions):
        relation = captions.relation[np.ix_(clips, of_pool)]
        one_way = rank_answers(texts[of_pool], audio_embeds[clips], relation.T)
        other_way = rank_answers(audio_embeds[clips], texts[of_pool], relation)
        askers = captions.places[of_pool][one_way.queries]
        found.setdefault("text_to_audio", []).append((askers, one_way.ranks, one_way.precisions))
        found.setdefault("audio_to_text", []).append((clips[other_way.queries], other_way.ranks, other_way.precisions))
    drawn = {}
    for way, parts in found.items():
        askers, ranks, precisions = (np.concatenate(column) for column in zip(*parts, strict=True))
        for k in RECALL_AT:
            drawn[f"{way}_recall@{k}"] = _draw_mean((ranks <= k).astype(np.float64), askers, resampling)
        drawn[f"{way}_median_rank"] = _draw_median(ranks, askers, resampling)
        drawn[f"{way}_map"] = _draw_mean(precisions, askers, resampling)
    return drawn


def expect_by_chance(trial: Trial) -> dict[str, float]:
    """Return the recall that ranking by chance has on average, in the same pools."""
    captions = _get_captions(trial)
    chances: dict[str, list[float]] = {}
    for clips, of_pool in _draw_pools(trial, captions):
        relation = captions.relation[np.ix_(clips, of_pool)]
        for way, answers in (("text_to_audio", relation.T), ("audio_to_text", relation)):
            for row in answers[(answers == 1).any(axis=1)]:
                num_right, num_known = int((row == 1).sum()), int((row >= 0).sum())
                for k in RECALL_AT:
                    missed = comb(num_known - num_right, min(k, num_known)) / comb(num_known, min(k, num_known))
                    chances.setdefault(f"{way}_recall@{k}", []).append(1 - missed)
    return {name: float(np.mean(values)) for name, values in chances.items()}


def _get_captions(trial: Trial) -> Captions:
    if trial.captions is None:
        raise ValueError(f"task {trial.task.name!r} has no captions: it is {trial.task.kind}")
    return trial.captions


def _draw_pools(trial: Trial, captions: Captions) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield the clips of each pool and the captions made of them; no clip is in two pools."""
    size, order = trial.task.pool_size, np.random.default_rng(POOL_SEED).permutation(len(trial.clips))
    for number in range(min(trial.task.num_pools, max(1, len(order) // size))):
        clips = np.sort(order[number * size : (number + 1) * size])
        of_pool = np.flatnonzero(np.isin(captions.places, clips))
        if (captions.relation[np.ix_(clips, of_pool)] == 1).any():
            yield clips, of_pool


def _draw_mean(values: _Values, clips: npt.NDArray[np.intp], resampling: Resampling) -> DrawnMetric:
    units, num_units = resampling.units[clips], resampling.weights.shape[1]
    sums = np.bincount(units, values, minlength=num_units)
    counts = np.bincount(units, minlength=num_units)
    with np.errstate(invalid="ignore"):
        draws = (resampling.weights @ sums) / (resampling.weights @ counts)
    return DrawnMetric(float(values.mean()), draws)


def _draw_median(ranks: npt.NDArray[np.int64], clips: npt.NDArray[np.intp], resampling: Resampling) -> DrawnMetric:
    order = np.argsort(ranks, kind="stable")
    cumulative = np.cumsum(resampling.weights[:, resampling.units[clips[order]]], axis=1)  # [K, Q]
    half = cumulative[:, -1:] / 2
    lower, upper = ((compared).argmax(axis=1) for compared in (cumulative >= half, cumulative > half))
    middles = (ranks[order[lower]] + ranks[order[upper]]) / 2
    draws = np.where(half[:, 0] > 0, middles, np.nan)
    return DrawnMetric(float(np.median(ranks)), draws)
