"""What the wording of prompts does to a result: ours, the published ones, single templates, and the order of models."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from paraclap.evaluation.report.collecting import Entry
from paraclap.evaluation.results import Metric, Result
from paraclap.evaluation.tasks import load_tasks
from paraclap.evaluation.zero_shot import ENSEMBLE, PUBLISHED


@dataclass(frozen=True)
class Spread:
    """Hold how a metric varies over single templates; the deviation is that of a sample, 0 of one template."""

    num_templates: int
    mean: float
    deviation: float
    worst: str
    best: str


@dataclass(frozen=True)
class RankChange:
    """Say for how many single templates two models do not stand in the order that the ensemble puts them in."""

    better: str
    worse: str
    num_templates: int
    num_reversed: int
    num_tied: int


def is_published(wording: str) -> bool:
    """Tell whether a wording of a result is a published one."""
    return wording == PUBLISHED or wording.startswith(f"{PUBLISHED}-")


def list_templates(result: Result) -> list[str]:
    """Return the wordings of a result that are single templates of our label set."""
    return [name for name in result.by_prompts if name != ENSEMBLE and not is_published(name)]


def get_metric(result: Result, wording: str, metric: str | None = None) -> Metric | None:
    """Return a metric of a wording, by default the one that the task is known by; None if it could not be measured."""
    return result.by_prompts.get(wording, {}).get(metric or result.metric)


def measure_spread(result: Result, metric: str | None = None) -> Spread | None:
    """Return how a metric varies over single templates, by default the task's own; None if it was not measured."""
    found = {name: get_metric(result, name, metric) for name in list_templates(result)}
    values = {name: one.value for name, one in found.items() if one is not None}
    if not values:
        return None
    numbers = list(values.values())
    return Spread(
        num_templates=len(values),
        mean=fmean(numbers),
        deviation=stdev(numbers) if len(numbers) > 1 else 0.0,
        worst=min(values, key=lambda name: values[name]),
        best=max(values, key=lambda name: values[name]),
    )


def find_rank_changes(entries: Sequence[Entry]) -> list[RankChange]:
    """Compare the order of every two models under the ensemble and under each template that both were asked with.

    Args:
        entries: results of one task on the same clips.
    """
    changes = []
    for pair in combinations(entries, 2):
        values = [get_metric(entry.result, ENSEMBLE) for entry in pair]
        templates = [name for name in list_templates(pair[0].result) if name in pair[1].result.by_prompts]
        if values[0] is None or values[1] is None or values[0].value == values[1].value:
            continue
        better, worse = pair if values[0].value > values[1].value else pair[::-1]
        gaps = [_subtract(better.result, worse.result, name) for name in templates]
        counted = [gap for gap in gaps if gap is not None]
        if counted:
            num_reversed, num_tied = sum(gap < 0 for gap in counted), sum(gap == 0 for gap in counted)
            changes.append(RankChange(better.model, worse.model, len(counted), num_reversed, num_tied))
    return changes


def count_changed_orders(entries: Sequence[Entry]) -> tuple[int, int]:
    """Return for how many single templates any two models stand in another order than the ensemble's, and of how many.

    Args:
        entries: results of one task on the same clips; only templates that all of them have are counted.
    """
    shared = [name for name in list_templates(entries[0].result) if all(name in e.result.by_prompts for e in entries)]
    usual = _order(entries, ENSEMBLE)
    return sum(_order(entries, name) != usual for name in shared), len(shared)


def find_source(result: Result, wording: str) -> str:
    """Say where a published wording is written; an empty text if the package's task has no such prompts."""
    task = load_tasks().get(result.task)
    asked = result.prompts.get(wording, {})
    for published in task.published if task is not None else ():
        if asked == {name: (prompt,) for name, prompt in published.prompts.items()}:
            return published.source
    return ""


def _subtract(better: Result, worse: Result, wording: str) -> float | None:
    one, other = get_metric(better, wording), get_metric(worse, wording)
    return None if one is None or other is None else one.value - other.value


def _order(entries: Sequence[Entry], wording: str) -> list[int]:
    """Return for every two models whether the first is better (1), worse (-1) or neither (0)."""
    gaps = (_subtract(one.result, other.result, wording) for one, other in combinations(entries, 2))
    return [0 if gap is None else (gap > 0) - (gap < 0) for gap in gaps]
