import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from paraclap.errors import ModelError
from paraclap.inference import Clip, EncodedClips
from paraclap.records import BadFile
from paraclap.service.batching import MicroBatcher


class Recorder:
    """Encode a clip as its start, and note the batches; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.go = Event()

    def encode(self, clips: Sequence[Clip]) -> EncodedClips:
        self.go.wait(5)
        starts = [clip.start for clip in clips]
        self.batches.append(starts)
        if 13.0 in starts:
            raise ModelError("number 13 is not to be encoded")
        good = [clip for clip in clips if clip.start != 7.0]
        bad = [BadFile(clip.name, "number 7 cannot be read") for clip in clips if clip.start == 7.0]
        return EncodedClips(
            tuple(good), np.array([[clip.start] for clip in good], dtype=np.float32).reshape(-1, 1), tuple(bad)
        )


def make_clip(number: int) -> Clip:
    return Clip(Path(f"{number}.wav"), float(number))


def make_batcher(recorder: Recorder, *, expected: int = 100, max_batch: int = 4, delay: float = 0.2) -> MicroBatcher:
    return MicroBatcher(recorder.encode, max_batch=max_batch, max_delay=delay, count_expected=lambda: expected)


def test_what_comes_together_is_encoded_together() -> None:
    recorder = Recorder()
    batcher = make_batcher(recorder)

    futures = [batcher.submit(make_clip(number)) for number in range(6)]
    recorder.go.set()

    assert [future.result(5).embeddings.tolist() for future in futures] == [[[float(n)]] for n in range(6)]
    assert [future.result(5).clips[0].name for future in futures] == [f"{n}.wav" for n in range(6)]
    batcher.close()
    assert recorder.batches == [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0]]


def test_nothing_is_waited_for_when_nobody_else_is_there() -> None:
    recorder = Recorder()
    recorder.go.set()
    batcher = make_batcher(recorder, expected=1, delay=1.0)
    began = time.monotonic()

    batcher.submit(make_clip(1)).result(5)

    assert time.monotonic() - began < 0.5
    batcher.close()


def test_others_are_waited_for_no_longer_than_the_delay() -> None:
    recorder = Recorder()
    recorder.go.set()
    batcher = make_batcher(recorder, delay=0.2)
    began = time.monotonic()

    batcher.submit(make_clip(1)).result(5)

    assert 0.15 < time.monotonic() - began < 2
    batcher.close()


@pytest.mark.parametrize("max_batch", [1, 4])
def test_a_clip_that_cannot_be_encoded_spoils_no_other(max_batch: int) -> None:
    recorder = Recorder()
    recorder.go.set()
    batcher = make_batcher(recorder, max_batch=max_batch)

    futures = [batcher.submit(make_clip(number)) for number in (1, 13, 7, 2)]

    assert [futures[place].result(5).embeddings.tolist() for place in (0, 3)] == [[[1.0]], [[2.0]]]
    with pytest.raises(ModelError, match=r"^number 13 is not to be encoded$"):
        futures[1].result(5)
    assert [bad.reason for bad in futures[2].result(5).bad_files] == ["number 7 cannot be read"]
    batcher.close()


def test_closing_encodes_what_waits() -> None:
    recorder = Recorder()
    batcher = make_batcher(recorder, max_batch=1)
    futures = [batcher.submit(make_clip(number)) for number in range(3)]

    recorder.go.set()
    batcher.close()

    assert all(future.done() for future in futures)
