"""Embeddings on disk by the content they were made of, so that no model hears the same audio twice."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import hash_audio, read_disturbances
from paraclap.cache_file import CacheFile
from paraclap.storage import hash_bytes

Vector = npt.NDArray[np.float32]

_REVISION = 1  # another one once the same model would make other vectors of the same audio


class EmbeddingCache:
    """Keep embeddings in one SQLite file of a folder; several commands may use it at once.

    Raises:
        ConfigError: here and in every method, if the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "embeddings.sqlite"
        self._file = CacheFile(self.path, content="embeddings", columns={"vector": "BLOB"})

    def find(self, keys: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors `[D]` that are there, by key."""
        return {key: np.frombuffer(vector, dtype="<f4") for key, (vector,) in self._file.find(keys).items()}

    def store(self, vectors: Mapping[str, Vector]) -> None:
        """Add vectors `[D]`, all or none of them."""
        self._file.store({key: (vector.astype("<f4").tobytes(),) for key, vector in vectors.items()})

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ClipHashes:
    """Identify clips by the content of their file and their place in it, wherever the file lies.

    Every file is read once.

    Args:
        index: `file, start, end`, files as they can be opened.
    """

    def __init__(self, index: pd.MultiIndex) -> None:
        self._files = index.get_level_values("file")
        self._starts, self._ends = (
            index.get_level_values(level).to_numpy().astype("timedelta64[ns]").astype(np.int64)
            for level in ("start", "end")
        )
        self._hash_file = cache(hash_audio)

    def __getitem__(self, clip: int) -> str | None:
        """Return the hash of a clip, None if its file cannot be read."""
        content = self._hash_file(Path(self._files[clip]))
        place = f"{content} {self._starts[clip]} {self._ends[clip]}"
        return None if content is None else hash_bytes(place.encode())


def make_key(clip: str | None, *, model: str, disturbance: str | None) -> str | None:
    """Return the key of an embedding, None for a clip whose file cannot be read.

    Args:
        clip: its hash.
        model: what tells its vectors from those of another model, or of the same one beside another reference.
        disturbance: its name, None if the clip is heard as it is; what the name stands for is part of the key.
    """
    if clip is None:
        return None
    done = "" if disturbance is None else f"{disturbance} {read_disturbances().get(disturbance)}"
    return hash_bytes(f"{_REVISION} {clip} {model} {done}".encode())
