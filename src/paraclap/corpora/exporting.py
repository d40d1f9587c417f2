"""A manifest for other tools: an audformat database or a CSV file, in a folder that can be imported again."""

import csv
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import audformat
import iso639
import pandas as pd

from paraclap.corpora.manifest import (
    FLOAT_COLUMNS,
    METADATA_KEYS,
    NUMBER,
    TEXT,
    UNIT_COLUMNS,
    VOCABULARY,
    ColumnType,
    check_manifest,
)
from paraclap.corpora.sources.audformat_database import EXPORT_KEY, HEADER_NAME, TABLE_ID
from paraclap.corpora.sources.table_file import METADATA_NAME, TABLE_NAME
from paraclap.errors import CorpusError
from paraclap.storage import FORMAT_VERSION, check_empty, write_folder_atomic, write_json

ExportFormat = Literal["audformat", "csv"]

_INDEX = ("file", "start", "end")
_LABELLED = ("label", "partition", "language", "age_group", "intensity", "vocalisation")  # by the labels that occur
_MAX_LABELS = 100  # of a column, from which on its scheme is any text
_MAX_SPEAKERS = 1000  # that the header describes
_OF_SPEAKERS = ("gender", "age", "age_group", "language")
_USAGES = (  # the first that fits a licence; audformat knows commercial, other, research, restricted, unrestricted
    (re.compile(r"\bNC\b|non-?commercial|research", re.IGNORECASE), audformat.define.Usage.RESEARCH),
    (re.compile(r"\bCC0\b|public domain", re.IGNORECASE), audformat.define.Usage.UNRESTRICTED),
    (re.compile(r"\bCC.BY\b|\bODbL\b|\bApache\b|\bMIT\b", re.IGNORECASE), audformat.define.Usage.COMMERCIAL),
)


def export_manifest(
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    folder: str | Path,
    *,
    format: ExportFormat = "audformat",  # noqa: A002
) -> Path:
    """Write a manifest as a folder that other tools read, and that is imported as the very same manifest.

    No audio is copied: files stay relative to the root that the metadata name. As `audformat`, the folder is a database
    with one segmented table; its tables are CSV, or parquet if a text such as "NA" would not survive CSV. As `csv`, it
    is a table with times in seconds, and a JSON file with the metadata. All numbers come back as floats.

    Args:
        manifest: as `read_manifest` returns it.
        metadata: as `read_manifest` returns it.
        folder: made if it is not there; an earlier export in it is replaced.
        format: "audformat" or "csv".

    Returns:
        The folder.

    Raises:
        CorpusError: if the manifest breaks the contract or holds what is neither text nor numbers, the metadata lack a
            key, the format is unknown, or the folder has other content or cannot be written.
    """
    if format not in get_args(ExportFormat):
        raise CorpusError(f"format {format!r}; expected one of {', '.join(get_args(ExportFormat))}")
    check_manifest(manifest)
    missing = [key for key in METADATA_KEYS if key not in metadata]
    if missing:
        raise CorpusError(f"the metadata lacks {', '.join(missing)}; pass what read_manifest returned")
    header = {
        "kind": "manifest",
        "format_version": FORMAT_VERSION,
        "types": {str(name): _find_type(manifest[name]) for name in manifest.columns},
        "metadata": dict(metadata),
    }
    target = Path(folder).resolve()
    with write_folder_atomic(target, error_type=CorpusError, replace=True) as new:
        _check_folder(target)
        _write_csv(manifest, header, new) if format == "csv" else _write_audformat(manifest, header, new)
    return target


def _find_type(values: "pd.Series[Any]") -> ColumnType:
    name = values.name
    if name in _INDEX or not isinstance(name, str) or not _is_plain(name):
        raise CorpusError(f"a column is called {name!r}; expected plain text, not {', '.join(_INDEX)}: rename it")
    if name in FLOAT_COLUMNS or pd.api.types.is_float_dtype(values) or pd.api.types.is_integer_dtype(values):
        return NUMBER
    wrong = [value for value in values.dropna() if not isinstance(value, str) or not value]
    if wrong:
        found = "an empty text" if wrong[0] == "" else type(wrong[0]).__name__
        raise CorpusError(f"column {name!r} holds {found}; expected text, numbers or missing values: convert it first")
    return TEXT


def _is_plain(text: str) -> bool:
    return text == text.strip() != "" and text.isprintable()


def _check_folder(folder: Path) -> None:
    """Refuse a folder with anything in it but an export of ours."""
    if not folder.is_dir():
        check_empty(folder, error_type=CorpusError)
        return
    names = sorted(path.name for path in folder.iterdir())
    tables = {f"{Path(HEADER_NAME).stem}.{TABLE_ID}.{suffix}" for suffix in ("csv", "parquet")}
    others = [name for name in names if name not in {TABLE_NAME, METADATA_NAME, HEADER_NAME, *tables}]
    if names and (others or not _is_export(folder)):
        raise CorpusError(f"{folder} holds {(others or names)[0]}, which is no export; choose an empty or a new folder")


def _is_export(folder: Path) -> bool:
    marks = {METADATA_NAME: '\n  "kind": "manifest"', HEADER_NAME: f"\n{EXPORT_KEY}:"}
    found = [(folder / name, mark) for name, mark in marks.items() if (folder / name).is_file()]
    return bool(found) and all(mark in path.read_text(encoding="utf-8", errors="replace") for path, mark in found)


def _write_csv(manifest: pd.DataFrame, header: Mapping[str, Any], folder: Path) -> None:
    files, starts, ends = (manifest.index.get_level_values(level) for level in _INDEX)
    columns = [_write_cells(manifest[name], kind) for name, kind in header["types"].items()]
    with (folder / TABLE_NAME).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")  # so that it quotes both in a text
        writer.writerow([*_INDEX, *header["types"]])
        writer.writerows(zip(files, _write_times(starts), _write_times(ends), *columns, strict=True))
    write_json(folder / METADATA_NAME, header)


def _write_cells(values: "pd.Series[Any]", kind: ColumnType) -> list[str]:
    known = zip(values, values.isna(), strict=True)
    return ["" if missing else value if kind == TEXT else repr(float(value)) for value, missing in known]


def _write_times(times: pd.Index) -> list[str]:
    """Return times as seconds with all nine digits of their nanoseconds, which a float need not have."""
    return [f"{time // 10**9}.{time % 10**9:09d}" for time in pd.TimedeltaIndex(times).as_unit("ns").asi8]


def _write_audformat(manifest: pd.DataFrame, header: Mapping[str, Any], folder: Path) -> None:
    database = _make_database(manifest, header)
    database.save(str(folder), storage_format="csv")
    if not _reads_back(database, folder):  # "NA" is missing in CSV, and YAML takes rare characters for line ends
        shutil.rmtree(folder)
        folder.mkdir()
        database.meta[EXPORT_KEY] = json.dumps(header)
        database.save(str(folder), storage_format="parquet")


def _reads_back(database: audformat.Database, folder: Path) -> bool:
    try:
        written = audformat.Database.load(str(folder))
        same_table = written[TABLE_ID].df.equals(database[TABLE_ID].df)
    except Exception:  # of audformat, pandas or pyarrow, if a text breaks the table
        return False
    return bool(same_table and written.meta[EXPORT_KEY] == database.meta[EXPORT_KEY])


def _make_database(manifest: pd.DataFrame, header: Mapping[str, Any]) -> audformat.Database:
    metadata = header["metadata"]
    licence = str(metadata["licence"])
    short = licence.replace(" ", "-")  # audformat writes CC-BY-4.0
    database = audformat.Database(
        name=str(metadata["corpus"]),
        source=str(metadata["source"]),
        usage=next((usage for fits, usage in _USAGES if fits.search(licence)), audformat.define.Usage.OTHER),
        languages=[code for language in metadata["languages"] if (code := _find_long_code(language))],
        description=str(metadata.get("title") or metadata["citation"]),
        license=short if short in vars(audformat.define.License).values() else licence,
        license_url=metadata.get("licence_url"),
        meta={EXPORT_KEY: json.loads(json.dumps(header))},  # without shared parts, which YAML would write as aliases
    )
    database.media["audio"] = audformat.Media(audformat.define.MediaType.AUDIO)
    table = audformat.Table(manifest.index, media_id="audio", description=f"files are relative to {metadata['root']}")
    database[TABLE_ID] = table
    for name, kind in header["types"].items():
        values = manifest[name]
        database.schemes[name] = _make_scheme(manifest, name, kind)
        table[name] = audformat.Column(scheme_id=name)
        table[name].set([None if missing else value for value, missing in zip(values, values.isna(), strict=True)])
    return database


def _find_long_code(language: str) -> str | None:
    return str(iso639.Lang(language).pt3) if iso639.is_language(language) else None


def _make_scheme(manifest: pd.DataFrame, name: str, kind: ColumnType) -> audformat.Scheme:
    if kind == NUMBER:
        bounds = (0.0, 1.0) if name in UNIT_COLUMNS else (0.0, None) if name in FLOAT_COLUMNS else (None, None)
        return audformat.Scheme(audformat.define.DataType.FLOAT, minimum=bounds[0], maximum=bounds[1])
    if name in VOCABULARY:
        return audformat.Scheme(labels=list(VOCABULARY[name]))
    found = sorted(manifest[name].dropna().unique())
    is_plain = bool(found) and all(_is_plain(value) for value in found)
    if name == "speaker" and is_plain and len(found) <= _MAX_SPEAKERS:
        return audformat.Scheme(labels=_describe_speakers(manifest))
    if name in _LABELLED and is_plain and len(found) <= _MAX_LABELS:
        return audformat.Scheme(labels=found)
    return audformat.Scheme(audformat.define.DataType.STRING)


def _describe_speakers(manifest: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the speakers with what is the same in all of their utterances, and known."""
    by_speaker = manifest.groupby("speaker", observed=True)
    speakers: dict[str, dict[str, Any]] = {str(speaker): {} for speaker in by_speaker.groups}
    for name in _OF_SPEAKERS:
        if name in manifest and (by_speaker[name].nunique(dropna=False) == 1).all():
            for speaker, value in by_speaker[name].first().dropna().items():
                speakers[str(speaker)][name] = value
    return speakers
