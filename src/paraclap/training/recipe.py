"""Training recipes: YAML files with only what differs from the defaults below; an unknown key is an error."""

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from paraclap.errors import ConfigError, list_known
from paraclap.training.losses import LossKind
from paraclap.training.parts import PartSettings
from paraclap.training.settings import (
    AugmentationSettings,
    CaptionRecipe,
    CorpusSettings,
    ModelSettings,
    ReferenceSettings,
    Settings,
    check_attributes,
    check_range,
)


class Recipe(Settings):
    """Hold everything that a training run depends on, with its defaults."""

    name: str
    seed: int = 0
    corpora_root: Path = Path("build/corpora")
    corpora: tuple[CorpusSettings, ...] = ()
    manifests: tuple[Path, ...] = ()  # manifests of the user's own, beside or instead of the corpora
    cache: Path = Path("build/mels")
    model: ModelSettings = ModelSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    references: ReferenceSettings = ReferenceSettings()  # for towers that take them
    parts: tuple[PartSettings, ...] = (PartSettings(match="text_tower.*", train=False),)  # later rows win
    made_clips: int = Field(0, ge=0)  # clips of hummed tones made for a trial, beside or instead of the corpora
    windows_per_clip: int = Field(0, ge=0)  # fixed windows in which a clip is heard; always another one if 0
    sampling_temperature: float = Field(0.5, ge=0, le=1)  # 0: corpora equally often, 1: by their size
    steps: int = Field(3000, gt=0)
    batch_size: int = Field(64, gt=1)
    captions_per_clip: int = Field(2, gt=0)
    balance: tuple[str, ...] = ()  # attributes whose classes, together, come up more evenly within a corpus
    balance_temperature: float = Field(0.5, ge=0, le=1)  # 0: classes equally often, 1: as they are
    unlisted: tuple[str, ...] = ()  # attributes of which a corpus says nothing of the levels that none of its clips has
    loss: LossKind = "contrastive"  # see training/losses.py
    smoothing: float = Field(0.0, ge=0, lt=1)  # share of the target that is spread over all pairs
    attribute_loss_weight: float = Field(1.0, ge=0)  # of the loss within single attributes, beside that over all
    captions: CaptionRecipe = CaptionRecipe()
    features_cache: Path | None = None  # of openSMILE's features; the user's own cache folder, if None
    caption_tables: tuple[Path, ...] = ()  # captions written beforehand, of corpora or manifests above
    attribute_weights: dict[str, float] = Field(
        default_factory=dict
    )  # how much more often than others an attribute is spoken of
    crop_seconds: tuple[float, float] = (1.5, 4.0)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_steps: int = Field(200, ge=0)
    max_gradient_norm: float = Field(1.0, gt=0)
    average_decay: float = Field(0.998, ge=0, lt=1)  # of the moving average of the weights, which is what is saved
    device: Literal["cpu"] | None = None  # a GPU if there is one and this is None
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    chunk_size: int | None = Field(None, gt=0)  # clips of a process that pass the towers at once; all of them if None
    accumulation_steps: int = Field(1, gt=0)  # batches whose gradients make one step
    gradient_checkpointing: bool = False  # of the audio tower: less memory, more computation
    compile: bool = False  # by torch.compile
    shard_parameters: bool = False  # spread what trains, its gradients and its optimiser over the processes (FSDP)
    workers: int = Field(1, ge=0)  # processes that read and disturb audio
    final_learning_rate: float = Field(0.01, ge=0, le=1)  # at the end of the half cosine, as a share
    patience: int | None = Field(None, gt=0)  # validations without a better one, after which training ends
    save_dtype: Literal["float32", "float16"] = "float32"
    validate_every: int = Field(250, gt=0)  # steps
    max_dev_clips: int = Field(300, gt=0)  # of each corpus in every validation, drawn once
    licence: str = "unspecified"  # of the weights
    licence_text: str = ""

    @field_validator("crop_seconds")
    @classmethod
    def _check_crop(cls, value: tuple[float, float]) -> tuple[float, float]:
        return check_range(value, 0.0)

    @field_validator("balance", mode="before")
    @classmethod
    def _wrap_balance(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else () if value is None else value

    @field_validator("balance", "unlisted")
    @classmethod
    def _check_attributes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_attributes(value)
        return value

    @field_validator("shard_parameters")
    @classmethod
    def _check_shards(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("precision") == "float16":
            raise ValueError("expected precision bfloat16 or float32 beside it: float16 scales whole gradients")
        if value and info.data.get("compile"):
            raise ValueError("expected compile: false beside it: layers that are gathered one by one break its graphs")
        return value

    @field_validator("attribute_weights")
    @classmethod
    def _check_weights(cls, value: dict[str, float]) -> dict[str, float]:
        check_attributes(value)
        if not all(0 < weight < math.inf for weight in value.values()):
            raise ValueError("expected weights above 0; a corpus' own attributes say what may be said of it")
        return value


def list_recipes() -> list[str]:
    """List the recipes that come with paraclap."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in (files("paraclap") / "configs").iterdir()
        if entry.name.endswith(".yaml")
    )


def load_recipe(name_or_path: str, *, overrides: Sequence[str] = ()) -> Recipe:
    """Load a recipe by name or path, with `key=value` overrides; dots reach inside (`model.depth=2`), values are YAML.

    A recipe with the key `base` is another recipe, by name or path, of which its own keys replace those of that name.

    Raises:
        ConfigError: if there is no such recipe, it is not YAML, a recipe is its own base, or a key or value does not
            exist or does not fit.
    """
    values = _read_values(name_or_path)
    values.setdefault("name", Path(name_or_path).stem)
    for override in overrides:
        _override(values, override)
    return parse_recipe(values)


def _read_values(name_or_path: str, *, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read the keys of a recipe over those of its base."""
    if name_or_path in seen:
        raise ConfigError(f"recipe {name_or_path} is its own base ({' of '.join(seen)}); expected another one")
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ConfigError(f"no recipe file {path}")
        text = _read_text(path)
    elif name_or_path in list_recipes():
        text = (files("paraclap") / "configs" / f"{name_or_path}.yaml").read_text(encoding="utf-8")
    else:
        known = list_recipes()
        raise ConfigError(f"no recipe {name_or_path!r}{list_known(name_or_path, known)}, or a path ending in .yaml")
    values = _parse_yaml(text, where=name_or_path)
    if not isinstance(values, dict):
        raise ConfigError(f"recipe {name_or_path}: found {type(values).__name__}; expected keys and values")
    base = values.pop("base", None)
    return values if base is None else _read_values(str(base), seen=(name_or_path, *seen)) | values


def parse_recipe(values: dict[str, Any]) -> Recipe:
    """Check values as a recipe.

    Raises:
        ConfigError: if a key or value does not exist or does not fit.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"recipe: {where} is {first['input']!r}; {first['msg'].removeprefix('Value error, ')}"
    known = _known_keys(Recipe, first["loc"][:-1])
    return f"recipe: unknown key {where!r}{list_known(str(first['loc'][-1]), known)}"


def _known_keys(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Return the keys of the settings that a path of an error leads to."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            annotation: Any = model.model_fields[part].annotation
            inner = getattr(annotation, "__args__", (annotation,))[0]
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return list(model.model_fields)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text ({error}); expected a YAML file in UTF-8") from None


def _override(values: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {override!r}; expected key=value, such as steps=1000")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override!r}: {parent!r} holds no keys")
    values[last] = _parse_yaml(value, where=f"--set {override}")


def _parse_yaml(text: str, *, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML ({' '.join(str(error).split())})") from None
