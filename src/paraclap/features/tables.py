"""Features of a manifest as a table: written to disk, held in memory, or read back."""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import audformat
import numpy as np
import pandas as pd

from paraclap.cache_file import default_cache_folder
from paraclap.errors import CorpusError
from paraclap.features.cache import FeatureCache
from paraclap.features.extraction import Features, find_opensmile, lack_features
from paraclap.features.functionals import FEATURE_SET, feature_names
from paraclap.features.measuring import Partition, measure
from paraclap.features.segments import Segment, Segments
from paraclap.features.workers import Measured
from paraclap.records import BadFile
from paraclap.storage import hash_table, read_table, write_table_parts

KIND = "features"
Progress = Callable[[int, int], None]  # rows done, rows in all
CacheFolder = str | Path | Literal[False] | None

_PART_SIZE = 512  # partitions that are held in memory: 4,096 rows


@dataclass(frozen=True)
class FeaturesResult:
    """Count the rows of a features table, those found in the cache, those that lack something by reason; bad files."""

    num_rows: int
    num_cached: int
    reasons: Mapping[str, int]
    bad_files: tuple[BadFile, ...] = ()


def extract_manifest(
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    out: str | Path,
    *,
    window: float | None = None,
    hop: float | None = None,
    cache: CacheFolder = None,
    num_workers: int | None = None,
    progress: Progress | None = None,
) -> FeaturesResult:
    """Measure all utterances of a manifest, or their windows, and write the features table, atomically.

    Rows stand in the order of the manifest; those of files that cannot be read are there, with all values missing.
    When it is stopped, and run again with the same cache, it goes on where it was.

    Args:
        manifest: the utterances.
        metadata: of the manifest; its root is the folder of the files.
        out: the features table to write, as parquet.
        window: s; whole utterances if None.
        hop: s from the begin of a window to that of the next; the window if None.
        cache: folder of the cache; that of the user if None; False for none.
        num_workers: processes; as many as there are processors if None.
        progress: told now and then how many rows are done, and how many there are.

    Raises:
        ConfigError: if openSMILE is not installed, the windows make no sense, or the cache cannot be used.
        CorpusError: if the manifest is none, has no rows, or its folder is not there.
        ParaClapError: if the table cannot be written, or a process was killed.
    """
    described = {**_describe(manifest, metadata), "window": window, "hop": window if hop is None else hop}
    tally = _Tally()
    segments = Segments(manifest, window=window, hop=hop)
    with closing(_make_parts(segments, metadata, cache, num_workers, progress, tally)) as parts:
        write_table_parts(Path(out), parts, kind=KIND, metadata=described)
    return tally.result()


def load_features(
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    *,
    cache: CacheFolder = None,
    num_workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, FeaturesResult]:
    """Measure all utterances of a manifest; return the features table, with the manifest's index, and the counts.

    Arguments and errors are those of `extract_manifest`.
    """
    _describe(manifest, metadata)
    tally = _Tally()
    with closing(_make_parts(Segments(manifest), metadata, cache, num_workers, progress, tally)) as parts:
        table = pd.concat(list(parts))
    return table.set_axis(manifest.index), tally.result()


def read_features(
    path: str | Path, *, manifest: pd.DataFrame | None = None, metadata: Mapping[str, Any] | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a features table and its metadata.

    Args:
        path: of the table.
        manifest: whose features it must hold, if given.
        metadata: of that manifest, whose corpus the message then names.

    Raises:
        CorpusError: if the file is missing, is no features table, holds another feature set, lacks columns, or was
            made from another manifest.
    """
    table, described = read_table(Path(path), kind=KIND)
    if described.get("feature_set") != FEATURE_SET:
        raise CorpusError(
            f"{path} holds features of {described.get('feature_set')}; expected {FEATURE_SET}: "
            "make it again with 'paraclap features'"
        )
    missing = [column for column in (*feature_names(), "duration", "reason") if column not in table]
    if missing or list(table.index.names) != ["file", "start", "end"]:
        lacking = missing[0] if missing else "file, start, end"
        raise CorpusError(f"{path} has no column {lacking!r}; make it again with 'paraclap features'")
    if manifest is not None and described["manifest"] != _hash_index(manifest):
        asked = f"that of {metadata['corpus']}" if metadata is not None else "the one given"
        raise CorpusError(
            f"{path} holds features of another manifest, of {described['corpus']}, than {asked}; "
            "make it again with 'paraclap features' from this manifest"
        )
    levels = (table.index.get_level_values(level) for level in ("file", "start", "end"))
    return table.set_axis(audformat.segmented_index(*levels)), described


@dataclass
class _Tally:
    """Count rows as they pass by."""

    num_rows: int = 0
    num_cached: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bad: dict[str, tuple[str, int]] = field(default_factory=dict)  # file -> its first error, rows that have one

    def add(self, partition: Partition) -> None:
        self.num_rows += len(partition.segments)
        self.num_cached += partition.num_cached
        for segment, row in zip(partition.segments, partition.measured, strict=True):
            if isinstance(row, Features):
                self.reasons.update(row.reason.split("; ") if row.reason else ())
            else:
                message, number = self.bad.get(segment.file, (str(row), 0))
                self.bad[segment.file] = (message, number + 1)

    def result(self) -> FeaturesResult:
        bad_files = [
            BadFile(file, message if number == 1 else f"{message} (and {number - 1} more of its rows)")
            for file, (message, number) in self.bad.items()
        ]
        return FeaturesResult(self.num_rows, self.num_cached, dict(self.reasons.most_common()), tuple(bad_files))


def _describe(manifest: pd.DataFrame, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Check a manifest, and return the metadata of its features table.

    Raises:
        CorpusError: if the manifest is none, has no rows, or its folder is not there.
    """
    if not audformat.is_segmented_index(manifest) or "root" not in metadata:
        raise CorpusError("no manifest: expected utterances by file, start, end, and metadata with the folder 'root'")
    if len(manifest) == 0:
        raise CorpusError(f"the manifest of {metadata['corpus']} has no rows; expected at least one utterance")
    if not Path(metadata["root"]).is_dir():
        raise CorpusError(
            f"no folder {metadata['root']}, where {metadata['corpus']} was when it was imported; import it again"
        )
    return {
        "feature_set": FEATURE_SET,
        "opensmile": find_opensmile(),
        "corpus": metadata["corpus"],
        "manifest": _hash_index(manifest),
    }


def _hash_index(manifest: pd.DataFrame) -> str:
    return hash_table(manifest[[]])


def _make_parts(
    segments: Segments,
    metadata: Mapping[str, Any],
    cache: CacheFolder,
    num_workers: int | None,
    progress: Progress | None,
    tally: _Tally,
) -> Generator[pd.DataFrame]:
    """Yield the table in large parts, and count its rows."""
    with ExitStack() as stack:
        store = None
        if cache is not False:
            folder = default_cache_folder() if cache is None else Path(cache)
            store = stack.enter_context(closing(FeatureCache(folder)))
        rows = measure(segments, Path(metadata["root"]), cache=store, num_workers=num_workers)
        gathered: list[Partition] = []
        for partition in stack.enter_context(closing(rows)):
            tally.add(partition)
            gathered.append(partition)
            if progress is not None:
                progress(tally.num_rows, len(segments))
            if len(gathered) == _PART_SIZE:
                yield _make_table(gathered)
                gathered.clear()
        if gathered:
            yield _make_table(gathered)


def _make_table(partitions: Sequence[Partition]) -> pd.DataFrame:
    segments = [segment for partition in partitions for segment in partition.segments]
    rows = [
        _fill_gap(*row) for partition in partitions for row in zip(partition.segments, partition.measured, strict=True)
    ]
    files, starts, ends = zip(*segments, strict=True)
    index = audformat.segmented_index(files, pd.to_timedelta(starts, unit="ns"), pd.to_timedelta(ends, unit="ns"))
    table = pd.DataFrame(np.stack([row.values for row in rows]), index=index, columns=list(feature_names()))
    return table.assign(
        duration=np.array([row.duration for row in rows], dtype=np.float64),
        reason=pd.array([row.reason for row in rows], dtype="string"),
    )


def _fill_gap(segment: Segment, row: Measured) -> Features:
    """Return the features of a row; of a file that cannot be read nothing is known, and the reason says why."""
    if isinstance(row, Features):
        return row
    return lack_features(float("nan"), str(row).partition(": ")[2] or str(row))
