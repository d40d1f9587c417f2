"""The report as Markdown, for a paper or a README: paragraphs and tables, no charts."""

import re
from collections.abc import Iterator, Sequence

from paraclap.evaluation.report.document import Section, Table
from paraclap.evaluation.report.formatting import clean

_SPECIAL = re.compile(r"([\\`*_|<>\[\]~$#])")  # of Markdown, and of the formulas and tags that many renderers know


def render_markdown(report: Section) -> str:
    """Return a report as text in GitHub's Markdown; no name or note in it can become markup."""
    return "\n\n".join(_render(report, level=1)) + "\n"


def escape_markdown(text: str) -> str:
    """Return a text as Markdown that shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", clean(text).replace("&", "&amp;").replace("\n", " "))


def _render(section: Section, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} {escape_markdown(section.title)}"
    yield from map(escape_markdown, section.paragraphs)
    for table in section.tables:
        yield f"**{escape_markdown(table.caption)}**"
        yield _render_table(table)
        if table.footnotes:
            yield "  \n".join(map(escape_markdown, table.footnotes))
    for part in section.sections:
        yield from _render(part, level=level + 1)


def _render_table(table: Table) -> str:
    rule = ["---:" if column.is_number else "---" for column in table.columns]
    lines = [_join([escape_markdown(column.name) for column in table.columns]), _join(rule)]
    lines += [_join([escape_markdown(cell) for cell in row]) for row in table.rows]
    return "\n".join(lines)


def _join(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
