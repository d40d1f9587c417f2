"""Progress of work before and during training, on stderr, by the first process alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paraclap.training.gathering import process_rank


@contextmanager
def show_progress(what: str, total: int, *, first: int = 0) -> Iterator[Callable[..., None]]:
    """Show a bar while inside; yield what is told how many more are done, and optionally a new description."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=process_rank() > 0) as progress:
        bar = progress.add_task(what, total=total, completed=first)

        def advance(number: int = 1, description: str | None = None) -> None:
            progress.update(bar, advance=number, description=description or what)

        yield advance
