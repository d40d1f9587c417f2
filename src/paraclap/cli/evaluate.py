"""`paraclap evaluate`: run zero-shot tasks on corpora, print one table, write one result file a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paraclap.cli.options import BatchSizeOption, DeviceOption, DtypeOption, JsonOption, ModelOption
from paraclap.cli.output import format_metric, print_json, print_rows, report_bad_files
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    from paraclap.evaluation import Embedder, Evaluation, Result, Task
    from paraclap.evaluation.tasks import PublishedFigure

_LIST_COLUMNS = ("task", "corpus", "split", "label", "classes", "published figures")
_COLUMNS = ("task", "prompts", "UAR (95 % interval)", "WA (95 % interval)", "clips", "speakers", "note")


def evaluate(
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task, 'all', or a TOML file with tasks of your own; repeatable."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Print all tasks and leave.")] = False,
    model: ModelOption = None,
    corpora: Annotated[
        Path | None, typer.Option(help="Folder that holds the corpora in their official layout.", metavar="ROOT")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, one TASK.json each.", metavar="DIR")] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run zero-shot tasks on corpora: UAR and WA with intervals, for our prompts and the published ones."""
    from paraclap.evaluation import ALL_TASKS, check_request, load_tasks, resolve_tasks
    from paraclap.evaluation import evaluate as evaluate_tasks

    if show_list:
        _print_tasks(list(load_tasks().values()), as_json=as_json)
        return
    if not tasks:
        raise typer.BadParameter(
            "name at least one, or 'all'; 'paraclap evaluate --list' shows them", param_hint="--task"
        )
    if corpora is None or out is None:
        missing = "--corpora" if corpora is None else "--out"
        raise typer.BadParameter("is needed to evaluate tasks", param_hint=missing)
    check_request(tasks, corpora, out=out)
    named = [name for name in tasks if name != ALL_TASKS]
    embedder = _load_embedder(model, device=device, dtype=dtype, batch_size=batch_size)
    with ProgressBars() as bars:
        evaluation = evaluate_tasks(tasks, embedder, corpora, out=out, progress=bars.show)
    if as_json:
        print_json([result.model_dump(mode="json") for result in evaluation.results])
    else:
        print_rows(_COLUMNS, [row for result in evaluation.results for row in _make_rows(result)])
    _finish(evaluation, asked=[task.name for task in resolve_tasks(named)] if named else [])


def _load_embedder(model: str | None, *, device: str | None, dtype: str | None, batch_size: int | None) -> "Embedder":
    from paraclap.inference import load_model

    return load_model(model, device=device, dtype=dtype, batch_size=batch_size)


def _finish(evaluation: "Evaluation", *, asked: list[str]) -> None:
    """Say what is missing on stderr; leave with status 1 if a file was bad or a task named by the user was skipped."""
    import sys

    for skipped in evaluation.skipped:
        print(f"paraclap: {skipped.task} skipped: {skipped.reason}", file=sys.stderr)
    report_bad_files(evaluation.bad_files)
    if not evaluation.results or any(skipped.task in asked for skipped in evaluation.skipped):
        raise typer.Exit(1)


def _print_tasks(tasks: "list[Task]", *, as_json: bool) -> None:
    if as_json:
        print_json([task.model_dump(mode="json") for task in tasks])
        return
    rows = [
        [
            task.name,
            task.corpus,
            task.split or "all",
            task.label,
            ", ".join(task.classes),
            ", ".join(map(_format_figure, task.figures)),
        ]
        for task in tasks
    ]
    print_rows(_LIST_COLUMNS, rows)


def _format_figure(figure: "PublishedFigure") -> str:
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.model} {figure.metric.upper()} {figure.value:.3f}{note}"


def _make_rows(result: "Result") -> list[list[str]]:
    """Return the lines of one result: our ensemble, the published wordings, the best and the worst template."""
    named = {name: name for name in result.by_prompts if name.startswith(("ensemble", "published"))}
    templates = sorted((name for name in result.by_prompts if name not in named), key=lambda name: _uar(result, name))
    if templates:
        named |= {templates[-1]: f"best: {templates[-1]}", templates[0]: f"worst: {templates[0]}"}
    rows = []
    for name, shown in named.items():
        metrics = result.by_prompts[name]
        rows.append(["", shown, format_metric(metrics["uar"]), format_metric(metrics["wa"]), "", "", ""])
    speakers = "?" if result.speakers is None else str(result.speakers)
    rows[0] = [result.task, *rows[0][1:4], str(result.clips), speakers, _make_note(result)]
    return rows


def _uar(result: "Result", name: str) -> float:
    return result.by_prompts[name]["uar"].value


def _make_note(result: "Result") -> str:
    notes = [result.overlap.note, result.interval.note]
    by_speaker = result.interval.by_speaker
    if by_speaker:
        notes.append(f"UAR by speaker {min(by_speaker.values()):.3f}-{max(by_speaker.values()):.3f}")
    if result.absent_classes:
        notes.append(f"no clip of {', '.join(result.absent_classes)}")
    return "; ".join(note for note in [*notes, result.note] if note)
