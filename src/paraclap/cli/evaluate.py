"""`paraclap evaluate`: run zero-shot tasks on corpora, print one table, write one result file a task."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from paraclap.cli.options import BatchSizeOption, DeviceOption, DtypeOption, JsonOption, ModelOption
from paraclap.cli.output import format_metric, print_json, print_rows, report_bad_files
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paraclap.evaluation import Embedder, Evaluation, Result, Task
    from paraclap.evaluation.results import Metric
    from paraclap.evaluation.tasks import PublishedFigure

_LIST_COLUMNS = ("task", "corpus", "split", "label", "classes", "published figures")
_OTHER_COLUMNS = ("task", "what", "metric", "value (95 % interval)", "chance", "clips", "note")
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
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Take at most N clips a task: a seeded part, as many of each class.", metavar="N"),
    ] = None,
    adapt: Annotated[
        Literal["none", "channel", "speaker"],
        typer.Option(
            help="Hear clips relative to others without labels: all of the corpus that are tested, or their speaker's."
        ),
    ] = "none",
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness", help="Also hear the clips quieter, noisy, band-limited, coded, in a room, cropped."
        ),
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines", help="Also fit a supervised linear probe on the embeddings, and the classical way below."
        ),
    ] = False,
    classical: Annotated[
        list[str] | None,
        typer.Option(
            help="Corpus to train the classical way on, eGeMAPS with a linear classifier; repeatable. Those of the "
            "model if left out. Needs openSMILE, whose licence is non-commercial.",
            metavar="CORPUS",
        ),
    ] = None,
    save_scores: Annotated[
        bool, typer.Option("--save-scores", help="Keep TASK.scores.parquet, for paired comparisons and to score again.")
    ] = False,
    from_scores: Annotated[
        Path | None,
        typer.Option(help="Score again what --save-scores kept in this folder; no audio, no model.", metavar="DIR"),
    ] = None,
    notes: Annotated[
        list[str] | None,
        typer.Option(
            "--note", help="Say in results what is special about your copy of a corpus.", metavar="CORPUS=TEXT"
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder in which embeddings are kept; the user's cache if left out.", metavar="DIR"),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Embed all clips anew and keep nothing.")] = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run zero-shot tasks on corpora: UAR and WA with intervals, for our prompts and the published ones.

    Example: paraclap evaluate --task ravdess-emotion --task ravdess-gender --corpora corpora --out results

    Or all: paraclap evaluate --task all --corpora corpora --baselines --robustness --save-scores --out results

    With --adapt a model that takes references knows what is usual of a corpus or speaker from the tested clips, without
    labels; results name it as their protocol. Disturbed clips have the references of the clean ones. Give each
    protocol a folder of its own.

    A task whose corpus is not there is skipped, and said so. Embeddings are kept by the content of the files and the
    model, so that a second run, or one that was stopped, hears nothing twice. 'paraclap report' makes a page of the
    results, 'paraclap compare' tells if one model is better than another.
    """
    from paraclap.evaluation import (
        ALL_TASKS,
        DISTURBANCES,
        EvaluationSettings,
        check_request,
        load_tasks,
        resolve_tasks,
    )
    from paraclap.evaluation import evaluate as evaluate_tasks

    if show_list:
        _print_tasks(list(load_tasks().values()), as_json=as_json)
        return
    if from_scores is not None:
        if tasks or corpora or model or limit or robustness or baselines or classical or save_scores or adapt != "none":
            raise typer.BadParameter("takes --out alone: all that was kept is scored again", param_hint="--from-scores")
        _score_again(from_scores, out, as_json=as_json)
        return
    if not tasks:
        raise typer.BadParameter(
            "name at least one, or 'all'; 'paraclap evaluate --list' shows them", param_hint="--task"
        )
    if corpora is None or out is None:
        missing = "--corpora" if corpora is None else "--out"
        raise typer.BadParameter("is needed to evaluate tasks", param_hint=missing)
    if no_cache and cache is not None:
        raise typer.BadParameter("give either a folder or --no-cache", param_hint="--cache")
    from paraclap.cache_file import default_cache_folder

    wanted = EvaluationSettings(
        out=out,
        limit=limit,
        disturbances=DISTURBANCES if robustness else (),
        has_probe=baselines,
        saves_scores=save_scores,
        classical_corpora=tuple(classical or ()),
        notes=_read_notes(notes or []),
        cache=None if no_cache else cache or default_cache_folder(),
        adapt=adapt,
    )
    check_request(tasks, corpora, wanted)
    named = [name for name in tasks if name != ALL_TASKS]
    embedder = _load_embedder(model, device=device, dtype=dtype, batch_size=batch_size)
    if baselines and not classical:
        wanted = replace(wanted, classical_corpora=_find_classical(embedder, corpora))
    with ProgressBars() as bars:
        evaluation = evaluate_tasks(tasks, embedder, corpora, settings=wanted, progress=bars.show)
    _print_results(evaluation.results, as_json=as_json)
    _finish(evaluation, asked=[task.name for task in resolve_tasks(named)] if named else [])


def _find_classical(embedder: "Embedder", corpora_root: Path) -> tuple[str, ...]:
    """Return the corpora that the model was trained on and that are there; none without openSMILE, which is said."""
    import sys

    from paraclap.corpora import find_root
    from paraclap.errors import ConfigError, CorpusError
    from paraclap.features import find_opensmile

    try:
        find_opensmile()
    except ConfigError as error:
        print(f"paraclap: no classical baseline: {error}", file=sys.stderr)
        return ()
    found = []
    for corpus in embedder.training_corpora or ():
        try:
            find_root(corpus, corpora_root)
        except CorpusError:
            continue
        found.append(corpus)
    return tuple(found)


def _read_notes(given: list[str]) -> dict[str, str]:
    notes = {}
    for text in given:
        corpus, separator, note = text.partition("=")
        if not separator or not corpus or not note:
            raise typer.BadParameter(f"{text!r} is no CORPUS=TEXT, such as crema-d=rebuilt audio", param_hint="--note")
        notes[corpus] = note
    return notes


def _score_again(folder: Path, out: Path | None, *, as_json: bool) -> None:
    from paraclap.evaluation import rescore_results, write_result

    if out is None:
        raise typer.BadParameter("is needed to write results", param_hint="--out")
    results = rescore_results(folder)
    for result in results:
        write_result(out, result)
    _print_results(results, as_json=as_json)


def _print_results(results: "Sequence[Result]", *, as_json: bool) -> None:
    if as_json:
        print_json([result.model_dump(mode="json") for result in results])
        return
    labelled = [result for result in results if result.kind == "single-label"]
    if labelled:
        print_rows(_COLUMNS, [row for result in labelled for row in _make_rows(result)])
    others = [result for result in results if result.kind != "single-label"]
    if others:
        print_rows(_OTHER_COLUMNS, [row for result in others for row in _make_other_rows(result)])


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
            " + ".join(task.parts) or task.corpus,
            task.split or "all",
            task.label or task.kind,
            ", ".join(task.classes or task.attributes),
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
    for baseline in result.baselines:
        shown_metrics = [_format_if_there(baseline.metrics.get(name)) for name in ("uar", "wa")]
        protocol = "" if baseline.protocol == "plain" else f", {baseline.protocol}"
        rows.append(["", f"{baseline.name}{protocol}", *shown_metrics, "", "", baseline.note])
    speakers = "?" if result.speakers is None else str(result.speakers)
    rows[0] = [result.task, *rows[0][1:4], str(result.clips), speakers, _make_note(result)]
    return rows


def _format_if_there(metric: "Metric | None") -> str:
    if metric is None:
        return ""
    return f"{metric.value:.3f}" if metric.low == metric.high else format_metric(metric)


def _make_other_rows(result: "Result") -> list[list[str]]:
    """Return the lines of a multi-label task or one of retrieval: every metric, and every class of the first kind."""
    chance = {name: metric for baseline in result.baselines for name, metric in baseline.metrics.items()}
    rows = [
        ["", "all", name.replace("_", " "), format_metric(metric), _format_if_there(chance.get(name)), "", ""]
        for name, metric in result.metrics.items()
    ]
    rows += [["", name, "auroc", format_metric(metric), "0.500", "", ""] for name, metric in result.auroc.items()]
    rows[0] = [result.task, *rows[0][1:5], str(result.clips), _make_note(result)]
    return rows


def _uar(result: "Result", name: str) -> float:
    return result.by_prompts[name]["uar"].value


def _make_note(result: "Result") -> str:
    sample = result.sample
    part = "" if sample is None else f"{result.clips} of {sample.clips_in_all} clips (--limit {sample.limit})"
    notes = [part, result.overlap.note, result.interval.note]
    by_speaker = result.interval.by_speaker
    if by_speaker:
        notes.append(f"UAR by speaker {min(by_speaker.values()):.3f}-{max(by_speaker.values()):.3f}")
    if result.absent_classes:
        notes.append(f"no clip of {', '.join(result.absent_classes)}")
    return "; ".join(note for note in [*notes, result.note] if note)
