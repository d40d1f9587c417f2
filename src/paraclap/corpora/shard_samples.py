"""An utterance as a sample of a shard: its audio as a file, its labels as JSON, and the key that both are named by."""

import json
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from paraclap.audio import AUDIO_SUFFIXES, SAMPLING_RATE, Waveform, open_audio, read_audio, read_duration
from paraclap.errors import AudioError
from paraclap.records import BadFile

_TOLERATED_REST = 0.1  # s of a file that an utterance may leave out and still be the whole of it
_NANOSECONDS = 10**9


@dataclass(frozen=True)
class Sample:
    """Hold what is written of one utterance, and its length in ns."""

    key: str
    suffix: str
    audio: bytes
    labels: bytes
    duration: int


class Samples:
    """Make the samples of a manifest, one at a time."""

    def __init__(self, manifest: pd.DataFrame, *, root: Path, corpus: str) -> None:
        self._manifest = manifest
        self._root = root
        self._corpus = corpus
        self._keys = name_keys(manifest.index)

    def __len__(self) -> int:
        return len(self._manifest)

    def read(self, row: int) -> Sample | BadFile:
        """Return the sample of a row, or why there is none."""
        file, start, end = self._manifest.index[row]
        path = self._root / file
        begin, stop = start.value / _NANOSECONDS, end.value / _NANOSECONDS
        try:
            if begin == 0 and stop >= read_duration(path) - _TOLERATED_REST:
                suffix, duration = PurePosixPath(file).suffix, int(end.value)
                with open_audio(path) as stream:
                    audio = stream.read()
            else:
                samples = read_audio(path, start=begin, end=stop)
                suffix, audio = encode_cut(samples)
                duration = len(samples) * _NANOSECONDS // SAMPLING_RATE
        except AudioError as error:
            return BadFile(file, str(error))
        except OSError as error:
            return BadFile(file, f"{path}: cannot be read ({error.strerror})")
        labels = {"corpus": self._corpus, "file": file, "start": begin, "end": stop, **self._find_known(row)}
        text = json.dumps(labels, ensure_ascii=False, default=_make_plain)
        named = suffix if suffix.lower() in AUDIO_SUFFIXES else ".audio"
        return Sample(self._keys[row], named, audio, text.encode(), duration)

    def _find_known(self, row: int) -> dict[str, Any]:
        values = self._manifest.iloc[row].items()
        return {str(name): value for name, value in values if not (pd.api.types.is_scalar(value) and pd.isna(value))}


def name_keys(index: pd.Index) -> list[str]:
    """Name every utterance by its file, without the suffix, and where a file has several also by its times in ms.

    No key has a dot behind its last slash: there WebDataset takes the suffix to begin.
    """
    num_rows = Counter(index.get_level_values("file"))
    keys: dict[str, None] = {}  # which keeps their order
    for file, start, end in index:
        path = PurePosixPath(file)
        name = str(path.parent / path.stem.replace(".", "_"))
        if num_rows[file] > 1:
            name += f"_{start.value // 10**6:08d}_{end.value // 10**6:08d}"
        key, number = name, 1
        while key in keys:  # a.wav lies beside a.flac
            number += 1
            key = f"{name}_{number}"
        keys[key] = None
    return list(keys)


def encode_cut(samples: Waveform) -> tuple[str, bytes]:
    """Return suffix and bytes of a file that holds a waveform `[T]`: exactly, or to 24 bits where it has more."""
    import soundfile

    exact = samples.astype(np.float64)
    encoded = BytesIO()
    if (exact * 2**15 % 1 == 0).all() and exact.min() >= -1 and exact.max() < 1:
        soundfile.write(encoded, (exact * 2**15).astype(np.int16), SAMPLING_RATE, "PCM_16", format="FLAC")
    elif np.abs(exact).max() < 1 - 2**-23:  # as whole numbers: libsndfile scales floats by 2^23 - 1
        whole = np.rint(exact * 2**23).astype(np.int32) << 8
        soundfile.write(encoded, whole, SAMPLING_RATE, "PCM_24", format="FLAC")
    else:  # lossy codecs reach beyond 1, which FLAC would clip; a WAV of floats would hold the time of writing
        soundfile.write(encoded, samples, SAMPLING_RATE, "FLOAT", format="AU")
        return ".au", encoded.getvalue()
    return ".flac", encoded.getvalue()


def _make_plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
