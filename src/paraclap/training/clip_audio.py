"""The audio of a manifest's rows: how long each is, and any stretch of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import MIN_DURATION, locate_audio, read_audio
from paraclap.records import BadFile

Segment = tuple[str, float, float]  # file, start and end in seconds


class ClipAudio(ABC):
    """Give the audio of rows, in whatever form a tower hears it; `bad_files` names what cannot be read."""

    def __init__(self, bad_files: Sequence[BadFile] = ()) -> None:
        self.bad_files = tuple(bad_files)

    @abstractmethod
    def duration(self, row: int) -> float:
        """Return the length of a row in seconds; 0 if it cannot be read."""

    @abstractmethod
    def read(self, row: int, *, start: float = 0.0, seconds: float | None = None) -> npt.NDArray[np.float32]:
        """Return a row, or so many seconds of it from a start (in seconds within the row) on."""


class FileAudio(ClipAudio):
    """Read waveforms `[T]` at 16 kHz from their files, or from tar shards, each time they are heard."""

    def __init__(self, segments: Sequence[Segment], bad_files: Sequence[BadFile] = ()) -> None:
        super().__init__(bad_files)
        self._segments = segments
        self._missing = {bad.file for bad in bad_files}

    def duration(self, row: int) -> float:
        """Return the length of a row as its manifest has it; 0 if its file is not there, or it is too short."""
        file, start, end = self._segments[row]
        return 0.0 if file in self._missing or end - start < MIN_DURATION else end - start

    def read(self, row: int, *, start: float = 0.0, seconds: float | None = None) -> npt.NDArray[np.float32]:
        """Return the waveform `[T]` of a row, or a part of it."""
        file, begin, end = self._segments[row]
        first = begin + start
        return read_audio(file, start=first, end=end if seconds is None else min(end, first + seconds))


def open_files(manifest: pd.DataFrame, root: Path) -> FileAudio:
    """Return the audio of a manifest's files; those that are missing are named, none is opened yet."""
    segments = list_segments(manifest, root)
    missing = sorted(file for file in {file for file, _, _ in segments} if not locate_audio(Path(file)).is_file())
    return FileAudio(segments, [BadFile(file, f"{file}: no such file") for file in missing])


def list_segments(manifest: pd.DataFrame, root: Path) -> list[Segment]:
    """Return the file, start and end of every row, the file below a root."""
    files, starts, ends = (manifest.index.get_level_values(level) for level in ("file", "start", "end"))
    return [
        (str(root / file), start.total_seconds(), end.total_seconds())
        for file, start, end in zip(files, starts, ends, strict=True)
    ]
