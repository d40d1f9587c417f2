"""`paraclap compare`: two models on the same clips, with paired intervals of their differences."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paraclap.cli.options import JsonOption
from paraclap.cli.output import format_metric, print_json, print_rows

if TYPE_CHECKING:
    from paraclap.evaluation import Comparison
    from paraclap.evaluation.pairing import PairedDifference

_COLUMNS = ("task", "metric", "A (95 % interval)", "B (95 % interval)", "B - A (95 % interval)", "p", "note")
_SHOWN = ("uar", "wa", "macro_f1", "auroc", "spearman")


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Results of one model: a folder, or one TASK.json.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Results of another model on the same clips.")],
    as_json: JsonOption = False,
) -> None:
    """Compare two models task by task: by how much B is better than A on the same clips.

    Intervals and p-values of the differences are paired: the same draws of speakers (or clips) for both. They need the
    scores of the clips, which 'paraclap evaluate --save-scores' keeps beside the results. The last line is the mean UAR
    over all single-label tasks, each counting alike.
    """
    from paraclap.evaluation import compare_means, compare_results

    comparisons = compare_results(first, second)
    if as_json:
        print_json([_describe(comparison) for comparison in comparisons])
        return
    for letter, place, result in zip("AB", (first, second), (comparisons[0].first, comparisons[0].second), strict=True):
        typer.echo(f"{letter}: {result.model} ({result.fingerprints.model[:8]}), {place}", err=True)
    rows = [row for comparison in comparisons for row in _make_rows(comparison)]
    mean = compare_means(comparisons)
    if mean is not None:
        shown = [format_metric(mean.first), format_metric(mean.second), _format_difference(mean.difference)]
        rows.append([f"mean of {mean.num_tasks} tasks", "uar", *shown, f"{mean.difference.p:.3f}", ""])
    print_rows(_COLUMNS, rows)


def _describe(comparison: "Comparison") -> dict[str, Any]:
    one, other = comparison.first, comparison.second
    return {
        "task": one.task,
        "models": [one.model, other.model],
        "protocols": [one.protocol, other.protocol],
        "clips": one.clips,
        "metrics": [{name: m.model_dump() for name, m in result.metrics.items()} for result in (one, other)],
        "differences": {name: found.model_dump() for name, found in comparison.differences.items()},
        "note": _note(comparison),
    }


def _make_rows(comparison: "Comparison") -> list[list[str]]:
    one, other = comparison.first, comparison.second
    names = [name for name in one.metrics if name in other.metrics and (name in _SHOWN or name == one.metric)]
    rows = []
    for name in names:
        found = comparison.differences.get(name)
        difference = f"{other.metrics[name].value - one.metrics[name].value:+.3f}"
        if found is not None:
            difference = _format_difference(found)
        shown = [format_metric(one.metrics[name]), format_metric(other.metrics[name])]
        rows.append(["", name, *shown, difference, "" if found is None else f"{found.p:.3f}", ""])
    rows[0] = [one.task, *rows[0][1:-1], _note(comparison)]
    return rows


def _format_difference(found: "PairedDifference") -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _note(comparison: "Comparison") -> str:
    one, other = comparison.first, comparison.second
    notes = [] if one.protocol == other.protocol else [f"A is {one.protocol}, B is {other.protocol}"]
    notes += [f"A: {one.overlap.note}"] if one.overlap.note else []
    notes += [f"B: {other.overlap.note}"] if other.overlap.note else []
    if one.kind == "retrieval":
        notes.append("no paired interval: retrieval keeps no scores")
    elif not comparison.is_paired:
        notes.append("no paired interval: evaluate both with --save-scores")
    elif one.interval.note:
        notes.append(one.interval.note)
    return "; ".join(notes)
