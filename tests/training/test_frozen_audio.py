import errno
import math
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.engines import find_differing, save_audio_tower, take_steps, with_towers
from tests.training.test_loop import act_before
from tests.training.tones import change_recipe

from paraclap.errors import ParaClapError
from paraclap.storage import write_json
from paraclap.training import Recipe, StoppedError, TrainingRun, frozen_audio, loop, prepare_run, train
from paraclap.training.batches import PlannedClip
from paraclap.training.checkpoints import load_state
from paraclap.training.engine import Engine
from paraclap.training.frozen_audio import hear_pooled, open_frozen_audio
from paraclap.training.loop import make_batches

WINDOWS = 3
FROZEN = [{"match": "audio_tower.*", "train": False}, {"match": "text_tower.*", "train": False}]


@pytest.fixture(scope="session")
def waves_tower(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_audio_tower(tmp_path_factory.mktemp("wav2vec2") / "tower")


@pytest.fixture
def heads(recipe: Recipe, tmp_path: Path) -> Recipe:
    """Return a recipe that trains heads alone on a frozen mel tower, with a cache of its own."""
    return change_recipe(recipe, parts=FROZEN, windows_per_clip=WINDOWS, cache=tmp_path / "cache")


def find_caches(recipe: Recipe) -> set[Path]:
    return set(recipe.cache.glob("*-windows-*.npy"))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that notes how many clips pass the tower each time."""
    numbers: list[int] = []

    def hear(model: Any, inputs: Any, clips: Sequence[PlannedClip]) -> torch.Tensor:
        numbers.append(len(clips))
        return hear_pooled(model, inputs, clips)

    monkeypatch.setattr(frozen_audio, "hear_pooled", hear)
    return numbers


@pytest.mark.parametrize("audio", ["mel", "wav2vec2"])
@pytest.mark.parametrize("workers", [0, 2])
def test_heads_train_from_the_cache_as_they_do_without_it(
    heads: Recipe, waves_tower: str, monkeypatch: pytest.MonkeyPatch, audio: str, workers: int
) -> None:
    towers = with_towers(heads, audio=waves_tower) if audio == "wav2vec2" else heads
    recipe = change_recipe(towers, workers=workers, chunk_size=5, augmentation={"tilt": 1.0, "noise": 1.0})
    assert prepare_run(recipe).hears_frozen_windows
    cached = take_steps(recipe, 3)
    assert len(find_caches(recipe)) == 1

    monkeypatch.setattr(TrainingRun, "hears_frozen_windows", False)
    uncached = take_steps(recipe, 3)

    assert not find_differing(cached, uncached)
    assert {name.split(".")[1] for name in cached} == {"audio_projection", "text_projection", "logit_scale"}
    assert set(find_differing(cached, take_steps(recipe, 0))) == cached.keys()


def test_a_whole_run_from_the_cache_ends_as_one_without_it(
    heads: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = train(heads, tmp_path / "cached")
    monkeypatch.setattr(TrainingRun, "hears_frozen_windows", False)

    assert train(heads, tmp_path / "uncached") == pytest.approx(dev, abs=1e-6)
    cached, uncached = (load_state(tmp_path / name, heads) for name in ("cached", "uncached"))
    assert not find_differing(cached.weights, uncached.weights)
    assert not find_differing(cached.average, uncached.average)


def test_a_run_from_the_cache_that_was_stopped_ends_like_one_that_was_not(
    heads: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_TEXTS_AHEAD", 4 * heads.batch_size * heads.captions_per_clip)
    recipe = change_recipe(heads, steps=7, validate_every=7)
    train(recipe, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "step", act_before(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with pytest.raises(StoppedError, match="after step 2 of 7"):  # within the first block of four batches
            train(recipe, tmp_path / "stopped")

    train(recipe, tmp_path / "stopped", resume=True)

    found, expected = (load_state(tmp_path / name, recipe) for name in ("stopped", "whole"))
    assert not find_differing(found.weights, expected.weights, rtol=0, atol=0)
    assert found.processes[0]["texts"] == expected.processes[0]["texts"]
    assert torch.equal(found.processes[0]["pooled"], expected.processes[0]["pooled"])


def test_every_window_of_every_train_clip_is_what_the_tower_pools_of_it(heads: Recipe) -> None:
    run = prepare_run(heads)
    frozen = open_frozen_audio(heads, run.clip_sets, run.planner, model=run.model, inputs=run.inputs)

    clips = [
        PlannedClip(0, int(row), view)
        for row in run.clip_sets[0].rows("train")
        for view in run.planner.list_windows(0, int(row))
    ]
    found = frozen.read(clips)

    assert found.shape == (32 * WINDOWS, 16)
    alone = torch.cat([hear_pooled(run.model, run.inputs, [clip]) for clip in clips[::7]])
    assert torch.allclose(found[::7], alone, atol=1e-5)
    assert (
        len({tuple(vector) for vector in found.tolist()}) > 32 * 2
    )  # windows of a clip differ, some short clips aside


def test_windows_that_are_there_are_not_computed_again(heads: Recipe, heard: list[int]) -> None:
    make_batches(prepare_run(heads))
    computed = sum(heard)

    make_batches(
        prepare_run(
            change_recipe(heads, steps=9, learning_rate=0.1, model=heads.model.model_dump() | {"projection_dim": 8})
        )
    )

    assert computed == sum(heard) == 32 * WINDOWS
    (file,) = find_caches(heads)
    assert np.load(file).shape == (32, WINDOWS, 16)
    assert sorted(path.suffix for path in heads.cache.iterdir() if "-windows-" in path.name) == [".npy"]


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 5},  # new weights of the mel tower, and other windows
        {"windows_per_clip": 2},
        {"crop_seconds": (0.2, 0.4)},
        {"augmentation": {"noise": 1.0}},
    ],
)
def test_what_is_heard_differently_has_another_cache(heads: Recipe, changes: dict[str, Any]) -> None:
    make_batches(prepare_run(heads))
    before = find_caches(heads)

    make_batches(prepare_run(change_recipe(heads, **changes)))

    assert len(find_caches(heads)) == 2
    assert find_caches(heads) > before


def test_another_tower_layer_or_scaling_has_another_cache(heads: Recipe, waves_tower: str, tmp_path: Path) -> None:
    """Weights alone do not tell them apart."""
    models: list[dict[str, Any]] = [
        {"audio": waves_tower},
        {"audio": waves_tower, "audio_layer": 1},
        {"audio": waves_tower, "normalize": False},
        {"audio": save_audio_tower(tmp_path / "strides", {"conv_stride": (5, 4, 2)})},
        {"audio": save_audio_tower(tmp_path / "weights", seed=2)},
    ]

    for number, model in enumerate(models, start=1):
        make_batches(prepare_run(with_towers(heads, **model)))
        assert len(find_caches(heads)) == number
    make_batches(prepare_run(with_towers(heads, audio=save_audio_tower(tmp_path / "moved"))))
    assert len(find_caches(heads)) == len(models)


def test_filling_that_was_stopped_goes_on_where_it_was(
    heads: Recipe, heard: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = change_recipe(heads, cache=heads.cache / "whole")
    make_batches(prepare_run(whole))
    heard.clear()
    hear = frozen_audio.hear_pooled

    def stop(model: Any, inputs: Any, clips: Sequence[PlannedClip]) -> torch.Tensor:
        if len(heard) == 3:
            raise KeyboardInterrupt
        return hear(model, inputs, clips)

    with monkeypatch.context() as patch:
        patch.setattr(frozen_audio, "hear_pooled", stop)
        with pytest.raises(KeyboardInterrupt):
            make_batches(prepare_run(heads))
    (partial,) = find_caches(heads)
    assert partial.name.endswith(".partial.npy")

    make_batches(prepare_run(heads))

    assert len(heard) == math.ceil(32 * WINDOWS / 16)
    (found,), (expected,) = find_caches(heads), find_caches(whole)
    assert np.array_equal(np.load(found), np.load(expected))


def test_a_full_disk_keeps_what_is_computed(heads: Recipe, heard: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepare_run(heads)

    def fail(path: Path, value: Any) -> None:
        if value["windows"] == 48:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_json(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(frozen_audio, "write_json", fail)
        message = (
            rf"^{re.escape(str(heads.cache))}/made-tones-windows-\w+\.npy cannot be written "
            r"\(No space left on device\); make room or choose another cache, then start again: "
            r"what is computed is kept$"
        )
        with pytest.raises(ParaClapError, match=message):
            make_batches(run)

    make_batches(run)

    assert heard == [16] * 7  # the third ones twice


def test_a_tower_that_learns_or_ever_new_crops_are_not_cached(heads: Recipe) -> None:
    for changes in ({"windows_per_clip": 0}, {"parts": FROZEN[1:]}):
        run = prepare_run(change_recipe(heads, **changes))
        assert not run.hears_frozen_windows
        make_batches(run)
    assert not find_caches(heads)


def test_pooling_that_learns_is_not_cached(heads: Recipe, waves_tower: str) -> None:
    assert not prepare_run(with_towers(heads, audio=waves_tower, audio_pooling="attentive")).hears_frozen_windows
    assert prepare_run(with_towers(heads, audio=waves_tower, audio_pooling="mean")).hears_frozen_windows
