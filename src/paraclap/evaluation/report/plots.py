"""Charts as SVG that stands inside a page: drawn with matplotlib, its texts as text, no id twice."""

import math
import re
import warnings
from html import escape
from importlib.util import find_spec
from io import StringIO
from typing import TYPE_CHECKING, Any

from paraclap.errors import ConfigError
from paraclap.evaluation.report.charts import describe_points
from paraclap.evaluation.report.document import Chart, Point
from paraclap.evaluation.report.formatting import clean, format_number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# All sizes in inches: narrow enough that a telephone shows a chart in its own size.
_WIDTH = 3.5
_LEFT, _RIGHT = 0.3, 0.5  # of the axis: to its left what rows are, to its right the values in digits
_BELOW = 0.42
_LEGEND_LINE, _LABEL, _MARK, _GAP = 0.2, 0.19, 0.15, 0.05
_LETTERS = 46  # of a row's name that have room
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito
_MARKERS = "osD^vPX"
_INK, _PALE = "#222222", "#666666"
_STYLE = {
    "svg.fonttype": "none",  # texts stay texts
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
}


def check_plotting() -> None:
    """Refuse to draw, before any work, without what draws.

    Raises:
        ConfigError: if matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "matplotlib is not installed, which draws the plots of a report; install it with: "
            "pip install 'paraclap[plot]', or write a report without plots, to a .md file"
        )


def draw_chart(chart: Chart, *, name: str) -> str:
    """Return a chart as an SVG element with a title and a description; the same chart gives the same text.

    Args:
        chart: what to draw.
        name: told from those of other charts of the page, letters and digits: ids begin with it.

    Raises:
        ConfigError: if matplotlib is not installed.
    """
    check_plotting()
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", {**_STYLE, "svg.hashsalt": name}], after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's browser has other fonts
        num_legend = (len(chart.series) if len(chart.series) > 1 else 0) + (chart.reference is not None)
        above = _LEGEND_LINE * num_legend + _GAP
        places, depth = _place_rows(chart)
        height = above + depth + _BELOW
        figure = Figure(figsize=(_WIDTH, height))
        axes = figure.add_axes((_LEFT / _WIDTH, _BELOW / height, 1 - (_LEFT + _RIGHT) / _WIDTH, depth / height))
        axes.set_ylim(depth, 0)
        axes.set_xlim(*_find_limits(chart))
        handles = _draw_points(axes, chart, places)
        _label(axes, chart, places)
        if num_legend:
            figure.legend(
                handles=handles,
                loc="upper left",
                bbox_to_anchor=(0.0, 1.0),
                borderaxespad=0.2,
                frameon=False,
                handlelength=1.6,
                labelspacing=0.4,
            )
        stream = StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _make_inline(stream.getvalue(), chart, name=name)


def _place_rows(chart: Chart) -> tuple[list[float], float]:
    """Return how far below the top each row begins, and how deep all of them are."""
    row = _LABEL + _MARK * max(1, len(chart.series)) + _GAP
    return [number * row for number in range(len(chart.rows))], row * len(chart.rows)


def _find_limits(chart: Chart) -> tuple[float, float]:
    """Return the ends of the axis: those that are asked for, or what is shown with some room."""
    if chart.limits is not None:
        return chart.limits
    points = [point for one in chart.series for point in one.points.values()]
    numbers = [bound for point in points for bound in (point.value, point.low, point.high) if bound is not None]
    numbers += [0.0] if chart.has_bars else []
    numbers += [chart.reference[0]] if chart.reference is not None else []
    finite = [number for number in numbers if math.isfinite(number)] or [0.0, 1.0]
    room = 0.06 * (max(finite) - min(finite)) or 0.05
    return min(finite) - room, max(finite) + room


def _draw_points(axes: "Axes", chart: Chart, places: list[float]) -> list[Any]:
    """Draw the marks or bars of every row, its values in digits, and the reference; return what a legend shows."""
    handles: list[Any] = []
    for number, one in enumerate(chart.series):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        for row, top in zip(chart.rows, places, strict=True):
            point = one.points.get(row)
            if point is not None and math.isfinite(point.value):
                y = top + _LABEL + _MARK * (number + 0.5)
                is_marked = row in chart.marked
                if chart.has_bars:
                    axes.barh(y, point.value, height=0.8 * _MARK, color=colour)
                else:
                    axes.plot(
                        [point.value],
                        [y],
                        marker,
                        color=colour,
                        markersize=6 if is_marked else 5,
                        markerfacecolor=colour if is_marked else "white",
                        zorder=4,
                    )
                _draw_interval(axes, point, y, colour=_INK if chart.has_bars else colour)
                axes.text(
                    1.02, y, format_number(point.value), transform=axes.get_yaxis_transform(), va="center", size=7
                )
        if len(chart.series) > 1:
            handles.append(_make_handle(shorten(clean(one.name), _LETTERS), colour, marker, is_bar=chart.has_bars))
    if chart.reference is not None:
        value, label = chart.reference
        line = axes.axvline(value, color=_PALE, linestyle=(0, (4, 2)), linewidth=1, zorder=3)
        line.set_label(label)
        handles.append(line)
    return handles


def _make_handle(label: str, colour: str, marker: str, *, is_bar: bool) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if is_bar:
        return Patch(color=colour, label=label)
    return Line2D([], [], color=colour, marker=marker, markersize=5, label=label)


def _draw_interval(axes: "Axes", point: Point, y: float, *, colour: str) -> None:
    if point.low is not None and point.high is not None and math.isfinite(point.low) and math.isfinite(point.high):
        axes.plot([point.low, point.high], [y, y], color=colour, linewidth=1.2, marker="|", markersize=4, zorder=3)


def _label(axes: "Axes", chart: Chart, places: list[float]) -> None:
    """Name the axes and each row, above its marks."""
    for row, top in zip(chart.rows, places, strict=True):
        axes.text(
            0.0,
            top + _LABEL - 0.02,
            shorten(clean(row), _LETTERS),
            transform=axes.get_yaxis_transform(),
            va="bottom",
            weight="bold" if row in chart.marked else "normal",
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )
    axes.set_yticks([])
    axes.set_ylabel(chart.rows_axis)
    axes.set_xlabel(chart.axis)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _make_inline(svg: str, chart: Chart, *, name: str) -> str:
    """Return the SVG element alone: no metadata, no style for others, ids where they are used, and its description."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
    opening, rest = body.split(">", 1)
    opening = re.sub(r' (xmlns(:xlink)?|version)="[^"]*"', "", opening)
    title, text = (escape(clean(part)) for part in (chart.title, describe_points(chart)))
    return (
        f'{opening} role="img" aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-text">{text}</desc>{rest.strip()}'
    )
