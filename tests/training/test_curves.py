import csv
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from paraclap.errors import ConfigError, ParaClapError
from paraclap.training.curves import CURVES, EVENTS, METRICS, MetricsLog, StepMetrics, plot_curves

COLUMNS = ["step", "loss", "learning_rate", "logit_scale", "seconds", "clips_per_second"]


@pytest.fixture(autouse=True)
def number_event_files_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number event files from 1000 on: those of one second are read in order of their names, and .10 is before .9."""
    counter = event_file_writer.AtomicCounter(1000)
    monkeypatch.setattr(event_file_writer, "_global_uid", counter)


def measure(step: int) -> StepMetrics:
    return StepMetrics(
        loss=10 / (1 + step), learning_rate=1e-3, logit_scale=14.3, seconds=0.5 * step, clips_per_second=64
    )


def write_run(folder: Path, steps: range, *, first_step: int = 0) -> None:
    """Log some steps, of which every fourth was validated."""
    with MetricsLog(folder, first_step=first_step) as log:
        for step in steps:
            log.write(step, measure(step), {"mean": step / 100, "a-emotion": step / 50} if step % 4 == 0 else None)


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / METRICS).open(newline="") as stream:
        return list(csv.DictReader(stream))


def read_events(folder: Path) -> dict[str, dict[int, float]]:
    events = EventAccumulator(str(folder / EVENTS))
    events.Reload()
    tags: list[str] = events.Tags()["scalars"]
    return {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in tags}


def keep_figure(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: saved.append(self))
    return saved


def test_a_row_is_a_step_with_empty_cells_where_nothing_was_validated(tmp_path: Path) -> None:
    write_run(tmp_path, range(2, 6))

    rows = read_rows(tmp_path)
    assert list(rows[0]) == [*COLUMNS, "dev_mean", "dev_a-emotion"]
    assert [row["step"] for row in rows] == ["2", "3", "4", "5"]
    assert list(rows[0].values()) == ["2", "3.33333", "0.001", "14.3", "1", "64", "", ""]
    assert [row["dev_mean"] for row in rows] == ["", "", "0.04", ""]
    assert rows[2]["dev_a-emotion"] == "0.08"


def test_rows_are_on_disk_as_soon_as_they_are_written(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    assert read_rows(tmp_path) == []

    log.write(1, measure(1))

    assert [row["loss"] for row in read_rows(tmp_path)] == ["5"]
    log.close()


def test_a_dev_metric_that_comes_later_gets_a_column(tmp_path: Path) -> None:
    with MetricsLog(tmp_path) as log:
        log.write(1, measure(1), {"mean": 0.5})
        log.write(2, measure(2), {"mean": 0.6, "recall": 0.7})

    assert [(row["dev_mean"], row["dev_recall"]) for row in read_rows(tmp_path)] == [("0.5", ""), ("0.6", "0.7")]


def test_the_log_of_a_resumed_run_is_that_of_one_that_was_not_stopped(tmp_path: Path) -> None:
    write_run(tmp_path / "whole", range(1, 13))
    write_run(tmp_path / "stopped", range(1, 11))

    write_run(tmp_path / "stopped", range(9, 13), first_step=8)

    assert (tmp_path / "stopped" / METRICS).read_bytes() == (tmp_path / "whole" / METRICS).read_bytes()
    assert read_events(tmp_path / "stopped") == read_events(tmp_path / "whole")


def test_what_was_logged_after_the_resumed_step_is_cut_before_anything_is_added(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 11))

    MetricsLog(tmp_path, first_step=8).close()

    assert [row["step"] for row in read_rows(tmp_path)] == [str(step) for step in range(1, 9)]
    assert list(read_events(tmp_path)["training/loss"]) == list(range(1, 9))


def test_a_new_run_keeps_nothing_of_one_that_failed_before_its_first_checkpoint(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 4))

    write_run(tmp_path, range(1, 2))

    assert [row["step"] for row in read_rows(tmp_path)] == ["1"]
    assert list(read_events(tmp_path)["training/loss"]) == [1]


def test_a_row_that_was_not_written_to_its_end_is_cut(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 4))
    with (tmp_path / METRICS).open("a") as stream:
        stream.write("4,2,0.0")

    MetricsLog(tmp_path, first_step=9).close()

    assert [row["step"] for row in read_rows(tmp_path)] == ["1", "2", "3"]


def test_tensorboard_reads_the_same_numbers(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 9))

    events = read_events(tmp_path)

    assert set(events) == {f"training/{name}" for name in COLUMNS[1:]} | {"dev/mean", "dev/a-emotion"}
    assert events["training/loss"] == pytest.approx({step: 10 / (1 + step) for step in range(1, 9)})
    assert events["dev/a-emotion"] == pytest.approx({4: 0.08, 8: 0.16})


def test_without_tensorboard_the_table_is_written_and_the_log_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    with caplog.at_level(logging.INFO, "paraclap.training"):
        write_run(tmp_path, range(1, 9))

    assert caplog.messages == ["no TensorBoard events: tensorboard is not installed; pip install tensorboard"]
    assert [path.name for path in tmp_path.iterdir()] == [METRICS]
    assert len(read_rows(tmp_path)) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"step,loss\n1,2\n", r"metrics\.csv does not hold the metrics of a run; move it away"),
        (b"", r"metrics\.csv does not hold the metrics of a run; move it away"),
        (f"{','.join(COLUMNS)}\nfirst,1,1,1,1,1\n".encode(), r"metrics\.csv does not hold the metrics of a run"),
        (f"{','.join(COLUMNS)}\n1,1,1,1,1,1,1\n".encode(), r"metrics\.csv does not hold the metrics of a run"),
        (b"\xff\xfe\n", r"metrics\.csv cannot be read \(.*\); expected the metrics of a run$"),
    ],
)
def test_a_file_that_holds_no_metrics_is_refused_and_left_alone(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / METRICS).write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        MetricsLog(tmp_path)
    with pytest.raises(ConfigError, match=message):
        plot_curves(tmp_path)
    assert (tmp_path / METRICS).read_bytes() == content


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = MetricsLog(tmp_path)
    (tmp_path / METRICS).unlink()
    (tmp_path / METRICS).symlink_to("/dev/full")

    with pytest.raises(ParaClapError, match=r"cannot be written \(No space left on device\); make room and use --res"):
        log.write(1, measure(1))


def test_events_that_cannot_be_written_out_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MetricsLog(tmp_path)
    close = log._events.close
    monkeypatch.setattr(log._events, "close", lambda: Path("/dev/null/none").touch())

    with pytest.raises(ParaClapError, match=r"^the metrics in .* cannot be written \(Not a directory\); make room and"):
        log.close()
    close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ParaClapError, match=r"file.metrics\.csv cannot be written \("):
        MetricsLog(tmp_path / "file")


def test_the_plot_has_the_loss_and_the_dev_metrics_over_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = keep_figure(monkeypatch)
    write_run(tmp_path, range(1, 9))

    plot_curves(tmp_path)

    above, below = saved[0].axes
    lines: dict[str, tuple[Any, Any]] = {
        str(line.get_label()): line.get_data() for axes in (above, below) for line in axes.lines
    }
    assert set(lines) == {"loss", "mean", "a-emotion"}
    assert list(lines["loss"][0]) == list(range(1, 9))
    assert list(lines["loss"][1]) == pytest.approx([10 / (1 + step) for step in range(1, 9)], rel=1e-5)
    assert [list(values) for values in lines["mean"]] == [[4, 8], [0.04, 0.08]]
    assert (above.get_ylabel(), below.get_ylabel()) == ("training loss (nats)", "dev metric (0 to 1)")
    assert below.get_xlabel() == "step (updates of the weights)"
    for axes, names in ((above, ["loss"]), (below, ["mean", "a-emotion"])):
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == names


def test_the_plot_is_a_png_that_later_ones_replace(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 3))

    assert plot_curves(tmp_path) == plot_curves(tmp_path) == tmp_path / CURVES

    assert (tmp_path / CURVES).read_bytes().startswith(b"\x89PNG")


def test_a_run_that_logged_nothing_has_no_plot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    MetricsLog(tmp_path).close()

    with caplog.at_level(logging.INFO, "paraclap.training"):
        assert plot_curves(tmp_path) is None

    assert caplog.messages == ["no curves.png: no step was logged"]


def test_a_folder_without_metrics_has_no_plot(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"metrics\.csv cannot be read \(No such file or directory\); expected the met"
    ):
        plot_curves(tmp_path)


def test_without_matplotlib_the_log_says_so_and_nothing_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_run(tmp_path, range(1, 3))
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with caplog.at_level(logging.INFO, "paraclap.training"):
        assert plot_curves(tmp_path) is None

    assert caplog.messages == ["no curves.png: matplotlib is not installed; pip install 'paraclap[plot]'"]
    assert not (tmp_path / CURVES).exists()


def test_a_plot_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, range(1, 3))
    (tmp_path / CURVES).mkdir()

    with pytest.raises(ParaClapError, match=r"curves\.png is a folder; expected the name of a file"):
        plot_curves(tmp_path)
