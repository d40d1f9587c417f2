"""How groups of speakers fare: UAR of women and men, of the young and the old, and the gap between best and worst."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.clips import GROUP_ATTRIBUTES, Clips
from paraclap.evaluation.intervals import Resampling, draw_confusions
from paraclap.evaluation.measuring import DrawnMetric
from paraclap.evaluation.metrics import Codes, confusion_matrix, confusion_scores
from paraclap.evaluation.pairing import PairedDifference, compare_draws
from paraclap.evaluation.results import Fairness, Group

_Mask = npt.NDArray[np.bool_]

MIN_CLIPS = 20  # of a group: with fewer, its UAR says next to nothing


def measure_fairness(
    clips: Clips, predicted: Codes, num_classes: int, *, resampling: Resampling
) -> dict[str, Fairness]:
    """Compare groups of speakers by each attribute that has two groups or more, over the classes that all of them have.

    Args:
        clips: `N` clips of a single-label task.
        predicted: class numbers `[N]`.
        num_classes: how many classes there are.
        resampling: draws of these clips.
    """
    found = {}
    for attribute in GROUP_ATTRIBUTES:
        members = _find_members(clips, attribute)
        if len(members) < 2:
            continue
        drawn = {
            name: _draw_uar(clips.truth, predicted, num_classes, mask=mask, resampling=resampling)
            for name, mask in members.items()
        }
        best, worst = (choose(drawn, key=lambda name: drawn[name].value) for choose in (max, min))
        found[attribute] = Fairness(
            groups={
                name: Group(
                    clips=int(np.count_nonzero(mask)), speakers=_count_speakers(clips, mask), uar=drawn[name].bound()
                )
                for name, mask in members.items()
            },
            best=best,
            worst=worst,
            gap=_find_gap(drawn, best, worst),
        )
    return found


def _find_members(clips: Clips, attribute: str) -> dict[str, _Mask]:
    """Return the clips `[N]` of each group that is large enough, of the classes that all of these groups have."""
    column = clips.groups[attribute]
    masks = {name: (column == name).to_numpy(dtype=bool) for name in sorted(column.dropna().unique())}
    masks = {name: mask for name, mask in masks.items() if np.count_nonzero(mask) >= MIN_CLIPS}
    shared = set.intersection(*(set(clips.truth[mask].tolist()) for mask in masks.values())) if masks else set()
    if len(shared) < 2:  # as where the attribute is what the task asks for
        return {}
    masks = {name: mask & np.isin(clips.truth, sorted(shared)) for name, mask in masks.items()}
    return {name: mask for name, mask in masks.items() if np.count_nonzero(mask) >= MIN_CLIPS}


def _draw_uar(truth: Codes, predicted: Codes, num_classes: int, *, mask: _Mask, resampling: Resampling) -> DrawnMetric:
    """Return the UAR of some of the clips; NaN in a draw that has none of them."""
    confusion = confusion_matrix(truth[mask], predicted[mask], num_classes)
    of_group = replace(resampling, units=resampling.units[mask])
    draws = confusion_scores(draw_confusions(of_group, truth[mask], predicted[mask], num_classes))["uar"]
    return DrawnMetric(float(confusion_scores(confusion)["uar"]), draws)


def _find_gap(drawn: Mapping[str, DrawnMetric], best: str, worst: str) -> PairedDifference:
    """Return the difference of the best and the worst group; its p-value knows that they are the best and the worst.

    It is the share of draws in which groups of the same UAR would lie as far apart as these do.
    """
    gap = compare_draws((drawn[worst].value, drawn[best].value), drawn[worst].draws, drawn[best].draws)
    centred = np.stack([one.draws - one.value for one in drawn.values()])
    ranges = centred.max(axis=0) - centred.min(axis=0)
    ranges = ranges[~np.isnan(ranges)]
    p = max(1 / len(ranges), float(np.mean(ranges >= gap.value))) if len(ranges) else gap.p
    return gap.model_copy(update={"p": p})


def _count_speakers(clips: Clips, mask: _Mask) -> int | None:
    return None if clips.speakers is None else len(np.unique(clips.speakers[mask]))
