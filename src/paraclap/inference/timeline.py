"""What happens in a recording: its steps with their probabilities, and the segments that they become."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paraclap.audio import MIN_DURATION
from paraclap.errors import ConfigError
from paraclap.inference.clips import MAX_DURATION, Clip, make_index
from paraclap.inference.smoothing import find_path
from paraclap.inference.speech_activity import Region, SpeechSettings

if TYPE_CHECKING:
    import pandas as pd  # where it is used, like everywhere in inference

SILENCE = 1e-4  # of full scale, -80 dB: a recording that never exceeds it is silent
_SHORTEST_HOP = 0.01  # s


@dataclass(frozen=True)
class TimelineSettings:
    """Say how a recording is heard.

    Args:
        window: s that are heard at once, at most 30.
        hop: s from one window to the next, at most one window.
        smoothing: what a change of class costs, in nats times seconds (see `find_path`); 0 takes each window as it is.
        speech: what counts as speech; None hears all of the recording.

    Raises:
        ConfigError: if a value is out of its range.
    """

    window: float = 4.0
    hop: float = 1.0
    smoothing: float = 1.0
    speech: SpeechSettings | None = field(default_factory=SpeechSettings)

    def __post_init__(self) -> None:
        if not MIN_DURATION <= self.window <= MAX_DURATION:
            raise ConfigError(f"window is {self.window} s; expected {MIN_DURATION} to {MAX_DURATION} s")
        if not _SHORTEST_HOP <= self.hop <= self.window:
            raise ConfigError(
                f"hop is {self.hop} s; expected {_SHORTEST_HOP} s to the length of a window, {self.window} s"
            )
        if not 0 <= self.smoothing < np.inf:
            raise ConfigError(f"smoothing is {self.smoothing}; expected 0 (none) or more, such as 1")


@dataclass(frozen=True)
class Segment:
    """One stretch of a recording, in seconds from its begin, its class, and the mean probability of that class."""

    start: float
    end: float
    name: str
    probability: float


@dataclass(frozen=True, eq=False)
class Timeline:
    """Hold what was heard in one recording.

    The recording is cut into steps, one a hop. Each is judged by the window around its middle: so a change of class is
    placed where the windows change their mind, and not half a window later.

    Args:
        clip: the recording, with its real end.
        columns: the queries or classes.
        edges: where steps begin and end, in s from the begin of the file, `[W + 1]`.
        probability: of each query in each step, before smoothing, `[W, C]`; NaN in steps without speech.
        path: the number of each step's query after smoothing, `[W]`; -1 in steps without speech.
        speech: the regions of speech, in s.
        peaks: the largest absolute sample of each tenth of a second, `[P]`.
    """

    clip: Clip
    columns: tuple[str, ...]
    edges: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float32]
    path: npt.NDArray[np.int64]
    speech: tuple[Region, ...]
    peaks: npt.NDArray[np.float32]

    @property
    def duration(self) -> float:
        """How long the recording is, in s."""
        return (self.clip.end or 0.0) - self.clip.start

    def explain_empty(self) -> str | None:
        """Say in one sentence why there is no segment; None if there is one."""
        if self.segments:
            return None
        what = "nothing is heard" if not self.peaks.size or self.peaks.max() < SILENCE else "no speech was found"
        return f"{self.clip.name}: {what} in {self.duration:.1f} s; its timeline is empty"

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The stretches of one class, in order; they begin and end with the speech in them."""
        spoken = _SpokenSteps(self.edges, self.speech)
        changes = np.flatnonzero(np.diff(self.path)) + 1
        found = []
        for begin, stop in zip([0, *changes], [*changes, len(self.path)], strict=True):
            if stop > begin and self.path[begin] >= 0:
                column = int(self.path[begin])
                mean = float(self.probability[begin:stop, column].astype(np.float64).mean())
                found.append(Segment(*spoken.trim(int(begin), int(stop)), self.columns[column], mean))
        return tuple(found)

    def to_table(self) -> "pd.DataFrame":
        """Return the segments: index `file, start, end` of audformat, columns `class` and `probability`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "class": pd.Series([segment.name for segment in self.segments], dtype="object"),
                "probability": pd.Series([segment.probability for segment in self.segments], dtype="float64"),
            }
        ).set_index(self._index([(segment.start, segment.end) for segment in self.segments]))

    def curves(self) -> "pd.DataFrame":
        """Return the probability of each query before smoothing, one row a step with the same index; NaN is silence."""
        import pandas as pd

        steps = list(zip(self.edges[:-1], self.edges[1:], strict=True))
        return pd.DataFrame(self.probability, index=self._index(steps), columns=list(self.columns))

    def _index(self, stretches: Sequence[tuple[float, float]]) -> "pd.Index":
        import pandas as pd

        if isinstance(self.clip.source, np.ndarray):
            times = [pd.to_timedelta([pair[place] for pair in stretches], unit="s") for place in (0, 1)]
            return pd.MultiIndex.from_arrays(times, names=["start", "end"])
        return make_index([Clip(self.clip.source, float(start), float(end)) for start, end in stretches])


def join_tables(timelines: Sequence[Timeline]) -> "pd.DataFrame":
    """Return the segments of recordings in one table; those of arrays are told apart by their number, `clip`."""
    import pandas as pd

    tables = [timeline.to_table() for timeline in timelines]
    if any(isinstance(timeline.clip.source, np.ndarray) for timeline in timelines):
        return pd.concat(tables, keys=range(len(tables)), names=["clip"])
    return pd.concat(tables)


def find_spoken_steps(edges: npt.NDArray[np.float64], speech: Sequence[Region]) -> npt.NDArray[np.bool_]:
    """Tell in which steps `[W]`, given by their edges `[W + 1]`, there is speech."""
    return _SpokenSteps(edges, speech).is_spoken


class _SpokenSteps:
    """Find the speech in steps."""

    def __init__(self, edges: npt.NDArray[np.float64], speech: Sequence[Region]) -> None:
        bounds = np.array(speech, dtype=np.float64).reshape(-1, 2)
        self._edges, self._starts, self._ends = edges, bounds[:, 0], bounds[:, 1]
        first = np.searchsorted(self._ends, edges[:-1], side="right")  # the first region that ends within or behind
        last = np.searchsorted(self._starts, edges[1:], side="left") - 1
        self._first, self._last = first, last
        self.is_spoken = np.asarray(first <= last)

    def trim(self, begin: int, stop: int) -> Region:
        """Return from where to where speech goes in the steps from `begin` to before `stop`; the outer ones have it."""
        start = max(self._edges[begin], self._starts[self._first[begin]])
        end = min(self._edges[stop], self._ends[self._last[stop - 1]])
        return float(start), float(end)


def join_path(
    probability: npt.NDArray[np.float32], is_spoken: npt.NDArray[np.bool_], settings: TimelineSettings
) -> npt.NDArray[np.int64]:
    """Return the number of each step's query after smoothing, `[W]`; -1 in steps without speech.

    Smoothing goes on over pauses: what is said behind one costs a change too if it is of another class.
    """
    path = np.full(len(is_spoken), -1, dtype=np.int64)
    path[is_spoken] = find_path(probability[is_spoken], seconds=settings.hop, switch_cost=settings.smoothing)
    return path
