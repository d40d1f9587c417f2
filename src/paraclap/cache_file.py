"""Files in which finished work is kept by its key, so that it is done once: SQLite, for several commands at a time."""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from paraclap.errors import ConfigError

_PATIENCE = 60.0  # s that another command may take to write to the same file
_KEYS_AT_ONCE = 500  # in one query; some builds of SQLite take no more than 999


class CacheFile:
    """Keep rows by key in one table of an SQLite file; several commands may use it at once.

    Args:
        path: the file; its folder is made.
        content: what is kept, in a word: the name of the table, and what messages call it.
        columns: of a row beside its key, with the type that SQLite gives them.

    Raises:
        ConfigError: here and in every method, if the file cannot be used.
    """

    def __init__(self, path: Path, *, content: str, columns: Mapping[str, str]) -> None:
        self.path = path
        self._content = content
        self._columns = tuple(columns)
        with self._explain():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_PATIENCE)
        defined = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        try:
            with self._explain(), self._connection:
                with suppress(sqlite3.OperationalError):  # another command is doing it
                    self._connection.execute("PRAGMA journal_mode = WAL")  # no wait for the disk after every store
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {content} (key TEXT PRIMARY KEY, {defined}) WITHOUT ROWID"
                )
        except ConfigError:
            self.close()
            raise

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """Return the rows that are there, by key, their columns in order."""
        found: dict[str, tuple[Any, ...]] = {}
        for begin in range(0, len(keys), _KEYS_AT_ONCE):
            asked = keys[begin : begin + _KEYS_AT_ONCE]
            places = ", ".join("?" * len(asked))
            query = f"SELECT key, {', '.join(self._columns)} FROM {self._content} WHERE key IN ({places})"
            with self._explain():
                found.update((key, tuple(row)) for key, *row in self._connection.execute(query, asked))
        return found

    def store(self, rows: Mapping[str, Sequence[Any]]) -> None:
        """Add rows by key, all or none of them; those that are there are replaced."""
        places = ", ".join("?" * (1 + len(self._columns)))
        with self._explain(), self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO {self._content} VALUES ({places})", [(key, *row) for key, row in rows.items()]
            )

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
                f"the cache of {self._content} {self.path} cannot be used ({detail}); "
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
