"""`paraclap timeline`: what is heard when in long recordings."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paraclap.cli.options import (
    BatchSizeOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    Paths,
    ReferenceOption,
)
from paraclap.cli.output import check_table_path, print_json, print_rows, report_bad_files
from paraclap.cli.progress import ProgressBars
from paraclap.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paraclap.inference import AudioTextModel, TimelineScanner, TimelineSettings
    from paraclap.inference.timeline_files import TimelineFormat
    from paraclap.queries import LabelSet

_WORK = "listening (s)"


def timeline(
    paths: Paths,
    queries: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="Any sentence about a voice; two or more.")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Instead of queries: a label set (emotion, arousal, ...) or a task.")
    ] = None,
    window: Annotated[float | None, typer.Option("--window", help="Seconds that are heard at once; 4.")] = None,
    hop: Annotated[float | None, typer.Option("--hop", help="Seconds from one window to the next; 1.")] = None,
    smoothing: Annotated[
        float | None,
        typer.Option("--smoothing", help="What a change of class costs (see above); 1. 0 takes each window as it is."),
    ] = None,
    vad: Annotated[bool, typer.Option("--vad/--no-vad", help="Find speech first, or hear all of a recording.")] = True,
    speech_threshold: Annotated[
        float | None, typer.Option("--speech-threshold", help="Probability from which on it is speech; 0.5.")
    ] = None,
    min_speech: Annotated[
        float | None, typer.Option("--min-speech", help="Seconds; shorter speech is left out; 0.25.")
    ] = None,
    min_pause: Annotated[
        float | None, typer.Option("--min-pause", help="Seconds; shorter pauses belong to the speech; 0.3.")
    ] = None,
    padding: Annotated[
        float | None, typer.Option("--padding", help="Seconds added before and after speech; 0.1.")
    ] = None,
    reference: ReferenceOption = None,
    relative: Annotated[
        bool, typer.Option("--relative", help="Take each recording's own speech as the reference.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Also write a .csv, .json, .parquet, .TextGrid (Praat), .vtt, .tsv (ELAN) or .txt (Audacity) file; "
            "or a folder of one file each, with --format.",
        ),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="Of the files: csv, json, parquet, textgrid, vtt, elan or audacity."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the waveform and the curves of one recording: a .png file.")
    ] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
) -> None:
    r"""Find what is heard when in long recordings: who is angry from where to where.

    Example: paraclap timeline interview.wav --task emotion --out interview.TextGrid

    Speech is found first, by Silero's detector (pip install 'paraclap\[vad]'; without it, --no-vad). Then each second
    is judged by the window of 4 s around it, as 'paraclap classify' would, and seconds of one class become a segment
    with the mean probability of its class. What has no speech belongs to no segment.

    Smoothing is the Viterbi path: of all courses of classes, the one whose log probabilities, summed over seconds,
    less the cost of each change, are highest. With the cost of 1, a stretch in which another class is twice as probable
    becomes a segment from 3 s on; with 3, from 9 s on.

    Hours of audio take little memory. With a folder, a command that was stopped goes on where it was:

    paraclap timeline archive/ -q "an angry man" -q "a calm man" --out timelines/ --format csv
    """
    if bool(queries) == bool(task):
        raise typer.BadParameter("give either queries (-q, two or more) or a --task", param_hint="-q / --task")
    if relative and reference:
        raise typer.BadParameter("give either --reference or --relative", param_hint="--relative")
    is_folder = out is not None and (out.is_dir() or not out.suffix)
    if is_folder and as_json:
        raise typer.BadParameter("a folder takes no --json; give --format json", param_hint="--json")
    settings = _make_settings(
        {"window": window, "hop": hop, "smoothing": smoothing},
        {"threshold": speech_threshold, "min_speech": min_speech, "min_pause": min_pause, "padding": padding},
        vad=vad,
    )
    chosen = _check_outputs(out, format_name, is_folder=is_folder)
    sources = _list_sources(paths)
    _check_single(sources, None if is_folder else out, chosen, plot)
    from paraclap.evaluation import find_label_set
    from paraclap.inference import load_model

    label_set = find_label_set(task) if task else None
    clap = load_model(model, device=device, dtype=dtype, batch_size=batch_size)
    scanner = _make_scanner(clap, queries, label_set, settings, list(reference or []) or relative)
    if out is not None and chosen is not None and is_folder:
        _write_folder(scanner, paths, out, chosen)
    else:
        _print_timelines(scanner, sources, None if out is None or chosen is None else (out, chosen), plot, as_json)


def _make_settings(given: dict[str, float | None], speech: dict[str, float | None], *, vad: bool) -> "TimelineSettings":
    from paraclap.inference import SpeechSettings, TimelineSettings

    of_speech = {name: value for name, value in speech.items() if value is not None}
    if of_speech and not vad:
        name = next(iter(of_speech)).replace("_", "-")
        raise typer.BadParameter(f"speech is not looked for, so its {name} has no say", param_hint="--no-vad")
    stated = {name: value for name, value in given.items() if value is not None}
    return TimelineSettings(**stated, speech=SpeechSettings(**of_speech) if vad else None)


def _check_outputs(out: Path | None, name: str | None, *, is_folder: bool) -> "TimelineFormat | None":
    """Return the format of what is to be written, before any work."""
    from paraclap.inference.timeline_files import FORMATS, find_format, named_format

    if out is None:
        if name is not None:
            raise ConfigError("--format says how --out is written; add --out FILE or --out FOLDER")
        return None
    if not is_folder:
        chosen = find_format(out, name)
        check_table_path(out, suffixes=[out.suffix.lower()])
        return chosen
    if name is None:
        raise ConfigError(f"--out {out} is a folder; say with --format what to write: {', '.join(FORMATS)}")
    check_table_path(out / "timeline", suffixes=[""])  # that the folder can be written to
    return named_format(name)


def _list_sources(paths: "Sequence[Path]") -> list[Path]:
    from paraclap.inference.clips import gather_clips

    sources = [clip.source for clip in gather_clips(list(paths)) if isinstance(clip.source, Path)]
    return list(dict.fromkeys(sources))


def _check_single(
    sources: "Sequence[Path]", out: Path | None, chosen: "TimelineFormat | None", plot: Path | None
) -> None:
    """Refuse several recordings where one is meant, and a plot that cannot be drawn."""
    from paraclap.inference.timeline_files import check_number
    from paraclap.queries.plots import check_plot

    if out is not None and chosen is not None:
        check_number(out, len(sources), chosen)
    if plot is not None:
        check_plot(plot)
        check_table_path(plot, suffixes=[plot.suffix.lower()])
        if len(sources) != 1:
            raise ConfigError(f"--plot {plot} draws one recording, found {len(sources)}; name one")


def _make_scanner(
    clap: "AudioTextModel",
    queries: list[str] | None,
    label_set: "LabelSet | None",
    settings: "TimelineSettings",
    reference: list[Path] | bool,
) -> "TimelineScanner":
    """Make what hears recordings; `reference` are files, or whether the recordings themselves are meant."""
    from paraclap.inference import OWN_SPEECH, Questions, TimelineScanner

    questions = Questions.ask(clap, queries or None, task=label_set)
    if isinstance(reference, bool):
        return TimelineScanner(clap, questions, settings=settings, reference=OWN_SPEECH if reference else None)
    return TimelineScanner(clap, questions, settings=settings, reference=clap.measure_reference(reference))


def _write_folder(scanner: "TimelineScanner", paths: "Sequence[Path]", out: Path, chosen: "TimelineFormat") -> None:
    from paraclap.inference.timeline_batch import plan_outputs, write_batch

    outputs = plan_outputs(paths, out, chosen)
    with ProgressBars() as bars:
        report = write_batch(
            scanner,
            outputs,
            folder=out,
            chosen=chosen,
            progress=lambda done, total: bars.show(_WORK, done, total),
        )
    for sentence in report.empty:
        print(f"paraclap: {sentence}", file=sys.stderr)
    counts = f"{len(report.written)} written, {len(report.unchanged)} were there already"
    print(f"{out}: {counts}", file=sys.stderr)
    report_bad_files(report.bad_files)


def _print_timelines(
    scanner: "TimelineScanner",
    sources: "Sequence[Path]",
    target: "tuple[Path, TimelineFormat] | None",
    plot: Path | None,
    as_json: bool,
) -> None:
    from paraclap.inference import Timeline
    from paraclap.inference.timeline_batch import scan_recordings
    from paraclap.inference.timeline_files import list_rows, write_timelines
    from paraclap.inference.timeline_plot import plot_timeline

    with ProgressBars() as bars:
        found = [
            one
            for _, one in scan_recordings(scanner, sources, progress=lambda done, total: bars.show(_WORK, done, total))
        ]
    timelines = [one for one in found if isinstance(one, Timeline)]
    rows = list_rows(timelines)
    if as_json:
        print_json(rows)
    elif rows:
        columns = ["file", "start", "end", "class", "probability"]
        shown = [
            [row["file"], f"{row['start']:.2f}", f"{row['end']:.2f}", row["class"], f"{row['probability']:.2f}"]
            for row in rows
        ]
        print_rows(columns, shown, title="seconds, class and its mean probability")
    for one in timelines:
        reason = one.explain_empty()
        if reason:
            print(f"paraclap: {reason}", file=sys.stderr)
    if target is not None and timelines:
        write_timelines(target[0], timelines, target[1])
    if plot is not None and timelines:
        plot_timeline(plot, timelines[0])
    report_bad_files([one for one in found if not isinstance(one, Timeline)])
