"""What an index says of itself: by which model, in which windows and by which version it was made."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from paraclap.errors import StoreError
from paraclap.index.windows import Windowing
from paraclap.version import __version__

INDEX_VERSION = 1  # of the columns and their meaning
_METADATA_KEY = b"paraclap"
_SHOWN_DIGITS = 12  # of a fingerprint


@dataclass(frozen=True)
class IndexHeader:
    """Name the model whose vectors an index holds, their size, and how audio was cut."""

    model: str
    fingerprint: str
    vector_size: int
    windowing: Windowing
    paraclap: str = __version__
    format_version: int = INDEX_VERSION

    def as_metadata(self) -> dict[bytes, bytes]:
        """Return the header as metadata of an Arrow schema, in which the table keeps it."""
        return {_METADATA_KEY: json.dumps(asdict(self)).encode()}

    def check_model(self, name: str, fingerprint: str, place: str) -> None:
        """Refuse a model whose vectors cannot be compared with those of the index.

        Raises:
            StoreError: if it is another one.
        """
        if fingerprint != self.fingerprint:
            raise StoreError(
                f"{place} holds vectors of {self.model} ({self.fingerprint[:_SHOWN_DIGITS]}), which those of {name} "
                f"({fingerprint[:_SHOWN_DIGITS]}) cannot be compared with; use that model, or build another index"
            )

    def check_windowing(self, windowing: Windowing, place: str) -> None:
        """Refuse to cut new audio otherwise than what is in the index.

        Raises:
            StoreError: if it would be.
        """
        if windowing != self.windowing:
            raise StoreError(
                f"{place} holds {_describe(self.windowing)}; found {_describe(windowing)}: "
                "leave the option out, or build another index"
            )


def read_header(metadata: dict[bytes, bytes] | None, place: str) -> IndexHeader:
    """Return the header of an index from the metadata of its schema.

    Raises:
        StoreError: if there is none, or another version wrote it.
    """
    try:
        found: dict[str, Any] = json.loads((metadata or {})[_METADATA_KEY])
        version = int(found["format_version"])
    except (KeyError, TypeError, ValueError):
        raise StoreError(f"{place} is a table that paraclap did not write; expected an index of paraclap") from None
    if version != INDEX_VERSION:
        todo = "upgrade paraclap" if version > INDEX_VERSION else "build it again"
        raise StoreError(
            f"{place} has format version {version} (paraclap {found.get('paraclap')}); this paraclap reads "
            f"{INDEX_VERSION}: {todo}"
        )
    return IndexHeader(**{**found, "windowing": Windowing(**found["windowing"])})


def _describe(windowing: Windowing) -> str:
    return f"windows of {windowing.window:g} s, audio of up to {windowing.whole:g} s as one"
