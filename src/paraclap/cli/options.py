"""Options that several commands share, so that they are spelled and explained once."""

from pathlib import Path
from typing import Annotated

import typer

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Audio files, or folders to search recursively.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="A model folder or hub id; the model inside the package if left out.")
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Where the model runs: cpu, cuda, cuda:1, ...")]
DtypeOption = Annotated[
    str | None, typer.Option("--dtype", help="How the model computes: float32, bfloat16 or float16.")
]
BatchSizeOption = Annotated[int | None, typer.Option("--batch-size", min=1, help="Clips encoded together at most.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ReferenceOption = Annotated[
    list[Path] | None,
    typer.Option("--reference", help="A file or folder of the same speaker or channel, without labels. Repeatable."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Also write the answers to a .csv, .json or .parquet file.")
]
