from collections.abc import Sequence

import numpy as np
import pytest
from tests.evaluation.toy_trials import (
    EMOTIONS,
    Array,
    make_manifest,
    make_similarities,
    make_speakers,
    make_task,
    repeat_clips,
)

from paraclap.evaluation.clips import Clips, select_clips
from paraclap.evaluation.fairness import MIN_CLIPS, measure_fairness
from paraclap.evaluation.intervals import draw_resampling

TASK = make_task(classes=EMOTIONS)


def predict(clips: Clips, seed: int = 0) -> Array:
    return np.asarray(make_similarities(clips.truth, 3, seed=seed).argmax(axis=1))


def recall_of(truth: Array, predicted: Array, classes: set[int]) -> float:
    """Return the UAR over those of some classes that occur; NaN if none does."""
    hits = [float(np.mean(predicted[truth == one] == one)) for one in sorted(classes) if (truth == one).any()]
    return float(np.mean(hits)) if hits else float("nan")


@pytest.mark.parametrize("num_speakers", [4, 20])
def test_groups_and_their_gap_equal_a_loop_over_the_repeated_clips_of_each_draw(num_speakers: int) -> None:
    clips = select_clips(TASK, make_speakers(num_speakers, 15 if num_speakers == 4 else 6))
    predicted = predict(clips)
    resampling = draw_resampling(clips.truth, clips.speakers, num_draws=50)

    found = measure_fairness(clips, predicted, 3, resampling=resampling)

    assert list(found) == ["gender", "age_group"]
    for attribute, fairness in found.items():
        masks = {name: (clips.groups[attribute] == name).to_numpy() for name in fairness.groups}
        samples = [np.arange(len(clips)), *(repeat_clips(weights, resampling.units) for weights in resampling.weights)]
        uars = {
            name: np.array([recall_of(clips.truth[s][mask[s]], predicted[s][mask[s]], {0, 1, 2}) for s in samples])
            for name, mask in masks.items()
        }
        for name, group in fairness.groups.items():
            assert clips.speakers is not None
            assert (group.clips, group.speakers) == (masks[name].sum(), len(set(clips.speakers[masks[name]])))
            bounds = np.nanpercentile(uars[name][1:], [2.5, 97.5])
            assert [group.uar.value, group.uar.low, group.uar.high] == pytest.approx([uars[name][0], *bounds])
        ordered = sorted(uars, key=lambda name: uars[name][0])
        assert (fairness.worst, fairness.best) == (ordered[0], ordered[-1])
        gaps = uars[fairness.best] - uars[fairness.worst]
        assert fairness.gap.value == pytest.approx(gaps[0])
        assert fairness.gap.value > 0
        assert [fairness.gap.low, fairness.gap.high] == pytest.approx(list(np.nanpercentile(gaps[1:], [2.5, 97.5])))


def test_the_groups_of_a_corpus_are_named_as_captions_name_them() -> None:
    clips = select_clips(TASK, make_speakers())

    found = measure_fairness(clips, predict(clips), 3, resampling=draw_resampling(clips.truth, clips.speakers))

    assert {attribute: set(fairness.groups) for attribute, fairness in found.items()} == {
        "gender": {"female", "male"},
        "age_group": {"senior", "young_adult"},
    }


def compare(genders: Sequence[str | None], emotions: list[str]) -> dict[str, int]:
    """Return how many clips count of each gender; none where there is nothing to compare."""
    clips = select_clips(TASK, make_manifest(emotion=emotions, gender=genders))
    found = measure_fairness(clips, predict(clips), 3, resampling=draw_resampling(clips.truth, None))
    return {name: group.clips for name, group in found["gender"].groups.items()} if found else {}


def test_a_group_of_few_clips_is_left_out() -> None:
    enough, few = ["anger", "calm"] * (MIN_CLIPS // 2), ["anger", "calm"] * (MIN_CLIPS // 2 - 1)

    assert compare(["female"] * 20 + ["male"] * 20, enough + enough) == {"female": 20, "male": 20}
    assert compare(["female"] * 20 + ["male"] * 18, enough + few) == {}
    assert compare(["female"] * 20 + ["male"] * 20 + ["other"] * 18, enough + enough + few) == {
        "female": 20,
        "male": 20,
    }
    assert compare(["female"] * 20 + [None] * 20, enough + enough) == {}


def test_groups_are_compared_by_the_classes_that_all_of_them_have() -> None:
    of_women = ["anger"] * 15 + ["calm"] * 15 + ["sadness"] * 40

    assert compare(["female"] * 70 + ["male"] * 30, of_women + ["anger", "calm"] * 15) == {"female": 30, "male": 30}
    assert compare(["female"] * 70 + ["male"] * 30, of_women + ["anger"] * 30) == {}
    assert compare(["female"] * 70 + ["male"] * 30, ["anger"] * 70 + ["calm"] * 30) == {}


def test_a_group_with_few_clips_of_the_shared_classes_is_left_out() -> None:
    of_women, of_men = ["anger", "calm"] * 15, ["anger", "calm"] + ["sadness"] * 28

    assert compare(["female"] * 30 + ["male"] * 30, of_women + of_men) == {}


def test_a_draw_without_any_speaker_of_a_group_does_not_count() -> None:
    clips = select_clips(TASK, make_speakers(24, 21))
    genders = np.where(clips.speakers == 7, "male", "female")  # a third of all draws are without the only man
    clips = select_clips(TASK, make_speakers(24, 21).assign(gender=genders))
    resampling = draw_resampling(clips.truth, clips.speakers)

    found = measure_fairness(clips, predict(clips), 3, resampling=resampling)["gender"]

    assert resampling.method == "speakers"
    assert 200 < np.count_nonzero(resampling.weights[:, 7] == 0) < 500
    assert found.groups["male"].speakers == 1
    assert found.groups["male"].uar.low == found.groups["male"].uar.value  # always the same clips
    assert found.gap.low < found.gap.value < found.gap.high
    assert 0 < found.gap.p <= 1


def test_the_speakers_of_groups_may_be_unknown() -> None:
    manifest = make_speakers().drop(columns="speaker")
    clips = select_clips(TASK, manifest)

    found = measure_fairness(clips, predict(clips), 3, resampling=draw_resampling(clips.truth, None))

    assert found["gender"].groups["female"].speakers is None
