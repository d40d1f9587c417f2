"""The index of an archive: what Python users hold to build, read and search it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import audformat
import pandas as pd
import pyarrow as pa

from paraclap.errors import AudioError, ModelError, StoreError
from paraclap.index.building import BuildReport, build_store
from paraclap.index.combining import Question, embed_question
from paraclap.index.header import IndexHeader
from paraclap.index.searching import SearchSettings, search_store
from paraclap.index.sources import Audio, gather_sources
from paraclap.index.store import OWN_COLUMNS, VECTOR, Store, Vectors, lock_for_writing, measure_size, to_matrix
from paraclap.index.windows import Windowing

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

_SHOWN_COLUMNS = tuple(column for column in OWN_COLUMNS if not column.startswith("_"))


class Index:
    """Search recordings by sentences and by example, in a folder that is kept up to date with them.

    `report` says what the build that made this object did; it is None for one that was opened.
    """

    def __init__(self, store: Store, *, model: "AudioTextModel | None" = None, settings: SearchSettings) -> None:
        self._store = store
        self._model = model
        self.settings = settings
        self.report: BuildReport | None = None
        if model is not None:
            store.header.check_model(model.name, model.fingerprint, store.place)

    @classmethod
    def build(
        cls,
        folder: str | Path,
        audio: Audio,
        *,
        model: "AudioTextModel | None" = None,
        windowing: Windowing | None = None,
        settings: SearchSettings | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Make an index, or bring one up to date: new and changed files are embedded, those that are gone go.

        A build that was stopped, by whatever means, goes on where it was when it is called again.

        Args:
            folder: of the index; or an address that LanceDB knows, such as "s3://bucket/index".
            audio: files, folders, manifests (.parquet), or a table with an audformat index.
            model: paraclap-mini if None.
            windowing: how long audio is cut; as the index has it, or the default, if None.
            settings: when there is a vector index, and how it is searched.
            progress: told now and then how many files are done, and how many are to be embedded.

        Raises:
            StoreError: if the index is of another model, other windows or another version, is being written by another
                process, or the disk is full.
            AudioError: if nothing was handed in, or nothing of it holds audio.
            CorpusError: if a manifest cannot be used.
        """
        clap = model or _load_model(None)
        place, how = str(folder), settings or SearchSettings()
        sources = gather_sources(audio)
        if not sources.files:
            raise AudioError(sources.bad_files[0].reason)
        with lock_for_writing(place):
            header = IndexHeader(
                clap.name, clap.fingerprint, clap.embed_text(["a voice"]).shape[1], windowing or Windowing()
            )
            store = Store.open_or_create(place, header)
            store.header.check_model(clap.name, clap.fingerprint, place)
            if windowing is not None:
                store.header.check_windowing(windowing, place)
            report = build_store(store, sources, clap, progress=progress)
            how.maintain(store)
        index = cls(store, model=clap, settings=how)
        index.report = report
        return index

    @classmethod
    def open(
        cls, folder: str | Path, *, model: "AudioTextModel | None" = None, settings: SearchSettings | None = None
    ) -> Self:
        """Open an index for reading and searching; others may build it meanwhile.

        Args:
            folder: of the index, or its address.
            model: the one that built it; loaded by its name when it is needed if None.
            settings: how it is searched.

        Raises:
            StoreError: if there is no index, or it is of another model or another version.
        """
        return cls(Store.open(str(folder)), model=model, settings=settings or SearchSettings())

    def __len__(self) -> int:
        return self._store.count()

    @property
    def header(self) -> IndexHeader:
        """The model, its fingerprint, the size of vectors, the windows and the version."""
        return self._store.header

    @property
    def fingerprint(self) -> str:
        """What identifies the weights of the model whose vectors it holds."""
        return self._store.header.fingerprint

    @property
    def columns(self) -> dict[str, str]:
        """The columns that a condition may name, with their types: text, number, truth or time."""
        types = {f.name: f.type for f in self._store.schema if not f.name.startswith("_") and f.name != VECTOR}
        return {name: _name_type(kind) for name, kind in types.items()}

    def read_rows(self) -> tuple[pd.DataFrame, Vectors]:
        """Return all rows, with the index `file, start, end`, and their unit vectors `[N, D]`, float32.

        The columns are `duration` in seconds, `hash`, `modified`, and those of the manifests.
        """
        rows = self._store.read([*_SHOWN_COLUMNS, "_row", *self._store.metadata_columns, VECTOR])
        rows = rows.take(_sort(rows))
        return self._to_frame(rows.drop_columns([VECTOR, "_row"])), to_matrix(rows[VECTOR], self.header.vector_size)

    def search(
        self,
        query: str | Sequence[str] | Vectors | None = None,
        *,
        k: int = 10,
        where: str | None = None,
        like: str | Path | Vectors | None = None,
        and_: Sequence[str] = (),
        not_: Sequence[str] = (),
        all_windows: bool = False,
    ) -> pd.DataFrame:
        """Return what sounds most like a sentence, an example, or both.

        Several parts become one vector: the sum of the unit vectors of query, example and `and_`, less those of `not_`,
        each divided by how much the similarity to it varies in the index, brought to unit length.

        Args:
            query: a sentence; several wordings of the same, which are averaged; or a unit vector `[D]`.
            k: rows wanted.
            where: condition of SQL over `columns`, such as "gender = 'female' and duration > 2".
            like: a recording that sounds like what is wanted, or its unit vector.
            and_: sentences that shall fit as well.
            not_: sentences that shall not fit.
            all_windows: return every window, not only the best one of each file.

        Returns:
            At most k rows with the index `file, start, end`, the best first: `similarity` (cosine), and the columns of
            the manifests.

        Raises:
            QueryError: if nothing is asked, a sentence is empty, or the condition does not parse.
            AudioError: if the example cannot be read.
            StoreError: if the model is another one than that of the index.
        """
        question = Question(query, like=like, and_=and_, not_=not_)
        vector = embed_question(question, lambda: self.model, self._store, not_weight=self.settings.not_weight)
        rows, similarity = search_store(
            self._store, vector, k=k, where=where, all_windows=all_windows, settings=self.settings
        )
        frame = self._to_frame(rows.select(["file", "start", "end", *self._store.metadata_columns]))
        frame.insert(0, "similarity", similarity)
        return frame

    def describe(self) -> dict[str, Any]:
        """Return what there is to say of the index: rows, files, hours, size, model, windows, columns, versions."""
        rows = self._store.read(["file", "duration"])
        trained, num_unindexed = self._store.count_indexed()
        header = self.header
        return {
            "index": self._store.place,
            "windows": rows.num_rows,
            "files": len(rows["file"].unique()),
            "hours": float(sum(rows["duration"].to_numpy())) / 3600,
            "bytes": measure_size(self._store.place),
            "model": header.model,
            "fingerprint": header.fingerprint,
            "vector_size": header.vector_size,
            "window": header.windowing.window,
            "whole": header.windowing.whole,
            "search": "IVF-PQ" if trained else "exact",
            "trained_on": trained,
            "not_yet_in_vector_index": num_unindexed,
            "columns": self.columns,
            "format_version": header.format_version,
            "paraclap": header.paraclap,
        }

    @property
    def model(self) -> "AudioTextModel":
        """The model that answers, loaded when it is first needed.

        Raises:
            StoreError: if it cannot be loaded by the name under which it built the index, or is another one now.
        """
        if self._model is None:
            header = self.header
            try:
                model = _load_model(header.model)
            except ModelError as error:
                raise StoreError(
                    f"{self._store.place} was built by {header.model}, which cannot be loaded ({error}); name its "
                    "place with --model, or model= in Python"
                ) from None
            header.check_model(model.name, model.fingerprint, self._store.place)
            self._model = model
        return self._model

    def _to_frame(self, rows: pa.Table) -> pd.DataFrame:
        frame: pd.DataFrame = rows.to_pandas()
        frame.index = audformat.segmented_index(
            frame.pop("file").tolist(),
            pd.to_timedelta(frame.pop("start"), unit="s").tolist(),
            pd.to_timedelta(frame.pop("end"), unit="s").tolist(),
        )
        return frame


def _load_model(name: str | None) -> "AudioTextModel":
    from paraclap.inference import load_model

    return load_model(name)


def _sort(rows: pa.Table) -> pa.Array:
    """Return the order by file and place in it: commits and compactions leave another one."""
    import pyarrow.compute as pc

    return pc.sort_indices(rows, sort_keys=[("file", "ascending"), ("_row", "ascending")])


def _name_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "time"
    if pa.types.is_boolean(kind):
        return "truth"
    return "text" if pa.types.is_string(kind) else "number"
