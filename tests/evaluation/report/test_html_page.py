import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.evaluation.report.made import (
    HOSTILE,
    make_labels_result,
    make_result,
    make_retrieval_result,
    make_rich_result,
    rename_model,
    save,
)

from paraclap.evaluation.report.building import build_report
from paraclap.evaluation.report.collecting import collect_results
from paraclap.evaluation.report.document import Column, Section, Table
from paraclap.evaluation.report.html_page import escape, render_html
from paraclap.evaluation.results import SkippedFile
from paraclap.storage import write_json

EMPTY = ("meta", "link", "br")


class Reader(HTMLParser):
    """Read a page: its tags, the text of each kind of element, ids, links; complain of tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def get(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of two models on four tasks, one of hostile names."""
    other = rename_model(HOSTILE, "d")
    hostile = make_rich_result(
        **other,
        task=HOSTILE,
        note=HOSTILE,
        corpus=HOSTILE,
        model_facts={HOSTILE: HOSTILE},
        bad_files=(SkippedFile(file=HOSTILE, reason=f"{HOSTILE}\udcff"),),
        classes=(HOSTILE, "calm", "sadness"),
        recall={HOSTILE: 1.0, "calm": 0.5},
        prompts={HOSTILE: {HOSTILE: (HOSTILE,)}},
    )
    folder = tmp_path_factory.mktemp("results")
    results = [make_rich_result(), make_rich_result(**other), make_labels_result(), make_retrieval_result()]
    save(folder / "plain", *results)
    write_json(folder / "hostile.json", hostile.model_dump(mode="json"))
    return render_html(build_report(collect_results([folder])))


def test_the_page_is_well_formed_with_one_title_and_headings_without_gaps(page: str) -> None:
    reader = Reader(page)

    assert page.startswith("<!DOCTYPE html>\n")
    assert reader.texts["h1"] == ["Zero-shot evaluation"]
    assert reader.texts["h2"] == [
        "Overview",
        "How to read it",
        "Tasks",
        "Fairness",
        "Robustness",
        "Retrieval",
        "Several labels a clip",
        "Intervals",
        "Models",
        "What this is not for",
    ]
    assert len(reader.texts["h3"]) == 4
    assert ("html", "lang", "en") in reader.attributes


def test_the_page_needs_nothing_else(page: str) -> None:
    reader = Reader(page)

    assert not {"script", "img", "iframe", "object", "form"} & reader.counts.keys()
    assert reader.counts["link"] == 1  # an empty icon, so that none is asked for
    addresses = [value for name in ("href", "src", "xlink:href") for value in reader.get(name)]
    assert all(value.startswith("#") or value == "data:," for value in addresses)
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert "default-src 'none'" in page


def test_every_link_leads_somewhere_and_no_id_is_there_twice(page: str) -> None:
    reader = Reader(page)

    ids = reader.get("id")
    assert len(ids) == len(set(ids))
    named = [part for value in reader.get("aria-labelledby") for part in value.split()]
    links = [value[1:] for name in ("href", "xlink:href") for value in reader.get(name) if value.startswith("#")]
    assert {*links, *named} <= set(ids)


def test_every_table_and_figure_has_a_caption_and_tables_scroll_by_themselves(page: str) -> None:
    reader = Reader(page)

    assert reader.counts["table"] == reader.counts["caption"] == page.count('<div class="scroll" role="region"') > 10
    assert reader.counts["figure"] == reader.counts["figcaption"] == reader.counts["svg"] == reader.counts["title"] - 1
    assert all(text.strip() for text in [*reader.texts["caption"], *reader.texts["figcaption"]])
    assert reader.counts["svg"] == 11


def test_names_and_notes_are_text_whatever_they_hold(page: str) -> None:
    reader = Reader(page)

    assert "<script" not in page
    assert "\u202e" not in page
    shown = HOSTILE.replace("\u202e", "\\u202e")
    assert shown in reader.texts["h3"]
    assert any(shown in text for text in reader.texts["td"])
    assert f"{shown}\\udcff" in reader.texts["td"]
    page.encode("utf-8")


def test_exact_prompts_speakers_and_bad_files_are_folded_away(page: str) -> None:
    summaries = Reader(page).texts["summary"]

    assert "Exact prompts of toy-emotion, one a line" in summaries
    assert "toy-emotion, ours: UAR (0 to 1) of each speaker" in summaries
    assert any("files that could not be read" in text for text in summaries)


def test_the_same_results_make_the_same_page(tmp_path: Path) -> None:
    folder = save(tmp_path, make_rich_result(), make_retrieval_result())

    first, second = (render_html(build_report(collect_results([folder]))) for _ in range(2))

    assert first == second


def test_shares_darken_cells_and_the_text_stays_readable() -> None:
    table = Table(
        "t", (Column("a"), Column("b", is_number=True)), (("x", "1"), ("y", "2")), (), ((None, 0.2), (None, 1.0))
    )

    page = render_html(Section("r", sections=(Section("s", tables=(table,)),)))

    assert 'title="20.0% of the row" style="background: rgba(0, 70, 130, 0.150)">1</td>' in page
    assert 'style="background: rgba(0, 70, 130, 0.750); color: #fff">2</td>' in page


def test_line_breaks_stay_and_all_else_is_escaped() -> None:
    assert escape("a<b\n\"c\" & 'd'") == "a&lt;b<br>&quot;c&quot; &amp; &#x27;d&#x27;"


def test_one_model_is_not_repeated_in_every_row_and_two_are(tmp_path: Path, page: str) -> None:
    alone = render_html(build_report(collect_results([save(tmp_path, make_result())])))

    assert ">model</th>" not in alone
    assert ">model</th>" in page
