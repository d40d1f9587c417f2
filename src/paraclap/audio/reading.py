"""Reading of files and folders: what the user names, by the decoder that fits."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from paraclap.audio.bounds import UnreadableError
from paraclap.audio.ffmpeg import measure_ffmpeg, read_ffmpeg
from paraclap.audio.shards import find_member, list_members
from paraclap.audio.sndfile import measure_sndfile, read_sndfile
from paraclap.audio.waveform import SAMPLING_RATE, Waveform, check_waveform
from paraclap.errors import AudioError

_FFMPEG_SUFFIXES = frozenset({".m4a", ".mp4", ".3gp", ".aac", ".webm", ".mkv", ".mov", ".wma", ".amr"})
_SNDFILE_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"}
    | {".sph", ".nist"}
)
AUDIO_SUFFIXES = _SNDFILE_SUFFIXES | _FFMPEG_SUFFIXES
_T = TypeVar("_T")


def read_audio(
    file: str | Path, *, start: float = 0.0, end: float | None = None, sampling_rate: int = SAMPLING_RATE
) -> Waveform:
    """Read a file, or a segment of it without decoding the rest, as a mono waveform `[T]`, float32.

    Channels are averaged. Decoded values may exceed 1 and are kept. A segment is the slice
    `[round(start * sampling_rate) : round(end * sampling_rate)]` of the whole file: exactly for PCM and FLAC (to 1e-6
    where it is resampled), within 2e-3 for lossy codecs.

    Args:
        file: path of anything that libsndfile or FFmpeg can read, also in a tar archive: "shard-000000.tar/a.flac".
        start: begin of the segment in seconds.
        end: end of the segment in seconds; the end of the file if None or beyond it.
        sampling_rate: in Hz, of the result.

    Raises:
        AudioError: if the file is missing, empty, not audio or truncated before the segment's end, holds NaN or
            infinite samples, the segment is shorter than 0.1 s or outside of the file, or a tar archive is damaged.
    """
    path = Path(file)
    if not 0 <= start < (math.inf if end is None else end) or end == math.inf:
        raise AudioError(f"{path}: segment from {start} s to {end} s; expected 0 <= start < end")
    samples = _by_either(
        path,
        lambda: read_sndfile(path, start=start, end=end, sampling_rate=sampling_rate),
        lambda: read_ffmpeg(path, start=start, end=end, sampling_rate=sampling_rate),
    )
    return check_waveform(samples, sampling_rate, str(path))


def read_duration(file: str | Path) -> float:
    """Return the duration of a file in seconds without decoding it.

    It comes from the header where that counts samples, else from the packets: right to one packet, mostly 0.02 s.

    Raises:
        AudioError: if the file is missing, empty or not audio, or a tar archive is damaged.
    """
    path = Path(file)
    return _by_either(path, lambda: measure_sndfile(path), lambda: measure_ffmpeg(path))


def find_audio(paths: Iterable[str | Path]) -> list[Path]:
    """List audio files: files as given; folders and tar archives by suffix, in sorted order, without hidden files.

    Folders are searched recursively, but not the archives in them: those often repeat what lies beside them.

    Raises:
        AudioError: if a path does not exist, a folder or an archive holds no audio, or an archive is damaged.
    """
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found.extend(_list_inside(path, (inside for inside in path.rglob("*") if _is_audio(inside)), "folder"))
        elif path.suffix.lower() == ".tar" and path.is_file():
            members = (member for member in list_members(path) if _has_audio_suffix(member))
            found.extend(_list_inside(path, members, "archive"))
        elif path.exists() or find_member(path) is not None:
            found.append(path)
        else:
            raise AudioError(f"{path}: no such file or folder")
    return found


def _list_inside(place: Path, paths: Iterable[Path], kind: str) -> list[Path]:
    inside = sorted(path for path in paths if not _is_hidden(path.relative_to(place)))
    if not inside:
        archive = min(place.rglob("*.tar"), default=None) if kind == "folder" else None
        hint = f"; name an archive in it by itself: {archive}" if archive else ""
        raise AudioError(
            f"{place}: no audio file in this {kind}; expected suffixes like .wav, .flac, .ogg, .mp3, .m4a{hint}"
        )
    return inside


def _is_audio(path: Path) -> bool:
    return _has_audio_suffix(path) and path.is_file()


def _has_audio_suffix(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)  # a Mac's archives hold "._name.wav", which is no audio


def _by_either(path: Path, by_sndfile: Callable[[], _T], by_ffmpeg: Callable[[], _T]) -> _T:
    """Ask the decoder that fits the suffix, then the other one: suffixes lie."""
    _check_is_file(path)
    first, second = by_sndfile, by_ffmpeg
    if path.suffix.lower() in _FFMPEG_SUFFIXES:
        first, second = second, first
    try:
        return first()
    except UnreadableError as refusal:
        detail = str(refusal).strip().rstrip(".")
    try:
        return second()
    except UnreadableError:
        raise AudioError(
            f"{path}: cannot be read as audio ({detail}); "
            "expected an intact wav, flac, ogg, opus, mp3, m4a, mp4 or webm file"
        ) from None


def _check_is_file(path: Path) -> None:
    member = find_member(path)
    try:
        if member is None and not path.exists():
            raise AudioError(f"{path}: no such file")
        if path.is_dir():
            raise AudioError(f"{path}: this is a folder; expected an audio file")
        if (path.stat().st_size if member is None else member.size) == 0:
            raise AudioError(f"{path}: the file is empty")
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from None
