"""Utterances with their cells to a manifest: labels read, files looked at, and what is wrong with them reported."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import pandas as pd

from paraclap.audio import MIN_DURATION, read_duration
from paraclap.corpora.columns import Column, Value, make_reader
from paraclap.corpora.findings import Finding, report_bad_files, report_unknown_labels
from paraclap.corpora.manifest import COLUMNS
from paraclap.corpora.progress import track_progress
from paraclap.errors import AudioError, CorpusError
from paraclap.records import BadFile

# On a disk that answers at once one thread is as fast as two; two are for archives on a network.
_NUM_THREADS = 2
_CHUNK = 256  # files that a thread takes at a time; with one at a time, half of the time goes into handing over
_TOLERATED_EXCESS = 0.1  # s by which a segment may end behind its file; annotators are no more precise
_LONG = 3600.0  # s, above which a recording is hardly one utterance


@dataclass(frozen=True, slots=True)
class Utterance:
    """Hold a stretch of a file, in seconds, and what is known of it by the name of the source.

    Without a start it begins with the file, without an end it goes on to the file's end.
    """

    file: str
    cells: Mapping[str, str | float]
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Built:
    """Hold a manifest, the files that could not be used, and what is wrong with the others."""

    manifest: pd.DataFrame
    bad_files: tuple[BadFile, ...]
    findings: tuple[Finding, ...]


def build_manifest(
    utterances: Iterable[Utterance], columns: Mapping[str, Column], *, root: Path, name: str, progress: bool = False
) -> Built:
    """Make the manifest of some utterances; what cannot be used is left out and reported.

    A code that no column knows leaves its value missing. Columns that would be wholly empty are left out.

    Args:
        utterances: what was found, in any order.
        columns: of the manifest, by name.
        root: folder that the files are relative to.
        name: of the corpus, for messages.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if not one utterance can be used.
    """
    found = sorted(utterances, key=lambda utterance: (utterance.file, utterance.start or 0.0, utterance.end or 0.0))
    files = list(dict.fromkeys(utterance.file for utterance in found))
    durations = dict(zip(files, _read_durations(root, files, progress=progress), strict=True))
    bad_files = [duration for duration in durations.values() if isinstance(duration, BadFile)]
    kept: list[Utterance] = []
    spans: list[tuple[int, int]] = []
    for utterance in found:
        duration = durations[utterance.file]
        if isinstance(duration, BadFile):
            continue
        span = _find_span(utterance, duration, root)
        if isinstance(span, BadFile):
            bad_files.append(span)
        else:
            kept.append(utterance)
            spans.append(span)
    if not kept:
        first = bad_files[0].reason if bad_files else "there is none"
        raise CorpusError(f"{root}: none of the {len(files)} files of {name} can be used; the first: {first}")
    table, unknown = _read_columns(kept, columns)
    table.index = audformat.segmented_index(
        [utterance.file for utterance in kept], *(pd.to_timedelta(times, unit="ns") for times in np.array(spans).T)
    )
    findings = [*report_bad_files(bad_files), *report_unknown_labels(unknown), *_report_long(durations)]
    return Built(table, tuple(sorted(bad_files, key=lambda bad: bad.file)), tuple(findings))


def _read_columns(
    utterances: Sequence[Utterance], columns: Mapping[str, Column]
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return the columns of the contract, then the others, and the files with unknown codes by message."""
    unknown: defaultdict[str, dict[str, None]] = defaultdict(dict)  # the files are ordered keys: each counts once
    order = [name for name in COLUMNS if name in columns] + [name for name in columns if name not in COLUMNS]
    table: dict[str, pd.Series[Any]] = {}
    for name in order:
        read = make_reader(name, columns[name])
        values: list[Value] = []
        for utterance in utterances:
            try:
                values.append(read(utterance.cells))
            except ValueError as error:
                unknown[str(error)][utterance.file] = None
                values.append(None)
        if any(value is not None for value in values):
            dtype = "float64" if columns[name].is_number(name) else None
            table[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(table, index=range(len(utterances))), {error: list(files) for error, files in unknown.items()}


def _find_span(utterance: Utterance, duration: float, root: Path) -> tuple[int, int] | BadFile:
    """Return start and end in nanoseconds, or why the utterance cannot be used."""
    place = f"{root / utterance.file}: "
    start = utterance.start or 0.0
    end = duration if utterance.end is None else utterance.end
    if end > duration + _TOLERATED_EXCESS or not 0 <= start < duration:
        return BadFile(utterance.file, f"{place}segment from {start:g} s to {end:g} s; the file has {duration:.3f} s")
    end = min(end, duration)
    if end - start < MIN_DURATION - 1e-9:
        return BadFile(utterance.file, f"{place}{end - start:.3f} s of audio; expected at least {MIN_DURATION} s")
    return round(start * 1e9), round(end * 1e9)


def _report_long(durations: Mapping[str, float | BadFile]) -> list[Finding]:
    long = tuple(file for file, duration in durations.items() if not isinstance(duration, BadFile) and duration > _LONG)
    if not long:
        return []
    hours = max(float(duration) for duration in durations.values() if not isinstance(duration, BadFile)) / 3600
    message = f"{len(long)} files above an hour, the longest {hours:.1f} h, such as {long[0]}; is each one utterance?"
    return [Finding("suspicious duration", message, long)]


def _read_durations(root: Path, files: list[str], *, progress: bool) -> list[float | BadFile]:
    chunks = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        durations = pool.map(lambda chunk: [_read_one_duration(root, file) for file in chunk], chunks)
        done = track_progress(durations, "reading headers", total=len(chunks), progress=progress)
        return [duration for chunk in done for duration in chunk]


def _read_one_duration(root: Path, file: str) -> float | BadFile:
    try:
        file.encode()
        duration = read_duration(root / file)
    except UnicodeEncodeError:  # no table can hold such a name
        return BadFile(file, f"{root / file}: the name is not UTF-8 text; rename the file")
    except AudioError as error:
        return BadFile(file, str(error))
    if duration < MIN_DURATION:
        return BadFile(file, f"{root / file}: {duration:.3f} s of audio; expected at least {MIN_DURATION} s")
    return duration
