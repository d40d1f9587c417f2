"""Reading with libsndfile: wav, flac, ogg, opus, mp3 and their kin."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from paraclap.audio.bounds import PRE_ROLL, TOLERATED_LOSS, UnreadableError, check_bounds, damaged
from paraclap.audio.shards import find_member, open_audio
from paraclap.audio.waveform import Waveform, average_channels, plan_cut

if TYPE_CHECKING:
    import soundfile  # imported where it is used: who hands in arrays does without

# Measured: after a seek, MP3 is off by up to 0.4 without pre-roll, Opus at 16 kbit/s by 3e-3 after 0.5 s of it.
_LOSSY_FORMATS = frozenset({"MP3", "OGG"})
_STREAMED_SIZE = 0x7FFFF000  # bytes; what writes WAV to a pipe says at least this, since it cannot know


def read_sndfile(path: Path, *, start: float, end: float | None, sampling_rate: int) -> Waveform:
    """Read a segment, in seconds, as a mono waveform `[T]`, decoding no more than it needs.

    Raises:
        UnreadableError: if libsndfile cannot read the file, or does not know how long it is.
        AudioError: if the file is damaged or truncated, or the segment is not in it.
    """
    import soundfile

    with _open(path) as stream:
        rate, total = stream.samplerate, stream.frames
        check_bounds(path, start, end, duration=total / rate, promised=_promised_frames(stream) / rate)
        cut = plan_cut(start, end, source_rate=rate, target_rate=sampling_rate)
        stop = total if cut.stop is None else min(total, cut.stop)
        settle = min(cut.begin, round(PRE_ROLL * rate)) if stream.format in _LOSSY_FORMATS else 0
        try:
            stream.seek(cut.begin - settle)
            frames = stream.read(stop - cut.begin + settle, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise damaged(path, error.error_string) from None
    found = cut.begin - settle + len(frames)
    if found < stop:
        check_bounds(path, start, end, duration=found / rate, promised=total / rate)
    return cut.finish(average_channels(frames[settle:].T))


def measure_sndfile(path: Path) -> float:
    """Return the duration in seconds that a file's header promises, also where a part of the file is missing.

    Raises:
        UnreadableError: if libsndfile cannot read the file, or does not know how long it is.
    """
    with _open(path) as stream:
        return _promised_frames(stream) / float(stream.samplerate)


@contextmanager
def _open(path: Path) -> "Iterator[soundfile.SoundFile]":
    import soundfile

    with ExitStack() as stack:
        source: BinaryIO | Path | bytes
        if find_member(path) is not None:
            source = stack.enter_context(open_audio(path))
        else:  # by its name, which libsndfile reads faster; as bytes, since names need not be UTF-8
            source = path if sys.platform == "win32" else os.fsencode(path)
        try:
            stream = stack.enter_context(soundfile.SoundFile(source))
        except soundfile.LibsndfileError as error:
            raise UnreadableError(error.error_string) from None
        except TypeError:  # soundfile must be told all about .raw
            raise UnreadableError("it has no header") from None
        if not 0 < stream.frames < sys.maxsize or (stream.format == "MP3" and not _counts_frames(path)):
            raise UnreadableError("it holds no samples")
        yield stream


def _counts_frames(path: Path) -> bool:
    """Tell whether an MP3 file says its length; else libsndfile guesses, and drops what lies beyond its guess."""
    with open_audio(path) as stream:
        head = stream.read(10)
        if head[:3] == b"ID3":  # its size: 28 bits in four bytes, https://id3.org/id3v2.4.0-structure
            stream.seek(sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)), os.SEEK_CUR)
        head += stream.read(4096)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))


def _promised_frames(stream: "soundfile.SoundFile") -> int:
    """Return the frames that the header promises; of a truncated WAV, AIFF or AU libsndfile counts what is there."""
    found = int(stream.frames)
    sizes = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", stream.extra_info)
    if sizes is None or int(sizes[1]) >= _STREAMED_SIZE:
        return found
    promised = round(found * int(sizes[1]) / max(1, int(sizes[2])))
    return promised if promised - found > TOLERATED_LOSS * stream.samplerate else found
