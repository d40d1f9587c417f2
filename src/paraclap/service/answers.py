"""Answers as plain values: those that the commands print with `--json`, under a version that clients can rely on."""

from typing import Any, Literal

import numpy as np

from paraclap.evaluation import load_tasks
from paraclap.inference import Timeline
from paraclap.inference.timeline_files import list_rows
from paraclap.queries import list_label_sets, load_label_set

VERSION = 1


def keep_values(answer: dict[str, Any], values: Literal["probability", "similarity"] | None) -> dict[str, Any]:
    """Return an answer with the numbers that are wanted; all of them if None."""
    other = {"probability": "similarity", "similarity": "probability"}
    return answer if values is None else {key: value for key, value in answer.items() if key != other[values]}


def answer_timeline(timeline: Timeline, *, curves: bool) -> dict[str, Any]:
    """Return what was heard when: `segments` are what `paraclap timeline --json` prints."""
    return {
        "file": timeline.clip.name,
        "duration": timeline.duration,
        "segments": list_rows([timeline]),
        "empty": timeline.explain_empty(),
        "speech": [list(region) for region in timeline.speech],
        "curves": _list_curves(timeline) if curves else None,
    }


def answer_tasks() -> list[dict[str, Any]]:
    """Return what can be asked by name: label sets, and the tasks that compare classes."""
    names = list_label_sets()
    label_sets = [
        {"name": name, "kind": "label set", "classes": list(load_label_set(name).classes)} for name in sorted(names)
    ]
    tasks = [
        {"name": task.name, "kind": "task", "classes": list(task.classes)}
        for task in load_tasks().values()
        if task.label_set and task.name not in names
    ]
    return label_sets + tasks


def _list_curves(timeline: Timeline) -> dict[str, Any]:
    rows = [None if np.isnan(row).any() else [float(share) for share in row] for row in timeline.probability]
    return {
        "columns": list(timeline.columns),
        "edges": [float(edge) for edge in timeline.edges],
        "probability": rows,
    }
