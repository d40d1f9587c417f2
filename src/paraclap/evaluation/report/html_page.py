"""The report as one HTML page that needs nothing else: no script, no request, readable on paper and telephones."""

from collections.abc import Iterator
from html import escape as escape_html
from itertools import count

from paraclap.evaluation.report.document import Chart, Section, Table
from paraclap.evaluation.report.formatting import clean
from paraclap.evaluation.report.plots import draw_chart
from paraclap.evaluation.report.style import STYLE
from paraclap.version import __version__

_DARKEST = 0.75  # share of the ink behind a cell that holds its whole row
_LIGHT_TEXT = 0.6  # from this share of the row on, text is white
_SHADING = "; the darker, the larger the share of the row"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_html(report: Section) -> str:
    """Return a report as a page; all names and notes in it are text, whatever they hold.

    Raises:
        ConfigError: if matplotlib is not installed.
    """
    return "\n".join(_Page().render(report)) + "\n"


def escape(text: str) -> str:
    """Return a text for HTML, line breaks as such."""
    return escape_html(clean(text)).replace("\n", "<br>")


class _Page:
    """Give every section and chart of a page an id of its own."""

    def __init__(self) -> None:
        self._section_numbers = count(1)
        self._chart_numbers = count(1)
        self._names: dict[int, str] = {}

    def render(self, report: Section) -> Iterator[str]:
        yield "<!DOCTYPE html>"
        yield '<html lang="en">'
        yield "<head>"
        yield '<meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        yield f'<meta name="generator" content="paraclap {__version__}">'
        yield '<link rel="icon" href="data:,">'
        yield f"<title>{escape(report.title)}</title>"
        yield f"<style>\n{STYLE}</style>"
        yield "</head>"
        yield "<body>"
        yield "<header>"
        yield f"<h1>{escape(report.title)}</h1>"
        yield from (f"<p>{escape(text)}</p>" for text in report.paragraphs)
        yield "</header>"
        yield from self._render_contents(report)
        yield "<main>"
        for section in report.sections:
            yield from self._render_section(section, level=2)
        yield "</main>"
        yield "</body>"
        yield "</html>"

    def _render_contents(self, report: Section) -> Iterator[str]:
        yield '<nav aria-label="Contents">'
        yield from self._list_sections(report.sections)
        yield "</nav>"

    def _list_sections(self, sections: tuple[Section, ...]) -> Iterator[str]:
        yield "<ul>"
        for section in sections:
            yield f'<li><a href="#{self._name(section)}">{escape(section.title)}</a>'
            if section.sections:
                yield from self._list_sections(section.sections)
            yield "</li>"
        yield "</ul>"

    def _name(self, section: Section) -> str:
        """Return the id of a section, which no text of it is part of."""
        if id(section) not in self._names:
            self._names[id(section)] = f"part{next(self._section_numbers)}"
        return self._names[id(section)]

    def _render_section(self, section: Section, *, level: int) -> Iterator[str]:
        name = self._name(section)
        yield f'<section aria-labelledby="{name}">'
        yield f'<h{level} id="{name}">{escape(section.title)}</h{level}>'
        yield from (f"<p>{escape(text)}</p>" for text in section.paragraphs)
        if section.tables:
            yield '<div class="tables">'
            for table in section.tables:
                yield from _render_table(table)
            yield "</div>"
        if section.charts:
            yield '<div class="charts">'
            for chart in section.charts:
                yield from self._render_chart(chart)
            yield "</div>"
        for table in section.details:
            yield f"<details><summary>{escape(table.caption)}</summary>"
            yield from _render_table(table)
            yield "</details>"
        for part in section.sections:
            yield from self._render_section(part, level=level + 1)
        yield "</section>"

    def _render_chart(self, chart: Chart) -> Iterator[str]:
        yield "<figure>"
        yield draw_chart(chart, name=f"chart{next(self._chart_numbers)}")
        yield f"<figcaption><b>{escape(chart.title)}.</b> {escape(chart.caption)}.</figcaption>"
        yield "</figure>"


def _render_table(table: Table) -> Iterator[str]:
    """Yield a table in a box of its own that scrolls, so that the page never does sideways."""
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{escape_html(clean(table.caption))}">'
    yield f"<table><caption><span>{escape(table.caption)}{_SHADING if table.shades else ''}</span></caption>"
    heads = (f'<th scope="col"{_classify(table, place)}>{escape(c.name)}</th>' for place, c in enumerate(table.columns))
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    for number, row in enumerate(table.rows):
        cells = [f'<th scope="row">{escape(row[0])}</th>']
        for place, cell in enumerate(row[1:], start=1):
            shade = table.shades[number][place] if table.shades else None
            cells.append(f"<td{_classify(table, place)}{_shade(shade)}>{escape(cell)}</td>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
    if table.footnotes:
        yield f'<p class="footnotes">{"<br>".join(map(escape, table.footnotes))}</p>'


def _classify(table: Table, place: int) -> str:
    column = table.columns[place]
    names = [name for name, holds in (("number", column.is_number), ("long", column.is_long)) if holds]
    return f' class="{" ".join(names)}"' if names else ""


def _shade(share: float | None) -> str:
    if share is None:
        return ""
    colour = "; color: #fff" if share >= _LIGHT_TEXT else ""
    return f' title="{share:.1%} of the row" style="background: rgba(0, 70, 130, {share * _DARKEST:.3f}){colour}"'
