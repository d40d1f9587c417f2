"""A run made ready: the model of a recipe, its data, and how it will be validated."""

from dataclasses import dataclass

from transformers import set_seed

from paraclap.errors import ConfigError
from paraclap.features import find_opensmile
from paraclap.models import ParaClapFeatureExtractor, ParaClapModel, ParaClapProcessor
from paraclap.queries import Bins, Fact, load_vocabulary
from paraclap.training.audio_inputs import AudioInputs, SpectrogramInputs, make_inputs
from paraclap.training.batches import BatchPlanner
from paraclap.training.clips import ClipSet, load_clips
from paraclap.training.made_audio import make_corpus
from paraclap.training.parts import (
    TrainedPart,
    choose_parts,
    describe_parts,
    find_frozen_modules,
    freeze,
    pools_always_alike,
)
from paraclap.training.recipe import Recipe
from paraclap.training.references import ReferenceChoice, measure_windows, prepare_references
from paraclap.training.text_inputs import TextInputs
from paraclap.training.towers import build_start
from paraclap.training.validation import Validation


@dataclass
class TrainingRun:
    """Hold what training works with: the model, its data, and how it is validated."""

    recipe: Recipe
    model: ParaClapModel
    processor: ParaClapProcessor
    trained: dict[str, TrainedPart]
    clip_sets: list[ClipSet]
    bins: Bins | None
    inputs: AudioInputs
    planner: BatchPlanner
    validation: Validation
    texts: TextInputs
    ancestors: tuple[str, ...] = ()  # corpora of the model that this one starts from

    @property
    def hears_frozen_windows(self) -> bool:
        """Whether what the audio tower makes of fixed windows never changes, and can be computed once.

        What is heard relative to references changes with them.
        """
        has_windows = self.recipe.windows_per_clip > 0 and not self.model.takes_references
        return has_windows and pools_always_alike(self.model)

    def summary(self) -> str:
        """Say in a few lines what will be trained on what."""
        recipe = self.recipe
        lines = [f"recipe {recipe.name}: {recipe.steps} steps of {recipe.batch_size} clips"]
        table = describe_parts(self.model, self.trained, learning_rate=recipe.learning_rate)
        lines.extend(f"  {line}" for line in table)
        if self.hears_frozen_windows:
            lines.append(f"  the audio tower is frozen: {recipe.windows_per_clip} windows a clip are encoded once")
        for clips in self.clip_sets:
            train, dev = (len(clips.rows(split)) for split in ("train", "dev"))
            share = self.planner.shares[clips.name]
            lines.append(f"  {clips.name}: {train} train clips, {dev} dev clips, {share:.0%} of batches")
            if bad := clips.bad_files:
                lines.append(f"    left out: {len(bad)} files, the first: {bad[0].reason}")
        lines.append(f"  captions speak of {', '.join(recipe.captions.attributes)}")
        lines.append(f"  dev tasks: {', '.join(task.name for task in self.validation.tasks) or 'none'}")
        if unstated := self.find_unstated():
            lines.append(f"  asked on dev, but never stated of a train clip: {', '.join(map(str, unstated))}")
        return "\n".join(lines)

    def find_unstated(self) -> list[Fact]:
        """Return the classes of dev tasks that no caption of training can state: nothing teaches them."""
        asked = {
            Fact(str(task.label_set.attribute), label)
            for task in self.validation.tasks
            for label in task.labels
            if label
        }
        return sorted(asked - self._find_stated())

    def _find_stated(self) -> set[Fact]:
        stated: set[Fact] = set()
        allowed = self.recipe.captions.attributes
        for clips in self.clip_sets:
            for row in clips.rows("train"):
                if clips.captions is not None:
                    stated |= {fact for caption in clips.captions[row] for fact in caption.facts}
                else:
                    known = clips.facts[row].items()
                    stated |= {Fact(name, *levels) for name, levels in known if len(levels) == 1 and name in allowed}
        return stated


def prepare_run(recipe: Recipe) -> TrainingRun:
    """Build or load the model of a recipe, and load its data.

    Raises:
        ConfigError: if the recipe names no usable data, parts that do not exist, or no dev task comes of it.
        CorpusError: if a corpus cannot be read.
        ModelError: if a tower, or the model to start from, is not there.
    """
    if recipe.captions.needs_features:
        _check_opensmile()
    set_seed(recipe.seed)
    start = build_start(recipe.model)
    model, extractor = start.model, start.processor.feature_extractor
    trained = choose_parts(model.named_parameters(), recipe.parts)
    freeze(model, trained)
    if "text_tower" not in find_frozen_modules(model):
        model.config.text_reference = None  # it will not be the tower of that name any more, and is saved with the rest
    made = [make_corpus(recipe)] if recipe.made_clips else []
    vocabulary = load_vocabulary()
    mel_settings = extractor.mel_settings if isinstance(extractor, ParaClapFeatureExtractor) else None
    data = load_clips(
        recipe.model_copy(update={"manifests": (*recipe.manifests, *made)}),
        vocabulary=vocabulary,
        mel_settings=mel_settings,
        bins=start.bins,
    )
    inputs = make_inputs(data.clip_sets, recipe.augmentation, extractor)
    choice = None
    if isinstance(inputs, SpectrogramInputs):
        is_new = recipe.model.init is None
        inputs.references = prepare_references(model, data.clip_sets, inputs, is_new=is_new)
        choice = None if inputs.references is None else ReferenceChoice(data.clip_sets, recipe.references)
    run = TrainingRun(
        recipe=recipe,
        model=model,
        processor=start.processor,
        trained=trained,
        clip_sets=data.clip_sets,
        bins=data.bins,
        inputs=inputs,
        planner=BatchPlanner(
            data.clip_sets, recipe, vocabulary=vocabulary, disturbances=inputs.disturbances, references=choice
        ),
        validation=Validation(data.clip_sets, recipe, vocabulary=vocabulary, inputs=inputs),
        texts=TextInputs(model, start.processor, is_frozen="text_tower" in find_frozen_modules(model)),
        ancestors=start.ancestors,
    )
    if not run.validation.tasks:
        raise ConfigError(
            f"recipe {recipe.name}: no attribute has two classes on the dev split; add speakers or corpora"
        )
    if isinstance(inputs, SpectrogramInputs) and inputs.references is not None and recipe.windows_per_clip:
        inputs.references.windows = measure_windows(model, data.clip_sets, inputs, run.planner)
    return run


def _check_opensmile() -> None:
    """Say at once if captions speak of what cannot be measured here, and what else one can do."""
    try:
        find_opensmile()
    except ConfigError as error:
        raise ConfigError(f"{error}; or train on captions from labels alone: --set captions.variant=labels") from None
