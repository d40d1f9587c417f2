"""Bins: where low, normal and high part; stored as JSON, and applied to any table.

A row near an edge keeps both levels possible, so that neither is said of it; where an attribute has several measures,
what they leave possible together is all that is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from paraclap.errors import QueryError
from paraclap.queries.tables import BinRow
from paraclap.storage import read_json, write_json

LEVELS = ("low", "normal", "high")
_LOW, _NORMAL, _HIGH = 1, 2, 4  # the levels that remain possible, as bits
_ALL = _LOW | _NORMAL | _HIGH
_TURNED = np.array([((m & 1) << 2) | (m & 2) | ((m & 4) >> 2) for m in range(8)], dtype=np.int8)
_JOINED = np.array([m | _NORMAL if m & 1 and m & 4 else m for m in range(8)], dtype=np.int8)

Masks = npt.NDArray[np.int8]


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Edges(_Stored):
    """Hold where the levels of a measure part, in its own unit, and the margins around both edges."""

    edges: tuple[float, float]
    margins: tuple[tuple[float, float], tuple[float, float]]
    num_rows: int

    @property
    def limits(self) -> tuple[float, float, float, float]:
        """Where low ends for sure, where it may end, where high may begin, and where it begins for sure."""
        return (*self.margins[0], *self.margins[1])


class MeasureBins(_Stored):
    """Hold the edges of one measure: of all rows together, and of groups by column and value."""

    pooled: Edges | None
    groups: dict[str, dict[str, Edges]] = {}


class AttributeBins(_Stored):
    """Hold how an attribute was fitted, and the edges of each of its measures by name."""

    rule: BinRow
    measures: dict[str, MeasureBins]


class Bins(_Stored):
    """Hold the bins of a table's train split, with a fingerprint of the rows that they were fitted on."""

    kind: Literal["paraclap bins"] = "paraclap bins"
    format_version: Literal[1] = 1
    feature_set: str | None
    fingerprint: str
    num_rows: int
    attributes: dict[str, AttributeBins]

    def apply(self, table: pd.DataFrame) -> dict[str, Masks]:
        """Return for each attribute which levels remain possible for each row, as bits `[N]`; 0 where nothing is known.

        Args:
            table: measures and groups as columns; an attribute whose measures are not there is unknown.
        """
        return {name: self._apply(name, table, strictly=True) for name in self.attributes}

    def place(self, table: pd.DataFrame, attribute: str) -> list[str | None]:
        """Return the one level of each row, by its values alone: no margin around the edges, nothing that they need.

        None where the measures of the attribute disagree, or one is missing.
        """
        masks = self._apply(attribute, table, strictly=False)
        by_mask = {_LOW: "low", _NORMAL: "normal", _HIGH: "high"}
        return [by_mask.get(mask) for mask in masks.tolist()]

    def _apply(self, attribute: str, table: pd.DataFrame, *, strictly: bool) -> Masks:
        fitted = self.attributes[attribute]
        masks = np.zeros(len(table), dtype=np.int8)
        known = meets_needs(fitted.rule, table) if strictly else np.ones(len(table), dtype=bool)
        for measure, bins in fitted.measures.items():
            column = measure.removeprefix("-")
            if column not in table:
                return np.zeros(len(table), dtype=np.int8)
            values = read_numbers(table, column)
            limits = _find_limits(fitted.rule, bins, table, margins=strictly)  # [N, 4]
            possible = (
                _LOW * (values <= limits[:, 1])
                | _NORMAL * ((values > limits[:, 0]) & (values < limits[:, 3]))
                | _HIGH * (values >= limits[:, 2])
            ).astype(np.int8)
            masks |= _TURNED[possible] if measure.startswith("-") else possible
            known &= np.isfinite(values) & np.isfinite(limits[:, 0])
        masks = _JOINED[masks]
        masks[~known | (masks == _ALL)] = 0
        return masks


def levels_of_mask(mask: int) -> frozenset[str]:
    """Return the levels of some bits."""
    return frozenset(level for bit, level in enumerate(LEVELS) if mask >> bit & 1)


def join_features(manifest: pd.DataFrame, *, corpus: str | None, features: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a manifest with what bins need: the column `corpus`, and the features of its rows.

    Args:
        manifest: utterances with their labels.
        corpus: what the column holds where the manifest has none.
        features: a table with the same index.

    Raises:
        QueryError: if the features are of other rows.
    """
    table = manifest if "corpus" in manifest or corpus is None else manifest.assign(corpus=corpus)
    if "channel" in table and "corpus" in table:  # channels of two corpora are not the same for having the same name
        table = table.assign(channel=table["corpus"].astype("string") + " " + table["channel"].astype("string"))
    if features is None:
        return table
    if len(features) != len(manifest) or not features.index.equals(manifest.index):
        raise QueryError(
            f"the features are of {len(features)} rows that are not the {len(manifest)} of the manifest; "
            "expected features of this manifest: make them with 'paraclap features'"
        )
    return pd.concat([table.drop(columns=features.columns, errors="ignore"), features], axis=1)


def write_bins(path: Path, bins: Bins) -> None:
    """Write bins as JSON, atomically."""
    write_json(path, bins.model_dump())


def read_bins(path: Path, *, feature_set: str | None = None) -> Bins:
    """Read bins from JSON.

    Args:
        path: the file.
        feature_set: which features they will be applied to.

    Raises:
        ParaClapError: if the file is missing or no JSON.
        QueryError: if it holds no bins, or those of another feature set.
    """
    try:
        bins = Bins.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise QueryError(
            f"{path} holds no bins ({place}: {first['msg']}); expected what 'paraclap captions --bins-out' writes"
        ) from None
    if feature_set is not None and bins.feature_set is not None and bins.feature_set != feature_set:
        raise QueryError(
            f"{path} has bins of the features {bins.feature_set}; expected {feature_set}, as in the features table: "
            "fit new ones with --bins-out"
        )
    return bins


@dataclass(frozen=True)
class MeasuredLevel:
    """Say where a value of a measure lies: its edges, whose they are, and the levels that remain possible."""

    attribute: str
    measure: str
    value: float
    edges: tuple[float, float]
    group: str
    levels: tuple[str, ...]
    is_reliable: bool  # whether what the attribute needs is met

    def as_record(self) -> dict[str, Any]:
        """Return it as plain values, as JSON has them; the value is None where nothing was measured."""
        return {
            "attribute": self.attribute,
            "measure": self.measure,
            "value": self.value if np.isfinite(self.value) else None,
            "edges": list(self.edges),
            "whose_edges": self.group,
            "levels": list(self.levels),
        }


def explain_levels(bins: Bins, table: pd.DataFrame) -> list[MeasuredLevel]:
    """List the measures of a table's first row with their edges, and the levels of their attributes."""
    first = table.iloc[:1]
    explained = []
    for name, masks in bins.apply(first).items():
        is_reliable = bool(meets_needs(bins.attributes[name].rule, first)[0])
        levels = tuple(level for level in LEVELS if level in levels_of_mask(int(masks[0])))
        for measure, fitted in bins.attributes[name].measures.items():
            column = measure.removeprefix("-")
            if column not in first:
                continue
            group, edges = _find_group(bins.attributes[name].rule, fitted, first)
            if edges is not None:
                value = float(read_numbers(first, column)[0])
                explained.append(MeasuredLevel(name, measure, value, edges.edges, group, levels, is_reliable))
    return explained


def meets_needs(rule: BinRow, table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which rows `[N]` have at least what an attribute needs in order to be known."""
    met = np.ones(len(table), dtype=bool)
    for column, least in rule.needs.items():
        met &= read_numbers(table, column) >= least if column in table else False
    return met


def read_numbers(table: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Return a column as numbers, NaN where it is missing.

    Raises:
        QueryError: if it holds anything else.
    """
    try:
        return table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise QueryError(
            f"the column {column!r} holds more than numbers; leave them out where they are unknown"
        ) from None


def _find_limits(rule: BinRow, bins: MeasureBins, table: pd.DataFrame, *, margins: bool) -> npt.NDArray[np.float64]:
    """Return the limits `[N, 4]` of each row's own group; NaN where there are none."""

    def limits_of(edges: Edges | None) -> Sequence[float]:
        if edges is None:
            return (np.nan,) * 4
        return edges.limits if margins else np.repeat(edges.edges, 2).tolist()

    limits = np.tile(np.asarray(limits_of(bins.pooled), dtype=np.float64), (len(table), 1))
    undecided = np.ones(len(table), dtype=bool)
    for group in rule.groups:
        if group not in table:
            continue
        codes, values = pd.factorize(table[group])
        for code, value in enumerate(values):
            edges = bins.groups.get(group, {}).get(str(value))
            if edges is not None:
                rows = undecided & (codes == code)
                limits[rows] = limits_of(edges)
                undecided &= ~rows
    return limits


def _find_group(rule: BinRow, bins: MeasureBins, row: pd.DataFrame) -> tuple[str, Edges | None]:
    """Return whose edges a table's only row gets, and them."""
    for group in rule.groups:
        value = row[group].iloc[0] if group in row else None
        edges = bins.groups.get(group, {}).get(str(value))
        if edges is not None:
            return f"{group} {value}", edges
    return "pooled", bins.pooled
