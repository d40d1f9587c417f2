"""Features on disk by the content they were measured on, so that no audio is measured twice."""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from paraclap.errors import ConfigError
from paraclap.features.extraction import Features

_PATIENCE = 60.0  # s that another command may take to write to the same cache


class FeatureCache:
    """Keep features in one SQLite file of a folder; several commands may use it at once.

    Raises:
        ConfigError: here and in every method, if the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "features.sqlite"
        with self._explain():
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_PATIENCE)
        try:
            with self._explain(), self._connection:
                with suppress(sqlite3.OperationalError):  # another command is doing it
                    self._connection.execute("PRAGMA journal_mode = WAL")  # no wait for the disk after every partition
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS features"
                    " (key TEXT PRIMARY KEY, functionals BLOB, duration REAL, reason TEXT) WITHOUT ROWID"
                )
        except ConfigError:
            self.close()
            raise

    def find(self, keys: Sequence[str]) -> dict[str, Features]:
        """Return what is there, by key."""
        places = ", ".join("?" * len(keys))
        query = f"SELECT key, functionals, duration, reason FROM features WHERE key IN ({places})"
        with self._explain():
            rows = self._connection.execute(query, keys).fetchall()
        return {
            key: Features(np.frombuffer(values, dtype="<f4"), duration, reason)
            for key, values, duration, reason in rows
        }

    def store(self, features: Mapping[str, Features]) -> None:
        """Add features, all or none of them."""
        rows = [
            (key, found.values.astype("<f4").tobytes(), found.duration, found.reason) for key, found in features.items()
        ]
        with self._explain(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            detail = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"the cache of features {self.path} cannot be used ({detail}); "
                "delete it if it is damaged, or choose another folder"
            ) from None


def default_cache_folder() -> Path:
    """Return the folder for caches of this user, as the system has it."""
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library/Caches"
    else:
        folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "paraclap"
