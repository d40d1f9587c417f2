"""An export of ours back to what was exported: the same rows, columns and metadata, in the same order."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from paraclap.corpora.checks import check_content
from paraclap.corpora.columns import Column
from paraclap.corpora.findings import Finding
from paraclap.corpora.importing import ImportResult
from paraclap.corpora.manifest import NUMBER, TEXT, check_manifest
from paraclap.corpora.utterances import Built, Utterance
from paraclap.errors import CorpusError
from paraclap.storage import check_format_version


def check_export(export: Any, place: str) -> Any:
    """Return what an export says of itself, or None if it is somebody else's.

    Args:
        export: what was read, of any kind.
        place: where it was found, for messages.

    Raises:
        CorpusError: if it is of a newer version, or lacks the root, the metadata or the types.
    """
    if not isinstance(export, dict) or export.get("kind") != "manifest":
        return None
    version, metadata, types = (export.get(key) for key in ("format_version", "metadata", "types"))
    if isinstance(version, int):
        check_format_version(version, place)
    is_whole = isinstance(metadata, dict) and isinstance(metadata.get("root"), str) and isinstance(types, dict)
    if not is_whole or not set(types.values() if isinstance(types, dict) else ()) <= {TEXT, NUMBER}:
        raise CorpusError(
            f"{place} is damaged; expected the root, the metadata and the types of an export: export again"
        )
    return export


def find_audio(export: Mapping[str, Any], beside: Path) -> Path:
    """Return the folder that the files of an export are relative to: where they were, or else beside the export."""
    root = Path(export["metadata"]["root"])
    return root if root.is_dir() else beside


def restore_import(
    built: Built,
    metadata: Mapping[str, Any],
    *,
    utterances: Sequence[Utterance],
    columns: Mapping[str, Column],
    findings: Sequence[Finding] = (),
    hash_files: bool = False,
    progress: bool = False,
) -> ImportResult:
    """Return what was exported: nothing is split or sorted anew, and what was found before stays found.

    Args:
        built: of the export's utterances.
        metadata: of the export.
        utterances: in the order of the export.
        columns: in the order of the export; those without a value stay.
        findings: of reading the export; they and those of `built` are added, unless they are known.
        hash_files: also look for files with the same content.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if the manifest breaks the contract.
    """
    manifest = _add_empty_columns(_restore_order(built.manifest, utterances), columns)
    check_manifest(manifest, name=str(metadata["corpus"]))
    everything = [*built.findings, *findings]
    if hash_files:
        everything += check_content(manifest, Path(metadata["root"]), progress=progress)
    known = list(metadata.get("findings", ()))
    fresh = [finding for finding in everything if finding.describe() not in known]
    described = {"findings": [*known, *(finding.describe() for finding in fresh)]} if fresh else {}
    before = [Finding(entry["kind"], entry["message"], tuple(entry["files"])) for entry in known]
    return ImportResult(manifest, {**metadata, **described}, built.bad_files, (*before, *fresh))


def restore_root(root: Path, written: object) -> str:
    """Return the root as the export has it written, if it is the same folder, such as one with `..` in its path."""
    return written if isinstance(written, str) and os.path.normpath(written) == os.path.normpath(root) else str(root)


def _restore_order(manifest: pd.DataFrame, utterances: Sequence[Utterance]) -> pd.DataFrame:
    """Return the rows in the order of the export; a segment whose end was moved to that of its file comes last."""
    places = {
        (utterance.file, round((utterance.start or 0.0) * 1e9), round((utterance.end or 0.0) * 1e9)): number
        for number, utterance in enumerate(utterances)
    }
    times = [pd.TimedeltaIndex(manifest.index.get_level_values(level)) for level in ("start", "end")]
    starts, ends = (level.as_unit("ns").asi8.tolist() for level in times)
    keys = zip(manifest.index.get_level_values("file"), starts, ends, strict=True)
    order = [places.get(key, len(places)) for key in keys]
    return manifest.iloc[sorted(range(len(order)), key=order.__getitem__)]


def _add_empty_columns(manifest: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    text = pd.Series(["text"]).dtype
    table: dict[str, pd.Series[Any]] = {}
    for name, column in columns.items():
        kind = "float64" if column.is_number(name) else text
        empty = pd.Series([None] * len(manifest), index=manifest.index, dtype=kind)
        table[name] = manifest.get(name, empty)
    return pd.DataFrame(table, index=manifest.index)
