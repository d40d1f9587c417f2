"""Clips to embeddings: windows are read ahead in threads, batched by length, and averaged again."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from paraclap.audio import Waveform
from paraclap.errors import AudioError, ModelError
from paraclap.inference.clips import Clip, plan_windows
from paraclap.records import BadFile

Embeddings = npt.NDArray[np.float32]
EncodeBatch = Callable[[Sequence[Waveform]], Embeddings]
Progress = Callable[[int, int], None]  # clips done, clips in all
_Heard = tuple[int, Clip, Waveform]  # number of a clip, one of its windows, and what is heard there

_WINDOWS_AT_ONCE = 64  # decoded together, then sorted by length
_MAX_BATCH_DURATION = 160.0  # s, padded; bounds memory where a batch holds long clips
_MAX_PADDING = 0.1  # of the longest in a batch: what is padded is computed for nothing
_NUM_READERS = 2


@dataclass(frozen=True)
class HearingLimits:
    """Say what of a model decides about batches: how long it hears, in seconds, and if it sees padding."""

    max_duration: float | None = None
    sees_padding: bool = False


NO_LIMITS = HearingLimits()


@dataclass(frozen=True)
class Encoders:
    """Hold threads that encode batches, and their number."""

    executor: Executor
    number: int


@dataclass(frozen=True)
class EncodedClips:
    """Hold the clips that could be heard with their real ends, their unit vectors `[N, D]`, and the bad files."""

    clips: tuple[Clip, ...]
    embeddings: Embeddings
    bad_files: tuple[BadFile, ...]


def encode_clips(
    clips: Sequence[Clip],
    encode_batch: EncodeBatch,
    *,
    batch_size: int,
    limits: HearingLimits = NO_LIMITS,
    encoders: Encoders | None = None,
    is_strict: bool = False,
    progress: Progress | None = None,
) -> EncodedClips:
    """Embed clips; those that cannot be read are named and the others kept.

    A clip of over 30 s is the mean of its windows, weighted by duration and brought to unit length. What else is
    encoded with a clip does not change its vector.

    Args:
        clips: what to hear.
        encode_batch: from waveforms to unit vectors `[B, D]`.
        batch_size: waveforms encoded together at most.
        limits: of the model.
        encoders: where batches are encoded, several at once; one after the other in this thread if None.
        is_strict: stop at a clip that cannot be read, before more is encoded.
        progress: told after every chunk how many clips are done.

    Raises:
        AudioError: if a clip cannot be read and `is_strict`.
    """
    measured = list(clips)
    sums: dict[int, npt.NDArray[np.float64]] = {}
    reasons: dict[int, str] = {}
    reached: int | None = None  # the clip of the last window that is handed to encoders
    pending: deque[tuple[Sequence[_Heard], Future[Embeddings]]] = deque()

    def collect(num_left: int) -> None:
        while len(pending) > num_left:
            batch, future = pending.popleft()
            for (number, window, _), embedding in zip(batch, future.result(), strict=True):
                weighted = embedding.astype(np.float64) * ((window.end or 0.0) - window.start)
                sums[number] = sums[number] + weighted if number in sums else weighted

    with ThreadPoolExecutor(_NUM_READERS) as readers:
        windows = _plan_all(measured, reasons, limits)
        while True:
            chunk = list(islice(windows, _WINDOWS_AT_ONCE))
            waveforms = readers.map(_read, [window for _, window in chunk])
            good = []
            for (number, window), waveform in zip(chunk, waveforms, strict=True):
                if isinstance(waveform, AudioError):
                    reasons.setdefault(number, str(waveform))
                else:
                    good.append((number, window, waveform))
            if is_strict and reasons:
                others = " ('encode' keeps the other clips)" if len(clips) > 1 else ""
                raise AudioError(reasons[min(reasons)] + others)
            # What would leave encoders without work is encoded one after the other, with all cores.
            at_once = encoders if encoders is not None and len(good) >= encoders.number else None
            size = batch_size if at_once is None else min(batch_size, math.ceil(len(good) / at_once.number))
            batches = list(_split(sorted(good, key=lambda heard: len(heard[2])), size, limits))
            for batch in reversed(batches):  # the longest first, so that encoders end together
                pending.append((batch, _submit(at_once, encode_batch, [waveform for _, _, waveform in batch])))
            collect(len(batches))  # of the chunk before this one: encoders work while the next is read
            if progress is not None and reached is not None:
                progress(reached, len(measured))
            if not chunk:
                break
            reached = chunk[-1][0]  # of this clip there may be more to come
    if progress is not None:
        progress(len(measured), len(measured))
    kept = [number for number in range(len(measured)) if number not in reasons]
    vectors = [sums[number] / np.linalg.norm(sums[number]) for number in kept]
    return EncodedClips(
        clips=tuple(measured[number] for number in kept),
        embeddings=np.stack(vectors).astype(np.float32) if vectors else np.zeros((0, 0), dtype=np.float32),
        bad_files=tuple(BadFile(clips[number].name, reasons[number]) for number in sorted(reasons)),
    )


def make_unit(vectors: Embeddings, number: int, *, maker: str, what: str) -> Embeddings:
    """Bring the vectors `[N, D]` that a model made to unit length.

    Args:
        vectors: as they were made.
        number: of vectors that are expected.
        maker: the model's name.
        what: they are of, in the plural.

    Raises:
        ModelError: if they are not that many, or one is NaN, infinite or zero.
    """
    found = np.asarray(vectors)
    if found.ndim != 2 or len(found) != number:
        shape = list(found.shape)
        raise ModelError(f"{maker} makes an array {shape} of {number} {what}; expected vectors [{number}, D]")
    lengths = np.linalg.norm(found.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ModelError(
            f"{maker} makes vectors of {what} that are NaN, infinite or zero; "
            "where they overflow, use dtype='bfloat16' or 'float32'"
        )
    return np.asarray(found / lengths, dtype=np.float32)


def _submit(encoders: Encoders | None, encode_batch: EncodeBatch, waveforms: Sequence[Waveform]) -> Future[Embeddings]:
    if encoders is not None:
        return encoders.executor.submit(encode_batch, waveforms)
    done: Future[Embeddings] = Future()
    done.set_result(encode_batch(waveforms))
    return done


def _plan_all(clips: list[Clip], reasons: dict[int, str], limits: HearingLimits) -> Iterator[tuple[int, Clip]]:
    """Yield the windows of all clips with the clip's number; measured clips replace the given ones on the way."""
    for number, clip in enumerate(clips):
        try:
            clips[number] = clip.measure()
        except AudioError as error:
            reasons[number] = str(error)
            continue
        for window in plan_windows(clips[number], max_duration=limits.max_duration):
            yield number, window


def _read(window: Clip) -> Waveform | AudioError:
    try:
        return window.read()
    except AudioError as error:
        return error


def _split(entries: Sequence[_Heard], batch_size: int, limits: HearingLimits) -> Iterator[Sequence[_Heard]]:
    """Cut entries, sorted by length, into batches of at most `batch_size` that are not too large when padded.

    For a model that sees padding, all of a batch are equally long.
    """
    begin = 0
    for stop in range(1, len(entries) + 1):
        is_full = stop == len(entries) or stop - begin == batch_size
        if is_full or not _fits(entries[begin], entries[stop], stop + 1 - begin, limits):
            yield entries[begin:stop]
            begin = stop


def _fits(first: _Heard, last: _Heard, num_clips: int, limits: HearingLimits) -> bool:
    """Tell if a batch stays small enough when padded to its last clip, and is equally long where that matters."""
    padding = 0.0 if limits.sees_padding else _MAX_PADDING
    is_even = len(first[2]) >= (1 - padding) * len(last[2])
    return is_even and num_clips * len(last[2]) <= _MAX_BATCH_DURATION * last[1].sampling_rate
