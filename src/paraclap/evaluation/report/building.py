"""The report put together: the results of all tasks as sections, for HTML and Markdown alike."""

from collections.abc import Sequence
from dataclasses import replace

from paraclap.evaluation.report import prose
from paraclap.evaluation.report.charts import (
    chart_disturbances,
    chart_groups,
    chart_recalls,
    chart_speakers,
    chart_wordings,
)
from paraclap.evaluation.report.collecting import TaskEntries
from paraclap.evaluation.report.document import Chart, Section, Table
from paraclap.evaluation.report.formatting import format_count
from paraclap.evaluation.report.model_tables import make_fingerprints, make_interval_methods, make_models
from paraclap.evaluation.report.overview import make_overview
from paraclap.evaluation.report.section_tables import (
    make_disturbances,
    make_gaps,
    make_groups,
    make_labels,
    make_retrieval,
)
from paraclap.evaluation.report.task_tables import (
    make_bad_files,
    make_confusion,
    make_prompts,
    make_rank_changes,
    make_recalls,
    make_scores,
    make_speakers,
    make_wordings,
)

TITLE = "Zero-shot evaluation"


def build_report(tasks: Sequence[TaskEntries]) -> Section:
    """Return the whole report of the results; parts that nothing is known of are left out."""
    models = list(dict.fromkeys(entry.model for task in tasks for entry in task.entries))
    what = f"{len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}, {', '.join(models)}."
    sections = [
        Section("Overview", tables=(make_overview(tasks),)),
        Section("How to read it", paragraphs=prose.READING),
        Section("Tasks", sections=tuple(map(_build_task, tasks))),
        _build_fairness(tasks),
        _build_robustness(tasks),
        Section("Retrieval", (prose.RETRIEVAL,), _keep(make_retrieval(tasks))),
        Section("Several labels a clip", (prose.LABELS,), _keep(make_labels(tasks))),
        Section("Intervals", (prose.INTERVALS,), (make_interval_methods(tasks),)),
        Section("Models", tables=(*make_models(tasks), make_fingerprints(tasks))),
        Section("What this is not for", (prose.MISUSE,)),
    ]
    optional = ("Fairness", "Robustness", "Retrieval", "Several labels a clip")
    shown = tuple(section for section in sections if section.tables or section.title not in optional)
    report = Section(TITLE, (prose.INTRODUCTION, what), sections=shown)
    labels = {entry.label for task in tasks for entry in task.entries}
    return _omit_model(report, labels.pop()) if len(labels) == 1 else report


def _omit_model(section: Section, label: str) -> Section:
    """Return a section whose tables do not repeat in every row the one model that there is."""
    return replace(
        section,
        tables=tuple(table.drop_column("model", label) for table in section.tables),
        sections=tuple(_omit_model(part, label) for part in section.sections),
    )


def _build_task(task: TaskEntries) -> Section:
    first = task.entries[0].result
    asked = f", label {first.label}" if first.label else ""
    paragraphs = [
        f"Corpus {first.corpus}{asked}; {', '.join(_describe_size(task))}; "
        + (
            f"classes: {', '.join(first.classes)}."
            if first.classes
            else "retrieval, whose numbers stand in a part of its own."
        )
    ]
    notes = dict.fromkeys(entry.result.note for entry in task.entries if entry.result.note)
    paragraphs += [f"Note: {'; '.join(notes)}."] if notes else []
    paragraphs += [prose.NOT_COMPARABLE] if len(task.comparable) > 1 else []
    has_prompts = any(entry.result.by_prompts for entry in task.entries)
    wordings = (make_wordings(task),) if has_prompts else ()
    confusions = tuple(map(make_confusion, task.entries))
    scores = () if first.kind == "retrieval" else (make_scores(task),)
    return Section(
        task.task,
        (*paragraphs, *([prose.WORDINGS] if has_prompts else [])),
        (*scores, *wordings, *make_rank_changes(task), *_keep(make_recalls(task), *confusions)),
        _keep_charts(chart_wordings(task), chart_recalls(task), chart_speakers(task)),
        (
            *make_prompts(task),
            *_keep(*map(make_speakers, task.entries)),
            *_keep(*map(make_bad_files, task.entries)),
        ),
    )


def _describe_size(task: TaskEntries) -> list[str]:
    sizes = dict.fromkeys((entry.result.clips, entry.result.speakers) for entry in task.entries)
    return [f"{clips} clips of {format_count(speakers)} speakers" for clips, speakers in sizes]


def _build_fairness(tasks: Sequence[TaskEntries]) -> Section:
    charts = tuple(chart for task in tasks for chart in chart_groups(task))
    return Section("Fairness", (prose.FAIRNESS,), _keep(make_gaps(tasks), make_groups(tasks)), charts)


def _build_robustness(tasks: Sequence[TaskEntries]) -> Section:
    charts = _keep_charts(*map(chart_disturbances, tasks))
    return Section("Robustness", (prose.ROBUSTNESS,), _keep(make_disturbances(tasks)), charts)


def _keep(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None and table.rows)


def _keep_charts(*charts: Chart | None) -> tuple[Chart, ...]:
    return tuple(chart for chart in charts if chart is not None and chart.rows)
