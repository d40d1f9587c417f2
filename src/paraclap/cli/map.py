"""`paraclap map`: an archive at a glance."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from paraclap.cli.options import JsonOption
from paraclap.cli.output import check_table_path, print_json


def map_(
    index: Annotated[str, typer.Argument(metavar="IDX", help="An index that 'paraclap index build' wrote.")],
    out: Annotated[Path, typer.Option("--out", help="The page to write (.html).")],
    task: Annotated[
        str | None, typer.Option("--task", help="Colour by what the model answers to a label set; emotion if left out.")
    ] = None,
    color: Annotated[
        str | None, typer.Option("--color", metavar="COLUMN", help="Colour by a column of the manifest instead.")
    ] = None,
    method: Annotated[
        Literal["umap", "pca"] | None,
        typer.Option("--method", help="How it is laid out; if left out, umap if it is installed."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed lays out another UMAP.")] = 0,
    max_points: Annotated[
        int, typer.Option("--max-points", min=1, help="Of more windows than this, so many are drawn.")
    ] = 100_000,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the sound into the page (at most 500 windows), so that it can be sent.")
    ] = False,
    title: Annotated[
        str | None, typer.Option("--title", help="Of the page; the name of the index if left out.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Where the model of the index is, if not where it was.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    r"""Draw a map of an index: recordings that sound alike lie near each other. Point to see, click to hear.

    [bold]paraclap map voices.idx --out map.html[/bold]

    [bold]paraclap map voices.idx --color gender --method pca --out map.html[/bold]

    The page is one file that needs no network. It plays the recordings from where they lie, so keep them there, or
    write a small map with --embed. It is drawn by UMAP, which keeps neighbours together and takes some minutes for tens
    of thousands (pip install 'paraclap\[map]'), or by principal components in seconds.
    """
    if task is not None and color is not None:
        raise typer.BadParameter("give either a task or a column to colour by", param_hint="--task / --color")
    check_table_path(out, suffixes=(".html",))
    from paraclap.evaluation import find_label_set
    from paraclap.index import Index
    from paraclap.index.mapping import MapSettings, write_map
    from paraclap.inference import load_model

    label_set = find_label_set(task) if task else None
    opened = Index.open(index, model=None if model is None else load_model(model))
    settings = MapSettings(
        title=title or Path(index).name, method=method, seed=seed, max_points=max_points, embed=embed
    )
    report = write_map(
        opened,
        out,
        colour=color or label_set,
        settings=settings,
        progress=lambda what: typer.echo(f"{what} ...", err=True),
    )
    if report.num_points < report.num_rows:
        typer.echo(f"{report.num_points:,} of {report.num_rows:,} windows are drawn; --max-points draws more", err=True)
    if as_json:
        print_json({"out": str(out), "points": report.num_points, "rows": report.num_rows, "method": report.method})
    else:
        print(f"{out}: {report.num_points:,} dots by {report.method}")
