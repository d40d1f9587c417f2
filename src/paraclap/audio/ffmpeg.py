"""Reading with FFmpeg, through PyAV, what libsndfile cannot: m4a, mp4, webm and their kin."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paraclap.audio.bounds import PRE_ROLL, UnreadableError, check_bounds, damaged
from paraclap.audio.shards import find_member, open_audio
from paraclap.audio.waveform import Waveform, average_channels, plan_cut

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

# Playlists and the network stay out: a text file must never make FFmpeg open another file or an address.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,aac,asf,amr,mp3,flac,ogg,wav,w64,aiff,au,caf,nistsphere,mpegts,avi",
}
_TAIL = 5.0  # s before the promised end, where the last packet is looked for
_SEEKABLE = ("mov", "matroska", "asf", "aac", "mp3")  # whose time stamps after a seek were found to be right


def read_ffmpeg(path: Path, *, start: float, end: float | None, sampling_rate: int, seek: bool = True) -> Waveform:
    """Read a segment, in seconds, of the first audio stream as a mono waveform `[T]`; its first sample is at 0 s.

    Gaps in the time stamps are not filled.

    Args:
        path: the file.
        start: begin of the segment.
        end: end of the segment; the end of the file if None or beyond it.
        sampling_rate: in Hz, of the result.
        seek: decode from shortly before the segment, where the container allows it, else from the file's begin.

    Raises:
        UnreadableError: if FFmpeg cannot read the file or finds no audio in it.
        AudioError: if the file is damaged or truncated, or the segment is not in it.
    """
    import av  # slow to import, and rarely needed

    with _open(path) as (container, stream):
        frames: Iterator[AudioFrame] = container.decode(stream)
        opening = list(islice(frames, 2))
        if not opening:
            raise UnreadableError("it holds no samples")
        rate = opening[0].sample_rate
        cut = plan_cut(start, end, source_rate=rate, target_rate=sampling_rate)
        position, frames = 0, chain(opening, frames)
        if seek and len(opening) == 2 and cut.begin > 2 * PRE_ROLL * rate and _is_seekable(container):
            landing = _land_before(cut.begin, container, stream, opening)
            if landing is None:
                return read_ffmpeg(path, start=start, end=end, sampling_rate=sampling_rate, seek=False)
            position, frames = landing
        to_float = av.AudioResampler(format="fltp")
        chunks = []
        for frame in frames:
            for part in to_float.resample(frame):
                mono = average_channels(np.asarray(part.to_ndarray(), dtype=np.float32))
                chunks.append(mono[max(0, cut.begin - position) :])
                position += len(mono)
            if cut.stop is not None and position >= cut.stop:
                break
        else:
            lost = _lost_end(frame, opening[0], container, stream)
            check_bounds(path, start, end, duration=position / rate, promised=position / rate + lost)
    return cut.finish(np.concatenate(chunks))


def measure_ffmpeg(path: Path, *, seek: bool = True) -> float:
    """Return the duration of the first audio stream in seconds, from its packets' time stamps: right to one packet.

    Args:
        path: the file.
        seek: look near the end that the header names, where the container allows it, else at all packets.

    Raises:
        UnreadableError: if FFmpeg cannot read the file or finds no audio in it.
    """
    import av

    with _open(path) as (container, stream):
        times = _packet_times(container, stream)
        opening = next(times, None)
        if opening is None:
            raise UnreadableError("it holds no samples")
        first, last = opening
        # Headers guess, speak of the video, or say nothing: so they only tell where to look for the last packet.
        guess = _promised(stream) or (container.duration or 0) / av.time_base
        if not (seek and guess > 2 * _TAIL and _is_seekable(container)):
            return max((end for _, end in times), default=last) - first
        container.seek(_ticks(first + guess - _TAIL, stream), stream=stream)
        last = max((end for _, end in _packet_times(container, stream)), default=0.0)
    return last - first if last > 0 else measure_ffmpeg(path, seek=False)


@contextmanager
def _open(path: Path) -> Iterator[tuple["InputContainer", "AudioStream"]]:
    import av

    with ExitStack() as stack:
        source = str(path) if find_member(path) is None else stack.enter_context(open_audio(path))
        try:
            container = av.open(source, "r", options=dict(_OPTIONS))
        except (av.FFmpegError, ValueError) as error:
            raise UnreadableError(_detail(error)) from None
        stack.enter_context(container)
        if not container.streams.audio:
            raise UnreadableError("it has no audio stream")
        try:
            yield container, container.streams.audio[0]
        except (av.FFmpegError, ValueError) as error:
            raise damaged(path, _detail(error)) from None


def _detail(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _is_seekable(container: "InputContainer") -> bool:
    return container.format.name.startswith(_SEEKABLE)


def _ticks(seconds: float, stream: "AudioStream") -> int:
    return int(seconds / (stream.time_base or 1))


def _promised(stream: "AudioStream") -> float:
    """Return the seconds that the stream's header promises, or 0 if it does not say."""
    return float((stream.duration or 0) * (stream.time_base or 0))


def _packet_times(container: "InputContainer", stream: "AudioStream") -> "Iterator[tuple[float, float]]":
    """Yield begin and end of each packet in seconds."""
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            yield float(packet.pts * packet.time_base), float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _land_before(
    begin: int, container: "InputContainer", stream: "AudioStream", opening: "list[AudioFrame]"
) -> "tuple[int, Iterator[AudioFrame]] | None":
    """Seek to before sample `begin`; return the sample landed on and the frames from there, or None if unsure."""
    import av

    try:
        target = (opening[0].time or 0.0) + begin / opening[0].sample_rate - PRE_ROLL
        container.seek(_ticks(target, stream), stream=stream)
        frames = container.decode(stream)
        landing = next(frames)
    except (av.FFmpegError, StopIteration):
        return None
    position = _position(landing, opening[0], opening[1])
    return None if position is None or position > begin else (position, chain([landing], frames))


def _position(frame: "AudioFrame", first: "AudioFrame", second: "AudioFrame") -> int | None:
    """Return which sample of the stream a frame begins with, or None if its time stamp does not tell."""
    if frame.pts is None or first.pts is None or frame.time_base is None:
        return None
    tick = frame.time_base * first.sample_rate  # in samples
    estimate = (frame.pts - first.pts) * tick
    if tick <= 1:
        return round(estimate)
    # Matroska counts milliseconds: where all frames are equally long, only one place is near enough.
    nearest = first.samples + round((estimate - first.samples) / second.samples) * second.samples
    return nearest if abs(nearest - estimate) < 2 * tick < second.samples / 4 else None


def _lost_end(last: "AudioFrame", first: "AudioFrame", container: "InputContainer", stream: "AudioStream") -> float:
    """Return how many seconds an MP4 header promises behind the last frame; time stamps bridge what gaps there are."""
    if not container.format.name.startswith("mov") or last.time is None:
        return 0.0
    reached = last.time - (first.time or 0.0) + last.samples / last.sample_rate
    return max(0.0, _promised(stream) - reached)
