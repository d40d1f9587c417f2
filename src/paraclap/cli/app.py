"""The `paraclap` command: its subcommands, and one place that turns our errors into one line and exit status 1."""

import io
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from paraclap.cli.captions import captions
from paraclap.cli.classify import classify
from paraclap.cli.compare import compare
from paraclap.cli.convert import convert
from paraclap.cli.corpus import corpus_app
from paraclap.cli.describe import describe
from paraclap.cli.embed import embed
from paraclap.cli.evaluate import evaluate
from paraclap.cli.export import export
from paraclap.cli.features import features
from paraclap.cli.index import index_app
from paraclap.cli.map import map_
from paraclap.cli.probe import probe_app
from paraclap.cli.report import report
from paraclap.cli.search import search
from paraclap.cli.serve import serve
from paraclap.cli.timeline import timeline
from paraclap.cli.train import train
from paraclap.errors import ParaClapError
from paraclap.version import __version__


class _Commands(TyperGroup):
    """End an interrupted command with one line and status 130, as shells do (128 + SIGINT)."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("paraclap: interrupted", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="paraclap",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    captions,
    classify,
    compare,
    convert,
    describe,
    embed,
    evaluate,
    export,
    features,
    report,
    search,
    timeline,
    train,
):
    app.command(no_args_is_help=True)(command)
app.command("map", no_args_is_help=True)(map_)
app.command()(serve)  # which needs no arguments
app.add_typer(corpus_app, name="corpus")
app.add_typer(index_app, name="index")
app.add_typer(probe_app, name="probe")


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
    """Answer free-text questions about how somebody speaks.

    Without --model, the model inside the package answers: paraclap-mini (its weights: CC BY-NC-SA 4.0, research only).
    """


def main() -> None:
    """Run the command line: exit status 0, 1 for an error of ours (one line), 2 for wrong usage."""
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be UTF-8; valid in JSON too
    try:
        app()
    except ParaClapError as error:
        print(f"paraclap: {' '.join(str(error).splitlines())}", file=sys.stderr)
        sys.exit(1)
    except PermissionError as error:
        print(f"paraclap: {error.filename} may not be read or written by you; change its permissions", file=sys.stderr)
        sys.exit(1)
    finally:
        _flush_output()


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the place in the code that a user has no use for."""
    print(f"paraclap: {' '.join(str(message).splitlines())}", file=sys.stderr)


def _flush_output() -> None:
    """Write out what is left now; at exit the interpreter would complain of a reader, such as `head`, that has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
