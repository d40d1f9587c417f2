"""Sound inside of pages: stretches of audio as MP3, in the address itself, so that a page needs no other file."""

import base64
import io
from pathlib import Path

import soundfile

from paraclap.audio import SAMPLING_RATE, read_audio

_COMPRESSION = 0.8  # of 0 to 1, where libsndfile chooses 40 kbit/s at 16 kHz
_LOUDEST = 0.98  # of full scale: a codec overshoots, and a decoded waveform may be above 1


def encode_mp3(file: str | Path, *, start: float = 0.0, end: float | None = None) -> bytes:
    """Return a stretch of a file as MP3, mono at 16 kHz, 5 kB a second; too loud ones are turned down.

    Args:
        file: anything that `read_audio` reads.
        start: begin of the stretch in seconds.
        end: end of the stretch in seconds; the end of the file if None.

    Raises:
        AudioError: if it cannot be read.
    """
    samples = read_audio(file, start=start, end=end)
    samples = samples * min(1.0, _LOUDEST / max(float(abs(samples).max()), _LOUDEST))
    stream = io.BytesIO()
    soundfile.write(
        stream, samples, SAMPLING_RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=_COMPRESSION
    )
    return stream.getvalue()


def make_player(file: str | Path, *, start: float = 0.0, end: float | None = None) -> str:
    """Return a stretch of a file as a data URI, which an <audio> element takes as its source.

    Raises:
        AudioError: if it cannot be read.
    """
    data = base64.b64encode(encode_mp3(file, start=start, end=end)).decode("ascii")
    return f"data:audio/mpeg;base64,{data}"


def make_address(file: str | Path, *, start: float, end: float) -> str:
    """Return the address of a stretch of a file on this machine, for pages with too many stretches to hold them.

    Args:
        file: its path.
        start: begin of the stretch in seconds.
        end: end of the stretch in seconds.
    """
    return f"{Path(file).absolute().as_uri()}#t={start:.3f},{end:.3f}"
