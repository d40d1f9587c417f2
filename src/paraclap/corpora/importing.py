"""A corpus in its official layout to a manifest: one interpreter for the rows of all corpora."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audformat
import pandas as pd

from paraclap.audio import MIN_DURATION, read_duration
from paraclap.corpora.layout import Layout, Recording, find_root, scan_layout
from paraclap.corpora.manifest import COLUMNS, check_manifest
from paraclap.corpora.rows import Column, CorpusInfo, LabelTable, Value, load_corpus_info
from paraclap.corpora.tables import Rows, normalize_key, read_label_table
from paraclap.errors import AudioError, CorpusError
from paraclap.records import BadFile

_NUM_THREADS = 8  # headers are read with the GIL released, and mostly wait for the disk


@dataclass(frozen=True)
class ImportResult:
    """Hold a manifest, its metadata, the files that could not be used, and remarks about the rest."""

    manifest: pd.DataFrame
    metadata: dict[str, Any]
    findings: tuple[BadFile, ...]
    notes: tuple[str, ...]


def import_corpus(name: str | Path, root: str | Path, *, progress: bool = False) -> ImportResult:
    """Make the manifest of a corpus from its official layout.

    Files that cannot be read, are shorter than 0.1 s or carry a code that the row does not know become findings and are
    kept out of the manifest. What the corpus does not say is missing in it; columns that would be wholly empty are left
    out.

    Args:
        name: of a corpus of the package, or the path of a TOML file with a row of your own.
        root: the folder of the corpus, or the folder that holds it under its name.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if the corpus is unknown, the folder holds none of it, a label file is missing or damaged, or no
            file at all can be used.
    """
    info = load_corpus_info(name)
    folder = find_root(info, root)
    layout = scan_layout(info, folder)
    tables = {
        table: read_label_table(spec, folder, columns=info.columns_of(table)) for table, spec in info.tables.items()
    }
    findings: list[BadFile] = []
    labels = _read_labels(info, layout.recordings, tables, findings)
    durations = _read_durations(folder, list(labels), progress=progress)
    rows: dict[str, dict[str, Value]] = {}
    ends: list[float] = []
    for (file, row), duration in zip(labels.items(), durations, strict=True):
        if isinstance(duration, BadFile):
            findings.append(duration)
        else:
            rows[file] = row
            ends.append(duration)
    if not rows:
        first = findings[0].reason
        raise CorpusError(f"{folder}: none of the {len(findings)} files of {info.name} can be used; the first: {first}")
    manifest = _make_manifest(info, rows, ends)
    check_manifest(manifest, name=info.name)
    notes = _make_notes(info, layout, tables)
    return ImportResult(
        manifest, _make_metadata(info, folder), tuple(sorted(findings, key=lambda bad: bad.file)), notes
    )


def _read_labels(
    info: CorpusInfo,
    recordings: Iterable[Recording],
    tables: Mapping[str, Rows | None],
    findings: list[BadFile],
) -> dict[str, dict[str, Value]]:
    """Return the label values by file; a file with a code that the row does not know goes to the findings."""
    labels: dict[str, dict[str, Value]] = {}
    read = {name: _make_reader(name, column) for name, column in info.columns.items()}
    for recording in recordings:
        sources = _collect_sources(info.tables, tables, recording.groups)
        try:
            labels[recording.file] = {name: read[name](sources) for name in info.columns}
        except ValueError as error:
            findings.append(BadFile(recording.file, f"{recording.file}: {error}"))
    return labels


def _collect_sources(
    specs: Mapping[str, LabelTable], tables: Mapping[str, Rows | None], groups: Mapping[str, str]
) -> dict[str, str]:
    """Return what is known about one recording: the groups of its path, and its line of a table as `table.column`."""
    sources = dict(groups)
    for name, rows in tables.items():
        key = groups.get(specs[name].on)
        if rows is None or key is None:
            continue
        line = rows.get(normalize_key(key, is_file=False), {})
        sources.update({f"{name}.{column}": cell for column, cell in line.items()})
    return sources


def _make_reader(name: str, column: Column) -> Callable[[Mapping[str, str]], Value]:
    """Return the function that reads one column of one recording; it raises ValueError at an unknown code."""
    codes = {code.casefold(): value for code, value in (column.map or {}).items()}

    def read(sources: Mapping[str, str]) -> Value:
        if column.source is None:
            return column.value
        raw = sources.get(column.source, "")
        if raw == "":
            return None
        value: Value = raw
        if codes:
            if raw.casefold() not in codes:
                raise ValueError(f"{column.source} is {raw!r}; expected one of {', '.join(column.map or ())}")
            value = codes[raw.casefold()]
        elif column.ranges:
            value = _find_range(raw, column)
        if value == "":
            return None
        return _to_number(value, column) if column.is_number(name) else str(value)

    return read


def _find_range(raw: str, column: Column) -> str:
    try:
        number = float(raw)
    except ValueError:
        raise ValueError(f"{column.source} is {raw!r}; expected a number") from None
    for first, last, value in column.ranges:
        if first <= number <= last:
            return value
    spans = ", ".join(f"{first:g}-{last:g}" for first, last, _ in column.ranges)
    raise ValueError(f"{column.source} is {raw!r}; expected a number in {spans}")


def _to_number(value: Value, column: Column) -> float:
    try:
        return float(value or 0.0) * column.scale
    except ValueError:
        raise ValueError(f"{column.source} is {value!r}; expected a number") from None


def _read_durations(root: Path, files: list[str], *, progress: bool) -> list[float | BadFile]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shown = progress and console.is_terminal
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        durations = pool.map(lambda file: _read_one_duration(root, file), files)
        bar = track(durations, "reading headers", total=len(files), console=console, transient=True, disable=not shown)
        return list(bar)


def _read_one_duration(root: Path, file: str) -> float | BadFile:
    try:
        duration = read_duration(root / file)
    except AudioError as error:
        return BadFile(file, str(error))
    if duration < MIN_DURATION:
        return BadFile(file, f"{root / file}: {duration:.3f} s of audio; expected at least {MIN_DURATION} s")
    return duration


def _make_manifest(info: CorpusInfo, rows: Mapping[str, Mapping[str, Value]], ends: list[float]) -> pd.DataFrame:
    starts = pd.to_timedelta([0] * len(ends), unit="ns")
    index = audformat.segmented_index(
        list(rows), starts, pd.to_timedelta([round(end * 1e9) for end in ends], unit="ns")
    )
    columns: dict[str, pd.Series[Any]] = {}
    for name, column in info.columns.items():
        values = [row[name] for row in rows.values()]
        if all(value is None for value in values):
            continue
        dtype = "float64" if column.is_number(name) else None
        columns[name] = pd.Series(values, index=index, dtype=dtype)
    order = [name for name in COLUMNS if name in columns] + [name for name in columns if name not in COLUMNS]
    return pd.DataFrame(columns, index=index)[order]


def _make_metadata(info: CorpusInfo, root: Path) -> dict[str, Any]:
    facts = {name: value for name, value in info.describe().items() if name not in ("name", "form_needed")}
    return {"corpus": info.name, "root": str(root), **facts}


def _make_notes(info: CorpusInfo, layout: Layout, tables: Mapping[str, Rows | None]) -> tuple[str, ...]:
    notes: list[str] = []
    if len(layout.recordings) != info.num_files:
        notes.append(f"{len(layout.recordings)} of {info.num_files} published files are here")
    if layout.repeats:
        notes.append(f"{len(layout.repeats)} files repeat others and were left out, such as {layout.repeats[0]}")
    if layout.others:
        notes.append(
            f"{len(layout.others)} audio files are no part of {info.name} and were left out, such as {layout.others[0]}"
        )
    for name, rows in tables.items():
        if rows is None:
            files = ", ".join(info.tables[name].parts.values())
            notes.append(f"no file {files}: its columns are left out")
    return tuple(notes)
