"""The rows of a features table, measured or found in the cache, in their order and a partition at a time."""

import os
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from paraclap.audio import hash_audio
from paraclap.errors import ParaClapError
from paraclap.features.cache import FeatureCache
from paraclap.features.extraction import Features, find_opensmile
from paraclap.features.functionals import FEATURE_SET, rules_revision
from paraclap.features.segments import Segment, Segments
from paraclap.features.workers import Measured, Workers
from paraclap.storage import hash_bytes

PARTITION_SIZE = 8  # rows that a worker gets at once: half a second of work, which is what an interruption can lose
_AHEAD = 32  # partitions a worker that may be begun before the first is done, so that a long row holds up no other


@dataclass(frozen=True)
class Partition:
    """Rows of the table, each with its features or the error of its file; `num_cached` were in the cache."""

    segments: Sequence[Segment]
    measured: Sequence[Measured]
    num_cached: int


@dataclass(frozen=True)
class _Begun:
    """A partition whose rows are in the cache, or in work."""

    segments: Sequence[Segment]
    keys: Sequence[str | None]  # None where a file cannot be read
    cached: Mapping[str | None, Features]
    future: "Future[list[Measured]] | None"  # of the rows that are not cached, if there are any

    def is_done(self) -> bool:
        return self.future is None or self.future.done()

    def is_measured(self) -> bool:
        future = self.future
        return future is not None and future.done() and not future.cancelled() and future.exception() is None

    def finish(self, cache: FeatureCache | None) -> Partition:
        """Wait for the rows in work, and put them into the cache."""
        fresh = [] if self.future is None else self.future.result()
        if cache is not None:
            fresh_keys = [key for key in self.keys if key not in self.cached]
            named = zip(fresh_keys, fresh, strict=True)
            cache.store({key: row for key, row in named if key is not None and isinstance(row, Features)})
        rows = iter(fresh)
        measured = [self.cached[key] if key in self.cached else next(rows) for key in self.keys]
        return Partition(self.segments, measured, len(measured) - len(fresh))


def measure(
    segments: Segments, root: Path, *, cache: FeatureCache | None, num_workers: int | None
) -> Generator[Partition]:
    """Yield all rows in their order; what was measured is in the cache before it is yielded.

    Args:
        segments: the rows.
        root: folder that their files are relative to.
        cache: where rows are looked up and kept, if anywhere.
        num_workers: processes; as many as this one may use processors if None.

    Raises:
        ConfigError: if openSMILE is not installed, or the cache cannot be used.
        ParaClapError: if a process was killed.
    """
    version = find_opensmile()
    hash_once = lru_cache(maxsize=64)(hash_audio)  # the rows of a file stand together
    num_partitions = -(-len(segments) // PARTITION_SIZE)
    num_workers = max(1, min(num_workers or _count_processors(), num_partitions))
    workers = Workers(num_workers)
    begun: deque[_Begun] = deque()
    try:
        for rows in segments.partitions(PARTITION_SIZE):
            keys = [_make_key(hash_once(root / row.file), row, version) for row in rows]
            begun.append(_begin(rows, keys, root, cache, workers))
            while begun and (begun[0].is_done() or len(begun) > _AHEAD * num_workers):
                yield begun[0].finish(cache)
                begun.popleft()
        while begun:
            yield begun[0].finish(cache)
            begun.popleft()
    except BrokenProcessPool:
        raise ParaClapError(
            "a process that measures features was killed, perhaps for want of memory; run the command again with fewer "
            "workers: it goes on where it was"
        ) from None
    finally:
        workers.close()
        for partition in begun:  # after an interruption
            if partition.is_measured():
                partition.finish(cache)


def _begin(
    rows: Sequence[Segment], keys: Sequence[str | None], root: Path, cache: FeatureCache | None, workers: Workers
) -> _Begun:
    cached: dict[str | None, Features] = {}
    if cache is not None:
        cached.update(cache.find([key for key in keys if key is not None]))
    fresh = [row for row, key in zip(rows, keys, strict=True) if key not in cached]
    return _Begun(rows, keys, cached, workers.submit(root, fresh) if fresh else None)


def _make_key(content: str | None, row: Segment, version: str) -> str | None:
    if content is None:
        return None
    return hash_bytes(f"{content} {row.start} {row.end} {FEATURE_SET} {rules_revision()} {version}".encode())


def _count_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
