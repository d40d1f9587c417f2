import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from tests.evaluation.report.made import HOSTILE

from paraclap.errors import ConfigError
from paraclap.evaluation.report import plots
from paraclap.evaluation.report.document import Chart, Point, Series
from paraclap.evaluation.report.plots import draw_chart

CHART = Chart(
    title="recall of each class",
    caption="a caption",
    axis="recall (0 to 1)",
    rows_axis="class",
    rows=("anger", "calm"),
    series=(Series("ours", {"anger": Point(0.75, 0.7, 0.8), "calm": Point(0.25)}),),
    reference=(0.5, "chance (0.500)"),
)
TWO = replace(CHART, series=(*CHART.series, Series("other", {"anger": Point(0.5)})))


def read_texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


@pytest.mark.parametrize("has_bars", [True, False])
def test_a_chart_is_one_element_with_both_axes_named_and_every_value_in_digits(has_bars: bool) -> None:
    svg = draw_chart(replace(TWO, has_bars=has_bars), name="chart1")

    texts = read_texts(svg)
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    assert {"recall (0 to 1)", "class", "anger", "calm", "0.750", "0.250", "0.500", "chance (0.500)"} <= set(texts)
    assert {"ours", "other"} <= set(texts)  # the legend


def test_one_model_needs_no_legend() -> None:
    assert "ours" not in read_texts(draw_chart(CHART, name="chart1"))


def test_a_chart_has_a_title_and_a_description_for_those_who_do_not_see_it() -> None:
    svg = draw_chart(CHART, name="chart7")

    assert 'role="img" aria-labelledby="chart7-title chart7-text"' in svg
    assert '<title id="chart7-title">recall of each class</title>' in svg
    assert "anger 0.750 (0.700 to 0.800); calm 0.250." in svg


def test_nothing_is_fetched_or_styled_beyond_the_chart_and_ids_are_its_own() -> None:
    svg = draw_chart(TWO, name="chart1")

    ids = re.findall(r' id="([^"]*)"', svg)
    assert ids
    assert len(ids) == len(set(ids))
    assert all(name.startswith("chart1-") for name in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) <= set(ids)
    assert not re.search(r"https?://|<style|<metadata|<!|<\?", svg)


def test_the_same_chart_is_the_same_text_and_user_settings_change_nothing() -> None:
    from matplotlib import rc_context

    first = draw_chart(TWO, name="chart1")
    with rc_context({"svg.fonttype": "path", "font.size": 30, "axes.facecolor": "black"}):
        second = draw_chart(TWO, name="chart1")

    assert first == second


def test_names_are_text_whatever_they_hold() -> None:
    rows = (HOSTILE, "名前", "x" * 200)
    points = {row: Point(0.5) for row in rows}
    chart = replace(
        CHART, title=HOSTILE, axis=HOSTILE, rows=rows, series=(Series(HOSTILE, points), Series("\udcff\x00", points))
    )

    svg = draw_chart(chart, name="chart1")

    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    texts = read_texts(svg)
    assert "名前" in texts
    assert "x" * 45 + "…" in texts
    assert any("$x_1$" in text for text in texts)  # no formula


@pytest.mark.parametrize(
    "points",
    [
        {"anger": Point(float("nan")), "calm": Point(0.5, float("nan"), float("nan"))},
        {"anger": Point(float("nan"))},
        {},
    ],
)
def test_what_is_no_number_leaves_its_place_empty(points: dict[str, Point]) -> None:
    svg = draw_chart(replace(CHART, series=(Series("ours", points),), reference=None), name="chart1")

    assert {"anger", "calm"} <= set(read_texts(svg))
    assert "nan" not in "".join(re.findall(r' d="([^"]*)"', svg))


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _: None)

    with pytest.raises(
        ConfigError,
        match=r"^matplotlib is not installed, which draws the plots of a report; install it with: "
        r"pip install 'paraclap\[plot\]', or write a report without plots, to a \.md file$",
    ):
        draw_chart(CHART, name="chart1")
