"""`paraclap probe`: classes of one's own from a few labelled clips, on the embeddings of a frozen model."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from paraclap.cli.answers import Answer, flatten_answer, print_answers
from paraclap.cli.options import BatchSizeOption, DeviceOption, DtypeOption, JsonOption, ModelOption, OutOption, Paths
from paraclap.cli.output import check_table_path, format_metric, print_json, print_rows, report_bad_files, write_rows
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    import pandas as pd

    from paraclap.evaluation import Probe

probe_app = typer.Typer(
    no_args_is_help=True, help="Learn classes of your own from a few labelled clips, with the model as it is."
)


@probe_app.command("fit", no_args_is_help=True)
def fit_command(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.parquet).")],
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="The column with the classes to learn.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="P", help="Folder to write: new, empty, or an earlier probe, replaced.")
    ],
    kind: Annotated[
        Literal["linear", "centroid"],
        typer.Option("--kind", help="Logistic regression, or the nearest mean of a class: for very few clips."),
    ] = "linear",
    split: Annotated[
        str | None, typer.Option("--split", help="Learn from this split only; from all but test if left out.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="CLASS", help="Leave out a class. Repeatable.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    r"""Fit a probe: a small classifier on the embeddings of a model, from twenty or more clips of each class.

    Example: paraclap probe fit calls.parquet --label emotion --out calls-probe

    Then: paraclap probe predict calls-probe new-calls/

    A manifest of your own comes from: paraclap corpus import table (or folder). Rows without a label are skipped. UAR,
    the mean recall of the classes, is cross-validated with unseen speakers if the manifest has a column 'speaker', and
    printed with its 95 % interval. The model itself does not change.

    Needs the extra eval: pip install 'paraclap\[eval]'.
    """
    from paraclap.corpora import read_manifest
    from paraclap.evaluation import ProbeSettings, fit_probe
    from paraclap.evaluation.probe_fitting import check_fit
    from paraclap.evaluation.probe_record import check_place
    from paraclap.inference import load_model
    from paraclap.records import BadFile

    check_place(out)
    table, metadata = read_manifest(manifest)
    settings = ProbeSettings(label, kind, split, tuple(without or ()))
    check_fit(table, metadata, settings)
    embedder = load_model(model, device=device, dtype=dtype, batch_size=batch_size)
    with ProgressBars() as bars:
        fitted = fit_probe(table, metadata, embedder=embedder, settings=settings, progress=bars.show)
    fitted.save(out)
    if as_json:
        print_json(fitted.record.model_dump(mode="json"))
    else:
        _print_validation(fitted)
    _summarize(fitted, out)
    report_bad_files([BadFile(bad.file, bad.reason) for bad in fitted.record.bad_files])


@probe_app.command("predict", no_args_is_help=True)
def predict_command(
    probe: Annotated[Path, typer.Argument(metavar="P", help="A folder that 'paraclap probe fit' wrote.")],
    paths: Paths,
    model: Annotated[
        str | None,
        typer.Option("--model", help="The probe's model, if it is elsewhere than when the probe was fitted."),
    ] = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
) -> None:
    """Give clips the probability of each class that a probe has learned.

    Example: paraclap probe predict calls-probe new-calls/ --out answers.csv

    Probabilities are those of classes that are equally frequent.
    """
    if out is not None:
        check_table_path(out)
    from paraclap.evaluation import Probe
    from paraclap.inference import load_model

    loaded = Probe.load(probe)
    clap = load_model(model or _find_model(loaded, probe), device=device, dtype=dtype, batch_size=batch_size)
    with ProgressBars() as bars:
        table, bad_files = loaded.classify(
            clap, list(paths), progress=lambda done, total: bars.show("listening", done, total)
        )
    answers = _make_answers(table)
    if as_json:
        print_json(answers)
    elif answers:
        print_answers(answers, loaded.classes, noun="class")
    if out is not None and answers:
        write_rows(out, answers if out.suffix.lower() == ".json" else [flatten_answer(answer) for answer in answers])
    report_bad_files(bad_files)


def _find_model(probe: "Probe", folder: Path) -> str:
    """Return the name of the probe's model if it is within reach: nobody named it now, so nothing is downloaded.

    Raises:
        ModelError: if it is neither the model inside the package nor a folder.
    """
    from paraclap.errors import ModelError
    from paraclap.inference import MINI

    name = probe.record.model
    if name != MINI and not Path(name).is_dir():
        raise ModelError(f"{folder} was fitted on the model {name!r}, which is no folder here; say where with --model")
    return name


def _make_answers(table: "pd.DataFrame") -> list[Answer]:
    answers = []
    for (file, start, end), shares in zip(table.index, table.to_numpy(), strict=True):
        probability = dict(zip(table.columns, map(float, shares), strict=True))
        times = {"start": start.total_seconds(), "end": end.total_seconds()}
        answers.append(
            {"file": file, **times, "probability": probability, "best": max(probability, key=probability.__getitem__)}
        )
    return answers


def _print_validation(probe: "Probe") -> None:
    """Print what cross-validation found, on stdout."""
    found = probe.record.validation
    scores = f"UAR {format_metric(found.metrics['uar'])}, WA {format_metric(found.metrics['wa'])}"
    print(f"{scores}: {found.folds} folds by {found.by}, {found.clips} clips, {found.speakers or '?'} speakers")
    rows = []
    for name, counts in zip(probe.classes, found.confusion, strict=True):
        wrong = {other: count for other, count in zip(probe.classes, counts, strict=True) if other != name and count}
        mistaken = f"{max(wrong, key=wrong.__getitem__)} ({max(wrong.values())})" if wrong else "-"
        rows.append([name, str(found.clips_by_class[name]), f"{found.recall[name]:.3f}", mistaken])
    print_rows([probe.record.label, "clips", "recall", "most often taken for"], rows)


def _summarize(probe: "Probe", out: Path) -> None:
    """Say on stderr what was used and what the numbers leave open; that speakers cross folds, a warning has said."""
    record, found = probe.record, probe.record.validation
    left_out = ", ".join(f"{number} {reason}" for reason, number in record.left_out.items())
    notes = [found.interval.note, found.overlap.note]
    by_speaker = found.interval.by_speaker
    if by_speaker:
        notes.insert(1, f"UAR by speaker {min(by_speaker.values()):.3f}-{max(by_speaker.values()):.3f}")
    lines = [
        f"{out}: a {record.kind} probe of {record.label!r} on {record.model}, fitted on all {found.clips} clips",
        f"rows left out: {left_out}" if left_out else "",
        *(f"note: {note}" for note in notes if note),
    ]
    print("\n".join(line for line in lines if line), file=sys.stderr)
