from tests.evaluation.report.made import (
    CLASSES,
    TEMPLATES,
    bound,
    fix,
    make_labels_result,
    make_result,
    make_retrieval_result,
    make_rich_result,
    rename_model,
    score_templates,
)

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.task_tables import (
    make_bad_files,
    make_confusion,
    make_prompts,
    make_rank_changes,
    make_recalls,
    make_scores,
    make_speakers,
    make_wordings,
    name_wording,
)
from paraclap.evaluation.results import Baseline, Result, SkippedFile
from paraclap.evaluation.tasks import load_task


def gather(*results: Result) -> TaskEntries:
    return TaskEntries(results[0].task, tuple(Entry(result, result.model) for result in results))


def test_scores_hold_the_model_and_each_baseline_with_what_it_is() -> None:
    table = make_scores(gather(make_rich_result()))

    assert [column.name for column in table.columns] == [
        "model or baseline",
        "UAR",
        "WA",
        "macro-F1",
        "largest predicted share",
        "what it is",
    ]
    assert [row[:3] for row in table.rows] == [
        ("ours", "0.750 (0.700-0.800)", "0.700 (0.650-0.750)"),
        ("chance", "0.333", "0.333"),
        ("majority", "0.500", "0.600"),
        ("linear probe", "0.850 (0.800-0.900)", "0.860 (0.810-0.910)"),
        ("eGeMAPS, channel-adapted", "0.550 (0.500-0.600)", ""),
    ]
    assert table.rows[4][-1] == "classical; channel-adapted: uses statistics of the clips tested"


def test_baselines_of_several_models_stand_once_if_they_are_the_same_and_else_with_the_model() -> None:
    probes = [Baseline(name="linear probe", metrics={"uar": bound(uar)}) for uar in (0.8, 0.9)]
    chance = Baseline(name="chance", metrics=fix(uar=1 / 3))
    one = make_result(baselines=(chance, probes[0]))
    other = make_result(**rename_model("other", "d"), baselines=(chance, probes[1]))

    labels = [row[0] for row in make_scores(gather(one, other)).rows]

    assert labels == ["ours", "other", "chance", "linear probe, ours", "linear probe, other"]


def test_wordings_are_ours_the_published_ones_and_the_spread_of_single_templates() -> None:
    table = make_wordings(gather(make_result()))

    assert table.rows == (
        ("our ensemble", "ours", "0.750 (0.700-0.800)", "0.700 (0.650-0.750)"),
        ("published", "ours", "0.650 (0.600-0.700)", "0.600 (0.550-0.650)"),
        ("mean of 3 single templates", "ours", "0.700 (SD 0.100)", "0.650 (SD 0.100)"),
        ("worst template: the speaker is {predicative}", "ours", "0.600 (0.550-0.650)", "0.550 (0.500-0.600)"),
        ("best template: {predicative}", "ours", "0.800 (0.750-0.850)", "0.750 (0.700-0.800)"),
    )


def test_wordings_of_a_multi_label_task_have_its_own_metric_alone() -> None:
    table = make_wordings(gather(make_labels_result()))

    assert [column.name for column in table.columns] == ["wording", "model", "AUROC"]
    assert table.rows == (("our ensemble", "ours", "0.700 (0.650-0.750)"),)


def test_a_published_wording_is_named_with_its_source() -> None:
    task = load_task("ravdess-emotion")
    prompts = {"published": {name: (prompt,) for name, prompt in task.published[0].prompts.items()}}
    result = make_result(task=task.name, prompts=prompts)

    assert name_wording(result, "published") == f"published ({task.published[0].source})"
    assert name_wording(result, "ensemble") == "our ensemble"
    assert name_wording(result, "{noun}") == "{noun}"


def test_changes_of_rank_are_counted_among_models_on_the_same_clips_only() -> None:
    entries = [
        Entry(make_result(by_prompts=score_templates((0.5, 0.6, 0.7), ensemble=0.6)), "a", "A"),
        Entry(make_result(by_prompts=score_templates((0.6, 0.5, 0.6), ensemble=0.5)), "b", "A"),
        Entry(make_result(by_prompts=score_templates((0.9, 0.9, 0.9), ensemble=0.1)), "c", "B"),
    ]

    (table,) = make_rank_changes(TaskEntries("toy-emotion", tuple(entries)))

    assert table.rows == (("a", "b", "1", "0", "3"),)
    assert table.caption.endswith("the order of the models is not that of our ensemble for 1 of 3 templates")
    assert make_rank_changes(gather(make_result())) == []


def test_recalls_stand_by_class_with_the_clips_of_each() -> None:
    table = make_recalls(gather(make_result(), make_result(**rename_model("other", "d"), recall={"anger": 0.25})))

    assert table is not None
    assert [column.name for column in table.columns] == ["class", "clips", "ours", "other"]
    assert table.rows == (
        ("anger", "8", "1.000", "0.250"),
        ("calm", "12", "0.500", "no clip"),
        ("sadness", "0", "no clip", "no clip"),
    )
    assert make_recalls(gather(make_retrieval_result())) is None


def test_confusions_are_clips_and_as_dark_as_their_share_of_the_row() -> None:
    table = make_confusion(Entry(make_result(), "ours"))

    assert table is not None
    assert table.rows == (
        ("anger", "8", "0", "0"),
        ("calm", "5", "6", "1"),
        ("sadness (no clip)", "0", "0", "0"),
    )
    assert table.shades == (
        (None, 1.0, 0.0, 0.0),
        (None, 5 / 12, 6 / 12, 1 / 12),
        (None, None, None, None),
    )
    assert make_confusion(Entry(make_labels_result(), "ours")) is None


def test_speakers_are_listed_where_the_result_lists_them() -> None:
    table = make_speakers(Entry(make_result(), "ours"))

    assert table is not None
    assert table.rows == (("s1", "0.900"), ("s2", "0.600"))
    assert make_speakers(Entry(make_labels_result(), "ours")) is None


def test_exact_prompts_stand_once_for_models_that_were_asked_alike() -> None:
    ensemble = {"ensemble": {name: (f"{name} 1", f"{name}\n2") for name in CLASSES}}
    one, alike = make_result(prompts=ensemble), make_result(**rename_model("alike", "d"), prompts=ensemble)
    other = make_result(**rename_model("other", "e"))

    first, second = make_prompts(gather(one, other, alike))

    assert first.caption == "Exact prompts of toy-emotion, ours; alike, one a line"
    assert first.rows == (("our ensemble", "anger 1\nanger\\n2", "calm 1\ncalm\\n2", "sadness 1\nsadness\\n2"),)
    assert second.caption == "Exact prompts of toy-emotion, other, one a line"
    assert [row[0] for row in second.rows] == ["our ensemble", "published", *TEMPLATES]
    assert make_prompts(gather(make_retrieval_result())) == []


def test_bad_files_are_listed_with_their_reasons() -> None:
    table = make_bad_files(Entry(make_result(bad_files=(SkippedFile(file="x.wav", reason="not audio"),)), "ours"))

    assert table is not None
    assert table.rows == (("x.wav", "not audio"),)
    assert make_bad_files(Entry(make_result(), "ours")) is None
