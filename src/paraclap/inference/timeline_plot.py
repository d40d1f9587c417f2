"""A picture of a timeline: the waveform with its segments, and the probability of each query over time."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paraclap.inference.timeline import Timeline
from paraclap.queries.plots import check_plot
from paraclap.storage import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (14.0, 6.0)  # inches
_MAX_POINTS = 3000  # of the waveform: more than there are pixels


def plot_timeline(path: Path, timeline: Timeline) -> None:
    """Draw a timeline, atomically; the suffix says the format.

    Raises:
        ConfigError: if matplotlib is not installed, or the suffix is unknown.
        ParaClapError: if the plot cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    colours = {column: f"C{number % 10}" for number, column in enumerate(timeline.columns)}
    _draw_waveform(above, timeline, colours)
    _draw_curves(below, timeline, colours)
    figure.suptitle(timeline.clip.name)
    figure.legend(*below.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    with write_atomic(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _draw_waveform(axes: "Axes", timeline: Timeline, colours: dict[str, str]) -> None:
    """Draw the peaks, and behind them the colour of each segment."""
    peaks = thin_peaks(timeline.peaks, _MAX_POINTS)
    times = timeline.clip.start + np.linspace(0, timeline.duration, num=len(peaks), endpoint=False)
    for segment in timeline.segments:
        axes.axvspan(segment.start, segment.end, color=colours[segment.name], alpha=0.35, linewidth=0)
    axes.fill_between(times, -peaks, peaks, color="0.25", linewidth=0, step="post")
    axes.set_ylabel("waveform")
    axes.set_xlim(timeline.clip.start, timeline.clip.end or 1.0)


def _draw_curves(axes: "Axes", timeline: Timeline, colours: dict[str, str]) -> None:
    """Draw the probability of each query before smoothing; silence leaves gaps."""
    middles = (timeline.edges[:-1] + timeline.edges[1:]) / 2
    marker = "." if len(middles) < 100 else None  # a step between two gaps has no line
    for number, (column, colour) in enumerate(colours.items()):
        style = "-" if number < 10 else "--"
        axes.plot(middles, timeline.probability[:, number], style, marker=marker, color=colour, label=column)
    axes.set_ylim(0, 1)
    axes.set_ylabel("probability")
    axes.set_xlabel("time in s")


def thin_peaks(peaks: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """Return at most `most` peaks, each the largest of as many neighbours."""
    step = max(1, -(-len(peaks) // most))
    return np.maximum.reduceat(peaks, np.arange(0, len(peaks), step)) if len(peaks) else peaks
