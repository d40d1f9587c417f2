"""A corpus in its official layout to a manifest: one interpreter for the rows of all corpora."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from paraclap.corpora.checks import check_content, check_counts, check_splits, find_version
from paraclap.corpora.columns import fill_template
from paraclap.corpora.findings import Finding, count_files, report_unreadable
from paraclap.corpora.layout import Layout, Recording, find_root, scan_layout
from paraclap.corpora.manifest import check_manifest
from paraclap.corpora.rows import CorpusInfo, LabelTable, load_corpus_info
from paraclap.corpora.splits import fill_splits
from paraclap.corpora.tables import Rows, list_missing_files, normalize_key, read_label_table
from paraclap.corpora.utterances import Built, Utterance, build_manifest
from paraclap.errors import CorpusError
from paraclap.records import BadFile

_FACTS_OF_THE_RELEASE = ("name", "num_files", "num_speakers", "hours", "size_gb", "layout_sources")


@dataclass(frozen=True)
class ImportResult:
    """Hold a manifest, its metadata, the files that could not be used, and all that was found to be wrong."""

    manifest: pd.DataFrame
    metadata: dict[str, Any]
    bad_files: tuple[BadFile, ...] = ()
    findings: tuple[Finding, ...] = ()

    def require_complete(self) -> None:
        """Refuse a corpus with findings.

        Raises:
            CorpusError: if there is any finding.
        """
        if self.findings:
            more = f" and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
            raise CorpusError(
                f"{self.metadata['corpus']}: {self.findings[0].message}{more}; expected no finding at all (--strict)"
            )


def import_corpus(
    name: str | Path, root: str | Path, *, hash_files: bool = False, progress: bool = False
) -> ImportResult:
    """Make the manifest of a corpus from its official layout.

    Files that cannot be read or are shorter than 0.1 s are kept out of the manifest and listed. What the corpus does
    not say, or says with a code that the row does not know, is missing in it; columns that would be wholly empty are
    left out. Where the makers give no split, train and dev are cut by speaker. All that is wrong is in the findings,
    and in the metadata.

    Args:
        name: of a corpus of the package, or the path of a TOML file with a row of your own.
        root: the folder of the corpus, or the folder that holds it.
        hash_files: also look for files with the same content; this reads those of the same size.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if the corpus is unknown, the folder holds none of it or two copies, a label file is missing or
            damaged, or no file at all can be used.
    """
    info = load_corpus_info(name)
    folder = find_root(info, root)
    layout = scan_layout(info, folder)
    tables = {
        table: read_label_table(spec, folder, columns=info.columns_of(table)) for table, spec in info.tables.items()
    }
    found = [_find_missing_tables(info, folder), _find_strays(info, layout), _find_unmatched(info, layout, tables)]
    utterances = _join_cells(info.tables, tables, layout.recordings)
    built = build_manifest(utterances, info.columns, root=folder, name=info.name, progress=progress)
    findings = [finding for group in found for finding in group] + check_counts(info, built.manifest)
    metadata = {**_describe(info), "version": find_version(info, built.manifest), "root": str(folder)}
    return finish_import(
        built,
        metadata,
        findings=findings,
        hash_files=hash_files,
        progress=progress,
        balance_labels=info.balance_labels,
    )


def finish_import(
    built: Built,
    metadata: Mapping[str, Any],
    *,
    findings: Sequence[Finding] = (),
    hash_files: bool = False,
    progress: bool = False,
    balance_labels: bool = True,
) -> ImportResult:
    """Split and check a manifest that was built, and put all findings into its metadata.

    Raises:
        CorpusError: if the manifest breaks the contract.
    """
    manifest, origin = fill_splits(built.manifest, balance_labels=balance_labels)
    check_manifest(manifest, name=str(metadata["corpus"]))
    everything = [*built.findings, *findings, *check_splits(manifest)]
    if hash_files:
        everything += check_content(manifest, Path(metadata["root"]), progress=progress)
    described = {**metadata, "split_origin": origin, "findings": [finding.describe() for finding in everything]}
    return ImportResult(manifest, described, built.bad_files, tuple(everything))


def _join_cells(
    specs: Mapping[str, LabelTable], tables: Mapping[str, Rows | None], recordings: Sequence[Recording]
) -> Iterator[Utterance]:
    """Yield what is known of each recording: the groups of its path, and its line of a table as `table.column`."""
    for recording in recordings:
        cells: dict[str, str | float] = dict(recording.groups)
        for name, rows in tables.items():
            key = _find_key(specs[name], recording)
            line = rows.get(key, {}) if rows is not None and key is not None else {}
            cells.update({f"{name}.{column}": cell for column, cell in line.items()})
        yield Utterance(recording.file, cells)


def _find_key(spec: LabelTable, recording: Recording) -> str | None:
    key = fill_template(spec.on, recording.groups)
    return None if key is None else normalize_key(key, is_file=False)


def _find_missing_tables(info: CorpusInfo, root: Path) -> list[Finding]:
    tables = [table for table in info.tables.values() if not table.foreign]
    missing = [", ".join(files) for table in tables if (files := list_missing_files(table, root))]
    return [Finding("missing label file", f"no file {files}: what it says is left out") for files in missing]


def _find_strays(info: CorpusInfo, layout: Layout) -> list[Finding]:
    findings: list[Finding] = []
    if layout.repeats:
        message = count_files(layout.repeats, "left out as repeating another")
        findings.append(Finding("repeated file", message, layout.repeats))
    if layout.others:
        message = count_files(layout.others, f"left out as no part of {info.name}")
        findings.append(Finding("other audio", message, layout.others))
    return findings + report_unreadable(layout.unreadable)


def _find_unmatched(info: CorpusInfo, layout: Layout, tables: Mapping[str, Rows | None]) -> list[Finding]:
    """Report recordings that a table does not list, and lines of a table that no recording belongs to."""
    findings: list[Finding] = []
    for name, rows in tables.items():
        if rows is None:
            continue
        spec = info.tables[name]
        file_names = ", ".join(spec.parts.values())
        keys = {recording.file: key for recording in layout.recordings if (key := _find_key(spec, recording))}
        unlisted = tuple(file for file, key in keys.items() if key not in rows)
        if unlisted and not spec.partial:
            message = count_files(unlisted, f"of which {file_names} says nothing")
            findings.append(Finding("audio without labels", message, unlisted))
        silent = sorted(set(rows) - set(keys.values()))
        if silent and not spec.superset:
            message = f"{file_names} lists {len(silent)} entries without a recording, such as {silent[0]}"
            findings.append(Finding("labels without audio", message, tuple(silent)))
    return findings


def _describe(info: CorpusInfo) -> dict[str, Any]:
    facts = info.describe()
    return {"corpus": info.name, **{key: facts[key] for key in facts if key not in _FACTS_OF_THE_RELEASE}}
