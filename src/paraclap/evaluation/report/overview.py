"""The first table of the report: a row for each task and model, with all that its number has to be held against."""

from collections.abc import Sequence
from dataclasses import replace

from paraclap.evaluation.baselines import CHANCE, MAJORITY, PROBE
from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Table, make_table, name_columns
from paraclap.evaluation.report.formatting import (
    format_count,
    format_metric,
    format_number,
    name_metric,
)
from paraclap.evaluation.report.wordings import get_metric
from paraclap.evaluation.results import Baseline, Metric, Result
from paraclap.evaluation.zero_shot import PUBLISHED

COLLAPSE_SHARE = 0.5  # of the clips in one predicted class, from which on the classes are hardly told apart
_COLLAPSE_EXCESS = 0.2  # over the share of the most frequent class: where that is large, a large one is no collapse
_NAMES = (
    "task",
    "model",
    "clips",
    "speakers",
    "trained on the corpus?",
    "metric",
    "chance",
    "our prompts",
    "published prompts",
    "linear probe",
    "other baselines",
    "published figures",
    "WA: majority",
    "WA: our prompts",
    "WA: published prompts",
    "WA: published figures",
    "protocol",
    "notes",
)
_TEXTS = ("task", "model", "trained on the corpus?", "metric", "protocol")
_LONG = ("other baselines", "published figures", "WA: published figures", "notes")
_NUMBERS = tuple(name for name in _NAMES if name not in (*_TEXTS, *_LONG))
_NAMES_OF_TRUTH = {True: "yes", False: "no", None: "unknown"}
_UNCOVERED = " *"  # behind an interval over clips, not speakers


def make_overview(tasks: Sequence[TaskEntries]) -> Table:
    """Return the table of all results: the metric that each task is known by, then the accuracy (WA)."""
    sources: dict[str, int] = {}
    rows = []
    for task in tasks:
        for place, entry in enumerate(task.entries):
            rows.append(_make_row(entry, sources, has_figures=place == 0))
    table = make_table(
        "All tasks: the metric that each is known by and WA, with 95 % intervals",
        name_columns(_NAMES, numbers=_NUMBERS, long=_LONG),
        rows,
    ).drop_empty()
    footnotes = [f"[{number}] {source}" for source, number in sources.items()]
    if any(not _covers_speakers(entry.result) for task in tasks for entry in task.entries):
        footnotes.append("* Speakers are few or unknown: the interval does not cover variation between them.")
    return replace(table, footnotes=tuple(footnotes))


def find_chance(result: Result, metric: str | None = None) -> float | None:
    """Return what guessing reaches in a metric, by default the task's own; None if that is not known."""
    metric = metric or result.metric
    baseline = _find_baseline(result, CHANCE)
    if baseline is not None:
        found = baseline.metrics.get(metric)
        return None if found is None else found.value
    is_guessable = result.kind == "single-label" and metric in ("uar", "wa")  # format 1 had no baselines
    return 1 / len(result.classes) if is_guessable else None


def describe_collapse(result: Result) -> str:
    """Say which class takes most clips if it takes far more than there are of any; an empty text if none does."""
    counts = [sum(row) for row in result.confusion]
    total = sum(counts)
    if not total:
        return ""
    predicted = [sum(column) for column in zip(*result.confusion, strict=True)]
    share, true_share = max(predicted) / total, max(counts) / total
    if share <= max(COLLAPSE_SHARE, true_share + _COLLAPSE_EXCESS):
        return ""
    favourite = result.classes[predicted.index(max(predicted))]
    return f"collapse: {share:.3f} of the clips are taken for {favourite}, {true_share:.3f} at most are of one class"


def list_notes(entry: Entry) -> list[str]:
    """Return what has to be known of a result beside its numbers, the gravest first."""
    result = entry.result
    by_speaker = result.interval.by_speaker
    notes = [f"clip set {entry.clip_set}: not comparable with the others of this task" if entry.clip_set else ""]
    notes.append(describe_collapse(result))
    notes.append(result.overlap.note if result.overlap.trained_on_corpus else "")
    if result.sample is not None:
        notes.append(f"a seeded part of the clips, with as many of each class as there are (seed {result.sample.seed})")
    notes.append(result.interval.note if _covers_speakers(result) else "")
    if by_speaker:
        values = by_speaker.values()
        notes.append(f"UAR by speaker {format_number(min(values))} to {format_number(max(values))}")
    if result.absent_classes:
        notes.append(f"distractors, no clip is of them: {', '.join(result.absent_classes)}")
    if result.bad_files:
        notes.append(f"{len(result.bad_files)} {'file' if len(result.bad_files) == 1 else 'files'} could not be read")
    return [note for note in [*notes, result.note] if note]


def describe_baseline(baseline: Baseline, metric: str) -> str:
    """Return a baseline with its value in a metric, and its protocol if that is not the plain one."""
    protocol = "" if baseline.protocol == "plain" else f", {baseline.protocol}"
    return f"{baseline.name} {format_metric(baseline.metrics.get(metric))}{protocol}"


def _make_row(entry: Entry, sources: dict[str, int], *, has_figures: bool) -> list[str]:
    result = entry.result

    def mark(metric: Metric | None) -> str:
        """Return a metric with its interval, marked where that leaves out how speakers differ."""
        text = format_metric(metric)
        return text if not text or _covers_speakers(result) else text + _UNCOVERED

    is_classified = result.kind == "single-label"
    others = [one for one in result.baselines if one.name not in (CHANCE, MAJORITY, PROBE)]
    return [
        result.task,
        entry.model,
        str(result.clips) if result.sample is None else f"{result.clips} of {result.sample.clips_in_all}",
        format_count(result.speakers),
        _NAMES_OF_TRUTH[result.overlap.trained_on_corpus],
        name_metric(result.metric),
        format_number(find_chance(result)),
        mark(result.metrics.get(result.metric)) or "not measurable",
        mark(get_metric(result, PUBLISHED)),
        mark(_get_baseline_metric(result, PROBE, result.metric)),
        "; ".join(describe_baseline(one, result.metric) for one in others if result.metric in one.metrics),
        _list_figures(result, result.metric, sources) if has_figures else "",
        format_number(majority.value if (majority := _get_baseline_metric(result, MAJORITY, "wa")) else None),
        mark(result.metrics.get("wa")) if is_classified else "",
        mark(get_metric(result, PUBLISHED, "wa")) if is_classified else "",
        _list_figures(result, "wa", sources) if has_figures else "",
        result.protocol,
        "; ".join(list_notes(entry)),
    ]


def _covers_speakers(result: Result) -> bool:
    return result.interval.method == "speakers"


def _list_figures(result: Result, metric: str, sources: dict[str, int]) -> str:
    """Return the published figures of a metric, each with the number of its source, which is given one if new."""
    shown = []
    for figure in result.figures:
        if figure.metric == metric:
            number = sources.setdefault(figure.source, len(sources) + 1)
            note = f" ({figure.note})" if figure.note else ""
            shown.append(f"{figure.model} {format_number(figure.value)}{note} [{number}]")
    return "; ".join(shown)


def _find_baseline(result: Result, name: str) -> Baseline | None:
    return next((one for one in result.baselines if one.name == name), None)


def _get_baseline_metric(result: Result, name: str, metric: str) -> Metric | None:
    baseline = _find_baseline(result, name)
    return None if baseline is None else baseline.metrics.get(metric)
