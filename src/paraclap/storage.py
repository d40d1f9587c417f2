"""Files that are whole or not there: atomic writes, content hashes, tables and JSON that carry their version."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from paraclap.errors import CorpusError, ParaClapError

FORMAT_VERSION = 1
_UMASK = os.umask(0)  # it can only be read by setting it
os.umask(_UMASK)
_METADATA_KEY = b"paraclap"


@contextmanager
def write_atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on failure nothing changes.

    Raises:
        ParaClapError: if `path` is a folder, or its folder cannot be made or written to.
    """
    if path.is_dir():
        raise ParaClapError(f"{path} is a folder; expected the name of a file to write")
    with _name_unwritable(path, ParaClapError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_UMASK)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_folder_atomic(folder: Path, *, error_type: type[ParaClapError], replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on success it takes its place, on failure nothing changes.

    Args:
        folder: new or empty; its parents are made.
        error_type: of what is raised.
        replace: do not refuse what is there already; it goes on success.

    Raises:
        ParaClapError: of the type named, if `folder` is a file or not empty and is not to be replaced, or it or
            anything in it cannot be written.
    """
    target = folder.resolve()
    if not replace:
        check_empty(target, error_type=error_type)
    with _name_unwritable(target, error_type):
        if not target.parent.exists():  # of a file, making it would say that it exists, not that it is no folder
            target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.", dir=target.parent, ignore_cleanup_errors=True
        ) as name:
            new, old = Path(name) / "new", Path(name) / "old"
            new.mkdir()  # the folder around it is for its owner alone
            yield new
            if target.exists():
                target.rename(old) if replace else target.rmdir()
            new.rename(target)


def check_empty(folder: Path, *, error_type: type[ParaClapError]) -> None:
    """Refuse what is not the place of a new folder, before any work.

    Raises:
        ParaClapError: of the type named, if `folder` is a file, is not empty or cannot be looked into.
    """
    with _name_unwritable(folder, error_type):
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        is_file = folder.exists() and not folder.is_dir()
    if is_file:
        raise error_type(f"{folder} is a file; expected the name of a folder to write")
    if names:
        raise error_type(f"{folder} is not empty, it holds {names[0]}; choose an empty or a new folder")


@contextmanager
def _name_unwritable(path: Path, error_type: type[ParaClapError]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise error_type(f"{path} cannot be written ({error.strerror or error}); choose another place") from None


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_table(table: pd.DataFrame) -> str:
    """Return a fingerprint of a table's index, columns and values, in their order."""
    row_hashes = pd.util.hash_pandas_object(table.reset_index(), index=False).to_numpy()
    names = json.dumps([*map(str, table.index.names), *map(str, table.columns)])
    return hash_bytes(names.encode() + row_hashes.tobytes())


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    with write_atomic(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names need not be UTF-8


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ParaClapError: if the file is missing, cannot be opened or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParaClapError(f"no file {path}; expected a JSON file") from None
    except OSError as error:
        raise ParaClapError(f"{path} cannot be read ({error.strerror}); expected a JSON file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ParaClapError(f"{path} is not JSON ({error}); write it again with the command that made it") from None


def write_table(path: Path, table: pd.DataFrame, *, kind: str, metadata: dict[str, Any] | None = None) -> None:
    """Write a table with its index as parquet, atomically, with its kind, format version and metadata."""
    content = pa.Table.from_pandas(table)
    header = {"kind": kind, "format_version": FORMAT_VERSION, "metadata": metadata or {}}
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), _METADATA_KEY: json.dumps(header)})
    with write_atomic(path) as temporary:
        pq.write_table(content, temporary)


def read_table(path: Path, *, kind: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table and its metadata as `write_table` wrote them.

    Raises:
        CorpusError: if the file is missing, is no parquet file of paraclap, or is of another kind or a newer version.
    """
    if not path.is_file():
        raise CorpusError(f"no file {path}; expected a {kind} written by paraclap")
    try:
        content = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        detail = str(error).partition(". ")[0].rstrip(".")  # what follows is advice for programmers
        raise CorpusError(
            f"{path} cannot be read as parquet ({detail}); expected a {kind} written by paraclap"
        ) from None
    header = json.loads((content.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    if header.get("kind") != kind:
        found = header.get("kind", "a parquet file that paraclap did not write")
        raise CorpusError(f"{path} holds {found}; expected a {kind}")
    check_format_version(header["format_version"], str(path))
    return content.to_pandas(), header["metadata"]


def check_format_version(version: int, place: str) -> None:
    """Refuse what a later paraclap wrote.

    Raises:
        CorpusError: if the version is newer than ours.
    """
    if version > FORMAT_VERSION:
        raise CorpusError(
            f"{place} has format version {version}; this paraclap reads up to {FORMAT_VERSION}: upgrade it"
        )


def write_table_parts(
    path: Path, parts: Iterable[pd.DataFrame], *, kind: str, metadata: dict[str, Any] | None = None
) -> None:
    """Write a table as `write_table` does, from parts with the same columns of which one at a time is in memory.

    Raises:
        CorpusError: if there is no part.
    """
    header = {"kind": kind, "format_version": FORMAT_VERSION, "metadata": metadata or {}}
    with write_atomic(path) as temporary, ExitStack() as stack:
        writer, schema = None, None
        for part in parts:
            content = pa.Table.from_pandas(part, schema=schema)
            if writer is None:
                schema = content.schema.with_metadata({**content.schema.metadata, _METADATA_KEY: json.dumps(header)})
                writer = stack.enter_context(pq.ParquetWriter(temporary, schema))
            writer.write_table(content)
        if writer is None:
            raise CorpusError(f"{path}: no rows to write as {kind}; expected at least one")
