import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from tests.queries.rows import draw_table, fitted_bins, make_binned

from paraclap.errors import ConfigError, ParaClapError, QueryError
from paraclap.queries import Bins, fit_bins
from paraclap.queries.plots import check_plot, plot_bins

WIDE = 3.0  # edges of a group lie this far from those of the next


def read_texts(plot: Path) -> list[str]:
    """Return the texts of a plot, which matplotlib writes beside their shapes."""
    return re.findall(r"<!-- (.+?) -->", plot.read_text(encoding="utf-8"))


def draw_groups(num_groups: int) -> tuple[Bins, pd.DataFrame]:
    corpora = np.repeat([f"c{number}" for number in range(num_groups)], 50)
    heights = np.random.default_rng(0).random(len(corpora)) + WIDE * np.repeat(np.arange(num_groups), 50)
    table = pd.DataFrame({"height": heights, "corpus": corpora, "split": "train"})
    return fit_bins(table, make_binned("height", within=["corpus"])), table


def test_there_is_a_panel_for_each_measure_of_each_attribute(tmp_path: Path) -> None:
    plot_bins(tmp_path / "new" / "edges.svg", fitted_bins(), draw_table(400, seed=7))

    texts = read_texts(tmp_path / "new" / "edges.svg")
    assert texts[-1] == "400 utterances; dashed: where low ends and high begins"
    for name, fitted in fitted_bins().attributes.items():
        assert texts.count(name) >= len(fitted.measures)
    assert texts.count("HNRdBACF_sma3nz_amean") == 3
    assert texts.count("gender female") == texts.count("gender male") == 1
    assert texts.count("corpus one") == texts.count("corpus two") > 1


def test_the_dashed_lines_are_the_edges_and_the_shapes_hold_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bins, table = draw_groups(3)
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: saved.append(self))

    plot_bins(tmp_path / "edges.png", bins, table)

    panel = saved[0].axes[0]
    groups = bins.attributes["height"].measures["height"].groups["corpus"]
    expected = [edge for corpus in ("c0", "c1", "c2") for edge in groups[corpus].edges]
    assert [float(np.asarray(line.get_xdata())[0]) for line in panel.lines] == expected
    shapes = [shape for shape in panel.patches if isinstance(shape, StepPatch)]
    assert [float(shape.get_data()[0].sum()) for shape in shapes] == pytest.approx([0.98, 1.0, 0.98])


@pytest.mark.parametrize(
    ("num_groups", "shown"), [(1, ["corpus c0"]), (6, [f"corpus c{n}" for n in range(6)]), (7, ["pooled"])]
)
def test_groups_are_drawn_by_themselves_while_there_are_few(tmp_path: Path, num_groups: int, shown: list[str]) -> None:
    bins, table = draw_groups(num_groups)

    plot_bins(tmp_path / "edges.svg", bins, table)

    texts = read_texts(tmp_path / "edges.svg")
    assert [text for text in texts if text.startswith(("corpus ", "pooled"))] == shown


def test_rows_without_a_group_of_their_own_are_drawn_as_pooled(tmp_path: Path) -> None:
    bins, table = draw_groups(2)
    strangers = table.iloc[:3].assign(corpus=pd.Series(["new", None, "c1"], dtype=object))

    plot_bins(tmp_path / "edges.svg", bins, strangers)

    assert {"pooled", "corpus c1"} <= set(read_texts(tmp_path / "edges.svg"))
    assert "corpus new" not in read_texts(tmp_path / "edges.svg")


@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".PDF", b"%PDF"), (".svg", b"<?xml")])
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, begin: bytes) -> None:
    bins, table = draw_groups(1)

    plot_bins(tmp_path / f"edges{suffix}", bins, table.assign(height=np.nan))  # nothing known is drawn too

    assert (tmp_path / f"edges{suffix}").read_bytes().startswith(begin)


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bins, table = draw_groups(1)

    with pytest.raises(
        QueryError, match=r"^the bins are of height, which the table does not measure: there is nothing"
    ):
        plot_bins(tmp_path / "edges.png", bins, table.drop(columns="height"))
    with pytest.raises(ConfigError, match=r"unknown suffix '.txt'; expected one of .png, .pdf, .svg$"):
        plot_bins(tmp_path / "edges.txt", bins, table)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ParaClapError, match=r"folder.png is a folder; expected the name of a file to write$"):
        plot_bins(tmp_path / "folder.png", bins, table)
    monkeypatch.setattr("paraclap.queries.plots.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^matplotlib is not installed.+pip install 'paraclap\[plot\]'$"):
        check_plot(tmp_path / "edges.png")
