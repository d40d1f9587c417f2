"""The model that a recipe trains: new on a mel tower, on somebody's audio tower, or one that is there already."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.inference import ParaClap
from paraclap.models import (
    MelTowerConfig,
    ParaClapConfig,
    ParaClapFeatureExtractor,
    ParaClapModel,
    ParaClapProcessor,
    ProsodyFeatureExtractor,
    ProsodyTowerConfig,
    find_reference,
    merge_reference,
    no_progress_bars,
    read_weights,
    resolve_folder,
)
from paraclap.queries import Bins, read_bins
from paraclap.training.settings import ModelSettings, TextTowerSettings

_LAYER_DROPS = ("layerdrop", "encoder_layerdrop")  # names of the share of layers that a tower skips in training


@dataclass(frozen=True)
class StartingPoint:
    """Hold what training begins with: a model, its processor, and what it inherits from the model before it."""

    model: ParaClapModel
    processor: ParaClapProcessor
    bins: Bins | None = None
    ancestors: tuple[str, ...] = ()  # corpora that the model before it was trained on


def build_start(settings: ModelSettings) -> StartingPoint:
    """Build or load the model of a recipe, in float32.

    Raises:
        ModelError: if a tower or the model to start from is not there or does not fit.
    """
    with no_progress_bars():
        start = _load_start(settings.init) if settings.init is not None else _build_new(settings)
    for parameter in _find_unused(start):
        parameter.requires_grad = False
    for holder in (start.model.audio_tower, start.model.audio_tower.config):
        for name in _LAYER_DROPS:  # for the gradient of a layer that one process skips, all others would wait
            if hasattr(holder, name):
                setattr(holder, name, 0.0)
    return start


def _find_unused(start: StartingPoint) -> list[nn.Parameter]:
    """Return what no embedding depends on: poolers, or layers above the one that is pooled."""
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLING_RATE).astype(np.float32)
    inputs = start.processor(audio=[noise], text=["a voice"], sampling_rate=SAMPLING_RATE).to(start.model.device)
    parameters = [parameter for parameter in start.model.parameters() if parameter.requires_grad]
    compared = start.model.eval()(**inputs).logits_per_audio.sum()
    gradients = torch.autograd.grad(compared, parameters, allow_unused=True)
    return [parameter for parameter, gradient in zip(parameters, gradients, strict=True) if gradient is None]


def _build_new(settings: ModelSettings) -> StartingPoint:
    reference, folder = _find_text_tower(settings.text_tower)
    if settings.audio_tower is None:
        return _build_own(settings, reference, folder)
    model = ParaClapModel.from_towers(
        settings.audio_tower,
        str(folder),
        projection_dim=settings.projection_dim,
        projection_dropout=settings.projection_dropout,
        text_pooling=settings.text_tower.pooling,
        audio_pooling=settings.audio_pooling,
        audio_layer=settings.audio_layer,
        text_reference=reference,
    )
    return StartingPoint(
        model, ParaClapProcessor.from_towers(settings.audio_tower, str(folder), normalize=settings.normalize)
    )


def _load_start(name: str) -> StartingPoint:
    clap = ParaClap.from_pretrained(name)
    folder = clap.model.source_folder
    bins = None if folder is None else _read_bins(folder)
    return StartingPoint(clap.model, clap.processor, bins, tuple(clap.training_corpora or ()))


def _read_bins(folder: Path) -> Bins | None:
    file = folder / "bins.json"
    return read_bins(file) if file.is_file() else None


def _find_text_tower(tower: TextTowerSettings) -> tuple[dict[str, str] | None, Path]:
    if tower.package is None or tower.sha256 is None:
        return None, resolve_folder(tower.id)
    reference = {"id": tower.id, "package": tower.package, "sha256": tower.sha256}
    return reference, find_reference(reference)


def _build_own(settings: ModelSettings, reference: dict[str, str] | None, folder: Path) -> StartingPoint:
    tower = settings.text_tower
    audio_config, extractor = _choose_own(settings)
    config = ParaClapConfig(
        audio_config=audio_config,
        text_config=AutoConfig.from_pretrained(folder),
        projection_dim=settings.projection_dim,
        projection_dropout=settings.projection_dropout,
        text_pooling=tower.pooling,
        text_reference=reference,
    )
    model = ParaClapModel(config)
    weights = merge_reference({}, reference, prefix="") if reference else read_weights(folder)
    left_over = model.text_tower.load_state_dict(weights, strict=False)
    if left_over.missing_keys or left_over.unexpected_keys:
        keys = ", ".join((*left_over.missing_keys, *left_over.unexpected_keys)[:3])
        raise ModelError(
            f"text tower {tower.id!r} does not fit its config.json: {keys}; expected an encoder's own weights"
        )
    return StartingPoint(model, ParaClapProcessor(extractor, AutoTokenizer.from_pretrained(folder)))


def _choose_own(settings: ModelSettings) -> tuple[PretrainedConfig, ParaClapFeatureExtractor]:
    """Return the configuration of a new tower of our own, and what makes its input."""
    if settings.own_tower == "mel":
        mel = MelTowerConfig(
            channels=settings.channels, depth=settings.depth, hidden_size=settings.hidden_size, dropout=settings.dropout
        )
        return mel, ParaClapFeatureExtractor(feature_size=mel.num_mels)
    prosody = ProsodyTowerConfig(
        relative_size=settings.relative_size,
        voice_size=settings.voice_size,
        dropout=settings.dropout,
        prior_count=settings.prior_count,
    )
    extractor = ProsodyFeatureExtractor(
        feature_size=prosody.num_mels, min_frequency=prosody.min_frequency, max_frequency=prosody.max_frequency
    )
    return prosody, extractor
