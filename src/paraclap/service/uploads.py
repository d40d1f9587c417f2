"""Uploads: a file in a folder of the service for as long as its request is answered, and the clip that it holds."""

import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from paraclap.audio import AUDIO_SUFFIXES, Waveform
from paraclap.errors import AudioError
from paraclap.inference import Clip
from paraclap.inference.clips import MAX_DURATION
from paraclap.service.decoding import DecoderPool

_PREFIX = "paraclap-serve-"
_LONGEST_NAME = 200  # characters
_SAMPLE_SIZE = 4  # bytes
_SLACK = 1.0  # s that a stretch may be longer than it was asked for


class UploadFolder:
    """Keep uploads while they are needed, where only this user can read; what a killed service left is removed."""

    def __init__(self) -> None:
        _remove_left_folders()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))

    def store(self, content: BinaryIO, name: str) -> "StoredFile":
        """Store what somebody sent, until `remove`."""
        shown = clean_name(name)
        suffix = PurePosixPath(shown).suffix.lower()
        path = self.path / f"{uuid4().hex}{suffix if suffix in AUDIO_SUFFIXES else ''}"
        try:
            with path.open("xb") as stream:
                shutil.copyfileobj(content, stream, 2**20)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StoredFile(path, shown)

    def remove(self, stored: "StoredFile") -> None:
        """Forget what somebody sent."""
        stored.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class StoredFile:
    """Name a file in the folder of uploads, and how the client calls it."""

    path: Path
    name: str


@dataclass(frozen=True)
class UploadedClip(Clip):
    """A clip that other processes read; `source` is only how the client calls it, and no file here.

    What was read when it was opened is kept, and so decoded once.
    """

    decoder: "ClipDecoder | None" = field(default=None, repr=False, compare=False)

    def measure(self) -> "UploadedClip":
        """Return the clip itself: its end was found when it was opened."""
        return self

    def read(self) -> Waveform:
        """Return the samples `[T]` at the clip's sampling rate.

        Raises:
            AudioError: if they cannot be read, or that takes too long.
        """
        if self.decoder is None:
            raise AudioError(f"{self.name}: the clip was never opened")
        return self.decoder.read(self.start, self.end or 0.0, self.sampling_rate)


class ClipDecoder:
    """Read one stored file by other processes.

    Args:
        pool: of processes.
        stored: the file.
        longest: s of audio that are taken.
    """

    def __init__(self, pool: DecoderPool, stored: StoredFile, *, longest: float) -> None:
        self._pool, self._stored, self._longest = pool, stored, longest
        self._known: dict[tuple[float, float, int], Waveform] = {}
        self._lock = Lock()

    def open(self, *, sampling_rate: int, max_duration: float | None) -> UploadedClip:
        """Return the clip that the file is, with its end; it is read already if it is short.

        Args:
            sampling_rate: in Hz, at which it is heard.
            max_duration: s that the model hears at once, if that is less than 30 s.

        Raises:
            AudioError: if it cannot be read, or is too long.
        """
        header, samples = self._ask(
            {
                "job": "open",
                "sampling_rate": sampling_rate,
                "longest": self._longest,
                "max_duration": max_duration,
            },
            seconds=MAX_DURATION,
            sampling_rate=sampling_rate,
        )
        end = float(header["end"])
        if end > self._longest:
            raise AudioError(
                f"{self._stored.name}: {end:.1f} s of audio; this service takes at most {self._longest:g} s: "
                "send it in parts"
            )
        if header["is_read"]:
            self._known[0.0, end, sampling_rate] = samples
        return UploadedClip(Path(self._stored.name), 0.0, end, sampling_rate, self)

    def read(self, start: float, end: float, sampling_rate: int) -> Waveform:
        """Return the samples `[T]` of a stretch in seconds.

        Raises:
            AudioError: if it cannot be read, or that takes too long.
        """
        known = self._known.get((start, end, sampling_rate))
        if known is not None:
            return known
        request = {"job": "read", "start": start, "end": end, "sampling_rate": sampling_rate}
        return self._ask(request, seconds=end - start, sampling_rate=sampling_rate)[1]

    def _ask(self, request: dict[str, Any], *, seconds: float, sampling_rate: int) -> tuple[dict[str, Any], Waveform]:
        file = self._stored.path.name  # relative: no reply has the path of the folder
        max_bytes = round((seconds + _SLACK) * sampling_rate) * _SAMPLE_SIZE
        try:
            header, content = self._pool.ask({**request, "file": file}, max_bytes=max_bytes)
        except AudioError as error:
            raise AudioError(str(error).replace(file, self._stored.name)) from None
        return header, np.frombuffer(content, dtype="<f4").astype(np.float32)


def clean_name(name: str) -> str:
    """Return the last part of a file name that a client sent, without what does not print."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    return printable[-_LONGEST_NAME:].lstrip(".") or "upload"


def _remove_left_folders() -> None:
    """Remove folders of services that no longer run, whose processes were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and int(number) != os.getpid() and not _is_running(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process_id: int) -> bool:
    if os.name == "nt":  # where asking would end it
        return True
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
