import numpy as np
import pandas as pd
import pytest
from tests.evaluation.toy_trials import make_manifest, make_multi_label_task, make_retrieval_task, make_task

from paraclap.errors import CorpusError
from paraclap.evaluation.clips import Clips, select_clips


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


@pytest.mark.parametrize(
    ("condition", "column", "truth"),
    [
        ({"values": ["A", "2"]}, ["A", "B", None, 2, "AA"], [1, 0, -1, 1, 0]),
        ({"pattern": "A|B"}, ["A", "C:B", None, 2, "c"], [1, 1, -1, 0, 0]),
        ({"pattern": "^(A|B)$"}, ["A", "C:B", None, "B", ""], [1, 0, -1, 1, 0]),
        ({"at_least": 0.5}, [0.5, 0.49, None, 2, "loud"], [1, 0, -1, 1, -1]),
        ({"values": ["True"]}, [True, False, None, True, False], [1, 0, -1, 1, 0]),
    ],
)
def test_a_condition_is_true_false_or_unknown_of_every_row(
    condition: dict[str, object], column: list[object], truth: list[int]
) -> None:
    positive = {"anger": {"column": "votes", **condition}, "calm": {"column": "known", "values": ["yes"]}}
    manifest = make_manifest(votes=pd.array(column, dtype="object"), known=["no"] * 5)

    clips = select_clips(make_multi_label_task(positive=positive), manifest)

    assert clips.truth[:, 0].tolist() == truth
    assert clips.truth[:, 1].tolist() == [0] * 5
    assert clips.truth.dtype == np.int64


@pytest.mark.parametrize("kind", ["string", "category", "object"])
def test_conditions_are_judged_whatever_the_kind_of_a_column(kind: str) -> None:
    manifest = make_manifest(votes=["A:C", None, "C"])
    manifest["votes"] = manifest["votes"].astype(pd.api.types.pandas_dtype(kind))

    clips = select_clips(make_multi_label_task(), manifest)

    assert clips.rows.tolist() == [0, 2]  # of the second row nothing is known
    assert clips.truth.tolist() == [[1, 1], [0, 1]]


def test_a_clip_of_which_one_label_is_known_is_a_clip_of_a_multi_label_task() -> None:
    positive = {"anger": {"column": "a", "at_least": 1}, "calm": {"column": "b", "at_least": 1}}
    manifest = make_manifest(a=[2.0, None, None], b=[None, 0.0, None])

    clips = select_clips(make_multi_label_task(positive=positive), manifest)

    assert clips.rows.tolist() == [0, 1]
    assert clips.truth.tolist() == [[1, -1], [-1, 0]]
    assert clips.strata.tolist() == [0, 0]


def test_retrieval_takes_every_row_and_has_no_truth() -> None:
    clips = select_clips(make_retrieval_task(where={"part": ["a"]}), make_manifest(part=["a", "b", "a"]))

    assert (clips.rows.tolist(), clips.truth.tolist(), clips.values) == ([0, 2], [0, 0], None)


def test_rows_that_none_fit_are_said_of_every_kind() -> None:
    with pytest.raises(CorpusError, match="fits task 'toy': none has one of the classes anger, calm; see 'paraclap"):
        select_clips(make_multi_label_task(), make_manifest(votes=[None, None]))
    with pytest.raises(CorpusError, match="no row of 'toy' fits task 'toy' and the split 'dev'; see 'paraclap corpus"):
        select_clips(make_retrieval_task(split="dev"), make_manifest(split=["train"]))


def test_groups_are_those_that_are_sure_by_gender_and_age() -> None:
    manifest = make_manifest(
        emotion=["calm"] * 5,
        gender=["female", "male", None, "other", "female"],
        age=[12.0, None, 13.0, 59.9, None],
        age_group=["20-30", "20-30", None, "50+", "10s"],  # years say more; the last two leave two groups possible
    )

    groups = select_clips(make_task(), manifest).groups

    assert groups["gender"].tolist() == ["female", "male", None, "other", "female"]
    assert groups["age_group"].tolist() == ["child", "young_adult", "teenager", "middle_aged", None]
    assert select_clips(make_task(), make_manifest(emotion=["calm"])).groups.isna().all(axis=None)


def test_the_numbers_that_order_classes_are_those_of_the_column() -> None:
    manifest = make_manifest(emotion=["calm", "fear", "anger"], level=[0.25, 1.0, None])

    values = select_clips(make_task(ordered_by="level"), manifest).values

    assert values is not None
    np.testing.assert_array_equal(values, [0.25, np.nan])


def make_clips(*counts: int) -> Clips:
    """Make clips of each emotion, shuffled, by three speakers."""
    emotions = np.random.default_rng(1).permutation(np.repeat(["anger", "calm", "fear"], counts))
    speakers = [f"s{number % 3}" for number in range(len(emotions))]
    manifest = make_manifest(emotion=emotions, speaker=speakers, level=np.arange(len(emotions), dtype=float))
    return select_clips(make_task(classes=["anger", "calm", "fear"], ordered_by="level"), manifest)


@pytest.mark.parametrize(
    ("limit", "counts"),
    [(3, [1, 1, 1]), (12, [4, 4, 4]), (17, [6, 6, 5]), (31, [13, 13, 5]), (44, [20, 19, 5]), (45, [20, 20, 5])],
)
def test_a_sample_has_as_many_clips_of_each_class_as_there_are(limit: int, counts: list[int]) -> None:
    clips = make_clips(20, 20, 5)

    part = clips.sample(limit, seed=0)

    assert len(part) == limit
    assert sorted(np.bincount(part.truth, minlength=3), reverse=True) == counts
    assert part.rows.tolist() == sorted(set(part.rows.tolist()))
    assert part.index.equals(clips.index[part.rows])
    assert part.truth.tolist() == clips.truth[part.rows].tolist()


def test_a_sample_is_seeded_and_never_has_more_than_the_limit_or_than_there_are() -> None:
    clips = make_clips(20, 20, 5)

    assert clips.sample(9, seed=0).fingerprint() == clips.sample(9, seed=0).fingerprint()
    assert clips.sample(9, seed=0).rows.tolist() != clips.sample(9, seed=1).rows.tolist()
    assert len(clips.sample(2, seed=0)) == 2
    assert clips.sample(100, seed=0).fingerprint() == clips.fingerprint()


def test_a_sample_of_a_task_without_classes_is_drawn_from_all_clips() -> None:
    clips = select_clips(make_retrieval_task(), make_manifest(gender=["male"] * 50))

    part = clips.sample(10, seed=0)

    assert len(set(part.rows.tolist())) == 10
    assert part.rows.max() > 10


def test_every_field_is_kept_for_the_clips_that_are() -> None:
    clips = make_clips(2, 2, 2)
    mask = np.array([True, False, False, True, True, False])  # of the speakers 0, 0 and 1

    kept = clips.keep(mask)

    assert (len(kept), kept.rows.tolist()) == (3, [0, 3, 4])
    assert kept.index.equals(clips.index[mask])
    assert kept.truth.tolist() == clips.truth[mask].tolist()
    assert kept.groups.equals(clips.groups[mask])
    assert kept.values is not None
    assert kept.values.tolist() == [0.0, 3.0, 4.0]
    assert kept.speakers is not None
    assert (kept.speakers.tolist(), kept.speaker_names) == ([0, 0, 1], ("s0", "s1"))


def test_the_fingerprint_of_a_multi_label_task_changes_with_a_label() -> None:
    task = make_multi_label_task()
    prints = {
        select_clips(task, make_manifest(votes=votes)).fingerprint()
        for votes in (["A", "C"], ["A", "A"], ["C", "A"], ["A:C", "C"], ["A", "C"])
    }

    assert len(prints) == 4
