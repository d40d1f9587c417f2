from tests.evaluation.report.made import make_labels_result, make_result, make_retrieval_result, make_rich_result

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.section_tables import (
    make_disturbances,
    make_gaps,
    make_groups,
    make_labels,
    make_retrieval,
)
from paraclap.evaluation.results import Result


def gather(*results: Result) -> list[TaskEntries]:
    return [TaskEntries(result.task, (Entry(result, result.model),)) for result in results]


def test_the_gap_between_groups_has_its_interval() -> None:
    table = make_gaps(gather(make_result(), make_rich_result()))

    assert table is not None
    assert table.rows == (("toy-emotion", "ours", "gender", "female", "male", "+0.100 (-0.020 to 0.220)", "0.100"),)


def test_groups_have_clips_speakers_and_an_interval() -> None:
    table = make_groups(gather(make_rich_result()))

    assert table is not None
    assert table.rows == (
        ("toy-emotion", "ours", "gender", "female", "10", "1", "0.800 (0.750-0.850)"),
        ("toy-emotion", "ours", "gender", "male", "10", "1", "0.700 (0.650-0.750)"),
    )


def test_disturbances_have_clean_and_disturbed_values_the_change_and_the_cosine() -> None:
    table = make_disturbances(gather(make_rich_result()))

    assert table is not None
    clean = "0.750 (0.700-0.800)"
    assert table.rows == (
        (
            "toy-emotion",
            "ours",
            "noise-10db",
            "UAR",
            clean,
            "0.550 (0.500-0.600)",
            "-0.200 (-0.250 to -0.150)",
            "0.020",
            "0.900",
        ),
        ("toy-emotion", "ours", "opus", "UAR", clean, clean, "0.000 (-0.050 to 0.050)", "0.020", "0.900"),
    )


def test_a_disturbance_without_the_metric_of_the_task_is_empty() -> None:
    result = make_rich_result()
    robustness = {"opus": result.robustness["opus"].model_copy(update={"metrics": {}, "change": {}})}

    table = make_disturbances(gather(result.model_copy(update={"robustness": robustness})))

    assert table is not None
    assert table.rows[0][5:] == ("", "", "", "0.900")


def test_retrieval_stands_both_ways_against_chance() -> None:
    table = make_retrieval(gather(make_retrieval_result(), make_result()))

    assert table is not None
    assert table.rows == (
        (
            "toy-retrieval",
            "ours",
            "text to audio",
            "0.150 (0.100-0.200)",
            "0.350 (0.300-0.400)",
            "0.600 (0.550-0.650)",
            "7.5 (6.0-9.0)",
            "0.200 (0.150-0.250)",
            "0.010, 0.050, 0.100",
        ),
        (
            "toy-retrieval",
            "ours",
            "audio to text",
            "0.250 (0.200-0.300)",
            "0.450 (0.400-0.500)",
            "0.700 (0.650-0.750)",
            "7.5 (6.0-9.0)",
            "0.300 (0.250-0.350)",
            "0.010, 0.050, 0.100",
        ),
    )


def test_labels_have_an_auroc_each_and_those_without_say_why() -> None:
    table = make_labels(gather(make_labels_result(), make_result()))

    assert table is not None
    assert [row[2:] for row in table.rows] == [
        ("mean of all", "0.700 (0.650-0.750)"),
        ("anger", "0.800 (0.750-0.850)"),
        ("calm", "0.600 (0.550-0.650)"),
        ("sadness", "true of all clips or of none"),
    ]


def test_what_no_result_has_makes_no_table() -> None:
    tasks = gather(make_result())

    for make in (make_gaps, make_groups, make_disturbances, make_retrieval, make_labels):
        assert make(tasks) is None
