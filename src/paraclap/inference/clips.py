"""What a user may hand in as audio, brought to one form: clips, and the windows in which long ones are heard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audformat
import numpy.typing as npt
import pandas as pd

from paraclap.audio import SAMPLING_RATE, Waveform, convert_audio, find_audio, read_audio, read_duration
from paraclap.errors import AudioError

AudioInput = (
    str | Path | npt.NDArray[Any] | Sequence[str | Path] | Sequence[npt.NDArray[Any]] | pd.Index  # an audformat index
)

MAX_DURATION = 30.0  # s, above which a clip is heard in windows
WINDOW_DURATION = 10.0  # s


@dataclass(frozen=True)
class Clip:
    """One stretch of a file, or an array; `end` in seconds, the end of the file if None."""

    source: Path | Waveform
    start: float = 0.0
    end: float | None = None

    @property
    def name(self) -> str:
        """How messages and tables call it."""
        return self.source.as_posix() if isinstance(self.source, Path) else "array"

    def measure(self) -> "Clip":
        """Return this clip with its real end, which is never beyond the end of the file.

        Raises:
            AudioError: if the file cannot be read, or the clip starts behind its end.
        """
        if not isinstance(self.source, Path):
            return Clip(self.source, 0.0, len(self.source) / SAMPLING_RATE)
        if self.source.is_dir():
            find_audio([self.source])  # says that it holds no audio; a folder that does was never made a clip
        duration = read_duration(self.source)
        if self.start >= duration:
            raise AudioError(f"{self.name}: segment starts at {self.start} s; the file ends at {duration:.3f} s")
        return Clip(self.source, self.start, duration if self.end is None else min(self.end, duration))

    def read(self) -> Waveform:
        """Return the samples `[T]` at 16 kHz.

        Raises:
            AudioError: if they cannot be read.
        """
        if isinstance(self.source, Path):
            return read_audio(self.source, start=self.start, end=self.end)
        last = None if self.end is None else round(self.end * SAMPLING_RATE)
        return self.source[round(self.start * SAMPLING_RATE) : last]


def gather_clips(audio: AudioInput, *, sampling_rate: int | None = None) -> list[Clip]:
    """Bring files, folders, arrays or an audformat index to clips.

    Raises:
        AudioError: if nothing was handed in, an index is none of audformat's, or arrays come without a sampling rate or
            are no audio. What is missing, and a folder without audio, become clips that say so when they are measured.
    """
    is_array = hasattr(audio, "ndim") and not isinstance(audio, pd.Index | pd.Series)
    items: Iterable[Any] = [audio] if is_array or isinstance(audio, str | Path | bytes) else audio
    if not isinstance(items, Iterable):
        raise AudioError(f"no audio: found {audio!r}; expected files, folders, arrays or an audformat index")
    clips = _gather_index(audio) if isinstance(audio, pd.Index) else _gather_items(items, sampling_rate)
    if not clips:
        raise AudioError("no audio: found an empty list; expected files, folders, arrays or an audformat index")
    return clips


def plan_windows(clip: Clip) -> list[Clip]:
    """Return the clip itself, or for a long one its windows of 10 s; a rest below 1 s is heard with the last one."""
    duration = round((clip.end or 0.0) - clip.start, 6)  # s; what floats add to a difference decides nothing
    if duration <= MAX_DURATION:
        return [clip]
    num_windows = max(1, int(duration / WINDOW_DURATION))
    starts = [clip.start + WINDOW_DURATION * number for number in range(num_windows)]
    if duration - num_windows * WINDOW_DURATION >= 1.0:
        starts.append(clip.start + WINDOW_DURATION * num_windows)
    return [Clip(clip.source, start, end) for start, end in zip(starts, [*starts[1:], clip.end], strict=True)]


def make_index(clips: Sequence[Clip]) -> pd.Index:
    """Return the audformat index of clips of files, with real ends; for arrays their numbers."""
    if not all(isinstance(clip.source, Path) for clip in clips):
        return pd.RangeIndex(len(clips), name="clip")
    index: pd.Index = audformat.segmented_index(
        [clip.name for clip in clips],
        pd.to_timedelta([clip.start for clip in clips], unit="s"),
        pd.to_timedelta([clip.end or 0.0 for clip in clips], unit="s"),
    )
    return index


def _gather_items(items: Iterable[Any], sampling_rate: int | None) -> list[Clip]:
    clips: list[Clip] = []
    for position, item in enumerate(items):
        if isinstance(item, str | Path):
            clips.extend(Clip(path) for path in _find_files(Path(item)))
        else:
            name = f"array {position}"
            clips.append(Clip(convert_audio(item, sampling_rate=sampling_rate, name=name)))
    return clips


def _find_files(path: Path) -> list[Path]:
    """List the audio of a folder; what holds none, or is missing, is named later like a broken file."""
    try:
        return find_audio([path])
    except AudioError:
        return [path]


def _gather_index(index: pd.Index) -> list[Clip]:
    if not audformat.is_filewise_index(index) and not audformat.is_segmented_index(index):
        raise AudioError(f"an index of {list(index.names)}; expected audformat's 'file' or 'file, start, end'")
    segmented = audformat.utils.to_segmented_index(index)
    return [
        Clip(Path(file), start.total_seconds(), None if pd.isna(end) else end.total_seconds())
        for file, start, end in segmented
    ]
