import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.evaluation.report.made import make_result, make_retrieval_result, rename_model, save

from paraclap.evaluation.report import write_report
from paraclap.evaluation.results import write_result


def test_folders_of_results_become_one_page_as_the_library_makes_it(run: Run, tmp_path: Path) -> None:
    one = save(tmp_path / "ours", make_result(), make_retrieval_result())
    other = save(tmp_path / "other", make_result(**rename_model("other", "d")))
    out = tmp_path / "pages" / "report.html"

    done = run("report", one, other, "--out", out)

    assert (done.status, done.stderr) == (0, "")
    assert done.stdout == f"{out}: 3 results of 2 models on 2 tasks\n"
    write_report([one, other], tmp_path / "again.html")
    assert out.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_one_file_becomes_markdown(run: Run, tmp_path: Path) -> None:
    path = write_result(tmp_path, make_result())

    done = run("report", path, "--out", tmp_path / "report.md")

    assert (done.status, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'report.md'}: 1 result of 1 model on 1 task\n"
    assert (tmp_path / "report.md").read_text().startswith("# Zero-shot evaluation\n")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("report.pdf", "unknown suffix '.pdf'; expected one of .html, .md"),
        ("report", "unknown suffix ''; expected one of .html, .md"),
        ("file/report.md", "is no folder that can be written to; choose another place"),
        ("folder.md", "this is a folder; expected the name of a file to write"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_in_one_line(
    run: Run, tmp_path: Path, out: str, message: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.md").mkdir()

    done = run("report", tmp_path / "nowhere", "--out", tmp_path / out)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"paraclap: --out {tmp_path / out}: ")
    assert done.stderr.endswith(f"{message}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no result; expected a folder that 'paraclap evaluate --out' wrote"),
        ({"a.json": {"format_version": 99, "task": "x"}}, "has result format 99; this paraclap reads up to 2"),
        ({"a.json": {"format_version": 2, "task": "x"}}, "a.json is no result of paraclap (corpus: Field required)"),
        (
            {f"{name}/a.json": json.loads(make_result().model_dump_json()) for name in "xy"},
            "both hold toy-emotion of ours (plain); expected one result of each task, model and protocol",
        ),
    ],
)
def test_results_that_make_no_report_are_said_in_one_line(
    run: Run, tmp_path: Path, files: dict[str, object], message: str
) -> None:
    (tmp_path / "in").mkdir()
    for name, content in files.items():
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(json.dumps(content))

    done = run("report", tmp_path / "in", "--out", tmp_path / "report.md")

    assert (done.status, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.startswith("paraclap: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "report.md").exists()


@pytest.mark.parametrize("arguments", [["results"], ["--out", "report.md"]])
def test_wrong_usage_ends_with_status_2(run: Run, arguments: list[str]) -> None:
    assert run("report", *arguments).status == 2


def test_help_teaches(run: Run) -> None:
    shown = run("report", "--help")

    assert "paraclap report results --out report.html" in shown.stdout
    assert "the extra plot" in shown.stdout
