import json
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.report.made import make_labels_result, make_result, rename_model, save

from paraclap.errors import ConfigError, ParaClapError
from paraclap.evaluation.report.collecting import Entry, TaskEntries, collect_results
from paraclap.evaluation.results import Result, write_result


def of_task(task: str, **changes: Any) -> Result:
    return make_result(task=task, **changes)


def of_clips(clips: str, **changes: Any) -> Result:
    prints = changes.pop("fingerprints", make_result().fingerprints)
    return make_result(fingerprints=prints.model_copy(update={"clips": clips * 64}), **changes)


def test_results_of_folders_and_files_stand_by_task_in_the_order_of_the_package_then_by_name(tmp_path: Path) -> None:
    names = ("zoo", "tess-emotion", "ant", "ravdess-emotion")
    folder = save(tmp_path / "all", *(of_task(name) for name in names))
    one = write_result(tmp_path, of_task("ravdess-emotion", **rename_model("other", "d")))

    tasks = collect_results([one, folder])

    assert [task.task for task in tasks] == ["ravdess-emotion", "tess-emotion", "ant", "zoo"]
    assert [entry.model for entry in tasks[0].entries] == ["other", "ours"]
    assert [entry.label for entry in tasks[1].entries] == ["ours"]


def test_a_file_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    path = write_result(tmp_path, make_result())

    (task,) = collect_results([path, tmp_path, tmp_path / ".." / tmp_path.name])

    assert len(task.entries) == 1


def test_hidden_files_and_json_that_is_no_result_are_passed_over_in_folders(tmp_path: Path) -> None:
    write_result(tmp_path / "deep" / "er", make_result())
    write_result(tmp_path / ".trash", make_result())
    (tmp_path / "training.json").write_text('{"seed": 1}')
    (tmp_path / "list.json").write_text("[1, 2]")

    (task,) = collect_results([tmp_path])

    assert task.task == "toy-emotion"


def test_models_of_one_name_are_told_apart_by_fingerprint_and_protocol(tmp_path: Path) -> None:
    folder = save(
        tmp_path,
        make_result(),
        make_result(protocol="channel-adapted"),
        make_result(**rename_model("ours", "d")),
        make_result(**rename_model("other", "e")),
    )

    (task,) = collect_results([folder])

    assert [entry.model for entry in task.entries] == [
        "ours aaaaaaaa",
        "ours aaaaaaaa, channel-adapted",
        "ours dddddddd",
        "other",
    ]


def test_results_on_different_clips_get_letters_and_stand_in_parts(tmp_path: Path) -> None:
    folder = save(
        tmp_path,
        make_result(),
        of_clips("d", **rename_model("second", "d")),
        make_result(**rename_model("third", "e")),
    )

    (task,) = collect_results([folder])

    assert [entry.label for entry in task.entries] == ["ours, clip set A", "second, clip set B", "third, clip set A"]
    assert [[entry.model for entry in part] for part in task.comparable] == [["ours", "third"], ["second"]]


def test_other_classes_on_the_same_clips_are_not_comparable_either(tmp_path: Path) -> None:
    fewer = make_result(
        **rename_model("second", "d"), classes=("anger", "calm"), absent_classes=(), confusion=((8, 0), (5, 7))
    )
    folder = save(tmp_path, make_result(), fewer)

    (task,) = collect_results([folder])

    assert [entry.clip_set for entry in task.entries] == ["A", "B"]


def test_letters_go_on_after_z(tmp_path: Path) -> None:
    results = [of_clips(hex(number)[2:], **rename_model(f"m{number:02d}", hex(number)[2:])) for number in range(28)]
    folder = save(tmp_path, *results)

    (task,) = collect_results([folder])

    assert sorted(entry.clip_set for entry in task.entries)[:3] == ["A", "AA", "AB"]
    assert isinstance(task, TaskEntries)
    assert isinstance(task.entries[0], Entry)


def test_two_results_of_one_task_model_and_protocol_are_refused_by_name(tmp_path: Path) -> None:
    one = write_result(tmp_path / "a", make_result())
    two = write_result(tmp_path / "b", of_clips("d"))

    with pytest.raises(
        ConfigError,
        match=rf"^{one} and {two} both hold toy-emotion of ours \(plain\); expected one result of each task, "
        "model and protocol: leave one out$",
    ):
        collect_results([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing", None, r"^no file or folder .*nothing; expected what 'paraclap evaluate --out' wrote$"),
        ("", None, r" holds no result; expected a folder that 'paraclap evaluate --out' wrote$"),
        ("", {"seed": 1}, r" holds no result; expected a folder that 'paraclap evaluate --out' wrote$"),
    ],
)
def test_nothing_to_report_is_said(tmp_path: Path, name: str, content: Any, message: str) -> None:
    if content is not None:
        (tmp_path / "other.json").write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=message):
        collect_results([tmp_path / name])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format_version": 99, "task": "x"}', "has result format 99; this paraclap reads up to "),
        ('{"format_version": 2, "task": "x"}', r"is no result of paraclap \(corpus: Field required\)"),
        ('{"format_version": 2, "task"', "is not JSON"),
    ],
)
def test_a_result_of_another_version_or_a_damaged_one_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)

    with pytest.raises(ParaClapError, match=message):
        collect_results([tmp_path])


def test_a_file_that_is_no_result_is_refused_if_it_is_named_itself(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text('{"seed": 1}')

    with pytest.raises(ParaClapError, match="is no result of paraclap"):
        collect_results([path])


@pytest.mark.parametrize("confusion", [((8, 0), (5, 6), (0, 0)), ((8, 0, 0),)])
def test_confusions_that_do_not_fit_the_classes_are_refused(tmp_path: Path, confusion: tuple[tuple[int, ...]]) -> None:
    path = write_result(tmp_path, make_result(confusion=confusion))

    with pytest.raises(
        ParaClapError,
        match=r"has a confusion matrix with rows of .* numbers; expected 3 rows of 3, its classes: evaluate again$",
    ):
        collect_results([path])


def test_a_task_without_confusions_is_collected(tmp_path: Path) -> None:
    path = write_result(tmp_path, make_labels_result())

    assert collect_results([path])[0].entries[0].result.confusion == ()
