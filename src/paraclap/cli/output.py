"""How commands print tables: to a terminal, as JSON, or to a file by its suffix."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paraclap.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paraclap.evaluation.results import Metric
    from paraclap.records import BadFile

TABLE_SUFFIXES = (".csv", ".json", ".parquet")


def format_metric(metric: "Metric") -> str:
    """Return a score with its interval."""
    return f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})"


def check_table_path(path: Path, *, suffixes: "Sequence[str]" = TABLE_SUFFIXES) -> None:
    """Refuse, before any work, a file to write whose suffix says no known format or that cannot be written.

    Raises:
        ConfigError: if the suffix is not one of `suffixes`, the path is a folder, or its place cannot be written to.
    """
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"--out {path}: unknown suffix {path.suffix!r}; expected one of {', '.join(suffixes)}")
    if path.is_dir():
        raise ConfigError(f"--out {path}: this is a folder; expected the name of a file to write")
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise ConfigError(f"--out {path}: {place} is no folder that can be written to; choose another place")


def print_json(value: Any) -> None:
    """Print a value as indented JSON on stdout."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(columns: "Sequence[str]", rows: "Sequence[Sequence[str]]", *, title: str | None = None) -> None:
    """Print a table for people on stdout, as wide as it needs to be when stdout is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 200, markup=False, emoji=False, highlight=False)
    console.print(table)  # as it stands: brackets in names and queries are no markup


def write_rows(path: Path, rows: "Sequence[dict[str, Any]]") -> None:
    """Write rows to a .csv, .json or .parquet file, atomically; lists become text in CSV."""
    import pandas as pd

    from paraclap.storage import write_atomic, write_json

    suffix = path.suffix.lower()
    if suffix == ".json":
        write_json(path, list(rows))
        return
    with write_atomic(path) as temporary:
        table = pd.DataFrame(list(rows))
        if suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)


def report_bad_files(bad_files: "Sequence[BadFile]") -> None:
    """Name every file that could not be used on stderr and leave with status 1; do nothing if there is none."""
    import typer

    for bad in bad_files:
        print(f"paraclap: {bad.reason}", file=sys.stderr)
    if bad_files:
        raise typer.Exit(1)
