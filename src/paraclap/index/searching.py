"""Asking an index: exactly where that is quick, by IVF-PQ in large ones, and always with exact similarities."""

import math
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from paraclap.errors import ConfigError, QueryError
from paraclap.index.store import OWN_COLUMNS, ROWS_A_PARTITION, VECTOR, Store, Vectors, explain, shorten, to_matrix

_WINDOWS_A_FILE = 2  # looked for at first for each file wanted; more where that finds too few
_NEW_SHARE = 0.1  # of the rows that a vector index was trained on: that many new ones, and it is trained anew
_KEPT_SHARE = 0.5  # of them: that few are left, and it is trained anew
_MANY_ROWS = 50_000
_PATIENCE = 20.0  # s that a search may take which began before small files were joined
_FEWEST_TRAINED = 1_000  # rows: IVF-PQ has 256 codes to learn
_DIMENSIONS_A_CODE = 8  # of a vector that one byte stands for


@dataclass(frozen=True)
class SearchSettings:
    """Say up to how many rows a search compares with each, and how it looks into the vector index of larger ones.

    Attributes:
        exact_below: rows below which every one is compared, and no vector index is made.
        probes: partitions of the vector index to look into.
        refine: candidates for each row wanted, which are compared exactly.
        not_weight: of a sentence that shall not fit, against 1 of one that shall.
        exact: compare with every row, however many there are.
    """

    exact_below: int = 100_000
    probes: int = 40
    refine: int = 20
    not_weight: float = 1.0
    exact: bool = False

    def __post_init__(self) -> None:
        for name in ("exact_below", "probes", "refine"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if not 0 < self.not_weight <= 10:
            raise ConfigError(f"not_weight is {self.not_weight}; expected above 0, to 10")

    def maintain(self, store: Store) -> None:
        """Tidy an index after a build, or train the vector index of a large one where there is none or much is new.

        What is not in the vector index yet is compared row by row, so it may wait.
        """
        number = store.count()
        trained, num_new = store.count_indexed()
        is_large = number >= max(self.exact_below, _FEWEST_TRAINED)
        if trained and is_large and num_new < _NEW_SHARE * trained and number > _KEPT_SHARE * trained:
            return
        store.drop_vector_index()
        store.tidy()
        if is_large:
            if number >= _MANY_ROWS:  # else what was joined would lie there twice until the next training
                time.sleep(_PATIENCE)
                store.tidy(keep=timedelta(seconds=_PATIENCE))
            store.train_vector_index(
                num_partitions=min(round(math.sqrt(number)), number // ROWS_A_PARTITION),
                num_sub_vectors=_count_codes(store.header.vector_size),
            )


def search_store(
    store: Store, vector: Vectors, *, k: int, where: str | None, all_windows: bool, settings: SearchSettings
) -> tuple[pa.Table, Vectors]:
    """Return the rows nearest to a unit vector `[D]`, the best first, and their cosines to it `[K]`.

    Args:
        store: of the index.
        vector: what is searched by.
        k: rows wanted at most.
        where: condition that they fulfil.
        all_windows: return every window, not only the best one of each file.
        settings: how it is searched.

    Raises:
        QueryError: if k is below 1, or the condition does not parse.
    """
    if k < 1:
        raise QueryError(f"k is {k}; expected 1 or more")
    total = count_matches(store, where)
    trained = 0 if settings.exact else store.count_indexed()[0]
    is_approximate = trained > 0 and total >= min(settings.exact_below, trained)  # of those that fulfil the condition
    wanted = min(total, k if all_windows else k * _WINDOWS_A_FILE)
    if total == 0:
        return store.read([*OWN_COLUMNS, *store.metadata_columns, VECTOR], where="false"), np.zeros(0, np.float32)
    while True:
        rows = store.find_nearest(
            vector, wanted, where=where, probes=settings.probes if is_approximate else None, refine=settings.refine
        )
        rows, similarity = _rank(rows, vector, all_windows=all_windows)
        if len(similarity) >= k or (wanted >= total and not is_approximate):
            return rows.slice(0, k), similarity[:k]
        is_approximate = is_approximate and wanted < total  # what the partitions lack is found by comparing with all
        wanted = min(total, wanted * _WINDOWS_A_FILE)


def count_matches(store: Store, where: str | None) -> int:
    """Return how many rows fulfil a condition; all without one.

    Raises:
        QueryError: if the condition does not parse.
    """
    if where is not None and not where.strip():
        raise QueryError('the condition is empty; expected one such as "duration > 2", or none')
    try:
        return store.count(where)
    except (ValueError, RuntimeError, OSError) as error:
        if where is None:
            with explain(store.place):
                raise
        columns = ", ".join(name for name in store.schema.names if not name.startswith("_") and name != VECTOR)
        raise QueryError(
            f"the condition {where!r} is not understood ({shorten(str(error))}); expected SQL over the columns "
            f"{columns}, such as \"duration > 2 and file like '%/2024/%'\""
        ) from None


def _rank(rows: pa.Table, vector: Vectors, *, all_windows: bool) -> tuple[pa.Table, Vectors]:
    """Order rows by their exact cosine, then by name; keep the first one of each file unless all are wanted."""
    vectors: Any = to_matrix(rows[VECTOR], len(vector))
    similarity = np.asarray(vectors @ vector, dtype=np.float32)
    files, starts = np.array(rows["file"].to_pylist(), dtype=object), rows["start"].to_numpy()
    order = np.lexsort((starts, files, -similarity)) if len(files) else np.zeros(0, dtype=int)
    if not all_windows:
        _, first = np.unique(files[order].astype(str), return_index=True)
        order = order[np.sort(first)]
    return rows.take(pa.array(order)), similarity[order]


def _count_codes(vector_size: int) -> int:
    """Return the number of sub-vectors: about one for eight dimensions, and one that divides the size."""
    return next(n for n in range(max(1, vector_size // _DIMENSIONS_A_CODE), 0, -1) if vector_size % n == 0)
