import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.training.tones import make_clip_set

from paraclap.errors import ConfigError
from paraclap.queries import TRUE, RowFacts, Vocabulary, find_broken, load_vocabulary
from paraclap.training import Recipe, parse_recipe
from paraclap.training.augmentation import SPECTROGRAM_DISTURBANCES
from paraclap.training.batches import BatchPlanner
from paraclap.training.clips import ClipSet

PEOPLE = [
    {"split": "train", "gender": gender, "emotion": emotion, "age": age}
    for gender in ("male", "female")
    for emotion in ("anger", "sadness", "fear", None)
    for age in (25.0, 70.0, np.nan)
]


def make_settings(**changes: Any) -> Recipe:
    return parse_recipe({"name": "made", "batch_size": 16, "crop_seconds": [0.2, 0.4]} | changes)


def make_planner(clip_sets: list[ClipSet], **changes: Any) -> BatchPlanner:
    return BatchPlanner(
        clip_sets, make_settings(**changes), vocabulary=load_vocabulary(), disturbances=SPECTROGRAM_DISTURBANCES
    )


def with_facts(clips: ClipSet, **levels: str) -> ClipSet:
    """Give every clip measured facts as well."""
    measured = {name: frozenset([level]) for name, level in levels.items()}
    return replace(clips, facts=[dict(facts) | measured for facts in clips.facts])


def list_drawn(planner: BatchPlanner, steps: int) -> list[tuple[int, int]]:
    return [(clip.clip_set, clip.row) for step in range(steps) for clip in planner.plan(step).clips]


def test_a_plan_depends_on_recipe_and_step_alone() -> None:
    clips = make_clip_set(PEOPLE)
    fresh, used = make_planner([clips]), make_planner([clips])
    for step in (9, 2, 5):
        used.plan(step)

    first, again = fresh.plan(7), used.plan(7)

    assert (first.clips, first.captions, first.attributes) == (again.clips, again.captions, again.attributes)
    assert np.array_equal(first.relation, again.relation)
    assert fresh.plan(8).clips != first.clips
    assert make_planner([clips], seed=1).plan(7).clips != first.clips


def test_no_audio_is_read_for_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paraclap.training.mel_cache.MelCache.read", lambda *_, **__: pytest.fail("audio was read"))

    assert len(make_planner([make_clip_set(PEOPLE)]).plan(0).clips) == 16


@pytest.mark.parametrize("captions_per_clip", [1, 2, 3])
def test_every_clip_has_as_many_captions_all_of_them_true(captions_per_clip: int) -> None:
    planner = make_planner([make_clip_set(PEOPLE)], captions_per_clip=captions_per_clip)
    for step in range(20):
        plan = planner.plan(step)

        own = np.repeat(np.arange(16), captions_per_clip)
        assert len(plan.captions) == len(plan.attributes) == len(own)
        assert plan.relation.shape == (16, len(own))
        assert (plan.relation[own, np.arange(len(own))] == TRUE).all()
        assert set(np.unique(plan.relation)) <= {-1, 0, 1}


def test_the_relation_is_what_facts_say_of_every_pair() -> None:
    planner = make_planner([make_clip_set(PEOPLE)], captions={"variant": "emotion"}, captions_per_clip=1)
    plan = planner.plan(0)

    emotions = [PEOPLE[clip.row]["emotion"] for clip in plan.clips]
    assert set(emotions) == {"anger", "sadness", "fear"}
    assert plan.relation.tolist() == [[int(one == other) for other in emotions] for one in emotions]


def test_only_train_clips_that_are_known_and_readable_are_drawn() -> None:
    rows = [{"split": "train", "gender": "male"}, {"split": "dev", "gender": "female"}, {"split": "train"}]
    rows += [{"split": "train", "gender": "female"}, {"split": "test", "gender": "female"}]
    clips = make_clip_set(rows, num_frames=[50, 50, 50, 0, 50])

    assert clips.rows("train").tolist() == [0]
    assert clips.rows("dev").tolist() == [1]
    assert set(list_drawn(make_planner([clips]), 3)) == {(0, 0)}


def test_clips_of_which_nothing_can_be_said_are_refused() -> None:
    planner = make_planner([make_clip_set([{"split": "train", "gender": "male"}])], captions={"variant": "emotion"})

    with pytest.raises(ConfigError, match=r"^recipe made: nothing can be said of nearly all clips; add clips with lab"):
        planner.plan(0)


def test_crops_of_a_step_are_of_one_length_of_a_few_within_limits() -> None:
    planner = make_planner([make_clip_set(PEOPLE, num_frames=300)], crop_seconds=[0.6, 1.6])
    plans = [planner.plan(step) for step in range(30)]

    lengths = [{clip.view.seconds for clip in plan.clips} for plan in plans]
    assert all(len(of_step) == 1 for of_step in lengths)
    assert sorted(set().union(*lengths)) == pytest.approx([0.64, 0.96, 1.28, 1.6])
    starts = [clip.view.start for plan in plans for clip in plan.clips]
    assert np.mean(starts) == pytest.approx(0.5, abs=0.05)
    assert 0 <= min(starts) < 0.02 < 0.98 < max(starts) < 1
    assert len({clip.view.seed for plan in plans for clip in plan.clips}) == 30 * 16


def test_a_caption_of_one_fact_names_its_attribute() -> None:
    vocabulary = load_vocabulary()
    planner = make_planner([make_clip_set(PEOPLE)])
    plans = [planner.plan(step) for step in range(5)]
    said = [pair for plan in plans for pair in zip(plan.captions, plan.attributes, strict=True)]

    for caption, attribute in said:
        if attribute == "gender":
            assert re.search(r"\b(female|male)\b", caption)
        if attribute == "emotion":
            assert not re.search(r"\b(woman|man|female|male|senior|young adult)\b", caption)
    found = {attribute for _, attribute in said}
    assert {None, "gender", "emotion", "age_group"} <= found <= {None, *vocabulary.attributes}


@pytest.mark.parametrize(("num_frames", "is_cut"), [(10, False), (400, True)])
def test_what_a_crop_breaks_is_not_stated(num_frames: int, is_cut: bool) -> None:
    people = make_clip_set([{"split": "train", "emotion": "anger"}] * 8, num_frames=num_frames)
    clips = with_facts(people, duration="low")
    changes = {"captions": {"variant": "all"}, "augmentation": {"clean": 1.0}, "attribute_weights": {"duration": 50.0}}

    plan = make_planner([clips], **changes).plan(0)

    said = ["short" in caption or "brief" in caption for caption in plan.captions]
    assert any(said) is not is_cut
    if is_cut:
        assert "emotion" in plan.attributes
        assert set(plan.attributes) <= {"emotion", "emotion, denied"}


def test_facts_that_disturbances_or_crops_break_are_dropped_one_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = dict.fromkeys(("pitch", "loudness", "tempo", "jitter", "duration", "harmonicity"), "low")
    clips = with_facts(make_clip_set([{"split": "train", "emotion": "anger"}] * 8, num_frames=[20, 500] * 4), **levels)
    planner = make_planner([clips], captions={"variant": "all"}, crop_seconds=[0.3, 4.0])
    kept: list[RowFacts] = []
    encode = load_vocabulary().encode_rows

    def note(_: Vocabulary, rows: Sequence[RowFacts]) -> Any:
        kept.extend(rows)
        return encode(rows)

    monkeypatch.setattr(Vocabulary, "encode_rows", note)

    planned = [clip for step in range(20) for clip in planner.plan(step).clips]

    counts = set()
    for clip, facts in zip(planned, kept, strict=True):
        seconds = clip.view.seconds if clips.audio.duration(clip.row) > clip.view.seconds else None
        broken = find_broken(clip.view.disturbances, crop_seconds=seconds)
        assert set(facts) == set(clips.facts[clip.row]) - broken
        counts.add(len(facts))
    assert min(counts) == 1
    assert max(counts) == 7


def test_disturbances_come_as_often_as_the_recipe_says() -> None:
    planner = make_planner([make_clip_set(PEOPLE)], augmentation={"tilt": 1.0, "noise": 0.25, "low_pass": 0.0})

    views = [clip.view for step in range(40) for clip in planner.plan(step).clips]

    shares = {name: np.mean([name in view.disturbances for view in views]) for name in SPECTROGRAM_DISTURBANCES}
    assert shares["tilt"] == 1.0
    assert shares["noise"] == pytest.approx(0.25, abs=0.06)
    assert shares["low_pass"] == 0.0


def test_a_clip_with_fixed_windows_is_heard_in_the_same_ones_every_time() -> None:
    clip_sets = [make_clip_set(PEOPLE, num_frames=300), make_clip_set(PEOPLE[:4], name="few", num_frames=100)]
    planner = make_planner(clip_sets, windows_per_clip=3, crop_seconds=[0.5, 2.0])

    heard: dict[tuple[int, int], set[Any]] = {}
    for step in range(60):
        for clip in planner.plan(step).clips:
            heard.setdefault((clip.clip_set, clip.row), set()).add(clip.view)

    assert len(heard) == 28
    for (clip_set, row), views in heard.items():
        windows = planner.list_windows(clip_set, row)
        assert views <= set(windows)
        assert [view.window for view in windows] == [0, 1, 2]
        assert len({view.start for view in windows}) == 3
        assert {view.seconds for view in windows} == {2.0}
    assert sum(len(views) for views in heard.values()) > 0.9 * 28 * 3
    assert planner.list_windows(0, 0) != planner.list_windows(0, 1)
    assert planner.list_windows(0, 0) != make_planner(clip_sets, windows_per_clip=3, seed=1).list_windows(0, 0)


def test_a_recipe_without_fixed_windows_has_none() -> None:
    assert make_planner([make_clip_set(PEOPLE)]).list_windows(0, 0) == []


@pytest.mark.parametrize(("temperature", "shares"), [(0.0, (1 / 3, 1 / 3)), (0.5, (0.5, 0.25)), (1.0, (2 / 3, 1 / 6))])
def test_rarer_classes_come_up_more_often(temperature: float, shares: tuple[float, float]) -> None:
    emotions = ["anger"] * 64 + ["fear"] * 16 + [None] * 16
    clips = make_clip_set([{"split": "train", "gender": "male", "emotion": emotion} for emotion in emotions])
    planner = make_planner([clips], balance="emotion", balance_temperature=temperature, batch_size=64)

    drawn = [row for _, row in list_drawn(planner, 15)]

    found = [np.mean([row in part for row in drawn]) for part in (range(64), range(64, 80))]
    assert found == pytest.approx(shares, abs=0.05)


def test_the_share_of_every_row_is_exact() -> None:
    emotions = ["anger"] * 9 + ["fear"] * 4 + ["sadness"]
    clips = make_clip_set([{"split": "train", "emotion": emotion} for emotion in emotions])

    (shares,) = make_planner([clips], balance="emotion")._row_shares

    assert shares == pytest.approx([3 / 6 / 9] * 9 + [2 / 6 / 4] * 4 + [1 / 6])


def test_classes_of_two_attributes_come_up_evenly_together() -> None:
    people = [("anger", "male")] * 9 + [("anger", "female")] * 4 + [("fear", "male")] * 2 + [(None, "male")]
    clips = make_clip_set([{"split": "train", "emotion": emotion, "gender": gender} for emotion, gender in people])

    (shares,) = make_planner([clips], balance=["emotion", "gender"], balance_temperature=0.0)._row_shares

    assert shares == pytest.approx([1 / 4 / people.count(person) for person in people])


def test_clips_are_drawn_as_numpy_draws_them() -> None:
    emotions = ["anger"] * 9 + ["fear"] * 4 + ["sadness"]
    clip_sets = [make_clip_set([{"split": "train", "emotion": emotion} for emotion in emotions], name=n) for n in "ab"]
    planner = make_planner(clip_sets, balance="emotion")
    found, expected = np.random.default_rng(3), np.random.default_rng(3)

    for _ in range(50):
        clip = planner._draw_clip(1.0, (1,), found)
        assert clip.clip_set == expected.choice(2, p=planner._shares)
        assert clip.row == expected.choice(planner._rows[clip.clip_set], p=planner._row_shares[clip.clip_set])
        planner._draw_view(1.0, (1,), expected)
    assert found.random() == expected.random()


def test_only_what_the_variant_speaks_of_is_said() -> None:
    planner = make_planner([make_clip_set(PEOPLE)], captions={"variant": "emotion"})

    said = {attribute for step in range(3) for attribute in planner.plan(step).attributes}
    assert said == {"emotion", "emotion, denied"}


@pytest.mark.parametrize(
    ("temperature", "weight", "share"), [(0.0, 1.0, 1 / 2), (0.5, 1.0, 2 / 3), (1.0, 1.0, 4 / 5), (0.5, 0.5, 1 / 2)]
)
def test_corpora_are_drawn_by_size_temperature_and_weight(temperature: float, weight: float, share: float) -> None:
    men = make_clip_set([{"split": "train", "gender": "male"}] * 100, name="men", weight=weight)
    women = make_clip_set([{"split": "train", "gender": "female"}] * 25, name="women")
    planner = make_planner([men, women], sampling_temperature=temperature, captions_per_clip=1)

    assert planner.shares == pytest.approx({"men": share, "women": 1 - share})
    drawn = [clip_set for clip_set, _ in list_drawn(planner, 40)]
    assert np.mean([clip_set == 0 for clip_set in drawn]) == pytest.approx(share, abs=0.07)


def test_an_attribute_with_a_weight_is_spoken_of_more_often() -> None:
    def share_of_gender(**changes: Any) -> float:
        planner = make_planner([make_clip_set([PEOPLE[0]] * 4)], captions_per_clip=4, **changes)
        captions = [caption for step in range(10) for caption in planner.plan(step).captions]
        return float(np.mean([bool(re.search(r"\b(male|man)\b", caption)) for caption in captions]))

    assert share_of_gender(attribute_weights={"gender": 5.0}) > share_of_gender() + 0.1
