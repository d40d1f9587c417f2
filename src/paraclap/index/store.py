"""The table of an index on disk or on object storage: LanceDB, in whose commits and metadata all state lies."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from paraclap.errors import ConfigError, StoreError
from paraclap.index.header import IndexHeader, read_header

TABLE = "windows"
LOCK = "write.lock"
VECTOR = "vector"
OWN_FIELDS = (  # of every row; those with an underscore are not for users
    pa.field("file", pa.string()),
    pa.field("start", pa.float64()),  # s
    pa.field("end", pa.float64()),  # s
    pa.field("duration", pa.float64()),  # s
    pa.field("hash", pa.string()),  # SHA-256 of the content of the file
    pa.field("modified", pa.timestamp("us", "UTC")),
    pa.field("_size", pa.int64()),  # bytes
    pa.field("_mtime_ns", pa.int64()),
    pa.field("_source", pa.string()),  # the manifest or path by which the file came in
    pa.field("_plan", pa.string()),  # what the rows of the file were made from
    pa.field("_row", pa.int32()),  # number of the row within its file
)
OWN_COLUMNS = tuple(field.name for field in OWN_FIELDS)
_KEEP_VERSIONS = timedelta(minutes=10)  # for readers that began before the last commit
_FULL_DISK = ("no space left on device", "os error 28", "disk quota exceeded", "storagefull")
ROWS_A_PARTITION = 64  # at least, from which k-means learns; LanceDB's own number takes five times as long
_MAX_ITERATIONS = 5  # of k-means; more change no recall
_SQL_AT_ONCE = 500  # names in one condition

Vectors = npt.NDArray[np.float32]


class Store:
    """Read and write the rows of an index; every write is one commit, which is there as a whole or not at all."""

    def __init__(self, place: str, table: Any) -> None:
        self.place = place
        self._table = table
        self.header: IndexHeader = read_header(table.schema.metadata, place)

    @classmethod
    def open(cls, place: str) -> Self:
        """Open the store of an index.

        Raises:
            ConfigError: if LanceDB is not installed.
            StoreError: if there is no index, or it cannot be opened.
        """
        if is_local(place) and not (Path(place) / f"{TABLE}.lance").is_dir():
            raise StoreError(f"no index in {place}; expected a folder that 'paraclap index build' wrote")
        table = _find_table(place)
        if table is None:
            raise StoreError(f"no index in {place}; expected one that 'paraclap index build' wrote")
        return cls(place, table)

    @classmethod
    def open_or_create(cls, place: str, header: IndexHeader) -> Self:
        """Open the store of an index, or make an empty one.

        Raises:
            ConfigError: if LanceDB is not installed.
            StoreError: if it cannot be opened or made.
        """
        table = _find_table(place)
        if table is None:
            fields = [*OWN_FIELDS, pa.field(VECTOR, pa.list_(pa.float32(), header.vector_size))]
            with explain(place):
                table = _connect(place).create_table(TABLE, schema=pa.schema(fields, metadata=header.as_metadata()))
        return cls(place, table)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table, with their types."""
        return self._table.schema

    @property
    def metadata_columns(self) -> dict[str, pa.DataType]:
        """The columns that came from manifests, with their types."""
        return {f.name: f.type for f in self.schema if f.name not in (*OWN_COLUMNS, VECTOR)}

    def count(self, where: str | None = None) -> int:
        """Return the number of rows, or of those that fulfil a condition."""
        return int(self._table.count_rows(where))

    def read(self, columns: Sequence[str], *, where: str | None = None) -> pa.Table:
        """Return columns of all rows, or of those that fulfil a condition."""
        with explain(self.place):
            query = self._table.search().select(list(columns))
            return (query if where is None else query.where(where)).to_arrow()

    def read_where_in(self, column: str, values: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Return columns of the rows whose value in one column is among those named."""
        parts = [self.read(columns, where=condition) for condition in _conditions(column, values)]
        return pa.concat_tables(parts)

    def sample_vectors(self, number: int) -> Vectors:
        """Return the vectors of rows that lie evenly over the table, `[N, D]`; of all if it has no more."""
        total = self.count()
        offsets = np.unique(np.linspace(0, total - 1, min(number, total)).round().astype(int))
        with explain(self.place):
            rows = self._table.take_offsets(offsets.tolist()).select([VECTOR]).to_arrow()
        return to_matrix(rows[VECTOR], self.header.vector_size)

    def find_nearest(
        self, vector: Vectors, number: int, *, where: str | None, probes: int | None, refine: int
    ) -> pa.Table:
        """Return the rows whose vectors are nearest to one, with `_distance`, the nearest first.

        Args:
            vector: of unit length, `[D]`.
            number: of rows.
            where: condition that they fulfil.
            probes: partitions of the vector index to look into; None compares with every row.
            refine: candidates for each row wanted, whose exact distances are computed.
        """
        with explain(self.place):
            query = self._table.search(vector, vector_column_name=VECTOR)
            if probes is None:
                query = query.distance_type("dot").bypass_vector_index()
            else:
                query = query.distance_type("cosine").nprobes(probes).refine_factor(refine)
            if where is not None:
                query = query.where(where, prefilter=True)
            return query.limit(number).to_arrow()

    def add_columns(self, columns: Mapping[str, pa.DataType]) -> None:
        """Add columns, empty in all rows that are there."""
        if columns:
            with explain(self.place):
                self._table.add_columns(pa.schema([pa.field(name, kind) for name, kind in columns.items()]))

    def write(self, rows: pa.Table, *, replaced_files: Sequence[str] = ()) -> None:
        """Add rows in one commit, which also takes away other rows of the files named.

        Args:
            rows: whole files, in the columns of the table.
            replaced_files: among them, those of which there are rows already.
        """
        with explain(self.place):
            if not replaced_files:
                self._table.add(rows)
                return
            merge = self._table.merge_insert(["file", "_row"]).when_matched_update_all().when_not_matched_insert_all()
            names = ", ".join(map(quote, replaced_files))
            merge.when_not_matched_by_source_delete(f"file IN ({names})").execute(rows)

    def delete_files(self, files: Sequence[str]) -> None:
        """Take away all rows of files."""
        with explain(self.place):
            for condition in _conditions("file", files):
                self._table.delete(condition)

    def count_indexed(self) -> tuple[int, int]:
        """Return how many rows the vector index was trained on, and how many it does not hold yet; 0, 0 without one."""
        with explain(self.place):
            found = self._list_vector_indices()
            if not found:
                return 0, 0
            name = max(found, key=_rows_in_name)
            stats = self._table.index_stats(name)
            return _rows_in_name(name), 0 if stats is None else int(stats.num_unindexed_rows)

    def drop_vector_index(self) -> None:
        """Take away the vector index; searches compare with every row until there is another."""
        with explain(self.place):
            for name in self._list_vector_indices():
                self._table.drop_index(name)

    def train_vector_index(self, *, num_partitions: int, num_sub_vectors: int) -> None:
        """Make a vector index (IVF-PQ) over all rows."""
        from lancedb.index import IvfPq

        with explain(self.place):
            config = IvfPq(
                distance_type="cosine",
                num_partitions=num_partitions,
                num_sub_vectors=num_sub_vectors,
                max_iterations=_MAX_ITERATIONS,
                sample_rate=ROWS_A_PARTITION,
            )
            self._table.create_index(VECTOR, config=config, name=f"vectors_{self.count()}")

    def tidy(self, *, keep: timedelta = _KEEP_VERSIONS) -> None:
        """Join small files, and delete what only older versions need; not while there is a vector index.

        LanceDB (0.40) would encode it anew, and worse: recall@10 fell from 0.99 to 0.90 for 100,000 rows, even where
        nothing was new.

        Args:
            keep: how old they may be; a reader that began before that may fail.
        """
        with explain(self.place):
            # What a killed writer left behind is nobody's: the lock says that there is no other one.
            self._table.optimize(cleanup_older_than=keep, delete_unverified=is_local(self.place))

    def _list_vector_indices(self) -> list[str]:
        return [index.name for index in self._table.list_indices() if VECTOR in index.columns]


def is_local(place: str) -> bool:
    """Tell if an index lies in a folder, and not under an address such as s3://bucket/index."""
    return "://" not in place


@contextmanager
def lock_for_writing(place: str) -> Iterator[None]:
    """Keep other writers out as long as this process lives; on object storage there is no lock.

    Raises:
        StoreError: if another process writes, or the folder holds something else or cannot be written.
    """
    if not is_local(place):
        yield
        return
    from filelock import FileLock, Timeout

    folder = Path(place)
    _check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)  # the system's own lock, which a killed process does not leave behind
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"{place} is being written by another process; wait until it is done (searching goes on meanwhile)"
        ) from None
    except OSError as error:
        raise StoreError(f"{place} cannot be written ({error.strerror or error}); choose another place") from None
    try:
        yield
    finally:
        lock.release()


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file; expected the name of a folder for the index")
    others = (
        sorted(p.name for p in folder.iterdir() if p.name not in (LOCK, f"{TABLE}.lance")) if folder.exists() else []
    )
    if others:
        raise StoreError(f"{folder} holds {others[0]}, so it is no index; choose an empty or a new folder")


@contextmanager
def explain(place: str) -> Iterator[None]:
    """Turn what LanceDB raises into one sentence.

    Raises:
        StoreError: if it raises.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError, pa.ArrowException) as error:
        text = str(error)
        if any(sign in text.lower() for sign in _FULL_DISK):
            raise StoreError(
                f"the disk of {place} is full; free some space and run the command again: "
                "what was indexed before is kept, and it goes on from there"
            ) from None
        raise StoreError(
            f"the index {place} cannot be used ({shorten(text)}); if it is damaged, build it again"
        ) from None


def shorten(message: str) -> str:
    """Return the first sentence of a message of LanceDB, without places in its code."""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return line.partition(", /")[0].removeprefix("Invalid input, ").strip().rstrip(".")


def quote(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def to_matrix(column: pa.ChunkedArray, size: int) -> Vectors:
    """Return a column of vectors as an array `[N, D]`."""
    parts = [np.asarray(chunk.flatten(), dtype=np.float32).reshape(-1, size) for chunk in column.chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, size), dtype=np.float32)


def measure_size(place: str) -> int | None:
    """Return the bytes of an index in a folder; None on object storage."""
    if not is_local(place):
        return None
    return sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())


def _conditions(column: str, values: Sequence[str]) -> Iterator[str]:
    for begin in range(0, len(values), _SQL_AT_ONCE):
        yield f"{column} IN ({', '.join(map(quote, values[begin : begin + _SQL_AT_ONCE]))})"


def _rows_in_name(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _find_table(place: str) -> Any:
    with explain(place):
        database = _connect(place)
        try:
            return database.open_table(TABLE)
        except (ValueError, FileNotFoundError) as error:
            if "not found" in str(error):
                return None
            raise


def _connect(place: str) -> Any:
    # Lance writes its warnings on stderr itself, in the words of programmers; ours say what a user can do.
    os.environ.setdefault("LANCE_LOG", "error")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import lancedb
    except ImportError:
        raise ConfigError("an index needs LanceDB; install it: pip install 'paraclap[index]'") from None
    return lancedb.connect(place, read_consistency_interval=timedelta(0))  # every read sees the last commit
