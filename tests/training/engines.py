"""Engines on recipes of tests: the gradient and the weights of a step, and towers of transformers for them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tests.models.tiny import save_text_tower
from tests.models.tiny_towers import make_audio_config
from tests.training.tones import change_recipe
from torch import Tensor
from transformers import AutoModel, Wav2Vec2FeatureExtractor

from paraclap.models import no_progress_bars
from paraclap.training import Recipe, prepare_run
from paraclap.training.engine import Engine
from paraclap.training.loop import make_batches, stream_batches
from paraclap.training.parts import set_training_mode
from paraclap.training.run import TrainingRun
from paraclap.training.sharded import own_part

Weights = dict[str, Tensor]


def make_engine(recipe: Recipe) -> tuple[TrainingRun, Engine]:
    """Make a run ready, with the engine that trains it."""
    run = prepare_run(recipe)
    return run, Engine(run)


def find_gradient(recipe: Recipe) -> tuple[float, Weights]:
    """Return the loss of the first step and its gradient, before it is clipped."""
    run, engine = make_engine(recipe)
    set_training_mode(run.model)
    batches = stream_batches(make_batches(run), run, first_step=0)
    loss = sum(
        float(engine.backward(next(batches), is_last=number + 1 == recipe.accumulation_steps))
        for number in range(recipe.accumulation_steps)
    )
    return loss, {name: read_gradient(parameter) for name, parameter in engine._weights.items()}


def read_gradient(parameter: Tensor) -> Tensor:
    """Return a copy of the gradient that a parameter must have, or of this process' part of it."""
    assert parameter.grad is not None, list(parameter.shape)
    return own_part(parameter.grad).clone()


def take_steps(recipe: Recipe, number: int) -> Weights:
    """Return the weights after some steps, or this process' parts of them."""
    run, engine = make_engine(recipe)
    batches = stream_batches(make_batches(run), run, first_step=0)
    for step in range(number):
        engine.step(step, batches)
    return {name: own_part(parameter).clone() for name, parameter in engine._weights.items()}


def find_differing(found: Weights, expected: Weights, *, rtol: float = 1e-5, atol: float = 1e-5) -> list[str]:
    """Return the names of what is not close enough, or missing on one side."""
    close = {
        name
        for name in found.keys() & expected.keys()
        if torch.allclose(found[name], expected[name], rtol=rtol, atol=atol)
    }
    return sorted((found.keys() | expected.keys()) - close)


def save_audio_tower(folder: Path, changes: Mapping[str, Any] | None = None, *, seed: int = 1) -> str:
    """Save a wav2vec 2.0 of two layers with its feature extraction, some of its settings changed."""
    config = make_audio_config("wav2vec2, layer norm")
    config.update(dict(changes or {}))
    torch.manual_seed(seed)
    with no_progress_bars():
        AutoModel.from_config(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return str(folder)


def save_calm_text_tower(folder: Path) -> str:
    """Save a text tower that drops nothing out."""
    file = save_text_tower(folder) / "config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}))
    return str(folder)


def with_towers(recipe: Recipe, *, audio: str | None = None, text: str | None = None, **changes: Any) -> Recipe:
    """Return a recipe on other towers, some settings of its model changed."""
    model = recipe.model.model_dump() | changes
    if audio is not None:
        model |= {"audio_tower": audio}
    if text is not None:
        model |= {"text_tower": {"id": text, "package": None, "sha256": None}}
    return change_recipe(recipe, model=model)
