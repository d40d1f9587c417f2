"""How long recordings are cut into the windows that an index holds, one vector each."""

from dataclasses import dataclass

from paraclap.errors import ConfigError
from paraclap.inference.clips import MAX_DURATION, WINDOW_DURATION

_SHORTEST = 0.5  # s, of a window
_SHORTEST_REST = 1.0  # s; a shorter one is heard with the window before it


@dataclass(frozen=True)
class Windowing:
    """Say how audio is cut: up to `whole` seconds are one window, what is longer has windows of `window` seconds.

    Raises:
        ConfigError: if a window is shorter than 0.5 s, or either is longer than the 30 s that a model hears at once.
    """

    window: float = WINDOW_DURATION
    whole: float = MAX_DURATION

    def __post_init__(self) -> None:
        if not _SHORTEST <= self.window <= MAX_DURATION:
            raise ConfigError(f"windows of {self.window:g} s; expected {_SHORTEST:g} to {MAX_DURATION:g} s")
        if not 0 <= self.whole <= MAX_DURATION:
            raise ConfigError(f"audio of up to {self.whole:g} s as one window; expected 0 to {MAX_DURATION:g} s")

    def cut(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return begin and end of the windows of a stretch, all in seconds.

        Windows touch each other; a rest below a second (or below half a window) is heard with the window before it.
        """
        duration = round(end - start, 6)  # what floats add to a difference decides nothing
        if duration <= max(self.whole, self.window):
            return [(start, end)]
        number, rest = divmod(duration, self.window)
        if rest >= min(_SHORTEST_REST, self.window / 2):
            number += 1
        edges = [start + self.window * place for place in range(int(number))]
        return list(zip(edges, [*edges[1:], end], strict=True))
