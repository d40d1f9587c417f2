from typing import Any

import pytest
from tests.evaluation.report.made import (
    bound,
    make_labels_result,
    make_result,
    make_retrieval_result,
    make_rich_result,
    rename_model,
)

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Table
from paraclap.evaluation.report.overview import describe_collapse, find_chance, list_notes, make_overview
from paraclap.evaluation.results import IntervalMethod, Overlap, Result, Sample, SkippedFile


def gather(*results: Result) -> list[TaskEntries]:
    return [TaskEntries(result.task, (Entry(result, result.model),)) for result in results]


def read_rows(table: Table) -> list[dict[str, str]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_a_row_holds_a_result_against_all_that_it_has_to_be_held_against() -> None:
    table = make_overview(gather(make_rich_result()))

    assert read_rows(table) == [
        {
            "task": "toy-emotion",
            "model": "ours",
            "clips": "20",
            "speakers": "2",
            "trained on the corpus?": "no",
            "metric": "UAR",
            "chance": "0.333",
            "our prompts": "0.750 (0.700-0.800) *",
            "published prompts": "0.650 (0.600-0.700) *",
            "linear probe": "0.850 (0.800-0.900) *",
            "other baselines": "eGeMAPS 0.550 (0.500-0.600), channel-adapted",
            "published figures": "Other 0.500 (re-run) [1]",
            "WA: majority": "0.600",
            "WA: our prompts": "0.700 (0.650-0.750) *",
            "WA: published prompts": "0.600 (0.550-0.650) *",
            "WA: published figures": "Third 0.400 [2]",
            "protocol": "plain",
            "notes": "UAR by speaker 0.600 to 0.900; distractors, no clip is of them: sadness; made up",
        }
    ]
    assert table.footnotes == (
        "[1] a paper",
        "[2] another",
        "* Speakers are few or unknown: the interval does not cover variation between them.",
    )


def test_columns_that_say_nothing_are_left_out_and_figures_stand_once_a_task() -> None:
    both = (Entry(make_rich_result(), "a"), Entry(make_rich_result(**rename_model("b", "d")), "b"))

    rows = read_rows(make_overview([TaskEntries("toy-emotion", both)]))

    assert [row["published figures"] for row in rows] == ["Other 0.500 (re-run) [1]", ""]
    assert "published figures" not in read_rows(make_overview(gather(make_result())))[0]


def test_tasks_of_other_kinds_have_their_own_metric_and_no_accuracy() -> None:
    rows = read_rows(make_overview(gather(make_result(), make_labels_result(), make_retrieval_result())))

    assert [row["metric"] for row in rows] == ["UAR", "AUROC", "text to audio recall@10"]
    assert [row["our prompts"] for row in rows] == [
        "0.750 (0.700-0.800) *",
        "0.700 (0.650-0.750) *",
        "0.600 (0.550-0.650) *",
    ]
    assert [row["chance"] for row in rows] == ["0.333", "0.500", "0.100"]
    assert [row["WA: our prompts"] for row in rows] == ["0.700 (0.650-0.750) *", "", ""]


def test_what_could_not_be_measured_is_said() -> None:
    (row,) = read_rows(make_overview(gather(make_labels_result(metrics={}, by_prompts={}))))

    assert row["our prompts"] == "not measurable"


def test_intervals_over_speakers_have_no_mark() -> None:
    interval = IntervalMethod(method="speakers", level=0.95, draws=1000, seed=0, note="", by_speaker=None)
    table = make_overview(gather(make_result(interval=interval, speakers=24)))

    assert read_rows(table)[0]["our prompts"] == "0.750 (0.700-0.800)"
    assert table.footnotes == ()


@pytest.mark.parametrize(
    ("overlap", "shown"),
    [
        (Overlap(training_corpora=None, trained_on_corpus=None, note="training corpora unknown"), "unknown"),
        (Overlap(training_corpora=("toy",), trained_on_corpus=True, note="trained on toy: not zero-shot"), "yes"),
        (Overlap(training_corpora=(), trained_on_corpus=False, note=""), "no"),
    ],
)
def test_contamination_is_a_column_of_its_own_and_explained_in_the_notes(overlap: Overlap, shown: str) -> None:
    (row,) = read_rows(make_overview(gather(make_result(overlap=overlap))))

    assert row["trained on the corpus?"] == shown
    assert ("not zero-shot" in row["notes"]) == (shown == "yes")


def test_a_part_of_the_clips_is_said() -> None:
    (row,) = read_rows(make_overview(gather(make_result(sample=Sample(limit=20, clips_in_all=90, seed=0)))))

    assert row["clips"] == "20 of 90"
    assert "a seeded part of the clips, with as many of each class as there are (seed 0)" in row["notes"]


def test_notes_say_that_clips_differ_and_files_were_bad() -> None:
    result = make_result(bad_files=(SkippedFile(file="x.wav", reason="x.wav: not audio"),))

    notes = list_notes(Entry(result, "ours", "B"))

    assert notes[0] == "clip set B: not comparable with the others of this task"
    assert "1 file could not be read" in notes


@pytest.mark.parametrize(
    ("confusion", "shown"),
    [
        (
            ((8, 2, 0), (8, 2, 0), (0, 0, 0)),
            "collapse: 0.800 of the clips are taken for anger, 0.500 at most are of one class",
        ),
        (((6, 4, 0), (7, 3, 0), (0, 0, 0)), ""),  # .65, of .5
        (((90, 0, 0), (5, 5, 0), (0, 0, 0)), ""),  # .95, of .9
        (((4, 3, 3), (3, 4, 3), (3, 3, 4)), ""),
        (
            ((5, 1, 1), (5, 1, 1), (5, 1, 1)),
            "collapse: 0.714 of the clips are taken for anger, 0.333 at most are of one class",
        ),
        ((), ""),
    ],
)
def test_a_class_that_takes_far_more_clips_than_there_are_is_a_collapse(confusion: Any, shown: str) -> None:
    assert describe_collapse(make_result(confusion=confusion)) == shown


def test_chance_is_known_of_results_of_the_first_format_too() -> None:
    old = make_result(baselines=())

    assert find_chance(old) == find_chance(old, "wa") == pytest.approx(1 / 3)
    assert find_chance(old, "auroc") is None
    assert find_chance(make_retrieval_result(baselines=())) is None
    assert find_chance(make_result(metrics={"spearman": bound(0.1)}), "spearman") is None
