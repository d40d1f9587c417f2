import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.evaluation.toy_trials import (
    EMOTIONS,
    make_multi_label_task,
    make_retrieval_task,
    make_speakers,
    make_task,
    make_trial,
    write_scored,
)
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.cli.output import format_metric
from paraclap.evaluation.comparison import compare_results
from paraclap.evaluation.results import write_result
from paraclap.evaluation.scoring import score_trial
from paraclap.evaluation.trials import Trial


def make_emotions() -> Trial:
    return make_trial(make_task(classes=EMOTIONS), make_speakers())


def make_votes() -> Trial:
    return make_trial(make_multi_label_task(name="votes"), make_speakers(votes=np.resize(["A", "C", "A:C", ""], 120)))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write results of a weak and a strong model on two tasks, with the scores of clips."""
    for trial in (make_emotions(), make_votes()):
        write_scored(tmp_path / "weak", trial, "weak", skill=0.5)
        write_scored(tmp_path / "strong", trial, "strong", skill=1.5)
    return tmp_path


def read_lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_table_shows_both_models_and_their_difference_with_its_interval(results: Path, run: Run) -> None:
    done = run("compare", results / "weak", results / "strong")

    comparisons = {found.first.task: found for found in compare_results(results / "weak", results / "strong")}
    lines = read_lines(done.stdout)
    assert done.status == 0
    assert lines[0] == "task metric A (95 % interval) B (95 % interval) B - A (95 % interval) p note"
    for line, (task, metric) in zip(
        lines[2:6], [("toy", "uar"), ("toy", "wa"), ("toy", "macro_f1"), ("votes", "auroc")], strict=True
    ):
        found = comparisons[task]
        shown = [format_metric(result.metrics[metric]) for result in (found.first, found.second)]
        difference = found.differences[metric]
        interval = f"({difference.low:+.3f} to {difference.high:+.3f})"
        assert " ".join([metric, *shown, f"{difference.value:+.3f}", interval, f"{difference.p:.3f}"]) in line
    assert lines[2].startswith("toy uar")
    assert lines[5].startswith("votes auroc")
    assert "largest_share" not in done.stdout
    assert "fewer than 20" in done.stdout
    assert " +0." in lines[2]


def test_json_has_every_metric_and_difference(results: Path, run: Run) -> None:
    done = run("compare", results / "weak", results / "strong", "--json")

    emotions, votes = json.loads(done.stdout)
    comparison = compare_results(results / "weak", results / "strong")[0]
    assert (emotions["task"], emotions["models"], emotions["clips"]) == ("toy", ["weak", "strong"], 120)
    assert emotions["protocols"] == ["plain", "plain"]
    assert emotions["metrics"][1]["uar"] == comparison.second.metrics["uar"].model_dump()
    assert emotions["differences"] == {name: one.model_dump() for name, one in comparison.differences.items()}
    assert emotions["note"] == "variation between speakers not covered: 4 speakers, fewer than 20"
    assert list(votes["differences"]) == ["auroc"]


def test_without_scores_the_difference_has_no_interval_and_that_is_said(tmp_path: Path, run: Run) -> None:
    trial = make_emotions()
    one = write_scored(tmp_path / "one", trial, "weak", skill=0.5)
    other = write_scored(tmp_path / "other", trial, "strong", skill=1.5, has_scores=False)

    done = run("compare", tmp_path / "one" / "toy.json", tmp_path / "other")

    line = read_lines(done.stdout)[2]
    gain = other.result.metrics["uar"].value - one.result.metrics["uar"].value
    assert f" {gain:+.3f} no paired interval: evaluate both with" in line
    (described,) = json.loads(run("compare", tmp_path / "one", tmp_path / "other", "--json").stdout)
    assert (described["differences"], described["note"]) == ({}, "no paired interval: evaluate both with --save-scores")


def test_what_makes_a_comparison_unfair_is_said(tmp_path: Path, run: Run) -> None:
    trial = make_emotions()
    one = write_scored(tmp_path / "one", trial, "one").result
    write_scored(tmp_path / "other", replace(trial, protocol="speaker-adapted"), "other")
    trained = one.overlap.model_copy(update={"trained_on_corpus": True, "note": "trained on toy: not zero-shot"})
    write_result(tmp_path / "one", one.model_copy(update={"overlap": trained}))

    (described,) = json.loads(run("compare", tmp_path / "one", tmp_path / "other", "--json").stdout)

    assert described["note"] == (
        "A is plain, B is speaker-adapted; A: trained on toy: not zero-shot; "
        "variation between speakers not covered: 4 speakers, fewer than 20"
    )


def test_retrieval_is_shown_by_the_metric_that_it_is_known_by(tmp_path: Path, run: Run) -> None:
    trial = make_trial(make_retrieval_task(), make_speakers(2, 10))
    texts = {text: hash_vector(text) for text in trial.texts}
    for place in ("one", "other"):
        vectors = np.stack([hash_vector(f"{place} {row}") for row in trial.clips.rows])
        write_result(tmp_path / place, score_trial(trial, ToyEmbedder(), vectors, texts).result)

    lines = read_lines(run("compare", tmp_path / "one", tmp_path / "other").stdout)

    assert len(lines) == 3
    assert lines[2].startswith("toy text_to_audio_recall@1")


def test_bad_input_is_one_sentence_and_status_1(results: Path, run: Run) -> None:
    write_scored(results / "less", make_trial(make_task(classes=EMOTIONS), make_speakers()[:-3]), "less")
    (results / "empty").mkdir()
    write_scored(results / "else", make_trial(make_task(name="else"), make_speakers()), "else")
    (results / "future").mkdir()
    (results / "future" / "toy.json").write_text('{"format_version": 99}')

    for place, message in [
        ("less", "were scored on different clips (120 and 117), or on other labels of them; expected the same"),
        ("empty", "holds no result; expected a folder that 'paraclap evaluate --out' wrote"),
        ("none", "expected what 'paraclap evaluate --out' wrote"),
        ("else", "expected a task that both have: evaluate both models on the same"),
        ("future", "has result format 99; this paraclap reads up to 2: upgrade it or evaluate again"),
    ]:
        done = run("compare", results / "weak", results / place)
        assert (done.status, done.stdout) == (1, "")
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert run("compare", results / "weak").status == 2
