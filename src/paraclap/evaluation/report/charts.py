"""The charts of the report as data: prompt sensitivity, recall, speakers, groups, disturbances."""

from collections.abc import Sequence

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Chart, Point, Series
from paraclap.evaluation.report.formatting import Bounded, name_axis, name_metric
from paraclap.evaluation.report.overview import find_chance
from paraclap.evaluation.report.task_tables import OURS, list_wordings
from paraclap.evaluation.report.wordings import get_metric, list_templates
from paraclap.evaluation.zero_shot import ENSEMBLE

_LINES = "lines: 95 % intervals"


def chart_wordings(task: TaskEntries) -> Chart | None:
    """Show the task's metric for each wording: ours, the published ones, then single templates, the best first."""
    entries = [entry for entry in task.entries if entry.result.by_prompts]
    if not entries:
        return None
    metric = entries[0].result.metric
    marked = list(dict.fromkeys(name for entry in entries for name in list_wordings(entry.result)))
    templates = list(dict.fromkeys(name for entry in entries for name in list_templates(entry.result)))
    values = {name: [one.value for e in entries if (one := get_metric(e.result, name, metric))] for name in templates}
    templates = sorted((name for name in templates if values[name]), key=lambda name: -values[name][0])
    names = {name: OURS if name == ENSEMBLE else name for name in [*marked, *templates]}
    series = []
    for entry in entries:
        found = {names[name]: get_metric(entry.result, name, metric) for name in names}
        series.append(Series(entry.label, {name: _bound(one) for name, one in found.items() if one is not None}))
    return Chart(
        title=f"{task.task}: prompt sensitivity",
        caption=(
            f"{name_metric(metric)} of each wording of the prompts; filled: our ensemble and published wordings, "
            f"hollow: single templates of our label set; {_LINES}"
        ),
        axis=name_axis(metric),
        rows_axis="wording",
        rows=tuple(names.values()),
        series=tuple(series),
        has_bars=False,
        marked=frozenset(names[name] for name in marked),
        reference=_find_reference(entries, metric),
    )


def chart_recalls(task: TaskEntries) -> Chart | None:
    """Show the recall of each class that occurs."""
    entries = [entry for entry in task.entries if entry.result.recall]
    if not entries:
        return None
    rows = tuple(
        dict.fromkeys(name for entry in entries for name in entry.result.classes if name in entry.result.recall)
    )
    return Chart(
        title=f"{task.task}: recall of each class",
        caption="Share of the clips of each class that are taken for it, our ensemble",
        axis="recall (0 to 1)",
        rows_axis="class",
        rows=rows,
        series=tuple(Series(e.label, {name: Point(value) for name, value in e.result.recall.items()}) for e in entries),
        limits=(0.0, 1.0),
        reference=_find_reference(entries, "uar"),
    )


def chart_speakers(task: TaskEntries) -> Chart | None:
    """Show each speaker's UAR, where speakers are too few for an interval over them."""
    found = {entry.label: entry.result.interval.by_speaker for entry in task.entries}
    known = {label: by_speaker for label, by_speaker in found.items() if by_speaker}
    if not known:
        return None
    return Chart(
        title=f"{task.task}: UAR of each speaker",
        caption=(
            "UAR of each speaker over the classes that he or she is heard in, our ensemble; the intervals of the task "
            "leave out how much speakers differ"
        ),
        axis=name_axis("uar"),
        rows_axis="speaker",
        rows=tuple(dict.fromkeys(name for by_speaker in known.values() for name in by_speaker)),
        series=tuple(
            Series(label, {name: Point(value) for name, value in by_speaker.items()})
            for label, by_speaker in known.items()
        ),
        limits=(0.0, 1.0),
        reference=_find_reference(task.entries, "uar"),
    )


def chart_groups(task: TaskEntries) -> list[Chart]:
    """Show the UAR of groups of speakers, a chart for each attribute."""
    attributes = dict.fromkeys(name for entry in task.entries for name in entry.result.fairness)
    charts = []
    for attribute in attributes:
        groups = {e.label: e.result.fairness[attribute].groups for e in task.entries if attribute in e.result.fairness}
        charts.append(
            Chart(
                title=f"{task.task}: UAR by {attribute}",
                caption=f"UAR of each group over the classes that all groups have, our ensemble; {_LINES}",
                axis=name_axis("uar"),
                rows_axis=attribute,
                rows=tuple(dict.fromkeys(name for found in groups.values() for name in found)),
                series=tuple(
                    Series(label, {name: _bound(group.uar) for name, group in found.items()})
                    for label, found in groups.items()
                ),
                limits=(0.0, 1.0),
                reference=_find_reference(task.entries, "uar"),
            )
        )
    return charts


def chart_disturbances(task: TaskEntries) -> Chart | None:
    """Show how much each disturbance changes the task's metric."""
    entries = [entry for entry in task.entries if entry.result.robustness]
    if not entries:
        return None
    metric = entries[0].result.metric
    series = []
    for entry in entries:
        changes = {name: found.change.get(metric) for name, found in entry.result.robustness.items()}
        series.append(Series(entry.label, {name: _bound(one) for name, one in changes.items() if one is not None}))
    return Chart(
        title=f"{task.task}: change of {name_metric(metric)} when disturbed",
        caption=f"Disturbed less clean clips, our ensemble, below zero is worse; {_LINES}",
        axis=f"change of {name_metric(metric)} (-1 to 1)",
        rows_axis="disturbance",
        rows=tuple(dict.fromkeys(name for one in series for name in one.points)),
        series=tuple(series),
        reference=(0.0, "no change"),
    )


def describe_points(chart: Chart) -> str:
    """Return the numbers of a chart as a sentence, for those who do not see it."""
    parts = []
    for row in chart.rows:
        values = [
            _describe(one.points[row], one.name, is_alone=len(chart.series) == 1)
            for one in chart.series
            if row in one.points
        ]
        parts.append(f"{row} {', '.join(values)}")
    return f"{chart.axis}: {'; '.join(parts)}."


def _describe(point: Point, name: str, *, is_alone: bool) -> str:
    interval = "" if point.low is None or point.high is None else f" ({point.low:.3f} to {point.high:.3f})"
    return f"{'' if is_alone else name + ' '}{point.value:.3f}{interval}"


def _bound(metric: Bounded) -> Point:
    return Point(metric.value, metric.low, metric.high)


def _find_reference(entries: Sequence[Entry], metric: str) -> tuple[float, str] | None:
    """Return the line of chance; None if it is not known or not the same for all."""
    chances = {find_chance(entry.result, metric) for entry in entries}
    chance = chances.pop() if len(chances) == 1 else None
    return None if chance is None else (chance, f"chance ({chance:.3f})")
