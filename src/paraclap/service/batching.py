"""Micro-batches: clips of requests that come at the same time are encoded together, none waits long for others."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from paraclap.inference import Clip, EncodedClips

Encode = Callable[[Sequence[Clip]], EncodedClips]


@dataclass(frozen=True)
class _Waiting:
    clip: Clip
    since: float  # s, of the monotonic clock
    future: "Future[EncodedClips]"


class MicroBatcher:
    """Encode clips in one thread, which takes what waits, up to a number and a time.

    A clip whose batch fails is encoded once more by itself: so what one request sent spoils no other.

    Args:
        encode: from clips to their vectors, in order.
        max_batch: clips encoded together.
        max_delay: s that a clip waits for others while there may be some to come.
        count_expected: how many clips are here or on their way; with no others coming, none is waited for.
        on_batch: told the size of each batch.
    """

    def __init__(
        self,
        encode: Encode,
        *,
        max_batch: int,
        max_delay: float,
        count_expected: Callable[[], int],
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._encode, self._max_batch, self._max_delay = encode, max_batch, max_delay
        self._count_expected, self._on_batch = count_expected, on_batch
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = Thread(target=self._work, name="micro-batches", daemon=True)
        self._thread.start()

    def submit(self, clip: Clip) -> "Future[EncodedClips]":
        """Encode a clip soon; the result holds it alone, as vector or as bad file."""
        waiting = _Waiting(clip, time.monotonic(), Future())
        self._queue.put(waiting)
        return waiting.future

    def close(self) -> None:
        """Encode what waits, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            first = self._queue.get()
            if first is None:
                return
            batch, is_open = self._gather(first)
            if self._on_batch is not None:
                self._on_batch(len(batch))
            self._finish(batch)

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """Return a batch, and whether more may come after it."""
        batch = [first]
        while len(batch) < self._max_batch:
            left = first.since + self._max_delay - time.monotonic()
            is_awaited = left > 0 and self._count_expected() > len(batch)
            try:
                following = self._queue.get(timeout=left) if is_awaited else self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return batch, False
            batch.append(following)
        return batch, True

    def _finish(self, batch: Sequence[_Waiting]) -> None:
        try:
            encoded = self._encode([waiting.clip for waiting in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for waiting in batch:
                self._finish([waiting])
            return
        if len(encoded.clips) < len(batch) and len(batch) > 1:  # one cannot be read: say which by asking again
            for waiting in batch:
                self._finish([waiting])
            return
        if not encoded.clips:
            batch[0].future.set_result(encoded)
            return
        for place, waiting in enumerate(batch):
            alone = EncodedClips((encoded.clips[place],), encoded.embeddings[place : place + 1], ())
            waiting.future.set_result(alone)
