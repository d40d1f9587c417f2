"""Progress bars of long commands, on stderr."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


class ProgressBars:
    """Show on stderr how much of each piece of work is done; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        columns = [*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn()]
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBars":
        self._progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._progress.stop()

    def show(self, work: str, done: int, total: int) -> None:
        """Say that `done` of `total` items of some work are done."""
        if work not in self._bars:
            self._bars[work] = self._progress.add_task(work, total=total)
        self._progress.update(self._bars[work], completed=done, total=total)
