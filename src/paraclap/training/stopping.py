"""When a run stops before its last step: signals that ask for it, and a dev metric that no longer rises."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopRequest:
    """Hold the name of the signal that asked a run to stop, such as "SIGTERM", or None."""

    requested: str | None = None


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note SIGTERM and SIGINT (Ctrl-C) instead of dying of them, so that a run can save its state and end.

    Once one is noted, Ctrl-C raises KeyboardInterrupt. What was done at these signals before is done again afterwards.
    Outside the main thread, which alone may handle signals, nothing is noted.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    owner = os.getpid()

    def note(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            _answer_in_worker(number)
        elif number == signal.SIGINT and request.requested:
            raise KeyboardInterrupt
        else:
            request.requested = request.requested or signal.Signals(number).name

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None, if something other than Python had set it


def _answer_in_worker(number: int) -> None:
    """Let a worker that was forked meanwhile die of SIGTERM, and leave Ctrl-C, which reaches all, to its parent."""
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


@dataclass
class EarlyStopping:
    """Count the validations since the best one; `count` is all that a checkpoint must keep.

    Args:
        patience: validations without a better dev metric after which a run stops; None for never.
        count: of those so far.
    """

    patience: int | None
    count: int = 0

    def update(self, *, is_better: bool) -> None:
        """Count a validation, or begin again if it was the best so far."""
        self.count = 0 if is_better else self.count + 1

    @property
    def is_due(self) -> bool:
        """Whether the run should stop."""
        return self.patience is not None and self.count >= self.patience
