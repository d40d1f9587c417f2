import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.training.tones import make_clip_set

from paraclap.models import MelSettings
from paraclap.queries import TRUE, load_vocabulary
from paraclap.training import Recipe, parse_recipe
from paraclap.training.batches import BatchSampler
from paraclap.training.clips import ClipSet

PEOPLE = [
    {"split": "train", "gender": gender, "emotion": emotion, "age": age}
    for gender in ("male", "female")
    for emotion in ("anger", "sadness", "fear", None)
    for age in (25.0, 70.0, np.nan)
]


def make_settings(**changes: Any) -> Recipe:
    return parse_recipe({"name": "made", "batch_size": 16, "crop_seconds": [0.2, 0.4]} | changes)


def make_sampler(clip_sets: list[ClipSet], **changes: Any) -> BatchSampler:
    return BatchSampler(clip_sets, make_settings(**changes), vocabulary=load_vocabulary(), mel_settings=MelSettings())


def test_a_batch_depends_on_recipe_and_step_alone() -> None:
    clips = make_clip_set(PEOPLE)
    fresh, used = make_sampler([clips]), make_sampler([clips])
    for step in range(3):
        used.sample(step)

    first, again = fresh.sample(7), used.sample(7)

    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.mask, again.mask)
    assert first.captions == again.captions
    assert np.array_equal(first.relation, again.relation)
    assert fresh.sample(8).captions != first.captions
    assert make_sampler([clips], seed=1).sample(7).captions != first.captions


@pytest.mark.parametrize("captions_per_clip", [1, 2, 3])
def test_every_caption_is_true_of_its_own_clip(captions_per_clip: int) -> None:
    sampler = make_sampler([make_clip_set(PEOPLE)], captions_per_clip=captions_per_clip)
    for step in range(20):
        batch = sampler.sample(step)

        assert batch.relation.shape == (16, len(batch.captions)) == (16, 16 * captions_per_clip)
        own = np.repeat(np.arange(16), captions_per_clip)
        assert (batch.relation[own, np.arange(len(own))] == TRUE).all()
        assert set(np.unique(batch.relation)) <= {-1, 0, 1}


def test_only_train_clips_that_are_known_and_readable_are_drawn() -> None:
    rows = [{"split": "train", "gender": "male"}, {"split": "dev", "gender": "female"}, {"split": "train"}]
    rows += [{"split": "train", "gender": "female"}, {"split": "test", "gender": "female"}]
    clips = make_clip_set(rows, num_frames=[50, 50, 50, 0, 50])

    assert clips.rows("train").tolist() == [0]
    assert clips.rows("dev").tolist() == [1]
    assert not any("female" in caption for caption in make_sampler([clips]).sample(0).captions)


def test_crops_are_as_long_as_the_step_says_and_short_clips_are_whole() -> None:
    clips = make_clip_set(PEOPLE, num_frames=[10, 70, 140, 200] * 6)
    sampler = make_sampler([clips], crop_seconds=[0.6, 1.6])
    lengths = set()
    for step in range(30):
        batch = sampler.sample(step)
        real = batch.mask.sum(axis=1)
        longest = int(real.max())
        lengths.add(longest)
        assert set(real.tolist()) <= {10, 70, 140, longest}
        assert (np.diff(batch.mask, axis=1) <= 0).all()
        assert (batch.features[batch.mask == 0] == 0).all()
        assert batch.features.shape == (16, longest, 64)
        assert batch.features.dtype == np.float32

    assert lengths == {64, 96, 128, 160}


def test_a_caption_of_one_fact_names_its_attribute() -> None:
    vocabulary = load_vocabulary()
    sampler = make_sampler([make_clip_set(PEOPLE)])
    batches = [sampler.sample(step) for step in range(5)]
    said = [pair for batch in batches for pair in zip(batch.captions, batch.attributes, strict=True)]

    for caption, attribute in said:
        if attribute == "gender":
            assert re.search(r"\b(female|male)\b", caption)
        if attribute == "emotion":
            assert not re.search(r"\b(woman|man|female|male|senior|young adult)\b", caption)
    found = {attribute for _, attribute in said}
    assert {None, "gender", "emotion", "age_group"} <= found <= {None, *vocabulary.attributes}


@pytest.mark.parametrize(("num_frames", "is_cut"), [(10, False), (400, True)])
def test_what_a_crop_breaks_is_unknown_and_not_stated(num_frames: int, is_cut: bool) -> None:
    clips = make_clip_set([{"split": "train", "emotion": "anger"}] * 8, num_frames=num_frames)
    clips = replace(clips, facts=[dict(facts) | {"duration": frozenset(["low"])} for facts in clips.facts])
    changes = {"captions": {"variant": "all"}, "augmentation": {"clean": 1.0}, "attribute_weights": {"duration": 50.0}}

    batch = make_sampler([clips], **changes).sample(0)

    said = ["short" in caption or "brief" in caption for caption in batch.captions]
    assert any(said) is not is_cut
    if is_cut:
        assert set(batch.attributes) == {"emotion"}


def test_what_a_disturbance_breaks_is_not_stated() -> None:
    clips = make_clip_set([{"split": "train", "emotion": "anger"}] * 8, num_frames=10)
    clips = replace(clips, facts=[dict(facts) | {"loudness": frozenset(["low"])} for facts in clips.facts])
    noisy = {"tilt": 1.0, "noise": 1.0}
    changes = {"captions": {"variant": "all"}, "attribute_weights": {"loudness": 50.0}}

    clean, disturbed = (
        make_sampler([clips], augmentation=noisy | {"clean": share}, **changes).sample(0) for share in (1.0, 0.0)
    )

    assert "loudness" in clean.attributes
    assert set(disturbed.attributes) == {"emotion"}


def test_only_what_the_variant_speaks_of_is_said() -> None:
    sampler = make_sampler([make_clip_set(PEOPLE)], captions={"variant": "emotion"})

    assert {attribute for step in range(3) for attribute in sampler.sample(step).attributes} == {"emotion"}


@pytest.mark.parametrize(
    ("temperature", "weight", "share"), [(0.0, 1.0, 1 / 2), (0.5, 1.0, 2 / 3), (1.0, 1.0, 4 / 5), (0.5, 0.5, 1 / 2)]
)
def test_corpora_are_drawn_by_size_temperature_and_weight(temperature: float, weight: float, share: float) -> None:
    men = make_clip_set([{"split": "train", "gender": "male"}] * 100, name="men", weight=weight)
    women = make_clip_set([{"split": "train", "gender": "female"}] * 25, name="women")
    sampler = make_sampler([men, women], sampling_temperature=temperature, captions_per_clip=1)

    assert sampler.shares == pytest.approx({"men": share, "women": 1 - share})
    captions = [caption for step in range(40) for caption in sampler.sample(step).captions]
    by_men = [not re.search(r"female|woman", caption) for caption in captions]
    assert np.mean(by_men) == pytest.approx(share, abs=0.07)


def test_an_attribute_with_a_weight_is_spoken_of_more_often() -> None:
    def share_of_gender(**changes: Any) -> float:
        sampler = make_sampler([make_clip_set([PEOPLE[0]] * 4)], captions_per_clip=4, **changes)
        captions = [caption for step in range(10) for caption in sampler.sample(step).captions]
        return float(np.mean([bool(re.search(r"\b(male|man)\b", caption)) for caption in captions]))

    assert share_of_gender(attribute_weights={"gender": 5.0}) > share_of_gender() + 0.1
