"""A progress bar on stderr, for files that take a while to be read."""

from collections.abc import Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


def track_progress(
    items: Iterable[_Item], description: str, *, total: int | None = None, progress: bool
) -> Iterable[_Item]:
    """Return the items, which move a bar on as they are taken, if a person is there to see it.

    Args:
        items: what is gone through.
        description: of what is done, shown beside the bar.
        total: number of the items, if they do not have a length.
        progress: show the bar at all; on what is no terminal it is never shown.
    """
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shown = progress and console.is_terminal
    return track(items, description, total=total, console=console, transient=True, disable=not shown)
