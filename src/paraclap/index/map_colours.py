"""Colours of a map: by what a model answers, or by a column of the rows."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import QueryError, list_known

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel
    from paraclap.queries import LabelSet

UNKNOWN, OTHER = "unknown", "other"
_MAX_CLASSES = 20
_NUM_BINS = 5  # of a column of numbers
_GREY = "#8c8c8c"
_PALETTE = (  # told apart on white and on black
    *("#4e79a7", "#f28e2b", "#e15759", "#59a14f", "#b07aa1", "#17a2b8", "#c9a227", "#ff7fa5", "#9c755f", "#7f7f3f"),
    *("#2f6fed", "#d6279c", "#1b9e77", "#a6761d", "#8250df", "#66a61e", "#e7298a", "#00838f", "#c2410c", "#6b7a99"),
)
_SCALE = ("#3b6fb6", "#21a3a3", "#5dbb63", "#d9a521", "#e0533d")  # from low to high


@dataclass(frozen=True)
class Colouring:
    """Hold what the dots are coloured by: classes with their colours, the class of each row, and its probability."""

    name: str
    classes: tuple[str, ...]
    colours: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float32] | None = None
    note: str = ""


def colour_by_task(model: "AudioTextModel", vectors: npt.NDArray[np.float32], task: "str | LabelSet") -> Colouring:
    """Colour rows by the most probable class of a label set, for vectors `[N, D]` of this model.

    Raises:
        QueryError: if the label set does not exist.
    """
    from paraclap.inference import compute_probabilities

    classes, text_embeds = model.embed_queries(task=task)
    probability = compute_probabilities(vectors @ text_embeds.T, model.probability_scale)
    codes = probability.argmax(axis=1)
    name = task if isinstance(task, str) else task.name
    note = f"Colours are the most probable class of {name} as {model.name} answers, which is often wrong."
    colours = [_PALETTE[place % len(_PALETTE)] for place in range(len(classes))]
    shares = probability.max(axis=1)
    return Colouring(f"{name}, as answered", tuple(classes), tuple(colours), codes, shares, note)


def colour_by_column(rows: pd.DataFrame, name: str) -> Colouring:
    """Colour rows by a column: its 19 most frequent values and "other", or five bins of many numbers.

    Raises:
        QueryError: if there is no such column.
    """
    if name not in rows:
        raise QueryError(f"no column {name!r} to colour by{list_known(name, [str(column) for column in rows])}")
    column = rows[name]
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if is_number and column.nunique() > _NUM_BINS:
        return _colour_numbers(name, column)
    texts = column.astype("string")
    counts = texts.value_counts()  # of equally frequent values, the one that comes first in the table
    names = sorted(counts.index) if len(counts) <= _MAX_CLASSES else sorted(counts.index[: _MAX_CLASSES - 1])
    places = {value: place for place, value in enumerate(names)}
    others = [OTHER] if len(counts) > len(names) else []
    missing = [UNKNOWN] if texts.isna().any() else []
    placed = texts.map(lambda value: places.get(value, len(names)), na_action="ignore")
    codes = placed.fillna(len(names) + len(others)).to_numpy(dtype=np.int64)
    colours = (*_PALETTE[: len(names)], *[_GREY] * len(others + missing))
    return Colouring(name, (*map(str, names), *others, *missing), colours, codes)


def _colour_numbers(name: str, column: "pd.Series[Any]") -> Colouring:
    """Colour rows by which fifth of the values theirs is in."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, _NUM_BINS + 1), method="inverted_cdf"))
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    classes = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    colours = [_SCALE[place * (len(_SCALE) - 1) // max(1, len(classes) - 1)] for place in range(len(classes))]
    is_missing = np.isnan(values)
    if is_missing.any():
        codes = np.where(is_missing, len(classes), codes)
        classes, colours = [*classes, UNKNOWN], [*colours, _GREY]
    return Colouring(name, tuple(classes), tuple(colours), codes)
