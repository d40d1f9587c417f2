"""Plots of bins: how each measure is distributed, and where its levels part."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import ConfigError, QueryError
from paraclap.queries.bins import Bins, explain_levels, read_numbers
from paraclap.storage import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT_SUFFIXES = (".png", ".pdf", ".svg")
_MAX_GROUPS = 6  # that can be told apart by colour
_NUM_COLUMNS = 4
_PANEL_SIZE = (4.0, 2.6)  # inches
_NUM_BARS = 60
_SHOWN = (0.5, 99.5)  # percentiles; outliers would press the rest into one bar
_POOLED = "pooled"


@dataclass
class _Group:
    """Hold whose edges some rows get, these edges, and the values of the rows."""

    edges: tuple[float, float]
    values: npt.NDArray[np.float64]


def check_plot(path: Path) -> None:
    """Refuse, before any work, a plot that cannot be drawn.

    Raises:
        ConfigError: if matplotlib is not installed, or the suffix is of no format that it is drawn in.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "matplotlib is not installed, which draws plots; install it with: pip install 'paraclap[plot]'"
        )
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise ConfigError(f"plot {path}: unknown suffix {path.suffix!r}; expected one of {', '.join(PLOT_SUFFIXES)}")


def plot_bins(path: Path, bins: Bins, table: pd.DataFrame) -> None:
    """Draw the distribution of every measure of a table with the edges of its bins, one panel each, atomically.

    Rows that get the edges of their own group, such as their corpus, are drawn by themselves, unless there are more
    groups than colours: then all rows are drawn together, with the pooled edges.

    Args:
        path: of the plot; its suffix says the format.
        bins: whose edges are drawn.
        table: measures and groups as columns.

    Raises:
        ConfigError: if matplotlib is not installed, or the suffix is unknown.
        QueryError: if the bins are of nothing that the table has.
        ParaClapError: if the plot cannot be written.
    """
    check_plot(path)
    panels = _gather_panels(bins, table)
    if not panels:
        known = ", ".join(bins.attributes) or "nothing"
        raise QueryError(f"the bins are of {known}, which the table does not measure: there is nothing to plot")
    from matplotlib.figure import Figure

    num_rows = -(-len(panels) // _NUM_COLUMNS)
    width, height = _PANEL_SIZE
    figure = Figure(figsize=(width * _NUM_COLUMNS, height * num_rows), layout="constrained")
    grid = figure.subplots(num_rows, _NUM_COLUMNS, squeeze=False).ravel()
    for axes, ((attribute, measure), groups) in zip(grid, panels.items(), strict=False):
        _draw_panel(axes, attribute, measure, groups)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle(f"{len(table)} utterances; dashed: where low ends and high begins")
    with write_atomic(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _gather_panels(bins: Bins, table: pd.DataFrame) -> dict[tuple[str, str], dict[str, _Group]]:
    """Return for each attribute and measure the groups of rows by whose edges they get."""
    panels: dict[tuple[str, str], dict[str, _Group]] = {}
    for rows in _split_rows(bins, table):
        for level in explain_levels(bins, rows):
            values = read_numbers(rows, level.measure.removeprefix("-"))
            groups = panels.setdefault((level.attribute, level.measure), {})
            before = groups[level.group].values if level.group in groups else values[:0]
            groups[level.group] = _Group(level.edges, np.concatenate([before, values[np.isfinite(values)]]))
    return {panel: _pool(groups, bins, *panel) for panel, groups in panels.items()}


def _split_rows(bins: Bins, table: pd.DataFrame) -> list[pd.DataFrame]:
    """Split a table into rows that are alike in all columns that edges may depend on."""
    columns = sorted({group for fitted in bins.attributes.values() for group in fitted.rule.groups if group in table})
    if not columns:
        return [table] if len(table) else []
    numbers = table.groupby(columns, dropna=False, observed=True).ngroup().to_numpy()
    return [table.iloc[np.flatnonzero(numbers == number)] for number in np.unique(numbers)]


def _pool(groups: dict[str, _Group], bins: Bins, attribute: str, measure: str) -> dict[str, _Group]:
    """Return groups of which there are too many as one, if it has edges."""
    pooled = bins.attributes[attribute].measures[measure].pooled
    if len(groups) <= _MAX_GROUPS or pooled is None:
        return groups
    return {_POOLED: _Group(pooled.edges, np.concatenate([group.values for group in groups.values()]))}


def _draw_panel(axes: "Axes", attribute: str, measure: str, groups: dict[str, _Group]) -> None:
    every = np.concatenate([group.values for group in groups.values()])
    shown = [edge for group in groups.values() for edge in group.edges]
    if len(every):
        shown += np.percentile(every, _SHOWN).tolist()
    limits = (min(shown), max(shown))
    for position, (name, group) in enumerate(groups.items()):
        style: dict[str, Any] = {"color": f"C{position}"}
        counts, borders = np.histogram(group.values, bins=_NUM_BARS, range=limits)
        axes.stairs(counts / max(len(group.values), 1), borders, fill=len(groups) == 1, alpha=0.6, label=name, **style)
        for edge in group.edges:
            axes.axvline(edge, linestyle="--", linewidth=1.2, **style)
    axes.set_title(attribute, fontsize=10)
    axes.set_xlabel(measure.removeprefix("-"), fontsize=7)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=6, framealpha=0.5)
