"""What a build is given, brought to one form: files, what is wanted of each, and what manifests say of it."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import audformat
import pandas as pd
import pyarrow as pa

from paraclap.audio import find_audio
from paraclap.corpora import read_manifest
from paraclap.errors import AudioError, CorpusError
from paraclap.index.store import OWN_COLUMNS, VECTOR
from paraclap.records import BadFile
from paraclap.storage import hash_bytes

Audio: TypeAlias = "str | Path | pd.DataFrame | Sequence[str | Path | pd.DataFrame]"

_OWN_NAMES = {*OWN_COLUMNS, VECTOR, "similarity", "rank"}


@dataclass(frozen=True)
class Stretch:
    """Hold a part of a file in seconds, to its end if `end` is None, with the values of a manifest."""

    start: float = 0.0
    end: float | None = None
    values: tuple[tuple[str, Any], ...] = ()  # column, value; without the missing ones


@dataclass(frozen=True)
class SourceFile:
    """Hold a file, whence it came into the build, and its stretches."""

    path: str
    source: str
    stretches: tuple[Stretch, ...] = (Stretch(),)

    @property
    def plan(self) -> str:
        """What tells if its rows are still those that are wanted, whatever the file holds."""
        wanted = [(part.start, part.end, part.values) for part in self.stretches]
        return hash_bytes(json.dumps([self.source, wanted]).encode())[:16]


@dataclass
class Sources:
    """Hold all files of a build by path, the columns of manifests, the roots it covers, and what could not be used."""

    files: dict[str, SourceFile] = field(default_factory=dict)
    columns: dict[str, pa.DataType] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    bad_files: list[BadFile] = field(default_factory=list)

    def covers(self, file: str, source: str) -> bool:
        """Tell if a file of the index would be among `files` if it were still there."""
        return source in self.manifests or any(file.startswith(folder) for folder in self.folders)


def gather_sources(audio: Audio) -> Sources:
    """Bring files, folders, tar archives, manifests and tables to the files that an index shall hold.

    Where a file is named twice, a manifest decides what is wanted of it; of several manifests the last one.

    Raises:
        AudioError: if nothing was handed in.
        CorpusError: if a manifest or table cannot be used.
    """
    items = [audio] if isinstance(audio, str | Path | pd.DataFrame) else list(audio)
    if not items:
        raise AudioError("no audio: found an empty list; expected files, folders or manifests")
    sources = Sources()
    for item in sorted(items, key=_is_table):
        if isinstance(item, pd.DataFrame):
            _add_table(sources, item, root=Path(), source="table")
        elif _is_table(item):
            manifest, metadata = read_manifest(item)
            root = Path(metadata["root"])
            if not root.is_dir():
                raise CorpusError(
                    f"{item}: its audio is expected in {root}, which is no folder; import the corpus again from where "
                    "it is now"
                )
            source = os.path.abspath(item)  # noqa: PTH100  # without following links: names stay the user's
            _add_table(sources, manifest, root=root, source=source)
            sources.manifests.append(source)
        else:
            _add_path(sources, Path(item))
    return sources


def _is_table(item: str | Path | pd.DataFrame) -> bool:
    return isinstance(item, pd.DataFrame) or Path(item).suffix.lower() == ".parquet"


def _add_path(sources: Sources, path: Path) -> None:
    place = Path(os.path.abspath(path))  # noqa: PTH100
    try:
        found = find_audio([place])
    except AudioError as error:  # nothing is taken away below it: a disk may be missing
        sources.bad_files.append(BadFile(str(path), str(error)))
        return
    if found != [place]:
        sources.folders.append(f"{place.as_posix().rstrip('/')}/")
    for file in found:
        _add_file(sources, SourceFile(file.as_posix(), "path"))


def _add_file(sources: Sources, file: SourceFile) -> None:
    try:
        file.path.encode()
    except UnicodeEncodeError:
        name = file.path.encode(errors="backslashreplace").decode()
        sources.bad_files.append(BadFile(name, f"{name}: the name is not in UTF-8, which an index needs; rename it"))
        return
    sources.files[file.path] = file


def _add_table(sources: Sources, table: pd.DataFrame, *, root: Path, source: str) -> None:
    if not (audformat.is_segmented_index(table) or audformat.is_filewise_index(table)):
        raise CorpusError(f"a table with the index {list(table.index.names)}; expected audformat's file, start, end")
    segmented = audformat.utils.to_segmented_index(table)
    columns = {str(name): _convert(table[name]) for name in table.columns}
    names = {name: _rename(name) for name in columns}
    for name, (kind, _) in columns.items():
        known = sources.columns.setdefault(names[name], kind)
        if known != kind:
            raise CorpusError(f"column {name!r} is {kind} in {source} and {known} in another manifest; make them alike")
    rows = _list_rows({names[name]: values for name, (_, values) in columns.items()}, len(table))
    stretches: dict[str, list[Stretch]] = {}
    for (file, start, end), values in zip(segmented.index, rows, strict=True):
        path = Path(os.path.abspath(root / file)).as_posix()  # noqa: PTH100
        last = None if pd.isna(end) else end.total_seconds()
        stretches.setdefault(path, []).append(Stretch(start.total_seconds(), last, values))
    for path, parts in stretches.items():
        _add_file(sources, SourceFile(path, source, tuple(parts)))


def _list_rows(columns: dict[str, list[Any]], number: int) -> Iterator[tuple[tuple[str, Any], ...]]:
    for place in range(number):
        yield tuple((name, values[place]) for name, values in columns.items() if values[place] is not None)


def _convert(column: "pd.Series[Any]") -> tuple[pa.DataType, list[Any]]:
    """Return a column as text, numbers or truth values, None where it is missing."""
    is_missing = column.isna()
    kind: pa.DataType = pa.string()
    convert: Callable[[Any], Any] = str
    if pd.api.types.is_bool_dtype(column):
        kind, convert = pa.bool_(), bool
    elif pd.api.types.is_numeric_dtype(column):
        kind, convert = pa.float64(), float
    pairs = zip(column.tolist(), is_missing.tolist(), strict=True)
    return kind, [None if missing else convert(value) for value, missing in pairs]


def _rename(name: str) -> str:
    """Return the name of a manifest's column in the index, where some are taken and SQL wants no dots."""
    plain = name.replace(".", "_").replace("`", "_")
    return f"manifest_{plain}" if plain.lower() in _OWN_NAMES or plain.startswith("_") else plain
