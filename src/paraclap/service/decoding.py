"""Decoding in other processes, which a hostile file may hang or kill: they are ended, replaced, and asked again."""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from paraclap.errors import AudioError, ParaClapError
from paraclap.service.decoding_worker import LENGTH

_STARTING_TIMEOUT = 60.0  # s, also on a busy machine
_MAX_HEADER = 2**16  # bytes
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class _GoneError(Exception):
    """Say that a process ended before it answered; `is_late` if it was ended because it took too long."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__("late" if is_late else "gone")
        self.is_late = is_late


class DecoderPool:
    """Keep processes that decode files in a folder, and hand each request to one that is idle.

    Args:
        folder: that names of files are relative to.
        number: of processes.
        timeout: s that one request may take.
        memory: bytes that one process may use.
        on_failure: told why a process had to be replaced: "timeout" or "crash".
    """

    def __init__(
        self,
        folder: Path,
        *,
        number: int,
        timeout: float,
        memory: int,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self._folder, self._timeout, self._memory = folder, timeout, memory
        self._on_failure = on_failure
        self._idle: queue.LifoQueue[_Decoder] = queue.LifoQueue()
        self._all: set[_Decoder] = set()
        self._lock = Lock()
        self._is_closed = False
        for _ in range(number):
            self._idle.put(self._start())

    @property
    def process_ids(self) -> list[int]:
        """The ids of the processes."""
        with self._lock:
            return sorted(decoder.process.pid for decoder in self._all)

    def wait_until_ready(self) -> None:
        """Wait until all processes have started.

        Raises:
            ParaClapError: if one cannot start.
        """
        with self._lock:
            decoders = list(self._all)
        for decoder in decoders:
            try:
                decoder.wait_until_ready()
            except _GoneError:
                raise ParaClapError(
                    f"a process that decodes audio ends before it is ready; allow it more than {self._memory:,} bytes "
                    "of memory, or install paraclap again"
                ) from None

    def ask(self, request: dict[str, Any], *, max_bytes: int) -> tuple[dict[str, Any], bytes]:
        """Return header and content of a reply; a process that was killed from outside is replaced unnoticed.

        Args:
            request: one of those that `decoding_worker` knows.
            max_bytes: of content that can be an honest answer.

        Raises:
            AudioError: if the file cannot be decoded, or takes too much time or memory.
        """
        name = request["file"]
        for is_last in (False, True):
            decoder = self._idle.get()
            try:
                header, content = decoder.ask(request, self._timeout, max_bytes)
            except _GoneError as reason:
                self._replace(decoder, "timeout" if reason.is_late else "crash")
                if reason.is_late:
                    raise AudioError(
                        f"{name}: decoding it takes more than {self._timeout:g} s; send it as wav, flac, ogg or mp3, "
                        "or in parts"
                    ) from None
                if is_last:
                    raise AudioError(f"{name}: cannot be decoded (the decoder broke down); export it again") from None
                continue
            except BaseException:
                self._replace(decoder, "crash")
                raise
            self._idle.put(decoder)
            if "error" in header:
                raise AudioError(str(header["error"]))
            return header, content
        raise AssertionError("unreachable: the last try returns or raises")

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._is_closed = True
            decoders = list(self._all)
            self._all.clear()
        for decoder in decoders:
            decoder.end()

    def _start(self) -> "_Decoder":
        decoder = _Decoder(self._folder, self._memory)
        with self._lock:
            self._all.add(decoder)
        return decoder

    def _replace(self, decoder: "_Decoder", reason: str) -> None:
        decoder.end()
        with self._lock:
            self._all.discard(decoder)
            if self._is_closed:
                return
        if self._on_failure is not None:
            self._on_failure(reason)
        self._idle.put(self._start())


class _Decoder:
    """Run one process and talk to it, one request after the other."""

    def __init__(self, folder: Path, memory: int) -> None:
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self.process = subprocess.Popen(
            # -P: nothing is imported from the folder of uploads.
            [sys.executable, "-P", "-m", "paraclap.service.decoding_worker", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders complain of what they are given, with its path
            cwd=folder,
            env=environment | _ONE_CORE | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C is for the service, which lets them finish
        )
        self._is_ready = False
        self._lock = Lock()

    def wait_until_ready(self) -> None:
        with self._lock:
            if not self._is_ready:
                self._within(_STARTING_TIMEOUT, lambda: self._receive(0))
                self._is_ready = True

    def ask(self, request: dict[str, Any], timeout: float, max_bytes: int) -> tuple[dict[str, Any], bytes]:
        self.wait_until_ready()
        return self._within(timeout, lambda: self._exchange(request, max_bytes))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what could not be written to it
                    stream.close()

    def _within(self, timeout: float, work: Callable[[], tuple[dict[str, Any], bytes]]) -> tuple[dict[str, Any], bytes]:
        """Do some work with the process, which is killed when it takes too long: then its pipe ends."""
        is_late = False

        def kill() -> None:
            nonlocal is_late
            is_late = True
            self.process.kill()

        timer = Timer(timeout, kill)
        timer.daemon = True
        timer.start()
        try:
            return work()
        except (OSError, ValueError, TypeError, KeyError, EOFError):  # also of a reply that is none
            raise _GoneError(is_late=is_late) from None
        finally:
            timer.cancel()

    def _exchange(self, request: dict[str, Any], max_bytes: int) -> tuple[dict[str, Any], bytes]:
        if self.process.stdin is None:
            raise EOFError
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self._receive(max_bytes)

    def _receive(self, max_bytes: int) -> tuple[dict[str, Any], bytes]:
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        if length > _MAX_HEADER:
            raise EOFError
        header = json.loads(self._read(length))
        if not 0 <= header["size"] <= max_bytes:
            raise EOFError
        return header, self._read(header["size"])

    def _read(self, size: int) -> bytes:
        found = b"" if self.process.stdout is None else self.process.stdout.read(size)
        if len(found) < size:
            raise EOFError
        return found
