from tests.evaluation.report.made import make_result, make_retrieval_result, rename_model

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.model_tables import make_fingerprints, make_interval_methods, make_models
from paraclap.evaluation.results import Overlap


def test_facts_of_a_model_are_what_its_results_say_of_it() -> None:
    first = make_result()
    second = make_retrieval_result(versions={"paraclap": "0.3.0", "numpy": "2.0"}, model_facts={"licence": "none"})
    other = make_result(
        **rename_model("other", "d"), overlap=Overlap(training_corpora=None, trained_on_corpus=None, note="unknown")
    )
    tasks = [
        TaskEntries("toy-emotion", (Entry(first, "ours"), Entry(other, "other"))),
        TaskEntries("toy-retrieval", (Entry(second, "ours"),)),
    ]

    ours, others = make_models(tasks)

    assert ours.rows == (
        ("name", "ours"),
        ("weights", "a" * 64),
        ("protocol", "plain"),
        ("trained on", "emodb"),
        ("size of an embedding", "256"),
        ("licence", "none"),
        ("evaluated with", "paraclap 0.2.0 and 0.3.0, python 3.12.1, numpy 2.0"),
    )
    assert ("trained on", "unknown") in others.rows


def test_intervals_of_models_alike_stand_once_a_task() -> None:
    entries = (Entry(make_result(), "ours"), Entry(make_result(**rename_model("other", "d")), "other"))

    table = make_interval_methods([TaskEntries("toy-emotion", entries)])

    assert table.rows == (
        (
            "toy-emotion",
            "0.95",
            "clips within speaker and class",
            "1000",
            "0",
            "variation between speakers not covered: 2 speakers, fewer than 20",
        ),
    )


def test_fingerprints_begin_with_the_digits_of_the_result() -> None:
    table = make_fingerprints([TaskEntries("toy-emotion", (Entry(make_result(), "ours"),))])

    assert table.rows == (("toy-emotion", "ours", "a" * 16, "b" * 16, "c" * 16),)
