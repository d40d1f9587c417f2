from pathlib import Path

import pytest
import torch
from tests.training.engines import save_audio_tower, with_towers
from tests.training.tones import change_recipe

from paraclap.errors import AudioError, ConfigError, ParaClapError
from paraclap.training import Recipe, prepare_run
from paraclap.training.batches import BatchPlan, BatchPlanner
from paraclap.training.loading import LoadedBatch, load_batches, split_batch
from paraclap.training.loop import make_batches
from paraclap.training.made_audio import write_tones


def assert_same(found: LoadedBatch, expected: LoadedBatch) -> None:
    assert found.plan.clips == expected.plan.clips
    assert found.plan.captions == expected.plan.captions
    assert found.captions == expected.captions
    assert (found.plan.relation == expected.plan.relation).all()
    assert len(found.audio) == len(expected.audio)
    for one, other in zip(found.audio, expected.audio, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("family", ["mel", "wav2vec2"])
def test_batches_are_the_same_and_in_order_whoever_reads_them(recipe: Recipe, tmp_path: Path, family: str) -> None:
    audio = save_audio_tower(tmp_path / "tower") if family == "wav2vec2" else None
    recipe = change_recipe(with_towers(recipe, audio=audio), chunk_size=5, augmentation={"speed": 0.5, "noise": 1.0})
    data = make_batches(prepare_run(recipe))
    numbers = [4, 2, 7, 3, 11]
    expected = [data[number] for number in numbers]

    for workers in (0, 1, 2):
        found = list(load_batches(data, numbers, workers=workers))

        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)


def test_workers_leave_the_chances_of_training_alone(recipe: Recipe) -> None:
    data = make_batches(prepare_run(recipe))
    after = []
    for workers in (0, 1, 2):
        torch.manual_seed(0)
        next(load_batches(data, [0, 1], workers=workers))
        after.append(torch.rand(3).tolist())

    assert after[0] == after[1] == after[2]


def test_a_batch_is_cut_into_chunks_with_their_captions(recipe: Recipe) -> None:
    recipe = change_recipe(recipe, chunk_size=5, captions_per_clip=3)
    run = prepare_run(recipe)

    batch = make_batches(run)[3]

    plan = run.planner.plan(3)
    assert [len(audio["input_features"]) for audio in batch.audio] == [5, 5, 2]
    assert [len(captions) for captions in batch.captions] == [15, 15, 6]
    assert sum(batch.captions, ()) == plan.captions
    heard = [run.inputs.hear(clip) for clip in plan.clips[5:10]]
    assert torch.equal(batch.audio[1]["input_features"], run.inputs.collate(heard)["input_features"])


@pytest.mark.parametrize(
    ("clips", "processes", "chunk_size", "expected"),
    [
        (6, 1, None, [[(0, 6)]]),
        (7, 1, 3, [[(0, 3), (3, 6), (6, 7)]]),
        (8, 2, 3, [[(0, 3), (3, 4)], [(4, 7), (7, 8)]]),
        (6, 3, 9, [[(0, 2)], [(2, 4)], [(4, 6)]]),
    ],
)
def test_every_clip_of_a_batch_is_in_one_chunk_of_one_process(
    clips: int, processes: int, chunk_size: int | None, expected: list[list[tuple[int, int]]]
) -> None:
    assert [split_batch(clips, processes, rank, chunk_size) for rank in range(processes)] == expected


@pytest.mark.parametrize(("clips", "processes"), [(7, 2), (2, 3)])
def test_a_batch_that_cannot_be_shared_evenly_is_refused(clips: int, processes: int) -> None:
    message = rf"^batch_size {clips} with {processes} processes; expected a multiple of their number$"
    with pytest.raises(ConfigError, match=message):
        split_batch(clips, processes, 0, None)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_clip_that_is_no_longer_there_is_told_in_one_sentence(recipe: Recipe, tmp_path: Path, workers: int) -> None:
    manifest = write_tones(tmp_path / "tones")
    waves = with_towers(recipe, audio=save_audio_tower(tmp_path / "tower"))
    data = make_batches(prepare_run(change_recipe(waves, manifests=[manifest])))
    for file in (tmp_path / "tones").glob("*.wav"):
        file.unlink()

    with pytest.raises(AudioError, match=r"^\S+\.wav: no such file$"):
        next(load_batches(data, [0], workers=workers))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_comes_before_an_error_is_still_loaded(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    data = make_batches(prepare_run(recipe))
    plan = BatchPlanner.plan

    def fail_at_2(self: BatchPlanner, step: int) -> BatchPlan:
        if step == 2:
            raise ConfigError("nothing can be said")
        return plan(self, step)

    monkeypatch.setattr(BatchPlanner, "plan", fail_at_2)
    batches = load_batches(data, range(4), workers=workers)

    assert_same(next(batches), data[0])
    assert_same(next(batches), data[1])
    with pytest.raises(ParaClapError, match=r"^nothing can be said$"):
        next(batches)
