"""A run made ready: the model of a recipe, its data, and how it will be validated."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from paraclap.errors import ConfigError, ModelError
from paraclap.features import find_opensmile
from paraclap.models import (
    MelTowerConfig,
    ParaClapConfig,
    ParaClapFeatureExtractor,
    ParaClapModel,
    find_reference,
    merge_reference,
    read_weights,
    resolve_folder,
)
from paraclap.queries import Bins, load_vocabulary
from paraclap.training.batches import BatchSampler
from paraclap.training.clips import ClipSet, load_clips
from paraclap.training.recipe import ModelSettings, Recipe
from paraclap.training.text_bank import TextBank
from paraclap.training.validation import Validation


@dataclass
class TrainingRun:
    """Hold what training works with: the model, its data, and how it is validated."""

    recipe: Recipe
    model: ParaClapModel
    tokenizer: Any
    feature_extractor: ParaClapFeatureExtractor
    clip_sets: list[ClipSet]
    bins: Bins | None
    batches: BatchSampler
    validation: Validation
    texts: TextBank

    def summary(self) -> str:
        """Say in a few lines what will be trained on what."""
        lines = [f"recipe {self.recipe.name}: {self.recipe.steps} steps of {self.recipe.batch_size} clips"]
        for part, module in self.model.named_children():
            count = sum(p.numel() for p in module.parameters())
            trains = any(p.requires_grad for p in module.parameters())
            lines.append(f"  {part}: {count / 1e6:.2f} M parameters, {'trains' if trains else 'frozen'}")
        for clips in self.clip_sets:
            train, dev = (len(clips.rows(split)) for split in ("train", "dev"))
            share = self.batches.shares[clips.name]
            lines.append(f"  {clips.name}: {train} train clips, {dev} dev clips, {share:.0%} of batches")
            if bad := clips.bad_files:
                lines.append(f"    left out: {len(bad)} files, the first: {bad[0].reason}")
        lines.append(f"  captions speak of {', '.join(self.recipe.captions.attributes)}")
        lines.append(f"  dev tasks: {', '.join(task.name for task in self.validation.tasks) or 'none'}")
        return "\n".join(lines)


def prepare_run(recipe: Recipe) -> TrainingRun:
    """Build the model and load the data of a recipe.

    Raises:
        ConfigError: if the recipe names no usable data, or no dev task comes of it.
        CorpusError: if a corpus cannot be read.
        ModelError: if the text tower is not there.
    """
    if recipe.captions.needs_features:
        _check_opensmile()
    torch.manual_seed(recipe.seed)
    model, tokenizer = build_model(recipe.model)
    feature_extractor = ParaClapFeatureExtractor(feature_size=model.config.audio_config.num_mels)
    vocabulary, mel_settings = load_vocabulary(), feature_extractor.mel_settings
    data = load_clips(recipe, vocabulary=vocabulary, mel_settings=mel_settings)
    clip_sets = data.clip_sets
    run = TrainingRun(
        recipe=recipe,
        model=model,
        tokenizer=tokenizer,
        feature_extractor=feature_extractor,
        clip_sets=clip_sets,
        bins=data.bins,
        batches=BatchSampler(clip_sets, recipe, vocabulary=vocabulary, mel_settings=mel_settings),
        validation=Validation(clip_sets, recipe, vocabulary=vocabulary, mel_settings=mel_settings),
        texts=TextBank(model, tokenizer),
    )
    if not run.validation.tasks:
        raise ConfigError(
            f"recipe {recipe.name}: no attribute has two classes on the dev split; add speakers or corpora"
        )
    return run


def _check_opensmile() -> None:
    """Say at once if captions speak of what cannot be measured here, and what else one can do."""
    try:
        find_opensmile()
    except ConfigError as error:
        raise ConfigError(f"{error}; or train on captions from labels alone: --set captions.variant=labels") from None


def build_model(settings: ModelSettings) -> tuple[ParaClapModel, Any]:
    """Build a model with a new mel tower and a frozen text tower, and return it with the tokenizer."""
    tower = settings.text_tower
    reference = None
    if tower.package is not None and tower.sha256 is not None:
        reference = {"id": tower.id, "package": tower.package, "sha256": tower.sha256}
    folder = find_reference(reference) if reference else resolve_folder(tower.id)
    config = ParaClapConfig(
        audio_config=MelTowerConfig(
            channels=settings.channels, depth=settings.depth, hidden_size=settings.hidden_size, dropout=settings.dropout
        ),
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
    model.text_tower.requires_grad_(False)
    return model, AutoTokenizer.from_pretrained(folder)
