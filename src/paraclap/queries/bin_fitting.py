"""Fitting bins: quantiles of each measure on the train split, of all rows and of each group."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from paraclap.errors import QueryError, list_known
from paraclap.queries.bins import AttributeBins, Bins, Edges, MeasureBins, meets_needs, read_numbers
from paraclap.queries.tables import AttributeRow, BinRow
from paraclap.storage import hash_table

_MIN_ROWS = 30  # with a known value, for edges of a group of their own
_MAX_TIED = 0.01  # of the rows may lie on an edge; it moves into a gap between values otherwise


def fit_bins(
    table: pd.DataFrame,
    attributes: Mapping[str, AttributeRow],
    *,
    feature_set: str | None = None,
    quantiles: Mapping[str, tuple[float, float]] | None = None,
) -> Bins:
    """Fit the bins of all attributes that a table has measures of, on the rows of its train split.

    Args:
        table: measures, groups and `split` as columns (see `join_features`).
        attributes: those of the vocabulary.
        feature_set: which features the table has; None if it has none.
        quantiles: where the levels of an attribute part, if elsewhere than its data row says.

    Raises:
        QueryError: if the table has no train split, an attribute of `quantiles` has no bins, or the edges of an
            attribute coincide.
    """
    rules = {name: row.bins for name, row in attributes.items() if row.bins is not None}
    for name in quantiles or {}:
        if name not in rules:
            raise QueryError(f"quantiles for {name!r}, which has no bins{list_known(name, rules)}")
        if rules[name].edges is not None:
            raise QueryError(f"quantiles for {name!r}, whose edges are fixed at {rules[name].edges}; leave them out")
    train = table[table["split"] == "train"] if "split" in table else table.iloc[:0]
    if not len(train):
        raise QueryError(
            f"none of {len(table)} rows is of the train split, on which alone bins are fitted; "
            "give bins that were fitted before"
        )
    fitted = {}
    for name, rule in rules.items():
        if attributes[name].measured and feature_set is None:
            continue
        rule = _with_quantiles(name, rule, (quantiles or {}).get(name))
        measures = {measure: _fit_measure(name, measure, rule, train) for measure in rule.measures}
        if all(bins is not None for bins in measures.values()):
            fitted[name] = AttributeBins(rule=rule, measures={m: b for m, b in measures.items() if b is not None})
    used = {measure.removeprefix("-") for bins in fitted.values() for measure in bins.measures}
    used |= {column for bins in fitted.values() for column in (*bins.rule.groups, *bins.rule.needs) if column in train}
    fingerprint = hash_table(train[sorted(used)])
    return Bins(feature_set=feature_set, fingerprint=fingerprint, num_rows=len(train), attributes=fitted)


def _with_quantiles(name: str, rule: BinRow, quantiles: tuple[float, float] | None) -> BinRow:
    if quantiles is None:
        return rule
    try:
        return BinRow.model_validate(rule.model_dump() | {"quantiles": quantiles})
    except ValidationError as error:
        raise QueryError(f"{name}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def _fit_measure(attribute: str, measure: str, rule: BinRow, train: pd.DataFrame) -> MeasureBins | None:
    """Fit the edges of a measure; None if too few rows have it, or no group of what it is relative to."""
    column = measure.removeprefix("-")
    if column not in train:
        return None
    values = np.where(meets_needs(rule, train), read_numbers(train, column), np.nan)
    if measure.startswith("-"):  # edges are kept in the measure's own unit; its levels are turned when they are read
        rule = rule.model_copy(update={"quantiles": (1 - rule.quantiles[1], 1 - rule.quantiles[0])})
    pooled = _fit_edges(values, rule)
    if pooled is None:
        return None
    if not _part(values, pooled):
        raise QueryError(
            f"{attribute}: the edges of {column} coincide at {pooled.edges[0]:g} on {pooled.num_rows} train rows, "
            "so that low and high are the same; leave this attribute out (without), or fit on rows that differ"
        )
    groups: dict[str, dict[str, Edges]] = {}
    for group in rule.groups:
        if group in train:
            for value, rows in train.groupby(group, observed=True).indices.items():
                edges = _fit_edges(values[rows], rule)
                if edges is not None and _part(values[rows], edges):
                    groups.setdefault(group, {})[str(value)] = edges
    if rule.relative_to is not None:
        return MeasureBins(pooled=None, groups=groups) if groups else None
    return MeasureBins(pooled=pooled, groups=groups)


def _fit_edges(values: npt.NDArray[np.float64], rule: BinRow) -> Edges | None:
    known = np.sort(values[np.isfinite(values)])
    if len(known) < _MIN_ROWS:
        return None
    if rule.edges is not None:
        low, high = rule.edges
        return Edges(edges=(low, high), margins=((low, low), (high, high)), num_rows=len(known))
    low, high = rule.quantiles
    low_edge, high_edge = (_find_edge(known, quantile) for quantile in (low, high))
    low_margin, high_margin = (
        (_find_edge(known, quantile - rule.margin), _find_edge(known, quantile + rule.margin))
        for quantile in (low, high)
    )
    return Edges(edges=(low_edge, high_edge), margins=(low_margin, high_margin), num_rows=len(known))


def _part(values: npt.NDArray[np.float64], edges: Edges) -> bool:
    """Tell if low and high are apart: by two edges, or by one between the only two values of a scale."""
    return edges.edges[0] < edges.edges[1] or len(np.unique(values[np.isfinite(values)])) == 2


def _find_edge(known: npt.NDArray[np.float64], quantile: float) -> float:
    """Return a quantile of sorted values; where many lie on it (a rating scale), the nearest gap between values."""
    around = [np.quantile(known, quantile, method="lower"), np.quantile(known, quantile, method="higher")]
    num_tied = np.searchsorted(known, around, "right") - np.searchsorted(known, around, "left")
    starts = np.flatnonzero(np.diff(known)) + 1  # where another value begins
    if num_tied.max() <= max(1.0, _MAX_TIED * len(known)) or not len(starts):
        return float(np.quantile(known, quantile))
    nearest = int(starts[np.argmin(np.abs(starts / len(known) - quantile))])
    return float((known[nearest - 1] + known[nearest]) / 2)
