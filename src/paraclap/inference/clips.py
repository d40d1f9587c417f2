"""What a user may hand in as audio, brought to one form: clips, and the windows in which long ones are heard."""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy.typing as npt

from paraclap.audio import SAMPLING_RATE, Waveform, convert_audio, find_audio, read_audio, read_duration
from paraclap.errors import AudioError

if TYPE_CHECKING:
    import pandas as pd  # and audformat where it is used: the ONNX runtime does without both

# The index is one of audformat.
AudioInput: TypeAlias = "str | Path | npt.NDArray[Any] | Sequence[str | Path] | Sequence[npt.NDArray[Any]] | pd.Index"

MAX_DURATION = 30.0  # s, above which a clip is heard in windows
WINDOW_DURATION = 10.0  # s


@dataclass(frozen=True)
class Clip:
    """One stretch of a file, or an array; `end` in seconds, the end of the file if None."""

    source: Path | Waveform
    start: float = 0.0
    end: float | None = None
    sampling_rate: int = SAMPLING_RATE  # Hz, at which it is heard; that of the array

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
            return replace(self, start=0.0, end=len(self.source) / self.sampling_rate)
        if self.source.is_dir() or self.source.suffix.lower() == ".tar":
            find_audio([self.source])  # says that it holds no audio; a folder or archive that does is never a clip
        duration = read_duration(self.source)
        if self.start >= duration:
            raise AudioError(f"{self.name}: segment starts at {self.start} s; the file ends at {duration:.3f} s")
        return replace(self, end=duration if self.end is None else min(self.end, duration))

    def read(self) -> Waveform:
        """Return the samples `[T]` at the clip's sampling rate.

        Raises:
            AudioError: if they cannot be read.
        """
        if isinstance(self.source, Path):
            return read_audio(self.source, start=self.start, end=self.end, sampling_rate=self.sampling_rate)
        last = None if self.end is None else round(self.end * self.sampling_rate)
        return self.source[round(self.start * self.sampling_rate) : last]


def gather_clips(
    audio: AudioInput, *, sampling_rate: int | None = None, target_rate: int = SAMPLING_RATE
) -> list[Clip]:
    """Bring files, folders, arrays or an audformat index to clips.

    Args:
        audio: what a user handed in.
        sampling_rate: of arrays, in Hz.
        target_rate: at which all are heard, in Hz.

    Raises:
        AudioError: if nothing was handed in, an index is none of audformat's, or arrays come without a sampling rate or
            are no audio. What is missing, and a folder without audio, become clips that say so when they are measured.
    """
    is_index = _is_pandas(audio, "Index")
    is_array = hasattr(audio, "ndim") and not is_index and not _is_pandas(audio, "Series")
    items: Iterable[Any] = [audio] if is_array or isinstance(audio, str | Path | bytes) else audio
    if not isinstance(items, Iterable):
        raise AudioError(f"no audio: found {audio!r}; expected files, folders, arrays or an audformat index")
    clips = _gather_index(audio) if is_index else _gather_items(items, sampling_rate, target_rate)
    if not clips:
        raise AudioError("no audio: found an empty list; expected files, folders, arrays or an audformat index")
    return [replace(clip, sampling_rate=target_rate) for clip in clips]


def plan_windows(clip: Clip, *, max_duration: float | None = None) -> list[Clip]:
    """Return the clip itself, or for a long one its windows of 10 s; a rest below 1 s is heard with the last one.

    Args:
        clip: measured, so that its end is known.
        max_duration: s that the model hears at once, if that is less than 30 s; then the windows of a clip are equally
            long, so that none is above it.
    """
    duration = round((clip.end or 0.0) - clip.start, 6)  # s; what floats add to a difference decides nothing
    if duration <= min(MAX_DURATION, max_duration or MAX_DURATION):
        return [clip]
    if max_duration is not None and max_duration < MAX_DURATION:
        number = math.ceil(duration / min(WINDOW_DURATION, max_duration))
        edges = [clip.start + duration * place / number for place in range(number)]
        return [replace(clip, start=start, end=end) for start, end in zip(edges, [*edges[1:], clip.end], strict=True)]
    num_windows = max(1, int(duration / WINDOW_DURATION))
    starts = [clip.start + WINDOW_DURATION * number for number in range(num_windows)]
    if duration - num_windows * WINDOW_DURATION >= 1.0:
        starts.append(clip.start + WINDOW_DURATION * num_windows)
    return [replace(clip, start=start, end=end) for start, end in zip(starts, [*starts[1:], clip.end], strict=True)]


def make_index(clips: Sequence[Clip]) -> "pd.Index":
    """Return the audformat index of clips of files, with real ends; for arrays their numbers."""
    import audformat
    import pandas as pd

    if not all(isinstance(clip.source, Path) for clip in clips):
        return pd.RangeIndex(len(clips), name="clip")
    index: pd.Index = audformat.segmented_index(
        [clip.name for clip in clips],
        pd.to_timedelta([clip.start for clip in clips], unit="s"),
        pd.to_timedelta([clip.end or 0.0 for clip in clips], unit="s"),
    )
    return index


def _gather_items(items: Iterable[Any], sampling_rate: int | None, target_rate: int) -> list[Clip]:
    clips: list[Clip] = []
    for position, item in enumerate(items):
        if isinstance(item, str | Path):
            clips.extend(Clip(path) for path in _find_files(Path(item)))
        else:
            name = f"array {position}"
            samples = convert_audio(item, sampling_rate=sampling_rate, target_rate=target_rate, name=name)
            clips.append(Clip(samples))
    return clips


def _find_files(path: Path) -> list[Path]:
    """List the audio of a folder; what holds none, or is missing, is named later like a broken file."""
    try:
        return find_audio([path])
    except AudioError:
        return [path]


def _is_pandas(value: object, kind: str) -> bool:
    """Tell if a value is of a class of pandas; where pandas was never imported, nothing is."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, kind))


def _gather_index(index: Any) -> list[Clip]:
    import audformat
    import pandas as pd

    if not audformat.is_filewise_index(index) and not audformat.is_segmented_index(index):
        raise AudioError(f"an index of {list(index.names)}; expected audformat's 'file' or 'file, start, end'")
    segmented = audformat.utils.to_segmented_index(index)
    return [
        Clip(Path(file), start.total_seconds(), None if pd.isna(end) else end.total_seconds())
        for file, start, end in segmented
    ]
