"""Curves of a run: what is measured at each step, as a table, as TensorBoard events and as a plot."""

import csv
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paraclap.errors import ConfigError, ParaClapError
from paraclap.storage import write_atomic

METRICS = "metrics.csv"
EVENTS = "tensorboard"
CURVES = "curves.png"
_log = logging.getLogger("paraclap.training")
_DEV = "dev_"
_MEAN = f"{_DEV}mean"


@dataclass(frozen=True)
class StepMetrics:
    """Hold what is measured of training at one step."""

    loss: float
    learning_rate: float
    logit_scale: float  # exp of the parameter: what multiplies cosines
    seconds: float  # since the run began or was resumed
    clips_per_second: float  # since the step logged before


_COLUMNS = ("step", *(field.name for field in fields(StepMetrics)))


class MetricsLog:
    """Write what is measured at each step to `metrics.csv` and, if it is installed, to TensorBoard.

    One row is one step; columns of dev metrics begin with "dev_" and are empty where nothing was validated.

    Args:
        folder: of the run.
        first_step: steps that the run has behind it; rows of later steps, from before it was stopped, are cut.

    Raises:
        ConfigError: if the folder holds a `metrics.csv` that is none.
        ParaClapError: if it cannot be written.
    """

    def __init__(self, folder: Path, *, first_step: int = 0) -> None:
        self._file = folder / METRICS
        self._columns = list(_COLUMNS)
        if self._file.exists():
            self._columns, rows = _read(self._file)
            self._rewrite([row for row in rows if int(row["step"]) <= first_step])
        else:
            self._rewrite([])
        with _explain_failure(self._file.parent):
            self._events = _open_events(folder / EVENTS, first_step=first_step)

    def write(self, step: int, training: StepMetrics, dev: Mapping[str, float] | None = None) -> None:
        """Write the row of a step, with its dev metrics if it was validated.

        Raises:
            ParaClapError: if it cannot be written, such as to a full disk.
        """
        dev = dev or {}
        values = asdict(training) | {f"{_DEV}{name}": value for name, value in dev.items()}
        if new := [name for name in values if name not in self._columns]:
            _, rows = _read(self._file)
            self._columns += new
            self._rewrite(rows)
        with _explain_failure(self._file.parent):
            with self._file.open("a", newline="", encoding="utf-8") as stream:
                shown = {name: f"{value:.6g}" for name, value in values.items()}
                csv.DictWriter(stream, self._columns).writerow({"step": str(step), **shown})
            if self._events is None:
                return
            for group, metrics in (("training", asdict(training)), ("dev", dev)):
                for name, value in metrics.items():
                    self._events.add_scalar(f"{group}/{name}", value, step)
            if dev:
                self._events.flush()

    def close(self) -> None:
        """Write out what TensorBoard still holds back.

        Raises:
            ParaClapError: if it cannot be written.
        """
        if self._events is not None:
            with _explain_failure(self._file.parent):
                self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _rewrite(self, rows: Sequence[Mapping[str, str]]) -> None:
        with (
            _explain_failure(self._file.parent),
            write_atomic(self._file) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = csv.DictWriter(stream, self._columns, restval="")
            writer.writeheader()
            writer.writerows(rows)


def plot_curves(folder: Path) -> Path | None:
    """Draw the loss and the dev metrics of a run over its steps, and return the plot.

    Nothing is drawn, and a line of the log says so, if matplotlib is not installed or no step was logged.

    Raises:
        ConfigError: if the folder has no `metrics.csv`, or what is called so is none.
        ParaClapError: if the plot cannot be written.
    """
    _, rows = _read(folder / METRICS)
    if not rows:
        _log.info("no %s: no step was logged", CURVES)
        return None
    if find_spec("matplotlib") is None:
        _log.info("no %s: matplotlib is not installed; pip install 'paraclap[plot]'", CURVES)
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(*_select(rows, "loss"), color="C0", label="loss")
    above.set_ylabel("training loss (nats)")
    names = [name for name in rows[0] if name.startswith(_DEV)]
    for name in names:
        is_mean = name == _MEAN
        style: dict[str, Any] = {"color": "black", "linewidth": 2.5} if is_mean else {"linewidth": 1}
        below.plot(*_select(rows, name), marker=".", label=name.removeprefix(_DEV), **style)
    below.set_ylabel("dev metric (0 to 1)")
    below.set_xlabel("step (updates of the weights)")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    with _explain_failure(folder), write_atomic(folder / CURVES) as temporary:
        figure.savefig(temporary, dpi=120)
    return folder / CURVES


@contextmanager
def _explain_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ParaClapError(
            f"the metrics in {folder} cannot be written ({error.strerror or error}); make room and use --resume"
        ) from None


def _open_events(folder: Path, *, first_step: int) -> Any:
    """Return a writer that hides what earlier ones wrote of later steps; None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        _log.info("no TensorBoard events: tensorboard is not installed; pip install tensorboard")
        return None
    return SummaryWriter(folder, purge_step=first_step + 1)


def _read(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return columns and rows, without a last row that was not written to its end."""
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            lines = [line for line in stream if line.endswith("\n")]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{file} cannot be read ({reason}); expected the metrics of a run") from None
    reader = csv.DictReader(lines)
    columns, rows = list(reader.fieldnames or ()), list(reader)
    if not set(_COLUMNS) <= set(columns) or not all(
        (row["step"] or "").isdecimal() and None not in row for row in rows
    ):
        raise ConfigError(f"{file} does not hold the metrics of a run; move it away and start again")
    return columns, rows


def _select(rows: Sequence[Mapping[str, str]], name: str) -> tuple[list[int], list[float]]:
    """Return the steps at which something was measured, and its values."""
    measured = [row for row in rows if row[name]]
    return [int(row["step"]) for row in measured], [float(row[name]) for row in measured]
