"""Features on disk by the content they were measured on, so that no audio is measured twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from paraclap.cache_file import CacheFile
from paraclap.features.extraction import Features


class FeatureCache:
    """Keep features in one SQLite file of a folder; several commands may use it at once.

    Raises:
        ConfigError: here and in every method, if the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "features.sqlite"
        self._file = CacheFile(
            self.path, content="features", columns={"functionals": "BLOB", "duration": "REAL", "reason": "TEXT"}
        )

    def find(self, keys: Sequence[str]) -> dict[str, Features]:
        """Return what is there, by key."""
        return {
            key: Features(np.frombuffer(values, dtype="<f4"), duration, reason)
            for key, (values, duration, reason) in self._file.find(keys).items()
        }

    def store(self, features: Mapping[str, Features]) -> None:
        """Add features, all or none of them."""
        self._file.store(
            {
                key: (found.values.astype("<f4").tobytes(), found.duration, found.reason)
                for key, found in features.items()
            }
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
