"""Processes that measure segments of files."""

import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio
from paraclap.errors import AudioError
from paraclap.features.extraction import MIN_SAMPLES, TOO_SHORT, Features, extract_features, lack_features
from paraclap.features.segments import NANOSECONDS, Segment

Measured: TypeAlias = "Features | AudioError"

BLOCK = 10 * NANOSECONDS  # segments of a file that begin in the same block are cut from one reading
_LIBRARY_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Workers:
    """Run `measure_segments` in processes, which start when they are needed; in this process if there is but one."""

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, root: Path, segments: Sequence[Segment]) -> "Future[list[Measured]]":
        """Measure segments soon."""
        if self._num_workers == 1:
            future: Future[list[Measured]] = Future()
            future.set_result(measure_segments(root, segments))
            return future
        if self._pool is None:
            context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of this process
            self._pool = ProcessPoolExecutor(self._num_workers, context, initializer=_ignore_interrupts)
        with _starting_processes():  # one starts when there is work for it
            return self._pool.submit(measure_segments, root, segments)

    def close(self) -> None:
        """Drop what has not begun, and wait for what has."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def measure_segments(root: Path, segments: Sequence[Segment]) -> list[Measured]:
    """Measure segments of files below `root`; in place of one that cannot be read stands the error.

    A segment is read from the begin of its block on, with others of that block. So its samples depend on the file and
    on itself alone, also where a lossy codec is sought in.
    """
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place, segment in enumerate(segments):
        groups[segment.file, segment.start // BLOCK].append(place)
    measured: dict[int, Measured] = {}
    for (file, block), places in groups.items():
        found = _measure_block(root / file, block * BLOCK, [segments[place] for place in places])
        measured.update(zip(places, found, strict=True))
    return [measured[place] for place in range(len(segments))]


def _measure_block(path: Path, begin: int, segments: Sequence[Segment]) -> Iterator[Measured]:
    try:
        shared = _read(path, begin, max(segment.end for segment in segments))
    except AudioError:
        shared = None  # one of them may be at fault; each finds out for itself
    for segment in segments:
        num_samples = _to_samples(segment.end) - _to_samples(segment.start)
        if num_samples < MIN_SAMPLES:
            yield lack_features(num_samples / SAMPLING_RATE, TOO_SHORT)
            continue
        try:
            yield extract_features(_cut(path, begin, segment, shared))
        except AudioError as error:
            yield error


def _cut(path: Path, begin: int, segment: Segment, shared: Waveform | None) -> Waveform:
    """Return the samples of a segment, from a stretch that begins with its block if that can be read.

    Raises:
        AudioError: if the segment cannot be read.
    """
    try:
        stretch = _read(path, begin, segment.end) if shared is None else shared
    except AudioError:
        return _read(path, segment.start, segment.end)
    first = _to_samples(begin)
    samples = stretch[_to_samples(segment.start) - first : _to_samples(segment.end) - first]
    return samples if len(samples) >= MIN_SAMPLES else _read(path, segment.start, segment.end)  # says what is wrong


def _read(path: Path, start: int, end: int) -> Waveform:
    return read_audio(path, start=start / NANOSECONDS, end=end / NANOSECONDS)


def _to_samples(time: int) -> int:
    return round(time / NANOSECONDS * SAMPLING_RATE)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the main process: it waits for what has begun and keeps it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _starting_processes() -> Iterator[None]:
    """Give processes that start now one thread for linear algebra, not one a core, and no Ctrl-C while they import."""
    before = {name: os.environ.get(name) for name in _LIBRARY_THREADS}
    os.environ.update(dict.fromkeys(_LIBRARY_THREADS, "1"))
    can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_block else set()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
