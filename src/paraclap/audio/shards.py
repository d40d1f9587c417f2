"""Audio inside of tar archives: a path such as "x.tar/a.flac" is a member, read in place, never unpacked."""

import hashlib
import io
import os
import tarfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paraclap.errors import AudioError

_NUM_INDEXED = 1024  # archives whose headers are kept in memory: some 50 bytes a member
_LOCK = threading.Lock()  # so that threads which come to an archive together read its headers once


@dataclass(frozen=True, slots=True)
class Member:
    """Place a file in a tar archive: its bytes from `offset` on."""

    archive: Path
    offset: int
    size: int


def find_member(path: Path) -> Member | None:
    """Return the place of a path such as "x.tar/a.flac" in its archive; None for a path that leads into none.

    Raises:
        AudioError: if the archive is missing, damaged before the member's end, or has no such member.
    """
    archive = _find_archive(path)
    if archive is None:
        return None
    index = _read_index(archive)
    place = index.find(path.relative_to(archive).as_posix())
    if place is not None and sum(place) <= index.size:
        return Member(archive, *place)
    if index.damage:
        raise _damaged(archive, index.damage)
    raise AudioError(f"{path}: the archive has no such member; 'tar -tf {archive.name}' lists those it has")


def list_members(archive: Path) -> list[Path]:
    """Return the paths of all files in a tar archive, in sorted order.

    Raises:
        AudioError: if the archive is missing or damaged.
    """
    index = _read_index(archive)
    if index.damage:
        raise _damaged(archive, index.damage)
    return [archive / os.fsdecode(name) for name in index.names.tolist()]


def locate_audio(path: Path) -> Path:
    """Return the file on disk that holds the audio of a path: the path itself, or the archive it leads into."""
    return _find_archive(path) or path


def open_audio(path: Path) -> io.BufferedReader:
    """Open a file, or a member of a tar archive as if it were one, for reading its bytes.

    Raises:
        AudioError: if it cannot be opened, or its archive is missing, damaged or has no such member.
    """
    try:
        member = find_member(path)
        return path.open("rb") if member is None else _open_member(member)
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from None


def hash_audio(path: Path) -> str | None:
    """Return the SHA-256 of the bytes of a file, or of a member of a tar archive, as 64 hexadecimal digits.

    None if they cannot be read: reading them as audio will say what is wrong.
    """
    try:
        with open_audio(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (AudioError, OSError):
        return None


def _open_member(member: Member) -> io.BufferedReader:
    return io.BufferedReader(_Window(member.archive.open("rb", buffering=0), member))


class _Window(io.RawIOBase):
    """Show a member as a file of its own, which begins and ends with it."""

    def __init__(self, stream: io.FileIO, member: Member) -> None:
        self._stream = stream
        self._member = member
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._member.size}[whence]
        if origin + offset < 0:
            raise OSError("a place before the begin of the member")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer has a memoryview
        self._stream.seek(self._member.offset + self._position)
        wanted = max(0, min(len(buffer), self._member.size - self._position))
        num_bytes = self._stream.readinto(memoryview(buffer)[:wanted])
        self._position += num_bytes
        return num_bytes

    def close(self) -> None:
        self._stream.close()
        super().close()


def _find_archive(path: Path) -> Path | None:
    """Return the first .tar on the way to a path; a folder may be called so as well, and is none."""
    parents = (parent for parent in reversed(path.parents) if parent.suffix.lower() == ".tar")
    return next((parent for parent in parents if not _is_folder(parent)), None)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # who opens it as an archive is told why that cannot be
        return False


@dataclass(frozen=True, eq=False)
class _Index:
    """Hold the members of an archive: names in sorted order `[N]`, offset and size of each `[N, 2]`; what is wrong."""

    names: npt.NDArray[np.bytes_]
    places: npt.NDArray[np.int64]
    size: int  # of the archive
    damage: str

    def find(self, name: str) -> tuple[int, int] | None:
        """Return offset and size of a member."""
        wanted = os.fsencode(name)
        row = int(np.searchsorted(self.names, wanted))
        if row == len(self.names) or self.names[row] != wanted:
            return None
        return int(self.places[row, 0]), int(self.places[row, 1])


def _read_index(archive: Path) -> _Index:
    try:
        status = archive.stat()
        with _LOCK:
            return _scan(archive, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        raise AudioError(f"{archive}: no such file; expected a tar archive of audio") from None
    except OSError as error:
        raise AudioError(f"{archive}: cannot be opened ({error.strerror})") from None


@lru_cache(maxsize=_NUM_INDEXED)
def _scan(archive: Path, size: int, mtime_ns: int) -> _Index:
    """Read the headers of an archive, which is another one once its size or time of writing has changed."""
    members: dict[bytes, tuple[int, int]] = {}
    damage = ""
    try:
        with tarfile.open(archive, "r:") as tar:
            for info in tar:
                if info.isreg() and not info.issparse():
                    members[os.fsencode(info.name.removeprefix("./"))] = (info.offset_data, info.size)
    except tarfile.TarError as error:
        damage = str(error)
    names = sorted(members)
    places = np.array([members[name] for name in names], dtype=np.int64).reshape(-1, 2)
    if not damage and (places.sum(axis=1) > size).any():
        damage = "it ends too early"
    return _Index(np.array(names, dtype=np.bytes_), places, size, damage)


def _damaged(archive: Path, detail: str) -> AudioError:
    return AudioError(
        f"{archive}: the archive is damaged or truncated ({detail}); copy it again, or make it without compression"
    )
