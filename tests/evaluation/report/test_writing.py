from pathlib import Path

import pytest
from tests.evaluation.corpora import make_ravdess
from tests.evaluation.report.made import make_result, save
from tests.evaluation.toys import RavdessEars

from paraclap.errors import ConfigError, ParaClapError
from paraclap.evaluation import EvaluationSettings, evaluate
from paraclap.evaluation.report import plots, write_report


def test_what_evaluate_writes_becomes_a_report_of_both_kinds(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "corpora", actors=2)
    settings = EvaluationSettings(out=tmp_path / "results", has_probe=True, disturbances=("crop-1s",))
    evaluate(["ravdess-emotion"], RavdessEars(), tmp_path / "corpora", settings=settings)

    tasks = write_report([tmp_path / "results"], tmp_path / "new" / "report.html")
    write_report([tmp_path / "results"], tmp_path / "new" / "report.MD")

    page = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    text = (tmp_path / "new" / "report.MD").read_text(encoding="utf-8")
    assert [task.task for task in tasks] == ["ravdess-emotion"]
    assert page.count("<figure>") == page.count("<svg ") >= 4
    assert "ParaCLAP 0.228 [1]" in page
    assert r"ParaCLAP 0.228 \[1\]" in text
    assert "github.com/KeiKinn/ParaCLAP" in page
    assert "linear probe" in text
    assert "crop-1s" in text


def test_markdown_needs_no_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "results", make_result())
    monkeypatch.setattr(plots, "find_spec", lambda _: None)

    write_report([folder], tmp_path / "report.md")

    with pytest.raises(ConfigError, match=r"^matplotlib is not installed"):
        write_report([tmp_path / "nowhere"], tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["report.md"]


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_an_unknown_suffix_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^report .*: unknown suffix '.*'; expected one of \.html, \.md$"):
        write_report([tmp_path / "nowhere"], tmp_path / name)


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    folder = save(tmp_path / "results", make_result())
    (tmp_path / "file").write_text("")

    with pytest.raises(ParaClapError, match=r"report\.md cannot be written .*; choose another place$"):
        write_report([folder], tmp_path / "file" / "report.md")
