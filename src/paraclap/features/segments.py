"""The rows of a features table: the utterances of a manifest, or their windows, made as they are needed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from paraclap.audio import MIN_DURATION
from paraclap.errors import ConfigError

NANOSECONDS = 1_000_000_000  # in a second


class Segment(NamedTuple):
    """A stretch of a file, in nanoseconds, as the manifest counts them."""

    file: str
    start: int
    end: int


class Segments:
    """The rows of a features table, in the order of the manifest; windows are not held in memory.

    Windows begin every `hop` seconds from the utterance's start. What is left behind the last whole window is one more,
    shorter one, if it is at least half a window. An utterance that is shorter than a window is its only one.
    """

    def __init__(self, manifest: pd.DataFrame, *, window: float | None = None, hop: float | None = None) -> None:
        """Plan the rows.

        Raises:
            ConfigError: if the window is below 0.1 s, the hop is not above 0, or there is a hop without a window.
        """
        _check_windows(window, hop)
        self._files = manifest.index.get_level_values("file")
        self._starts = _to_nanoseconds(manifest.index.get_level_values("start"))
        self._ends = _to_nanoseconds(manifest.index.get_level_values("end"))
        self._window = self._hop = None if window is None else round(window * NANOSECONDS)
        if hop is not None:
            self._hop = round(hop * NANOSECONDS)
        self._last_rows = np.cumsum(self._count_windows())  # + 1: of each utterance, the row behind its last

    def __len__(self) -> int:
        return int(self._last_rows[-1]) if len(self._last_rows) else 0

    def partitions(self, size: int) -> Iterator[list[Segment]]:
        """Yield all rows, `size` of them at a time."""
        for first in range(0, len(self), size):
            yield self._make(np.arange(first, min(first + size, len(self))))

    def _make(self, rows: Any) -> list[Segment]:
        utterances = np.searchsorted(self._last_rows, rows, side="right")
        starts, ends = self._starts[utterances], self._ends[utterances]
        if self._window is not None and self._hop is not None:
            before = np.where(utterances > 0, self._last_rows[utterances - 1], 0)
            starts = starts + (rows - before) * self._hop
            ends = np.minimum(starts + self._window, ends)
        return list(map(Segment, self._files[utterances].tolist(), starts.tolist(), ends.tolist()))

    def _count_windows(self) -> Any:
        """Return the number of windows of each utterance; 1 without windows."""
        if self._window is None or self._hop is None:
            return np.ones(len(self._starts), dtype=np.int64)
        durations = self._ends - self._starts
        whole = np.maximum(0, (durations - self._window) // self._hop + 1)
        covered = np.where(whole > 0, (whole - 1) * self._hop + self._window, 0)
        rest = durations - whole * self._hop
        return np.maximum(1, whole + ((covered < durations) & (2 * rest >= self._window)))


def _check_windows(window: float | None, hop: float | None) -> None:
    if window is None and hop is not None:
        raise ConfigError(f"hop of {hop:g} s without a window; give the length of the windows too")
    if window is not None and not MIN_DURATION <= window < float("inf"):
        raise ConfigError(f"window of {window:g} s; expected at least {MIN_DURATION:g} s")
    if hop is not None and not 1 / NANOSECONDS <= hop < float("inf"):
        raise ConfigError(f"hop of {hop:g} s; expected more than 0 s")


def _to_nanoseconds(times: Any) -> Any:
    return times.to_numpy().astype("timedelta64[ns]").astype(np.int64)
