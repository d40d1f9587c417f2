"""`paraclap features`: measure the utterances of a manifest with openSMILE."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paraclap.cli.output import check_table_path, report_bad_files
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    from paraclap.features import FeaturesResult


def features(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.parquet).")],
    out: Annotated[Path, typer.Option("--out", help="Features table to write (.parquet).")],
    window: Annotated[
        float | None, typer.Option("--window", metavar="S", help="Measure windows of S seconds, not whole utterances.")
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option(
            "--hop", metavar="S", help="Seconds from the begin of a window to the next; a window if left out."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="Folder of the cache; your own if left out.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look nothing up and keep nothing.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; one for each processor if left out.")
    ] = None,
) -> None:
    r"""Measure the utterances of a manifest: the 88 functionals of eGeMAPSv02, by openSMILE.

    Example: paraclap features emodb.parquet --out emodb-features.parquet

    What was measured is kept in the cache, by the content of the file: a command that was stopped goes on where it
    was, and the same audio is not measured twice. What openSMILE cannot measure is missing, with a reason. Files that
    cannot be read are named, keep their rows, and make the exit status 1.

    Needs the extra features: pip install 'paraclap\[features]'. The licence of openSMILE allows research, education
    and other non-commercial use only.
    """
    check_table_path(out, suffixes=(".parquet",))
    if no_cache and cache is not None:
        raise typer.BadParameter("give either a folder or --no-cache", param_hint="--cache")
    from paraclap.corpora import read_manifest
    from paraclap.features import extract_manifest

    table, metadata = read_manifest(manifest)
    with ProgressBars() as bars:
        result = extract_manifest(
            table,
            metadata,
            out,
            window=window,
            hop=hop,
            cache=False if no_cache else cache,
            num_workers=workers,
            progress=lambda done, total: bars.show("measuring", done, total),
        )
    _summarize(result, out)
    report_bad_files(result.bad_files)


def _summarize(result: "FeaturesResult", out: Path) -> None:
    typer.echo(f"{out}: {result.num_rows} rows, {result.num_cached} of them from the cache", err=True)
    for reason, number in result.reasons.items():
        lacking = "1 row lacks" if number == 1 else f"{number} rows lack"
        typer.echo(f"{lacking} values: {reason}", err=True)
