"""`paraclap report`: results as one page with charts, or as Markdown."""

from pathlib import Path
from typing import Annotated

import typer

from paraclap.cli.output import check_table_path


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", help="Result files, or folders of them, searched with the folders inside."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="The report: .html for a page with charts, .md for tables alone.", metavar="FILE"),
    ],
) -> None:
    """Make one report of results: tables with intervals and baselines, confusions, charts, models and their facts.

    Example: paraclap report results --out report.html

    Several models side by side, as tables for a paper: paraclap report results/mini results/other --out report.md

    The page needs nothing but itself: it can be mailed, printed and read on a telephone. It says which wording of the
    prompts gave which number, what chance and other baselines reach, and what a model was trained on. Charts need
    matplotlib, the extra plot of paraclap; Markdown does without.

    There may be one result of each task, model and protocol. Results of one task on other clips are marked as not
    comparable.
    """
    from paraclap.evaluation.report import REPORT_SUFFIXES, write_report

    check_table_path(out, suffixes=REPORT_SUFFIXES)
    tasks = write_report(results, out)
    entries = [entry for task in tasks for entry in task.entries]
    num_models = len({entry.model for entry in entries})
    typer.echo(
        f"{out}: {_count(len(entries), 'result')} of {_count(num_models, 'model')} on {_count(len(tasks), 'task')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
