"""Two processes, each of which holds its part of what trains, do what one does that holds all of it."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.tiny_towers import TOWERS, make_joined, make_joined_processor
from tests.training.engines import (
    Weights,
    find_differing,
    find_gradient,
    make_engine,
    read_gradient,
    save_audio_tower,
    save_calm_text_tower,
    take_steps,
    with_towers,
)
from tests.training.test_loop import act_before
from tests.training.tones import change_recipe
from tests.training.two_processes import run_in_two
from torch import nn
from torch.distributed.tensor import DTensor

from paraclap import ParaClap
from paraclap.errors import ConfigError
from paraclap.training import Recipe, StoppedError, check_run, parse_recipe, prepare_run, sharded, train
from paraclap.training.checkpoints import load_best, load_state
from paraclap.training.engine import Engine, join_processes

NAMES = ("frozen text", "combined", "wav2vec 2.0")
CALM = dict.fromkeys(
    ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "layerdrop", "mask_time_prob"),
    0.0,
)


@dataclass
class Found:
    """What one process found: of gradients and weights its parts."""

    losses: dict[str, float] = field(default_factory=dict)
    gradients: dict[str, Weights] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    whole: dict[str, list[str]] = field(default_factory=dict)  # names of what every process has all of
    held: dict[str, float] = field(default_factory=dict)  # the share of what trains that this process has
    half: Weights = field(default_factory=dict)
    families: dict[str, Weights] = field(default_factory=dict)
    average: float = 0.0
    check: str = ""
    stopped: str = ""
    dev: list[dict[str, float]] = field(default_factory=list)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sharded")


@pytest.fixture(scope="module")
def recipes(recipe: Recipe, folder: Path) -> dict[str, Recipe]:
    """Return recipes without dropout; together they have all that can be sharded, or stays whole, or is frozen."""
    prepare_run(recipe)
    calm = with_towers(recipe, text=save_calm_text_tower(folder / "text"), dropout=0.0, projection_dropout=0.0)
    audio = save_audio_tower(folder / "audio", CALM)
    waves = with_towers(calm, audio=audio, audio_pooling="attentive", audio_layer="mix")
    frozen = [{"match": "audio_tower.feature_extractor.*", "train": False}]
    combined: dict[str, Any] = {"chunk_size": 4, "accumulation_steps": 2, "parts": []}  # the last chunk has two clips
    return {
        "frozen text": change_recipe(calm, max_gradient_norm=0.1),
        "combined": change_recipe(calm, loss="sigmoid", **combined),
        "wav2vec 2.0": change_recipe(waves, parts=frozen, batch_size=6, gradient_checkpointing=True),
    }


@pytest.fixture(scope="module")
def long_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe of a run with all that its state must hold: dropout, chunks, two batches a step, an average."""
    return change_recipe(
        with_towers(recipe, dropout=0.2, projection_dropout=0.5),
        **{"loss": "sigmoid", "chunk_size": 4, "accumulation_steps": 2, "parts": [], "shard_parameters": True},
        **{"learning_rate": 1e-4, "average_decay": 0.5},
    )


def find_refusal() -> str:
    """Return what is said where this version of torch cannot average on a CPU."""
    join_processes(parse_recipe({"name": "any", "manifests": ["m"], "device": "cpu"}))
    try:
        sharded.shard_parts(nn.ModuleDict(), torch.device("cpu"))
    except ConfigError as error:
        return str(error)
    return ""


def work(recipes: dict[str, Recipe], long_recipe: Recipe, folder: Path) -> Found:
    found = Found()
    for name, whole in recipes.items():
        recipe = change_recipe(whole, shard_parameters=True)
        found.losses[name], found.gradients[name] = find_gradient(recipe)
        found.weights[name] = take_steps(recipe, 2)
        _, engine = make_engine(recipe)
        found.whole[name] = [key for key, value in engine._weights.items() if not isinstance(value, DTensor)]
        sizes = [(sharded.own_part(value).numel(), value.numel()) for value in engine._weights.values()]
        found.held[name] = sum(own for own, _ in sizes) / sum(whole for _, whole in sizes)
    found.half = take_steps(change_recipe(recipes["combined"], shard_parameters=True, precision="bfloat16"), 2)
    found.families = {family: find_family_gradient(family, is_sharded=True) for family in TOWERS}
    scale = nn.Parameter(torch.tensor(1.0))
    (scale * (1 + int(os.environ["RANK"]))).backward()  # type: ignore[no-untyped-call]
    sharded.average_gradients([scale, nn.Parameter(torch.ones(2))])
    found.average = float(read_gradient(scale))
    found.check = check_run(change_recipe(recipes["combined"], shard_parameters=True))
    found.dev.append(train(change_recipe(long_recipe, shard_parameters=False), folder / "ddp"))
    found.dev.append(train(long_recipe, folder / "sharded"))
    take = Engine.step
    if os.environ["RANK"] == "1":  # the signal reaches one of them
        Engine.step = act_before(2, lambda: os.kill(os.getpid(), signal.SIGTERM))  # type: ignore[method-assign]
    try:
        train(long_recipe, folder / "stopped")
    except StoppedError as error:
        found.stopped = str(error)
    Engine.step = take  # type: ignore[method-assign]
    torch.manual_seed(99)
    found.dev.append(train(long_recipe, folder / "stopped", resume=True))
    return found


def find_family_gradient(family: str, *, is_sharded: bool) -> Weights:
    """Return the gradient of a function of what a model on a tower makes of noise, all its hidden states mixed.

    It is clipped by its norm, which is returned beside it.
    """
    model = make_joined(family, audio_layer="mix")
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype(np.float32)
    inputs = make_joined_processor(family)(audio=list(noise), text=["a man", "a calm woman"], sampling_rate=16_000)
    if is_sharded:
        sharded.shard_parts(model, torch.device("cpu"))
    model(**inputs).logits_per_audio.square().mean().backward()
    clip = sharded.clip_gradients if is_sharded else nn.utils.clip_grad_norm_
    norm = clip(list(model.parameters()), 0.5)
    assert norm > 1
    return {name: read_gradient(p) for name, p in model.named_parameters() if p.grad is not None} | {"norm": norm}


@pytest.fixture(scope="module")
def both(recipes: dict[str, Recipe], long_recipe: Recipe, folder: Path) -> list[Found]:
    if refusal := run_in_two(find_refusal)[0]:
        pytest.skip(refusal)
    found: list[Found] = run_in_two(work, recipes, long_recipe, folder)
    return found


def join(first: Weights, second: Weights) -> Weights:
    """Return what two processes have in parts; scalars, which both have, must be the same."""
    assert all(torch.equal(value, second[name]) for name, value in first.items() if not value.ndim)
    return {name: torch.cat([value, second[name]]) if value.ndim else value for name, value in first.items()}


@pytest.mark.parametrize("name", NAMES)
def test_two_sharded_processes_have_the_loss_and_every_gradient_of_one(
    both: list[Found], recipes: dict[str, Recipe], name: str
) -> None:
    loss, gradient = find_gradient(change_recipe(recipes[name], chunk_size=None))

    assert [found.losses[name] for found in both] == pytest.approx([loss, loss], abs=1e-5)
    assert not find_differing(join(*(found.gradients[name] for found in both)), gradient)
    assert ("model.text_tower.embeddings.word_embeddings.weight" in gradient) == (name != "frozen text")
    assert not any("feature_extractor" in key for key in gradient)
    assert gradient["model.logit_scale"].abs() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_two_sharded_processes_take_the_steps_of_one(both: list[Found], recipes: dict[str, Recipe], name: str) -> None:
    weights = join(*(found.weights[name] for found in both))

    _, gradient = find_gradient(recipes[name])
    expected = take_steps(recipes[name], 2)
    certain = {key: value.abs() > 1e-4 for key, value in gradient.items()}  # near 0 rounding decides on the sign
    assert sum(int(mask.sum()) for mask in certain.values()) > 10_000
    for key, mask in certain.items():
        assert torch.allclose(weights[key][mask], expected[key][mask], rtol=1e-4, atol=1e-5), key


@pytest.mark.parametrize("family", TOWERS)
def test_every_tower_has_the_same_clipped_gradients_if_it_is_sharded(both: list[Found], family: str) -> None:
    gradient = join(*(found.families[family] for found in both))

    assert not find_differing(gradient, find_family_gradient(family, is_sharded=False))


def test_gradients_of_what_is_whole_are_averaged(both: list[Found]) -> None:
    assert [found.average for found in both] == [1.5, 1.5]


def test_each_process_holds_half_of_all_that_trains_but_scalars(both: list[Found]) -> None:
    for found in both:
        assert found.whole == {
            "frozen text": ["model.logit_scale"],
            "combined": ["bias", "model.logit_scale"],
            "wav2vec 2.0": ["model.logit_scale"],
        }
        assert all(share == pytest.approx(0.5, abs=0.05) for share in found.held.values())


def test_weights_of_sharded_processes_stay_in_full_precision_in_bfloat16(both: list[Found]) -> None:
    for found in both:
        assert {weight.dtype for weight in found.half.values()} == {torch.float32}
        assert find_differing(found.half, found.weights["combined"], rtol=0, atol=0)
        assert not find_differing(found.half, found.weights["combined"], rtol=0, atol=3e-3)


def test_a_check_of_a_sharded_run_counts_what_each_process_holds(both: list[Found]) -> None:
    assert "memory: 0.00 GiB for weights, gradients, optimiser and average" in both[0].check
    assert "a step takes " in both[1].check


def test_a_sharded_run_that_was_stopped_ends_like_one_that_was_not(
    both: list[Found], long_recipe: Recipe, folder: Path
) -> None:
    one, other = (load_state(folder / name, long_recipe) for name in ("stopped", "sharded"))

    assert [found.stopped.partition(" in ")[0] for found in both] == ["SIGTERM: saved the state after step 3 of 4"] * 2
    assert both[0].dev[1] == both[0].dev[2] == both[1].dev[2]
    assert (one.step, one.best_step, one.best_dev) == (other.step, other.best_step, other.best_dev)
    assert not find_differing(one.weights, other.weights, rtol=0, atol=0)
    assert not find_differing(one.average, other.average, rtol=0, atol=0)
    for number, moments in one.optimizer["state"].items():
        assert not find_differing(moments, other.optimizer["state"][number], rtol=0, atol=0)
    assert not find_differing(load_best(folder / "stopped"), load_best(folder / "sharded"), rtol=0, atol=0)
    for name in ("model.safetensors", "training.json"):
        assert (folder / "stopped" / "model" / name).read_bytes() == (folder / "sharded" / "model" / name).read_bytes()
    for ours, its in zip(one.processes, other.processes, strict=True):
        assert torch.equal(ours["random"]["torch"], its["random"]["torch"])


def test_a_sharded_run_leaves_what_one_of_whole_copies_leaves(
    both: list[Found], long_recipe: Recipe, folder: Path
) -> None:
    copies = load_state(folder / "ddp", change_recipe(long_recipe, shard_parameters=False))
    sharded = load_state(folder / "sharded", long_recipe)

    assert both[0].dev[0] == pytest.approx(both[0].dev[1], abs=1e-5)
    assert not find_differing(sharded.weights, copies.weights)
    assert not find_differing(sharded.average, copies.average)
    found, expected = (ParaClap.from_pretrained(folder / name / "model").model for name in ("sharded", "ddp"))
    assert not find_differing(found.state_dict(), expected.state_dict())
    files = [{path.name for path in (folder / name / "model").iterdir()} for name in ("sharded", "ddp")]
    assert files[0] == files[1]


def test_one_process_alone_spreads_nothing(recipe: Recipe) -> None:
    expected = take_steps(recipe, 2)

    assert not find_differing(take_steps(change_recipe(recipe, shard_parameters=True), 2), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"precision": "float16"},
            "expected precision bfloat16 or float32 beside it: float16 scales whole gradients",
        ),
        ({"compile": True}, "expected compile: false beside it: layers that are gathered one by one break its graphs"),
    ],
)
def test_what_does_not_go_with_sharding_is_refused(recipe: Recipe, other: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^recipe: shard_parameters is True; {message}"):
        parse_recipe(recipe.model_dump() | {"shard_parameters": True} | other)


def test_a_torch_that_adds_up_what_it_should_average_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.reduce_scatter_tensor", lambda one, *_, **__: one.fill_(2))

    message = r"^shard_parameters: torch \S+ adds up what it should average on a cpu; update torch or leave it out$"
    with pytest.raises(ConfigError, match=message):
        sharded.shard_parts(nn.ModuleDict(), torch.device("cpu"))


def test_a_part_with_a_scalar_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharded, "init_device_mesh", lambda *_: None)
    monkeypatch.setattr("torch.distributed.reduce_scatter_tensor", lambda one, *_, **__: one.fill_(1))
    model = nn.ModuleDict({"tower": nn.Linear(2, 2)})
    model["tower"].temperature = nn.Parameter(torch.tensor(1.0))

    message = r"^tower\.temperature is a scalar and cannot be spread; leave shard_parameters out$"
    with pytest.raises(ConfigError, match=message):
        sharded.shard_parts(model, torch.device("cpu"))


@pytest.mark.parametrize("family", TOWERS)
def test_the_layers_of_a_tower_are_those_of_its_encoder(family: str) -> None:
    model = make_joined(family)

    layers = sharded.find_layers(model.audio_tower)

    assert [type(layer) for layer in layers] == [type(layers[0])] * 2
    assert len(set(layers[0].parameters())) > 10
    assert sharded.find_layers(model.text_tower) == list(model.text_tower.encoder.layer)


def test_a_part_without_layers_has_none() -> None:
    assert sharded.find_layers(nn.Linear(2, 2)) == []
