"""The report from files to a file."""

from collections.abc import Sequence
from pathlib import Path

from paraclap.errors import ConfigError
from paraclap.evaluation.report.building import build_report
from paraclap.evaluation.report.collecting import TaskEntries, collect_results
from paraclap.evaluation.report.html_page import render_html
from paraclap.evaluation.report.markdown_page import render_markdown
from paraclap.evaluation.report.plots import check_plotting
from paraclap.storage import write_atomic

HTML_SUFFIX, MARKDOWN_SUFFIX = ".html", ".md"
REPORT_SUFFIXES = (HTML_SUFFIX, MARKDOWN_SUFFIX)


def write_report(paths: Sequence[Path], out: Path) -> list[TaskEntries]:
    """Write a report of results to one file, atomically, and return what it is about.

    The same results give the same file. HTML has charts and the exact prompts, Markdown the tables alone.

    Args:
        paths: result files, and folders to search for them with those inside.
        out: the file; its suffix, .html or .md, says the format.

    Raises:
        ConfigError: if the suffix is another one, matplotlib is not installed for HTML, a path is not there or holds no
            result, or two results are of the same task, model and protocol.
        ParaClapError: if a file is no result, is damaged or of a newer version, or the report cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix not in REPORT_SUFFIXES:
        raise ConfigError(f"report {out}: unknown suffix {out.suffix!r}; expected one of {', '.join(REPORT_SUFFIXES)}")
    if suffix == HTML_SUFFIX:
        check_plotting()
    tasks = collect_results(paths)
    report = build_report(tasks)
    text = render_html(report) if suffix == HTML_SUFFIX else render_markdown(report)
    with write_atomic(out) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return tasks
