"""`paraclap index`: the index of an archive, built, kept up to date, and described."""

from pathlib import Path
from typing import Annotated, Any

import typer

from paraclap.cli.options import BatchSizeOption, DeviceOption, DtypeOption, JsonOption, ModelOption
from paraclap.cli.output import print_json, print_rows, report_bad_files
from paraclap.cli.progress import ProgressBars

index_app = typer.Typer(no_args_is_help=True, help="Keep an index of recordings, which 'paraclap search' asks.")


@index_app.command(no_args_is_help=True)
def build(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Audio files, folders to search recursively, or manifests (.parquet)."),
    ],
    out: Annotated[
        str,
        typer.Option("--out", metavar="IDX", help="The folder of the index: a new one, or one to bring up to date."),
    ],
    window: Annotated[
        float | None, typer.Option("--window", metavar="S", help="Seconds of a window of long audio; 10 if left out.")
    ] = None,
    whole: Annotated[
        float | None,
        typer.Option("--whole", metavar="S", help="Audio of up to S seconds is one window; 30 if left out."),
    ] = None,
    exact_below: Annotated[
        int | None,
        typer.Option("--exact-below", min=1, help="Rows below which no vector index is made; 100,000 if left out."),
    ] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
) -> None:
    r"""Make an index of recordings, or bring one up to date.

    Example: paraclap index build archive/ --out archive.index

    New and changed files are embedded, files that are gone from the folders named go from the index, the others are
    left alone. A manifest ('paraclap corpus import') brings its columns along. A build that was stopped goes on where
    it was; others may search meanwhile.

    Needs the extra index: pip install 'paraclap\[index]'.
    """
    from paraclap.index import Index, SearchSettings, Windowing
    from paraclap.inference import load_model

    given = {name: value for name, value in (("window", window), ("whole", whole)) if value is not None}
    windowing = Windowing(**given) if given else None
    clap = load_model(model, device=device, dtype=dtype, batch_size=batch_size)
    with ProgressBars() as bars:
        index = Index.build(
            out,
            list(paths),
            model=clap,
            windowing=windowing,
            settings=SearchSettings() if exact_below is None else SearchSettings(exact_below=exact_below),
            progress=lambda done, total: bars.show("listening", done, total),
        )
    report = index.report
    if report is None:
        return
    if as_json:
        print_json({"out": out, "windows": len(index), **report.as_dict()})
    else:
        print(f"{out}: {report.summarize()}; {len(index)} windows in all")
    report_bad_files(report.bad_files)


@index_app.command(no_args_is_help=True)
def info(
    index: Annotated[str, typer.Argument(metavar="IDX", help="The folder of an index.")],
    as_json: JsonOption = False,
) -> None:
    """Say what an index holds: files, windows, hours, model, columns.

    Example: paraclap index info archive.index
    """
    from paraclap.index import Index

    facts = Index.open(index).describe()
    if as_json:
        print_json(facts)
    else:
        print_rows(["", ""], [[name.replace("_", " "), _show(value)] for name, value in facts.items()])


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} ({kind})" for name, kind in value.items())
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
