"""Spectrograms of a manifest, computed once, in half precision on disk; training reads crops of them."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track

from paraclap.audio import locate_audio, read_audio
from paraclap.errors import AudioError
from paraclap.models import LogMel, MelSettings
from paraclap.records import BadFile
from paraclap.storage import hash_bytes, hash_table, read_json, write_atomic, write_json
from paraclap.training.clip_audio import ClipAudio, Segment, list_segments


class MelCache(ClipAudio):
    """Give the spectrograms of a manifest's rows, from one memory-mapped file."""

    def __init__(
        self,
        frames: npt.NDArray[np.float16],
        offsets: Sequence[int],
        bad_files: Sequence[BadFile],
        *,
        settings: MelSettings,
    ) -> None:
        super().__init__(bad_files)
        self._frames = frames
        self._offsets = offsets
        self._hop_seconds = settings.hop_size / settings.sampling_rate

    def duration(self, row: int) -> float:
        """Return the length of a row's spectrogram in seconds; 0 if its file could not be read."""
        return (self._offsets[row + 1] - self._offsets[row]) * self._hop_seconds

    def read(self, row: int, *, start: float = 0.0, seconds: float | None = None) -> LogMel:
        """Return a row's spectrogram `[F, M]`, or so many seconds of it."""
        begin = self._offsets[row] + round(start / self._hop_seconds)
        length = len(self._frames) if seconds is None else round(seconds / self._hop_seconds)
        return np.asarray(self._frames[begin : min(self._offsets[row + 1], begin + length)], dtype=np.float32)


def open_mel_cache(manifest: pd.DataFrame, *, root: Path, settings: MelSettings, folder: Path, name: str) -> MelCache:
    """Open the cache of a manifest, and fill it first if it is not there; files that cannot be read are kept out.

    A cache belongs to the files as they are: one that was written again, or has another size, means a new cache.
    """
    files = _describe_files(manifest, root)
    content_key = f"{root.resolve()} {hash_table(manifest[[]])} {files} {asdict(settings)}"
    fingerprint = hash_bytes(content_key.encode())[:16]
    data, index = folder / f"{name}-{fingerprint}.npy", folder / f"{name}-{fingerprint}.json"
    if not (index.is_file() and data.is_file()):
        _fill(manifest, root=root, settings=settings, data=data, index=index, name=name)
    content = read_json(index)
    bad_files = [BadFile(**bad) for bad in content["bad_files"]]
    return MelCache(np.load(data, mmap_mode="r"), content["offsets"], bad_files, settings=settings)


def _describe_files(manifest: pd.DataFrame, root: Path) -> list[tuple[int, int]]:
    """Return size and time of writing of every file, or of its shard; zeros for one that is not there."""
    described = []
    for file in manifest.index.get_level_values("file"):
        try:
            status = locate_audio(root / file).stat()
        except OSError:
            described.append((0, 0))
        else:
            described.append((status.st_size, status.st_mtime_ns))
    return described


def _fill(manifest: pd.DataFrame, *, root: Path, settings: MelSettings, data: Path, index: Path, name: str) -> None:
    segments = list_segments(manifest, root)
    offsets, bad_files, mels = [0], [], []
    with ProcessPoolExecutor() as pool:
        results = pool.map(partial(_read_mel, settings=settings), segments, chunksize=16)
        shown = track(results, total=len(segments), description=f"spectrograms of {name}", console=Console(stderr=True))
        for segment, result in zip(segments, shown, strict=True):
            if isinstance(result, str):
                bad_files.append({"file": segment[0], "reason": result})
            else:
                mels.append(result)
            offsets.append(offsets[-1] + (0 if isinstance(result, str) else len(result)))
    empty = np.zeros((0, settings.num_channels), dtype=np.float16)
    with write_atomic(data) as temporary:
        np.save(temporary, np.concatenate([empty, *mels]))
    write_json(index, {"offsets": offsets, "bad_files": bad_files})  # last: its presence says that all is there


def _read_mel(segment: Segment, settings: MelSettings) -> npt.NDArray[np.float16] | str:
    file, start, end = segment
    try:
        waveform = read_audio(file, start=start, end=end, sampling_rate=settings.sampling_rate)
    except AudioError as error:
        return str(error)
    return settings.compute(waveform).astype(np.float16)
