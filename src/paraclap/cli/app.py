"""The `paraclap` command: its subcommands, and one place that turns our errors into one line and exit status 1."""

import sys
from typing import Annotated

import typer

from paraclap.cli.corpus import corpus_app
from paraclap.errors import ParaClapError
from paraclap.version import __version__

app = typer.Typer(
    name="paraclap",
    help="Answer free-text questions about how somebody speaks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(corpus_app, name="corpus")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(
            f"paraclap {__version__} (code: Apache-2.0; weights of paraclap-mini: CC BY-NC-SA 4.0, research only)"
        )
        raise typer.Exit


@app.callback()
def paraclap(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and licences.")
    ] = False,
) -> None:
    """Answer free-text questions about how somebody speaks."""


def main() -> None:
    """Run the command line: exit status 0, 1 for an error of ours (one line), 2 for wrong usage."""
    try:
        app()
    except ParaClapError as error:
        print(f"paraclap: {error}", file=sys.stderr)
        sys.exit(1)
