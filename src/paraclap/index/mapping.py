"""A map of an archive from an index to a page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import AudioError, ConfigError, StoreError
from paraclap.index.map_colours import colour_by_column, colour_by_task
from paraclap.index.map_layout import choose_method, lay_out
from paraclap.index.map_page import MapContent, render_map
from paraclap.index.players import make_player
from paraclap.storage import write_atomic

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel
    from paraclap.queries import LabelSet

MAP_SUFFIX = ".html"
_MAX_EMBEDDED = 500  # players in a page; 5 kB a second
_HIDDEN = ("hash", "modified")  # of what is known of a row
_DEFAULT_TASK = "emotion"


class MappedIndex(Protocol):
    """Have rows with vectors, and the model that made them; `paraclap.index.Index` is one."""

    @property
    def model(self) -> "AudioTextModel":
        """The model that made the vectors."""

    def read_rows(self) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
        """Return the rows with an audformat index, and their vectors `[N, D]`."""


@dataclass(frozen=True)
class MapSettings:
    """Say how a map is laid out and what its page holds.

    `method` is "umap" or "pca", or None for UMAP where it is installed. Of more than `max_points` rows so many are
    drawn. With `embed` the page holds the sound itself, as MP3.
    """

    title: str = "Map of recordings"
    method: str | None = None
    seed: int = 0
    max_points: int = 100_000
    embed: bool = False


@dataclass(frozen=True)
class MapReport:
    """Say what a map shows: dots, rows that there are, and the method."""

    num_points: int
    num_rows: int
    method: str


def write_map(
    index: MappedIndex,
    out: Path,
    *,
    colour: "str | LabelSet | None" = None,
    settings: MapSettings | None = None,
    progress: Callable[[str], None] | None = None,
) -> MapReport:
    """Write a map of an index as one HTML page, atomically; the same index gives the same page.

    Args:
        index: whose rows are drawn.
        out: the page; it finds the recordings from where it lies.
        colour: a column of the rows, or a label set that the model answers; emotion if None.
        settings: how it is laid out.
        progress: told what is being done.

    Raises:
        StoreError: if the index is empty, or its model cannot be used.
        ConfigError: if the method does not exist or is not installed, or so many players do not fit a page.
        QueryError: if there is no such column.
        AudioError: if the sound is to be in the page and cannot be read.
        ParaClapError: if the page cannot be written.
    """
    how = settings or MapSettings()
    tell = progress or (lambda _: None)
    rows, vectors = index.read_rows()
    if not len(rows):
        raise StoreError("the index is empty; add recordings with 'paraclap index build'")
    num_rows = len(rows)
    if num_rows > how.max_points:
        chosen = np.sort(np.random.default_rng(how.seed).choice(num_rows, how.max_points, replace=False))
        rows, vectors = rows.iloc[chosen], vectors[chosen]
    if how.embed and len(rows) > _MAX_EMBEDDED:
        raise ConfigError(
            f"{len(rows):,} recordings do not fit into a page; expected at most {_MAX_EMBEDDED}: leave embed out, and "
            "the page plays the files themselves"
        )
    method = choose_method(how.method, len(rows))
    if isinstance(colour, str):
        colouring = colour_by_column(rows, colour)
    else:
        tell("asking the model")
        colouring = colour_by_task(index.model, vectors, colour or _DEFAULT_TASK)
    tell(f"laying out {len(rows):,} dots by {method.upper()}")
    layout = lay_out(vectors, method=method, seed=how.seed)
    players = None
    if how.embed:
        tell("reading the recordings")
        players = [_embed(*key) for key in rows.index]
    shown = rows.drop(columns=[name for name in _HIDDEN if name in rows])
    page = render_map(MapContent(how.title, shown, layout, colouring, players), folder=out.absolute().parent)
    with write_atomic(out) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return MapReport(len(rows), num_rows, method)


def _embed(file: str, start: pd.Timedelta, end: pd.Timedelta) -> str:
    try:
        return make_player(file, start=start.total_seconds(), end=end.total_seconds())
    except AudioError as error:
        raise AudioError(f"{error}; leave embed out, or bring the index up to date") from None
