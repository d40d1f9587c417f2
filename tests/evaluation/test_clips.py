import audformat
import numpy as np
import pandas as pd
import pytest

from paraclap.errors import CorpusError
from paraclap.evaluation.clips import select_clips
from paraclap.evaluation.tasks import Task


def make_manifest(**columns: list[object]) -> pd.DataFrame:
    num_rows = len(next(iter(columns.values())))
    files = [f"{row}.wav" for row in range(num_rows)]
    index = audformat.segmented_index(files, [0] * num_rows, [pd.Timedelta("1s")] * num_rows)
    return pd.DataFrame(columns, index=index)


def make_task(**changes: object) -> Task:
    fields = {"name": "toy", "corpus": "toy", "label": "emotion", "classes": ["anger", "calm"], "label_set": "emotion"}
    return Task.model_validate({**fields, **changes})


def test_rows_of_other_classes_and_without_a_label_are_left_out() -> None:
    manifest = make_manifest(emotion=["calm", "fear", None, "anger"], speaker=["b", "a", "a", "a"])

    clips = select_clips(make_task(), manifest)

    assert clips.index.get_level_values("file").tolist() == ["0.wav", "3.wav"]
    assert clips.rows.tolist() == [0, 3]
    assert clips.truth.tolist() == [1, 0]
    assert clips.speakers is not None
    assert [clips.speaker_names[number] for number in clips.speakers] == ["b", "a"]


@pytest.mark.parametrize("kind", ["string", "category", "object"])
def test_labels_may_be_of_any_kind_of_text(kind: str) -> None:
    manifest = make_manifest(emotion=["calm", None, "anger"])
    manifest["emotion"] = manifest["emotion"].astype(pd.api.types.pandas_dtype(kind))

    assert select_clips(make_task(), manifest).truth.tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["float64", "Float64"])
def test_numbers_become_classes_by_half_open_intervals(kind: str) -> None:
    manifest = make_manifest(age=[2.0, 12.9, 13.0, 19.0, 20.0, None])
    manifest["age"] = manifest["age"].astype(pd.api.types.pandas_dtype(kind))
    task = make_task(label="age", classes=["child", "adult"], intervals={"child": (0, 13), "adult": (20, 130)})

    clips = select_clips(task, manifest)

    assert clips.rows.tolist() == [0, 1, 4]
    assert clips.truth.tolist() == [0, 0, 1]


def test_split_and_where_choose_rows() -> None:
    manifest = make_manifest(
        emotion=["calm"] * 4, split=["dev", "dev", "train", None], partition=["one", "two", "one", "one"]
    )
    task = make_task(split="dev", where={"partition": ["one", "three"]})

    assert select_clips(task, manifest).rows.tolist() == [0]


@pytest.mark.parametrize("speakers", [None, ["a", None]])
def test_unknown_speakers_are_none(speakers: list[object] | None) -> None:
    manifest = make_manifest(emotion=["calm", "anger"], **({"speaker": speakers} if speakers else {}))

    clips = select_clips(make_task(), manifest)

    assert clips.speakers is None
    assert clips.keep(np.array([True, False])).truth.tolist() == [1]


def test_kept_clips_number_their_speakers_anew() -> None:
    manifest = make_manifest(emotion=["calm", "anger", "calm"], speaker=["a", "b", "c"])

    kept = select_clips(make_task(), manifest).keep(np.array([True, False, True]))

    assert kept.speaker_names == ("a", "c")
    assert kept.speakers is not None
    assert kept.speakers.tolist() == [0, 1]
    assert kept.rows.tolist() == [0, 2]


def test_the_fingerprint_changes_with_clips_labels_and_speakers() -> None:
    manifest = make_manifest(emotion=["calm", "anger"], speaker=["a", "b"])
    others = [
        make_manifest(emotion=["anger", "calm"], speaker=["a", "b"]),
        make_manifest(emotion=["calm", "anger"], speaker=["a", "a"]),
        manifest[:1],
    ]
    fingerprint = select_clips(make_task(), manifest).fingerprint()

    assert select_clips(make_task(), manifest.copy()).fingerprint() == fingerprint
    assert fingerprint not in {select_clips(make_task(), other).fingerprint() for other in others}


def test_a_manifest_without_the_label_is_refused() -> None:
    with pytest.raises(
        CorpusError,
        match=r"task 'toy' needs the column 'emotion', which the manifest of 'toy' lacks; it has gender, age",
    ):
        select_clips(make_task(), make_manifest(gender=["male"], age=[3]))


def test_a_manifest_without_any_class_of_the_task_is_refused() -> None:
    with pytest.raises(
        CorpusError,
        match=r"no row of 'toy' fits task 'toy': none has one of the classes anger, calm in the column 'emotion' and",
    ):
        select_clips(make_task(split="dev"), make_manifest(emotion=["fear", "calm"], split=["dev", "train"]))
