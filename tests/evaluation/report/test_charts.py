from tests.evaluation.report.made import (
    TEMPLATES,
    make_labels_result,
    make_result,
    make_retrieval_result,
    make_rich_result,
    rename_model,
    score_templates,
)

from paraclap.evaluation.report.charts import (
    chart_disturbances,
    chart_groups,
    chart_recalls,
    chart_speakers,
    chart_wordings,
    describe_points,
)
from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Point
from paraclap.evaluation.results import Result


def gather(*results: Result) -> TaskEntries:
    return TaskEntries(results[0].task, tuple(Entry(result, result.model) for result in results))


def test_wordings_are_shown_with_ours_first_and_templates_from_best_to_worst() -> None:
    chart = chart_wordings(gather(make_result()))

    assert chart is not None
    assert chart.rows == ("our ensemble", "published", *TEMPLATES)
    assert chart.marked == {"our ensemble", "published"}
    assert chart.reference == (1 / 3, "chance (0.333)")
    assert chart.axis == "UAR (0 to 1)"
    (series,) = chart.series
    assert series.points["our ensemble"] == Point(0.75, 0.7, 0.8)
    assert not chart.has_bars


def test_wordings_that_one_model_lacks_are_shown_of_the_other() -> None:
    one = make_result(by_prompts=score_templates((0.5, 0.6, 0.7), ensemble=0.6))

    chart = chart_wordings(gather(one, make_result(**rename_model("other", "d"))))

    assert chart is not None
    assert chart.rows == ("our ensemble", "published", *reversed(TEMPLATES))
    assert ["published" in series.points for series in chart.series] == [False, True]


def test_recall_is_shown_of_classes_that_occur() -> None:
    chart = chart_recalls(gather(make_result()))

    assert chart is not None
    assert chart.rows == ("anger", "calm")
    assert chart.series[0].points == {"anger": Point(1.0), "calm": Point(0.5)}
    assert chart.limits == (0.0, 1.0)


def test_speakers_are_shown_where_they_are_few() -> None:
    chart = chart_speakers(gather(make_result()))

    assert chart is not None
    assert chart.rows == ("s1", "s2")
    assert chart_speakers(gather(make_labels_result())) is None


def test_groups_and_disturbances_are_shown_with_intervals() -> None:
    task = gather(make_rich_result())
    (groups,) = chart_groups(task)
    changes = chart_disturbances(task)

    assert changes is not None
    assert groups.series[0].points["male"] == Point(0.7, 0.65, 0.75)
    assert groups.rows_axis == "gender"
    assert changes.series[0].points["noise-10db"] == Point(-0.2, -0.25, -0.15000000000000002)
    assert changes.axis == "change of UAR (-1 to 1)"
    assert changes.reference == (0.0, "no change")


def test_what_a_task_has_not_is_not_shown() -> None:
    task = gather(make_retrieval_result())

    assert chart_wordings(task) is None
    assert chart_recalls(task) is None
    assert chart_speakers(task) is None
    assert chart_groups(task) == []
    assert chart_disturbances(task) is None


def test_models_of_different_chance_have_no_line_of_it() -> None:
    fewer = make_result(**rename_model("other", "d"), classes=("anger", "calm"), baselines=())

    chart = chart_recalls(gather(make_result(), fewer))

    assert chart is not None
    assert chart.reference is None


def test_a_chart_is_told_in_words_with_models_where_there_are_several() -> None:
    alone = chart_recalls(gather(make_result()))
    both = chart_groups(gather(make_rich_result(), make_rich_result(**rename_model("other", "d"))))[0]

    assert alone is not None
    assert describe_points(alone) == "recall (0 to 1): anger 1.000; calm 0.500."
    assert describe_points(both).startswith("UAR (0 to 1): female ours 0.800 (0.750 to 0.850), other 0.800 ")
