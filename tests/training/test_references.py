from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.test_batches import make_settings, with_facts
from tests.training.tones import make_clip_set

from paraclap.models import NUM_FUNCTIONALS, ProsodyTower
from paraclap.queries import FALSE, UNKNOWN, load_vocabulary
from paraclap.training import Recipe, parse_recipe
from paraclap.training.audio_inputs import SpectrogramInputs
from paraclap.training.batches import BatchPlanner, PlannedClip, View
from paraclap.training.clips import ClipSet
from paraclap.training.loading import BatchData
from paraclap.training.references import ReferenceChoice, TrainingReferences
from paraclap.training.run import prepare_run
from paraclap.training.settings import ReferenceSettings

PEOPLE = [
    {"split": split, "gender": "male", "emotion": emotion}
    for split in ("train", "train", "dev")
    for emotion in ("anger", "sadness", "fear", "neutral")
]
SPEAKERS = np.array([0, 0, 1, 1, 0, 0, 1, -1, 0, 0, 1, 1])
VIEW = View(1.0, 0.0, (), (0,))


def make_clips() -> ClipSet:
    return replace(make_clip_set(PEOPLE), speakers=SPEAKERS)


def choose(**settings: Any) -> ReferenceChoice:
    return ReferenceChoice([make_clips()], ReferenceSettings(**settings))


def test_references_are_train_clips_of_the_same_speaker() -> None:
    choice, generator = choose(none=0.0, channel=0.0), np.random.default_rng(0)

    drawn = [set(choice.draw(0, row, generator)) for row in (0, 2) for _ in range(200)]

    assert set().union(*drawn[:200]) == {0, 1, 4, 5}
    assert set().union(*drawn[200:]) == {2, 3, 6}
    assert {len(rows) for rows in drawn[:200]} == {1, 2, 3, 4}


def test_a_channel_is_the_whole_corpus_and_none_is_none() -> None:
    generator = np.random.default_rng(0)
    of_all, never = choose(none=0.0, channel=1.0), choose(none=1.0)

    assert set().union(*(of_all.draw(0, 0, generator) for _ in range(50))) == set(range(8))
    assert never.draw(0, 0, generator) == ()


def test_nobody_knows_references_of_an_unknown_speaker() -> None:
    assert choose(none=0.0, channel=0.0).draw(0, 7, np.random.default_rng(0)) == ()


def test_no_more_references_than_allowed_are_drawn() -> None:
    choice, generator = choose(none=0.0, channel=1.0, most=2), np.random.default_rng(0)

    assert {len(choice.draw(0, 0, generator)) for _ in range(60)} == {1, 2}


def test_a_tower_gets_mean_variance_and_count_and_whose_voice_is_heard() -> None:
    summaries = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    clips = [
        PlannedClip(0, 1, VIEW, (0, 2, 4)),
        PlannedClip(0, 3, VIEW),
        PlannedClip(0, 3, VIEW, (0,), (0, 2)),
    ]

    found = TrainingReferences([summaries]).collate(clips)

    chosen = summaries[[0, 2, 4]]
    expected = np.concatenate([chosen.mean(axis=0), chosen.var(axis=0), [3]])
    np.testing.assert_allclose(found["references"][0].numpy(), expected, rtol=1e-5)
    assert not found["references"][1].any()
    np.testing.assert_allclose(found["voices"][0].numpy(), summaries[[1, 0, 2, 4]].mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(found["voices"][1:].numpy(), summaries[[3, 2]])


def test_a_clip_with_references_is_not_disturbed_and_with_another_voice_nothing_is_said_of_its_own() -> None:
    settings = make_settings(references={"none": 0.5, "other_voice": 0.5}, augmentation={"tilt": 1.0})
    clips = with_facts(make_clips(), pitch="high", tempo="high")
    planner = BatchPlanner(
        [clips],
        settings,
        vocabulary=load_vocabulary(),
        disturbances=("tilt",),
        references=ReferenceChoice([clips], settings.references),
    )

    plans = [planner.plan(step) for step in range(6)]

    planned = [clip for plan in plans for clip in plan.clips]
    assert {bool(clip.references) for clip in planned} == {True, False}
    assert all(bool(clip.view.disturbances) != bool(clip.references) for clip in planned)
    said = [
        (clip.voice, name)
        for plan in plans
        for place, name in enumerate(plan.attributes)
        for clip in [plan.clips[place // settings.captions_per_clip]]
    ]
    assert {name for voice, name in said if voice is None} >= {"emotion", "gender"}
    assert {"gender", "pitch"}.isdisjoint(name for voice, name in said if voice is not None)


def test_what_a_corpus_has_no_class_for_is_unknown_of_its_clips() -> None:
    people = [{"split": "train", "emotion": emotion} for emotion in ("anger", "sadness")]
    others = [{"split": "train", "emotion": emotion} for emotion in ("anger", "fear")]
    sets = [make_clip_set(people), make_clip_set(others)]

    def judge(**changes: Any) -> dict[tuple[int, str], set[int]]:
        planner = BatchPlanner(
            sets,
            make_settings(captions={"variant": "emotion"}, **changes),
            vocabulary=load_vocabulary(),
            disturbances=(),
        )
        found: dict[tuple[int, str], set[int]] = {}
        for plan in map(planner.plan, range(8)):
            for place, topic in enumerate(plan.attributes):
                owner = plan.clips[place // 2]
                emotion = (people if owner.clip_set == 0 else others)[owner.row]["emotion"]
                for row, clip in enumerate(plan.clips):
                    if topic == "emotion":
                        found.setdefault((clip.clip_set, str(emotion)), set()).add(int(plan.relation[row, place]))
        return found

    plain, unlisted = judge(), judge(unlisted=["emotion"])

    assert plain[0, "fear"] == {FALSE}
    assert unlisted[0, "fear"] == {UNKNOWN}
    assert unlisted[1, "sadness"] == {UNKNOWN}
    for emotion in ("anger", "sadness"):
        assert unlisted[0, emotion] == plain[0, emotion]


@pytest.fixture(scope="module")
def prosody(recipe: Recipe) -> Recipe:
    values = recipe.model_dump(mode="json")
    sizes = {"own_tower": "prosody", "relative_size": 16, "voice_size": 8}
    return parse_recipe(values | {"model": values["model"] | sizes})


def test_a_run_fits_what_is_usual_and_its_batches_hold_references(prosody: Recipe) -> None:
    run = prepare_run(prosody)

    tower = run.model.audio_tower
    assert isinstance(tower, ProsodyTower)
    assert tower.prior_mean.abs().max() > 1
    assert not tower.prior_variance.isnan().any()
    batch = BatchData(run.planner, run.inputs, frozen=None, chunk_size=5)[0]
    assert [audio["references"].shape for audio in batch.audio] == [
        (size, 2 * NUM_FUNCTIONALS + 1) for size in (5, 5, 2)
    ]
    pooled = run.model.pool_audio(**batch.audio[0])
    assert pooled.shape == (5, 24)
    assert pooled.isfinite().all()


def test_the_summary_of_a_clip_is_what_the_tower_measures(prosody: Recipe) -> None:
    run = prepare_run(prosody)
    assert isinstance(run.inputs, SpectrogramInputs)
    assert run.inputs.references is not None
    row = int(run.clip_sets[0].rows("train")[3])
    own = PlannedClip(0, row, VIEW, (row,))

    found = run.inputs.references.collate([own])["references"][0, :NUM_FUNCTIONALS]

    given = run.inputs.collate([run.inputs.hear_whole(0, row)])
    expected = run.model.summarize_audio(**given)[0]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_what_was_measured_before_is_encoded_as_if_heard(prosody: Recipe) -> None:
    run = prepare_run(prosody.model_copy(update={"windows_per_clip": 2}))
    inputs, model = run.inputs, run.model.eval()
    assert isinstance(inputs, SpectrogramInputs)
    assert inputs.references is not None
    row = int(run.clip_sets[0].rows("train")[3])
    whole = PlannedClip(0, row, View(10.0, 0.0, (), (0,)), (row + 1,))
    clips = [whole, run.planner.plan_window(0, row, 1)]

    known = inputs.prepare(clips)
    windows, inputs.references.windows = inputs.references.windows, []
    heard = inputs.prepare(clips)

    assert len(windows[0]) == 2
    assert known["input_features"].shape == (2, NUM_FUNCTIONALS)
    assert heard["input_features"].ndim == 3
    with torch.no_grad():
        torch.testing.assert_close(model.pool_audio(**known), model.pool_audio(**heard), atol=1e-3, rtol=1e-3)


def test_what_a_frozen_tower_hears_relative_to_references_is_not_kept(prosody: Recipe) -> None:
    frozen = prosody.model_dump(mode="json") | {
        "windows_per_clip": 2,
        "parts": [{"match": "*_tower.*", "train": False}],
    }

    run = prepare_run(parse_recipe(frozen))

    assert not any(parameter.requires_grad for parameter in run.model.audio_tower.parameters())
    assert not run.hears_frozen_windows
