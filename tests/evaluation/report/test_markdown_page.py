import re
from pathlib import Path

import pytest
from tests.evaluation.report.made import HOSTILE, make_result, make_retrieval_result, make_rich_result, save

from paraclap.evaluation.report.building import build_report
from paraclap.evaluation.report.collecting import collect_results
from paraclap.evaluation.report.markdown_page import escape_markdown, render_markdown

GOLDEN = Path(__file__).parent / "report.md"


def test_a_small_report_is_its_golden_text(tmp_path: Path) -> None:
    folder = save(tmp_path, make_rich_result(), make_retrieval_result())

    assert render_markdown(build_report(collect_results([folder]))) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<b>&amp;", r"\<b\>&amp;amp;"),
        ("[a](x) `c` *d* _e_ ~f~ $g$ #h", r"\[a\](x) \`c\` \*d\* \_e\_ \~f\~ \$g\$ \#h"),
        ("two\nlines \\ \x00", r"two lines \\ \\x00"),
        ("0.750 (0.700-0.800)", "0.750 (0.700-0.800)"),
    ],
)
def test_no_text_can_become_markup(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


def test_hostile_names_add_no_cell_and_no_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(
        make_result(task=HOSTILE, model=f"a\n{HOSTILE}", note="# x\n\n| y |").model_dump_json()
    )

    text = render_markdown(build_report(collect_results([tmp_path])))

    assert not re.search(r"(?<!\\)[<>]", text)
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line.startswith("|")]
        assert len({line.replace(r"\|", "").count("|") for line in lines}) <= 1
    headings = [line for line in text.split("\n") if line.startswith("#")]
    assert not [line for line in headings if line.startswith("# x")]
