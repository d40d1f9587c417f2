"""Bringing an index up to date: what is new or has changed is embedded, what is gone goes, and a stop loses little."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import audformat
import numpy as np
import pandas as pd
import pyarrow as pa

from paraclap.audio import hash_audio, locate_audio, read_duration
from paraclap.errors import AudioError, StoreError
from paraclap.index.sources import SourceFile, Sources, Stretch
from paraclap.index.store import VECTOR, Store, Vectors, to_matrix
from paraclap.records import BadFile

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

Progress = Callable[[int, int], None]  # files done, files to be done
_Key = tuple[str, float, float]  # hash of the content, begin and end of a window: what decides about its vector

_WINDOWS_AT_ONCE = 512  # embedded together
_COMMIT_EVERY = 10.0  # s: what a kill costs at most, beside what is being embedded
_NUM_READERS = 2
_UNFINISHED = "+"  # at the end of a plan: a part could not be read, so that the next build tries again


@dataclass
class BuildReport:
    """Count the files that were new, changed, described otherwise, unchanged or gone, and name the bad ones."""

    new: int = 0
    changed: int = 0
    relabelled: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0  # windows
    bad_files: list[BadFile] = field(default_factory=list)

    def summarize(self) -> str:
        """Return the counts as a phrase."""
        parts = [
            f"{self.new} new",
            f"{self.changed} changed",
            *([f"{self.relabelled} with other labels"] if self.relabelled else []),
            f"{self.unchanged} unchanged",
            f"{self.removed} removed",
        ]
        return f"{', '.join(parts)}; {self.embedded} windows embedded"

    def as_dict(self) -> dict[str, Any]:
        """Return the counts and bad files for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Known:
    """Hold what the index knows of a file."""

    size: int
    mtime_ns: int
    hash: str
    plan: str
    source: str


@dataclass(frozen=True)
class _Work:
    """Hold a file whose rows are to be written, with the stamp that it had before it was read."""

    file: SourceFile
    size: int
    mtime_ns: int
    hash: str
    plan: str
    windows: tuple[tuple[Stretch, float, float], ...]
    is_known: bool


def build_store(
    store: Store, sources: Sources, model: "AudioTextModel", *, progress: Progress | None = None
) -> BuildReport:
    """Make the rows of an index those of the sources, as far as these reach.

    Raises:
        StoreError: if the index cannot be written, or a column of a manifest has another type than in the index.
    """
    return _Build(store, sources, model).run(progress)


class _Build:
    def __init__(self, store: Store, sources: Sources, model: "AudioTextModel") -> None:
        self._store = store
        self._sources = sources
        self._model = model
        self._report = BuildReport(bad_files=list(sources.bad_files))
        self._known = _read_known(store)
        self._known_hashes = {known.hash for known in self._known.values()}
        self._gone = [
            file
            for file, known in self._known.items()
            if file not in sources.files and sources.covers(file, known.source)
        ]

    def run(self, progress: Progress | None) -> BuildReport:
        self._match_columns()
        report = self._report
        todo = self._find_todo()
        done, pending, since = 0, _Pending(), time.monotonic()
        if progress is not None:
            progress(0, len(todo))
        for chunk, num_files in self._plan(todo):
            pending.add(self._make_rows(chunk), chunk)
            done += num_files
            if time.monotonic() - since > _COMMIT_EVERY:
                pending.commit(self._store)
                since = time.monotonic()
            if progress is not None:
                progress(done, len(todo))
        pending.commit(self._store)
        report.removed = len(self._gone)
        lost = [*self._gone, *pending.emptied]
        if lost:
            self._store.delete_files(lost)
        return report

    def _match_columns(self) -> None:
        existing = self._store.metadata_columns
        for name, kind in self._sources.columns.items():
            if existing.get(name, kind) != kind:
                raise StoreError(
                    f"{self._store.place}: column {name!r} is {existing[name]} in the index and {kind} in the "
                    "manifest; rename it in one of them, or build another index"
                )
        self._store.add_columns({n: kind for n, kind in self._sources.columns.items() if n not in existing})

    def _find_todo(self) -> list[tuple[SourceFile, int, int]]:
        """Return the files whose size, time of writing or plan is not what the index knows."""
        todo = []
        for path, file in sorted(self._sources.files.items()):
            try:
                status = locate_audio(Path(path)).stat()
            except OSError as error:
                self._report.bad_files.append(BadFile(path, f"{path}: cannot be opened ({error.strerror})"))
                if path in self._known and isinstance(error, FileNotFoundError):
                    self._gone.append(path)
                continue
            known = self._known.get(path)
            stamp = (status.st_size, status.st_mtime_ns)
            if known is not None and stamp == (known.size, known.mtime_ns) and known.plan == file.plan:
                self._report.unchanged += 1
            else:
                todo.append((file, *stamp))
        return todo

    def _plan(self, todo: Sequence[tuple[SourceFile, int, int]]) -> Iterator[tuple[list[_Work], int]]:
        """Yield files that hold some hundred windows together, and how many files were looked at for them."""
        chunk: list[_Work] = []
        num_windows = num_files = 0
        with ThreadPoolExecutor(_NUM_READERS) as readers:
            for begin in range(0, len(todo), _WINDOWS_AT_ONCE):
                for work, bad_files in readers.map(self._look_at, todo[begin : begin + _WINDOWS_AT_ONCE]):
                    self._report.bad_files += bad_files
                    num_files += 1
                    if work is not None:
                        self._count(work)
                        chunk.append(work)
                        num_windows += len(work.windows)
                    if num_windows >= _WINDOWS_AT_ONCE:
                        yield chunk, num_files
                        chunk, num_windows, num_files = [], 0, 0
        yield chunk, num_files

    def _look_at(self, item: tuple[SourceFile, int, int]) -> tuple[_Work | None, list[BadFile]]:
        """Return what is to be done for a file, None if its content cannot be read, and what is wrong with it."""
        file, size, mtime_ns = item
        path = Path(file.path)
        content = hash_audio(path)
        windows: list[tuple[Stretch, float, float]] = []
        bad_files: list[BadFile] = []
        try:
            duration = read_duration(path)
        except AudioError as error:
            bad_files.append(BadFile(file.path, str(error)))
        else:
            for stretch in file.stretches:
                last = duration if stretch.end is None else min(stretch.end, duration)
                if stretch.start >= last:
                    reason = f"segment starts at {stretch.start:g} s; the file ends at {duration:.3f} s"
                    bad_files.append(BadFile(file.path, f"{path}: {reason}"))
                    continue
                windows += [(stretch, *edges) for edges in self._store.header.windowing.cut(stretch.start, last)]
        if content is None:
            return None, bad_files or [BadFile(file.path, f"{path}: cannot be opened")]
        plan = f"{file.plan}{_UNFINISHED}" if bad_files else file.plan
        return _Work(file, size, mtime_ns, content, plan, tuple(windows), file.path in self._known), bad_files

    def _count(self, work: _Work) -> None:
        known = self._known.get(work.file.path)
        if known is None:
            self._report.new += bool(work.windows)
        elif known.hash != work.hash:
            self._report.changed += 1
        elif known.plan.rstrip(_UNFINISHED) != work.file.plan:
            self._report.relabelled += 1
        else:
            self._report.unchanged += 1

    def _make_rows(self, chunk: Sequence[_Work]) -> list[dict[str, Any]]:
        vectors = self._embed(chunk)
        rows = []
        for work in chunk:
            found = [(window, vectors.get((work.hash, *window[1:]))) for window in work.windows]
            is_whole = all(vector is not None for _, vector in found)
            plan = work.plan if is_whole else f"{work.file.plan}{_UNFINISHED}"
            good = [(window, vector) for window, vector in found if vector is not None]
            for number, ((stretch, start, end), vector) in enumerate(good):
                rows.append(
                    {
                        "file": work.file.path,
                        "start": start,
                        "end": end,
                        "duration": round(end - start, 6),
                        "hash": work.hash,
                        "modified": work.mtime_ns // 1000,
                        "_size": work.size,
                        "_mtime_ns": work.mtime_ns,
                        "_source": work.file.source,
                        "_plan": plan,
                        "_row": number,
                        VECTOR: vector,
                        **dict(stretch.values),
                    }
                )
        return rows

    def _embed(self, chunk: Sequence[_Work]) -> dict[_Key, Vectors]:
        """Return the vectors of windows: those of content that the index holds are taken from there."""
        vectors = self._find_vectors({work.hash for work in chunk} & self._known_hashes)
        wanted: dict[_Key, tuple[str, float, float]] = {}
        for work in chunk:
            for _, start, end in work.windows:
                if (work.hash, start, end) not in vectors:
                    wanted.setdefault((work.hash, start, end), (work.file.path, start, end))
        if not wanted:
            return vectors
        files, starts, ends = zip(*wanted.values(), strict=True)
        clips = audformat.segmented_index(
            list(files), pd.to_timedelta(starts, unit="s").tolist(), pd.to_timedelta(ends, unit="s").tolist()
        )
        encoded = self._model.encode(clips)
        self._report.bad_files += _name_once(encoded.bad_files)
        self._report.embedded += len(encoded.clips)
        kept = iter(zip(encoded.clips, encoded.embeddings, strict=True))
        clip, vector = next(kept, (None, None))
        for key, (file, start, _) in wanted.items():  # in their order, without the bad ones
            if clip is not None and clip.name == file and abs(clip.start - start) < 1e-6 and vector is not None:
                vectors[key] = vector
                clip, vector = next(kept, (None, None))
        return vectors

    def _find_vectors(self, hashes: Iterable[str]) -> dict[_Key, Vectors]:
        wanted = sorted(hashes)
        if not wanted:
            return {}
        rows = self._store.read_where_in("hash", wanted, ["hash", "start", "end", VECTOR])
        keys = zip(*(rows[name].to_pylist() for name in ("hash", "start", "end")), strict=True)
        return dict(zip(keys, to_matrix(rows[VECTOR], self._store.header.vector_size), strict=True))


class _Pending:
    """Collect rows until they are committed."""

    def __init__(self) -> None:
        self.emptied: list[str] = []  # files that are in the index and of which nothing can be read now
        self._rows: list[dict[str, Any]] = []
        self._replaced: list[str] = []

    def add(self, rows: Sequence[dict[str, Any]], chunk: Sequence[_Work]) -> None:
        readable = {row["file"] for row in rows}
        self._rows += rows
        known = [work.file.path for work in chunk if work.is_known]
        self._replaced += [path for path in known if path in readable]
        self.emptied += [path for path in known if path not in readable]

    def commit(self, store: Store) -> None:
        if self._rows:
            store.write(_to_table(self._rows, store.schema), replaced_files=self._replaced)
        self._rows, self._replaced = [], []


def _to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for column in schema:
        if column.name == VECTOR:
            flat = np.concatenate([row[VECTOR] for row in rows]).astype(np.float32)
            columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), column.type.list_size))
        else:
            columns.append(pa.array([row.get(column.name) for row in rows], column.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _read_known(store: Store) -> dict[str, _Known]:
    """Return what the index knows of each file."""
    names = ["file", "_size", "_mtime_ns", "hash", "_plan", "_source"]
    rows = store.read(names, where="_row = 0")
    columns = [rows[name].to_pylist() for name in names]
    return {file: _Known(*values) for file, *values in zip(*columns, strict=True)}


def _name_once(bad_files: Sequence[BadFile]) -> list[BadFile]:
    """Return bad windows without those that say the same of the same file."""
    return list({(bad.file, bad.reason): bad for bad in bad_files}.values())
