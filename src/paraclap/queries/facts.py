"""Facts about an utterance: what a manifest row says of each attribute, and whether a statement is true of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import CorpusError, QueryError, list_known
from paraclap.queries.bins import Bins, levels_of_mask
from paraclap.queries.tables import AttributeRow, SourceRow, read_attributes

RowFacts = Mapping[str, frozenset[str]]  # attribute -> the levels that are possible; an absent attribute is unknown

FALSE, TRUE, UNKNOWN = 0, 1, -1
_POSSIBLE = [levels_of_mask(mask) for mask in range(8)]


class Fact(NamedTuple):
    """State that an attribute has a level, such as gender = female."""

    attribute: str
    level: str

    def __str__(self) -> str:
        return f"{self.attribute}={self.level}"


@dataclass(frozen=True)
class Vocabulary:
    """Hold the attributes with their levels, and judge facts against rows."""

    attributes: Mapping[str, AttributeRow]

    def levels_of(self, fact: Fact) -> frozenset[str]:
        """Return the smallest levels that a fact covers.

        Raises:
            QueryError: if the attribute or its level does not exist.
        """
        row = self.attributes.get(fact.attribute)
        if row is None:
            raise QueryError(f"no attribute {fact.attribute!r}{list_known(fact.attribute, self.attributes)}")
        if fact.level in row.broader:
            return frozenset(row.broader[fact.level])
        if fact.level not in row.levels:
            known_levels = [*row.levels, *row.broader]
            raise QueryError(f"{fact.attribute} has no level {fact.level!r}{list_known(fact.level, known_levels)}")
        return frozenset([fact.level])

    def denies(self, fact: Fact) -> bool:
        """Tell if a fact says what is not the case, such as emotion = not_anger."""
        return fact.level in self.attributes[fact.attribute].denials

    def find_topic(self, facts: Sequence[Fact]) -> str | None:
        """Name what statements of one attribute alone are learned among; None for several attributes.

        What is denied is a topic of its own: it is true of most clips, so that among statements of what is the case it
        would be most of what a clip is near to.
        """
        if len(facts) != 1:
            return None
        return f"{facts[0].attribute}, denied" if self.denies(facts[0]) else facts[0].attribute

    def read_table(self, table: pd.DataFrame, *, bins: Bins | None = None) -> list[RowFacts]:
        """Read what each row of a table says of each attribute; what it does not say stays unknown.

        Args:
            table: a manifest, with features where there are any (see `join_features`).
            bins: without them, nothing that is binned is known.

        Raises:
            CorpusError: if a column of numbers holds something else.
        """
        columns = {name: self._read_labels(table, row) for name, row in self.attributes.items() if row.sources}
        for name, masks in (bins.apply(table) if bins is not None else {}).items():
            columns[name] = [_POSSIBLE[mask] for mask in masks.tolist()]
        names = [name for name in self.attributes if name in columns]
        rows = zip(*(columns[name] for name in names), strict=True)
        return [{name: levels for name, levels in zip(names, row, strict=True) if levels} for row in rows]

    def _read_labels(self, table: pd.DataFrame, attribute: AttributeRow) -> list[frozenset[str]]:
        """Read an attribute of each row, every distinct value once; nothing where its columns say nothing."""
        found = np.full(len(table), frozenset(), dtype=object)
        for source in reversed(attribute.sources):  # the first one that has a value wins
            if source.column in table:
                codes, values = pd.factorize(_read_column(table, source))
                levels = np.full(len(values) + 1, frozenset(), dtype=object)  # the last is of a missing value, code -1
                levels[:-1] = [frozenset(_read_source(value, source) & set(attribute.levels)) for value in values]
                says = levels.astype(bool)[codes]
                found[says] = levels[codes][says]
        return list(found)

    def true_levels(self, attribute: str, possible: frozenset[str]) -> tuple[str, ...]:
        """List the levels (smallest and broader) of an attribute that are true if only these remain possible."""
        row = self.attributes[attribute]
        every = (*row.levels, *row.broader)
        return tuple(level for level in every if possible and possible <= self.levels_of(Fact(attribute, level)))

    def statable(self, facts: RowFacts) -> dict[str, tuple[str, ...]]:
        """List, for each attribute, the levels (smallest and broader) that are true of a row."""
        stated = {name: self.true_levels(name, facts[name]) for name in self.attributes if name in facts}
        return {name: levels for name, levels in stated.items() if levels}

    def encode_rows(self, rows: Sequence[RowFacts]) -> npt.NDArray[np.float32]:
        """Encode the possible levels of rows as `[N, V]`, one column a level of an attribute, 1 if it is possible."""
        encoded = np.zeros((len(rows), len(self._columns)), dtype=np.float32)
        for n, facts in enumerate(rows):
            for column, (attribute, level) in enumerate(self._columns):
                encoded[n, column] = level in facts[attribute] if attribute in facts else 1.0
        return encoded

    def relate(
        self, encoded_rows: npt.NDArray[np.float32], statements: Sequence[Collection[Fact]]
    ) -> npt.NDArray[np.int8]:
        """Judge statements against rows: `[N, M]`, TRUE if all facts hold, FALSE if one fails, UNKNOWN otherwise.

        A fact holds if it covers every level that is possible for the row, fails if it covers none of them.
        """
        distinct = sorted({fact for facts in statements for fact in facts})
        position = {fact: index for index, fact in enumerate(distinct)}
        covered = np.zeros((len(self._columns), len(distinct)), dtype=np.float32)
        scope = np.zeros_like(covered)
        for index, fact in enumerate(distinct):
            levels = self.levels_of(fact)
            for column, (attribute, level) in enumerate(self._columns):
                scope[column, index] = attribute == fact.attribute
                covered[column, index] = attribute == fact.attribute and level in levels
        possible = encoded_rows @ covered
        fails = possible == 0  # [N, F]
        holds = possible == encoded_rows @ scope
        relation = np.full((len(encoded_rows), len(statements)), UNKNOWN, dtype=np.int8)
        for m, facts in enumerate(statements):
            used = [position[fact] for fact in facts]
            relation[holds[:, used].all(axis=1), m] = TRUE
            relation[fails[:, used].any(axis=1), m] = FALSE
        return relation

    @cached_property
    def _columns(self) -> list[tuple[str, str]]:
        return [(name, level) for name, attribute in self.attributes.items() for level in attribute.levels]


def load_vocabulary() -> Vocabulary:
    """Load the attributes that paraclap can state."""
    return Vocabulary(read_attributes())


def _read_column(table: pd.DataFrame, source: SourceRow) -> "pd.Series[Any]":
    column = table[source.column]
    if source.unless is None:
        return column
    other = table[source.unless] if source.unless in table else pd.Series(None, index=table.index, dtype=object)
    return column.where(other.notna() & (column.astype(object) != other.astype(object)))


def _read_source(value: object, source: SourceRow) -> set[str]:
    """Return the levels that a manifest value leaves possible; none if it says nothing."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return set()
    if source.intervals is not None:
        try:
            number = float(str(value))
        except ValueError:
            raise CorpusError(
                f"{source.column} is {value!r}; expected a number: leave it out where it is unknown"
            ) from None
        return {level for level, (low, high) in source.intervals.items() if low <= number < high}
    if source.values is not None:
        return set(source.values.get(str(value), ()))
    return {str(value)}
