"""The report as plain data, before it is HTML or Markdown: sections of paragraphs, tables and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """Name a column; `is_number` sets it to the right, `is_long` gives it room for sentences."""

    name: str
    is_number: bool = False
    is_long: bool = False


@dataclass(frozen=True)
class Table:
    """Hold a table of text, a row as long as `columns`; the first column names the row, a line break parts a cell.

    `shades` are shares in 0..1 that darken the cells, of the shape of `rows`, None for none. `footnotes` stand below.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()
    shades: tuple[tuple[float | None, ...], ...] = ()

    def drop_empty(self) -> "Table":
        """Return the table without the columns that say nothing in any row."""
        return self._keep([place for place in range(len(self.columns)) if any(row[place] for row in self.rows)])

    def drop_column(self, name: str, value: str) -> "Table":
        """Return the table without the column of this name, if it says the same value in every row."""
        places = range(len(self.columns))
        return self._keep(
            [n for n in places if self.columns[n].name != name or any(row[n] != value for row in self.rows)]
        )

    def _keep(self, places: Sequence[int]) -> "Table":
        return replace(
            self,
            columns=tuple(self.columns[place] for place in places),
            rows=tuple(tuple(row[place] for place in places) for row in self.rows),
            shades=tuple(tuple(row[place] for place in places) for row in self.shades),
        )


@dataclass(frozen=True)
class Point:
    """Hold a value of a chart, with its interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """Hold the points of one model by the rows that it has any for."""

    name: str
    points: Mapping[str, Point]


@dataclass(frozen=True)
class Chart:
    """Hold a chart of rows, one under the other, and for each of them a point of every series along one axis.

    `axis` says what the axis shows and in which unit, `rows_axis` what the rows are. Bars begin at zero; without bars
    there are marks, larger in the rows that are `marked`. `reference` is a line across all rows and its name.
    """

    title: str
    caption: str
    axis: str
    rows_axis: str
    rows: tuple[str, ...]
    series: tuple[Series, ...]
    has_bars: bool = True
    limits: tuple[float, float] | None = None
    marked: frozenset[str] = frozenset()
    reference: tuple[float, str] | None = None


@dataclass(frozen=True)
class Section:
    """Hold a part of the report under its heading; `details` are tables that only HTML shows, folded."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    details: tuple[Table, ...] = ()
    sections: tuple["Section", ...] = ()


def make_table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of rows that are as long as its columns."""
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows))


def name_columns(names: Sequence[str], *, numbers: Sequence[str] = (), long: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return columns of these names; `numbers` and `long` say which of them are so."""
    return tuple(Column(name, is_number=name in numbers, is_long=name in long) for name in names)
