"""A process that decodes audio for the service, with little memory and nothing to write to: files may be hostile.

It reads one request a line from stdin and answers on stdout: the length of a JSON header, the header, samples or bytes.
"""

import json
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from paraclap.audio import Waveform
from paraclap.errors import AudioError
from paraclap.inference.clips import Clip, plan_windows

LENGTH = struct.Struct(">I")
_Reply = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer requests until stdin ends; the argument is how many bytes of memory may be used."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    import av  # now, with its memory: no request waits for it
    import soundfile
    import soxr

    _ = av, soundfile, soxr
    _limit(int(sys.argv[1]))
    _send(replies, {"ready": True}, b"")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _send(replies, *_answer(request))


def _answer(request: dict[str, Any]) -> _Reply:
    try:
        return _JOBS[request["job"]](request)
    except AudioError as error:
        return {"error": str(error)}, b""
    except MemoryError:
        return {"error": f"{request['file']}: decoding it needs more memory than it may use here"}, b""
    except Exception as error:  # of a decoder that a broken file has led astray
        return {"error": f"{request['file']}: cannot be decoded ({type(error).__name__})"}, b""


def _open(request: dict[str, Any]) -> _Reply:
    """Measure a file, and read it if it is heard at once."""
    clip = Clip(Path(request["file"]), sampling_rate=request["sampling_rate"]).measure()
    if (clip.end or 0.0) > request["longest"]:
        return {"end": clip.end, "is_read": False}, b""
    windows = plan_windows(clip, max_duration=request["max_duration"])
    if len(windows) > 1:
        return {"end": clip.end, "is_read": False}, b""
    return {"end": clip.end, "is_read": True}, _to_bytes(clip.read())


def _read(request: dict[str, Any]) -> _Reply:
    """Read a stretch of a file."""
    clip = Clip(Path(request["file"]), request["start"], request["end"], request["sampling_rate"])
    return {}, _to_bytes(clip.read())


def _encode(request: dict[str, Any]) -> _Reply:
    """Return a stretch of a file as MP3."""
    from paraclap.index.players import encode_mp3

    return {}, encode_mp3(request["file"], start=request["start"], end=request["end"])


_JOBS: dict[str, Callable[[dict[str, Any]], _Reply]] = {"open": _open, "read": _read, "mp3": _encode}


def _to_bytes(samples: Waveform) -> bytes:
    return samples.astype("<f4", copy=False).tobytes()


def _send(replies: BinaryIO, header: dict[str, Any], payload: bytes) -> None:
    text = json.dumps({**header, "size": len(payload)}).encode()
    replies.write(LENGTH.pack(len(text)) + text)
    replies.write(payload)
    replies.flush()


def _limit(num_bytes: int) -> None:
    """Bound memory, and let nothing be written; where the system knows no such limits, only time is bounded."""
    try:
        import resource
    except ImportError:  # on Windows
        return
    for kind, limit in ((resource.RLIMIT_AS, num_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main()
