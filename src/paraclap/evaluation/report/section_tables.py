"""Tables over all tasks: groups of speakers, disturbances, retrieval, labels that are true or not."""

from collections.abc import Sequence

from paraclap.evaluation.baselines import CHANCE
from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Table, make_table, name_columns
from paraclap.evaluation.report.formatting import (
    format_change,
    format_count,
    format_metric,
    format_number,
    name_metric,
)
from paraclap.evaluation.retrieval_pools import RECALL_AT
from paraclap.evaluation.tasks import Kind

_WAYS = {"text_to_audio": "text to audio", "audio_to_text": "audio to text"}


def make_gaps(tasks: Sequence[TaskEntries]) -> Table | None:
    """Return the gap in UAR between the best and the worst group of speakers; None if no result has groups."""
    rows = []
    for task in tasks:
        for entry in task.entries:
            for attribute, found in entry.result.fairness.items():
                pair = [found.best, found.worst]
                rows.append(
                    [task.task, entry.label, attribute, *pair, format_change(found.gap), format_number(found.gap.p)]
                )
    if not rows:
        return None
    names = ["task", "model", "attribute", "best group", "worst group", "gap in UAR, best less worst", "p"]
    return make_table(
        "Gap in UAR (0 to 1) between groups of speakers, with 95 % intervals; p: two-sided, of no gap",
        name_columns(names, numbers=names[-2:]),
        rows,
    )


def make_groups(tasks: Sequence[TaskEntries]) -> Table | None:
    """Return the UAR of each group of speakers; None if no result has groups."""
    rows = []
    for task in tasks:
        for entry in task.entries:
            for attribute, found in entry.result.fairness.items():
                for name, group in found.groups.items():
                    counts = [str(group.clips), format_count(group.speakers)]
                    rows.append([task.task, entry.label, attribute, name, *counts, format_metric(group.uar)])
    if not rows:
        return None
    names = ["task", "model", "attribute", "group", "clips", "speakers", "UAR"]
    caption = "UAR (0 to 1) of each group of speakers, over the classes that all groups have, with 95 % intervals"
    return make_table(caption, name_columns(names, numbers=names[-3:]), rows)


def make_disturbances(tasks: Sequence[TaskEntries]) -> Table | None:
    """Return what each disturbance changes; None if no result has any."""
    rows = []
    for task in tasks:
        for entry in task.entries:
            metric = entry.result.metric
            for name, found in entry.result.robustness.items():
                change = found.change.get(metric)
                rows.append(
                    [
                        task.task,
                        entry.label,
                        name,
                        name_metric(metric),
                        format_metric(entry.result.metrics.get(metric)),
                        format_metric(found.metrics.get(metric)),
                        format_change(change),
                        format_number(None if change is None else change.p),
                        format_number(found.similarity),
                    ]
                )
    if not rows:
        return None
    names = ["task", "model", "disturbance", "metric", "clean", "disturbed", "change", "p", "mean cosine"]
    caption = (
        "Change of each task's metric when clips are disturbed, with 95 % intervals; p: two-sided, of no change; "
        "mean cosine (-1 to 1) of clean and disturbed clips' embeddings"
    )
    return make_table(caption, name_columns(names, numbers=names[-5:]), rows)


def make_retrieval(tasks: Sequence[TaskEntries]) -> Table | None:
    """Return recall, median rank and mean average precision both ways; None if no task is of retrieval."""
    rows = []
    for entry in _list_entries(tasks, "retrieval"):
        result = entry.result
        chance = next((one.metrics for one in result.baselines if one.name == CHANCE), {})
        for key, way in _WAYS.items():
            found = [result.metrics.get(f"{key}_recall@{k}") for k in RECALL_AT]
            rows.append([result.task, entry.label, way, *map(format_metric, found)])
            rows[-1].append(format_metric(result.metrics.get(f"{key}_median_rank"), digits=1))
            rows[-1].append(format_metric(result.metrics.get(f"{key}_map")))
            expected = [chance.get(f"{key}_recall@{k}") for k in RECALL_AT]
            rows[-1].append(", ".join(format_number(one.value) for one in expected if one is not None))
    if not rows:
        return None
    recalls = [f"recall@{k}" for k in RECALL_AT]
    numbers = [*recalls, "median rank", "mAP", f"chance, recall@{'/'.join(map(str, RECALL_AT))}"]
    caption = "Retrieval in fixed pools of clips: recall and mAP (0 to 1), median rank (1 is best), with 95 % intervals"
    return make_table(caption, name_columns(["task", "model", "way", *numbers], numbers=numbers), rows)


def make_labels(tasks: Sequence[TaskEntries]) -> Table | None:
    """Return the AUROC of each class of multi-label tasks; None if there is no such task."""
    rows = []
    for entry in _list_entries(tasks, "multi-label"):
        result = entry.result
        rows.append([result.task, entry.label, "mean of all", format_metric(result.metrics.get("auroc"))])
        for name in result.classes:
            score = format_metric(result.auroc.get(name)) or "true of all clips or of none"
            rows.append([result.task, entry.label, name, score])
    if not rows:
        return None
    caption = "AUROC (0 to 1, chance 0.5) of each label of multi-label tasks, our ensemble, with 95 % intervals"
    return make_table(caption, name_columns(["task", "model", "label", "AUROC"], numbers=["AUROC"]), rows)


def _list_entries(tasks: Sequence[TaskEntries], kind: Kind) -> list[Entry]:
    return [entry for task in tasks for entry in task.entries if entry.result.kind == kind]
