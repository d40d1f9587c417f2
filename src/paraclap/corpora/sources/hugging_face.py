"""A folder of a Hugging Face dataset: parquet or Arrow files with audio inside or beside them, or an AudioFolder."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from paraclap.audio import AUDIO_SUFFIXES
from paraclap.corpora.findings import Finding
from paraclap.corpora.manifest import TEXT, ColumnType
from paraclap.corpora.progress import track_progress
from paraclap.corpora.sources.hugging_face_files import (
    METADATA_FILES,
    Part,
    Schema,
    find_data_files,
    find_metadata_files,
    find_part,
    read_batches,
    read_card,
    read_schema,
)
from paraclap.corpora.sources.mapping import ColumnMapping, check_mapping, find_places
from paraclap.corpora.sources.source import Source, check_folder
from paraclap.corpora.sources.table_file import place_rows
from paraclap.corpora.sources.table_rows import Cell, Row, Table, join_rows, read_cells, read_rows, type_of
from paraclap.corpora.sources.vocabulary import find_split
from paraclap.errors import CorpusError
from paraclap.storage import write_atomic

_AUDIO = "(audio)"  # the cell of a row's file, which no column is called
_TOLD = ("partition", "split", "configuration")  # by the path of a file
_SIGNATURES = ((b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"FORM", ".aiff"), (b"ftyp", ".m4a"))


@dataclass
class _Rows:
    """Hold the rows of all files of a dataset, and what was found on the way."""

    rows: list[Row] = field(default_factory=list)
    types: dict[str, ColumnType] = field(default_factory=dict)
    nested: dict[str, None] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=lambda: {"file": _AUDIO})

    def add(self, rows: Iterable[Row], types: dict[str, ColumnType], part: Part) -> None:
        """Add rows with what their part says, unless a column says it already."""
        split = find_split(part.split) if part.split else None
        told = dict(zip(_TOLD, (part.split, split, part.configuration), strict=True))
        known = {name.casefold() for name in types}
        cells: Row = {name: value for name, value in told.items() if value and name not in known}
        self.rows += [{**row, **cells} for row in rows]
        for name, kind in {**types, **dict.fromkeys(cells, TEXT)}.items():
            self.types[name] = kind if self.types.get(name, kind) == kind else TEXT


def read_hugging_face(
    folder: str | Path,
    *,
    audio_out: str | Path | None = None,
    mapping: ColumnMapping | None = None,
    progress: bool = False,
) -> Source:
    """Read a folder of a Hugging Face dataset: its repository, one configuration of it, or what `save_to_disk` wrote.

    Labels that are classes become their names. The split is what files and folders are called, as on the hub; that
    name is the `partition`. Without parquet and Arrow files, the `metadata.csv` or `.jsonl` of an AudioFolder counts.

    Args:
        folder: of the dataset.
        audio_out: folder to write audio to that is embedded in the files; what is there in the same size is kept.
        mapping: what it reads is looked for before audio is written.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if there is nothing of a dataset in the folder, a file is damaged or has no audio, the mapping
            reads a column that is not there, or audio is embedded and there is no `audio_out`.
    """
    top = check_folder(folder, "the one of a Hugging Face dataset")
    writer = _AudioWriter(top, Path(audio_out).absolute() if audio_out is not None else None)
    found = _Rows()
    data_files = find_data_files(top)
    schemas = {path: read_schema(path) for path in data_files}
    if mapping is not None and schemas:
        check_mapping(mapping, [*dict.fromkeys(name for schema in schemas.values() for name in schema.kinds), *_TOLD])
    for path in track_progress(data_files, "reading files", progress=progress):
        _read_data_file(path, schemas[path], data_files[path], found, writer)
    if not data_files:
        _read_metadata_files(top, found)
    if not found.rows:
        raise CorpusError(f"{top}: the files of this dataset have no rows; expected one an utterance")
    if not any(_AUDIO in row for row in found.rows):
        raise CorpusError(f"{top}: none of the {len(found.rows)} rows has audio; expected bytes or a path in each")
    content = Table(found.rows, found.types, tuple(found.nested))
    base = writer.folder if writer.folder is not None and writer.used else top
    utterances, root, findings = place_rows(content, found.places, base, str(top))
    configurations = sorted({str(row.get("configuration", "")) for row in found.rows})
    if len(configurations) == 1:
        found.types.pop("configuration", None)
    else:
        message = f"{len(configurations)} configurations are read together; give the folder of one to read it alone"
        findings.append(Finding("count", f"{message}: {', '.join(name or 'default' for name in configurations)}"))
    types = {name: kind for name, kind in found.types.items() if name not in found.places.values()}
    return Source(top.name, root, utterances, types, metadata=read_card(top), findings=findings)


def _read_data_file(path: Path, schema: Schema, part: Part, found: _Rows, writer: "_AudioWriter") -> None:
    types: dict[str, ColumnType] = {}
    for name, kind in schema.kinds.items():
        cell_type = TEXT if name in schema.classes else type_of(kind)
        if name == schema.audio:
            continue
        if cell_type is None:
            found.nested[name] = None
        else:
            types[name] = cell_type
    if not schema.is_embedded:
        # Times beside embedded audio say where it was cut from.
        times = find_places(["file", *types])
        found.places |= {place: cell for place, cell in times.items() if place != "file"}
    for batch in read_batches(path, schema):
        columns: dict[str, Iterable[Cell]] = {
            name: _name_classes(batch.column(name).to_pylist(), schema.classes.get(name)) for name in types
        }
        columns[_AUDIO] = [writer.place(audio, part) for audio in batch.column(schema.audio)]
        found.add(join_rows(columns), types, part)


def _name_classes(values: Sequence[Any], names: Sequence[str] | None) -> Iterable[Cell]:
    """Return the values as cells, classes by their names; one below zero says that it is unknown."""
    if names is None or any(isinstance(value, str) for value in values):
        return read_cells(values)
    known = dict(enumerate(names))
    return ["" if value is None or value < 0 else str(known.get(value, value)) for value in values]


def _read_metadata_files(top: Path, found: _Rows) -> None:
    """Read what the metadata files of an AudioFolder say; their files are relative to them."""
    paths = find_metadata_files(top)
    if not paths:
        raise CorpusError(
            f"{top}: no file of a dataset in this folder; expected *.parquet, what save_to_disk wrote, or "
            f"{', '.join(METADATA_FILES)}"
        )
    for path in paths:
        table = read_rows(path)
        try:
            places = find_places(list(table.types))
        except CorpusError as error:
            raise CorpusError(f"{path}: {error}") from None
        file_cell = places.pop("file")
        found.places |= places
        found.nested |= dict.fromkeys(table.nested)
        types = {name: kind for name, kind in table.types.items() if name != file_cell}
        for row in table.rows:
            file = str(row.pop(file_cell, "")).replace("\\", "/")
            inside = Path(os.path.relpath(path.parent / file, top))
            part = Part(split=find_part(inside, by_name=False).split)
            found.add([{**row, **({_AUDIO: str(top / inside)} if file else {})}], types, part)


class _AudioWriter:
    """Find the file of each row's audio, and write those that are embedded, each once."""

    def __init__(self, source: Path, folder: Path | None) -> None:
        self.source, self.folder = source, folder
        self.used: defaultdict[Path, set[str]] = defaultdict(set)

    def place(self, audio: pa.Scalar, part: Part) -> str:
        """Return the path of the audio of a row, or an empty text if it has none."""
        value = audio
        name = ""
        if pa.types.is_struct(audio.type):
            fields = {audio.type.field(number).name for number in range(audio.type.num_fields)}
            name = (audio["path"].as_py() or "") if "path" in fields and audio.is_valid else ""
            value = audio["bytes"] if "bytes" in fields and audio.is_valid else pa.scalar(name)
        if not value.is_valid:
            value = pa.scalar(name)
        if pa.types.is_string(value.type) or pa.types.is_large_string(value.type) or pa.types.is_dictionary(value.type):
            path = (value.as_py() or "").replace("\\", "/")
            return str(self.source / path) if path else ""
        return str(self._write(value.as_buffer(), name, part))

    def _write(self, data: pa.Buffer, name: str, part: Part) -> Path:
        if self.folder is None:
            raise CorpusError(
                f"{self.source}: audio is inside the files; expected audio_out (--audio-out), a folder to write it to"
            )
        if self.folder.is_file():
            raise CorpusError(f"{self.folder} is a file; expected a folder to write the audio to")
        place = self.folder / part.configuration / (part.split or "")
        path = place / self._free_name(place, PurePosixPath(name.replace("\\", "/")).name.lstrip("."), data)
        if not path.is_file() or path.stat().st_size != data.size:
            with write_atomic(path) as temporary:
                temporary.write_bytes(data)
        return path

    def _free_name(self, place: Path, name: str, data: pa.Buffer) -> str:
        """Return a name that no other row has: makers may call all of them "audio.wav"."""
        used = self.used[place]
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        if suffix.lower() not in AUDIO_SUFFIXES:
            stem, suffix = name, _guess_suffix(data)
        number = len(used)
        name = f"{stem or f'{number:06d}'}{suffix}"
        while name.casefold() in used:
            name, number = f"{stem}-{number:06d}{suffix}", number + 1
        used.add(name.casefold())
        return name


def _guess_suffix(data: pa.Buffer) -> str:
    head = data.slice(0, 12).to_pybytes()
    return next((suffix for signature, suffix in _SIGNATURES if signature in head), ".mp3")
