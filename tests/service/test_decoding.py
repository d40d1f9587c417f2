import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.inference.loudness import write_turns

from paraclap.audio import read_audio
from paraclap.errors import AudioError, ParaClapError
from paraclap.service.decoding import DecoderPool
from paraclap.service.uploads import ClipDecoder, StoredFile

MEMORY = 2**30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_turns(tmp_path_factory.mktemp("uploads") / "a.wav", [0.5]).parent


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[DecoderPool]:
    failures: list[str] = []
    pool = DecoderPool(folder, number=1, timeout=20, memory=MEMORY, on_failure=failures.append)
    pool.wait_until_ready()
    yield pool
    pool.close()


def open_request(file: str) -> dict[str, object]:
    return {"job": "open", "file": file, "sampling_rate": 16_000, "longest": 3600.0, "max_duration": None}


def ask(pool: DecoderPool, file: str = "a.wav") -> float:
    return float(pool.ask(open_request(file), max_bytes=2**22)[0]["end"])


def test_what_another_process_reads_is_what_this_one_reads(pool: DecoderPool, folder: Path) -> None:
    soundfile.write(folder / "b.flac", make_voice(1.3, 44_100), 44_100)

    clip = ClipDecoder(pool, StoredFile(folder / "b.flac", "b.flac"), longest=10).open(
        sampling_rate=16_000, max_duration=None
    )

    assert np.array_equal(clip.read(), read_audio(folder / "b.flac"))
    assert clip.end == pytest.approx(1.3)
    assert clip.decoder is not None
    assert np.array_equal(clip.decoder.read(0.2, 0.7, 16_000), read_audio(folder / "b.flac", start=0.2, end=0.7))


def test_an_error_names_the_file_as_its_sender_does(pool: DecoderPool, folder: Path) -> None:
    (folder / "c0ffee.wav").write_text("no audio")

    with pytest.raises(AudioError, match=r"^call\.wav: cannot be read as audio \(Format not recognised\)"):
        ClipDecoder(pool, StoredFile(folder / "c0ffee.wav", "call.wav"), longest=10).open(
            sampling_rate=16_000, max_duration=None
        )


def test_what_is_too_long_is_refused_before_it_is_read(pool: DecoderPool, folder: Path) -> None:
    with pytest.raises(AudioError, match=r"^a\.wav: 0\.5 s of audio; this service takes at most 0\.2 s: send it in"):
        ClipDecoder(pool, StoredFile(folder / "a.wav", "a.wav"), longest=0.2).open(
            sampling_rate=16_000, max_duration=None
        )


def test_a_process_that_was_killed_is_replaced_and_the_request_answered(pool: DecoderPool) -> None:
    (before,) = pool.process_ids

    os.kill(before, signal.SIGKILL)

    assert ask(pool) == 0.5
    assert pool.process_ids != [before]


def test_a_process_that_hangs_is_ended_and_the_next_request_answered(folder: Path) -> None:
    failures: list[str] = []
    pool = DecoderPool(folder, number=1, timeout=1.0, memory=MEMORY, on_failure=failures.append)
    try:
        pool.wait_until_ready()
        os.kill(pool.process_ids[0], signal.SIGSTOP)
        began = time.monotonic()

        with pytest.raises(AudioError, match=r"^a\.wav: decoding it takes more than 1 s; send it as wav, flac, ogg"):
            ask(pool)

        assert time.monotonic() - began < 5
        assert failures == ["timeout"]
        assert ask(pool) == 0.5
    finally:
        pool.close()


@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is bounded where the system can")
def test_a_file_that_takes_too_much_memory_is_refused_by_a_process_that_lives_on(
    pool: DecoderPool, folder: Path
) -> None:
    soundfile.write(folder / "wide.wav", np.zeros((2_000_000, 200), dtype=np.int16), 192_000, subtype="PCM_U8")
    before = pool.process_ids

    with pytest.raises(AudioError, match=r"^wide\.wav: decoding it needs more memory than it may use here"):
        ask(pool, "wide.wav")

    (folder / "wide.wav").unlink()
    assert pool.process_ids == before
    assert ask(pool) == 0.5


def test_a_process_that_does_not_start_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    pool = DecoderPool(folder, number=1, timeout=1.0, memory=MEMORY)
    try:
        with pytest.raises(
            ParaClapError, match=r"^a process that decodes audio ends before it is ready; allow it more"
        ):
            pool.wait_until_ready()
    finally:
        pool.close()


def test_a_closed_pool_leaves_no_process(folder: Path) -> None:
    pool = DecoderPool(folder, number=2, timeout=1.0, memory=MEMORY)
    numbers = pool.process_ids

    pool.close()

    assert len(numbers) == 2
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
