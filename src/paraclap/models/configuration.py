"""Configurations of the mel tower and of the dual encoder, in Hugging Face's form."""

import copy
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PretrainedConfig

from paraclap.errors import ModelError, ParaClapError
from paraclap.models.audio_families import AudioFamily, find_audio_family
from paraclap.models.tower_parts import load_tower_part
from paraclap.storage import read_json

_REFERENCE_KEYS = ("id", "package", "sha256")


class MelTowerConfig(PretrainedConfig):
    """Say how large the mel tower is.

    Args:
        num_mels: mel bands of the input, M.
        channels: channels of the stages; every stage halves time and frequency.
        depth: residual blocks in every stage.
        hidden_size: size of the pooled output, H.
        dropout: share of the pooled statistics that training drops.
    """

    model_type = "paraclap_mel"

    def __init__(
        self,
        num_mels: int = 64,
        channels: tuple[int, ...] | list[int] = (32, 64, 128, 256),
        depth: int = 1,
        hidden_size: int = 512,
        dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        _check_counts(num_mels=num_mels, depth=depth, hidden_size=hidden_size)
        if not channels:
            raise ValueError("channels is empty; expected one number or more")
        _check_counts(**{f"channels[{stage}]": width for stage, width in enumerate(channels)})
        self.num_mels = num_mels
        self.channels = list(channels)
        self.depth = depth
        self.hidden_size = hidden_size
        self.dropout = dropout
        super().__init__(**kwargs)


class ProsodyTowerConfig(PretrainedConfig):
    """Say how large the prosody tower is.

    Args:
        num_mels: mel bands of the input, M.
        min_frequency: Hz, where the lowest band begins.
        max_frequency: Hz, where the highest band ends.
        relative_size: of the branch that hears utterances relative to references.
        voice_size: of the branch that hears the voice as it is.
        dropout: share of the hidden values of both that training drops.
        prior_count: how many reference clips the training speakers count as.
    """

    model_type = "paraclap_prosody"

    def __init__(
        self,
        num_mels: int = 64,
        min_frequency: float = 20.0,
        max_frequency: float = 7600.0,
        relative_size: int = 512,
        voice_size: int = 256,
        dropout: float = 0.6,
        prior_count: float = 1.0,
        **kwargs: Any,
    ) -> None:
        _check_counts(num_mels=num_mels, relative_size=relative_size, voice_size=voice_size)
        if not prior_count > 0:
            raise ValueError(f"prior_count is {prior_count!r}; expected a number above 0")
        self.num_mels = num_mels
        self.min_frequency = min_frequency
        self.max_frequency = max_frequency
        self.relative_size = relative_size
        self.voice_size = voice_size
        self.hidden_size = relative_size + voice_size
        self.dropout = dropout
        self.prior_count = prior_count
        kwargs.pop("hidden_size", None)
        super().__init__(**kwargs)


class ParaClapConfig(PretrainedConfig):
    """Say which towers a ParaCLAP has and how they meet.

    Args:
        audio_config: configuration of the audio tower, or its dictionary with `model_type`.
        text_config: configuration of the text tower, likewise.
        projection_dim: size of the shared space, D.
        projection_dropout: dropout inside both projections.
        logit_scale_init_value: log of the scale at the start, log(1/0.07) as in CLIP.
        text_pooling: "mean" over tokens, or "cls".
        audio_pooling: "tower" (the encoder's own), "mean" over frames, "attentive" (weighted mean and deviation) or
            "cls" (first token); the mel tower's own, or else the mean, if None.
        audio_layer: hidden state of the audio tower that is pooled: a number, from 0 (before the first layer) or from
            -1 (the last) down, "mix" for a learned weighting of all, or None for the last.
        text_reference: `{"id", "package", "sha256"}` of a text tower that the folder names but does not hold; None if
            it holds it.
    """

    model_type = "paraclap"
    sub_configs = {"audio_config": AutoConfig, "text_config": AutoConfig}  # noqa: RUF012

    def __init__(
        self,
        audio_config: PretrainedConfig | dict[str, Any] | None = None,
        text_config: PretrainedConfig | dict[str, Any] | None = None,
        projection_dim: int = 256,
        projection_dropout: float = 0.5,
        logit_scale_init_value: float = 2.6592600,
        text_pooling: str = "mean",
        text_reference: dict[str, str] | None = None,
        audio_pooling: str | None = None,
        audio_layer: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        if text_pooling not in ("mean", "cls"):
            raise ValueError(f"text_pooling is {text_pooling!r}; expected 'mean' or 'cls'")
        if text_reference is not None and sorted(text_reference) != sorted(_REFERENCE_KEYS):
            raise ValueError(f"text_reference has {sorted(text_reference)}; expected {', '.join(_REFERENCE_KEYS)}")
        _check_counts(projection_dim=projection_dim)
        self.audio_config = _as_config(audio_config, default="paraclap_mel")
        self.text_config = _as_config(text_config, default="bert")
        self.projection_dim = projection_dim
        self.projection_dropout = projection_dropout
        self.logit_scale_init_value = logit_scale_init_value
        self.text_pooling = text_pooling
        self.text_reference = text_reference
        self.audio_pooling = audio_pooling or ("tower" if self.audio_family.frames == "own" else "mean")
        self.audio_layer = audio_layer
        self._check_audio()
        super().__init__(**kwargs)

    @classmethod
    def from_towers(cls, audio_tower: str, text_tower: str, **options: Any) -> "ParaClapConfig":
        """Make the configuration of a ParaCLAP from two towers, of which only the configurations are read.

        Args:
            audio_tower: folder or hub id of an encoder whose family `audio_families.toml` lists.
            text_tower: folder or hub id of any encoder of transformers.
            options: of this class, such as `projection_dim`, `audio_pooling` or `text_pooling`.

        Raises:
            ModelError: if a tower cannot be read, the audio tower is of no known family, or an option does not fit.
        """
        audio, text = (load_tower_part(name, AutoConfig.from_pretrained) for name in (audio_tower, text_tower))
        try:
            return cls(audio_config=audio, text_config=text, **options)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{audio_tower} and {text_tower} cannot be joined: {error}") from None

    @property
    def audio_family(self) -> AudioFamily:
        """The family that the audio tower belongs to."""
        return find_audio_family(self.audio_config.model_type)

    @property
    def sees_padding(self) -> bool:
        """Tell if padding changes the vector of a clip, so that batches must be of equal length."""
        return not self.audio_family.is_blind_to_padding(self.audio_config)

    @property
    def num_audio_states(self) -> int:
        """Count the hidden states of the audio tower, the one before its first layer included."""
        config = self.audio_config  # of a Whisper, num_hidden_layers are those of the decoder in some versions
        return 1 + int(getattr(config, "encoder_layers", 0) or getattr(config, "num_hidden_layers", 0))

    def _check_audio(self) -> None:
        frames = self.audio_family.frames
        known = {"own": ("tower",), "patches": ("mean", "attentive", "cls")}.get(frames, ("mean", "attentive"))
        if self.audio_pooling not in known:
            raise ValueError(
                f"audio_pooling is {self.audio_pooling!r}; for {self.audio_config.model_type} expected {_either(known)}"
            )
        if self.audio_layer is None or (self.audio_layer == "mix" and frames != "own"):
            return
        if frames == "own" or not isinstance(self.audio_layer, int):
            expected = "None" if frames == "own" else "a number, 'mix' or None"
            raise ValueError(f"audio_layer is {self.audio_layer!r}; expected {expected}")
        if not -self.num_audio_states <= self.audio_layer < self.num_audio_states:
            raise ValueError(f"audio_layer is {self.audio_layer}; expected a number up to {self.num_audio_states - 1}")


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(repr(name) for name in names)


def read_config(folder: Path) -> ParaClapConfig:
    """Read the config.json of a model folder.

    Raises:
        ModelError: if it is no JSON, of another kind of model, or has a value that does not exist.
    """
    try:
        values = read_json(folder / "config.json")
    except ParaClapError as error:
        raise ModelError(str(error)) from None
    found = values.get("model_type") if isinstance(values, dict) else None
    if found != ParaClapConfig.model_type:
        raise ModelError(f"{folder} holds a model of type {found!r}; expected {ParaClapConfig.model_type!r}")
    try:
        config: ParaClapConfig = ParaClapConfig.from_pretrained(folder)
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder / 'config.json'}: {reason}") from None
    return config


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; expected a whole number above 0")


def _as_config(config: PretrainedConfig | dict[str, Any] | None, *, default: str) -> PretrainedConfig:
    """Return the config of a tower, without the path that it was read from: saved configs name no machine's folders."""
    if isinstance(config, PretrainedConfig):
        own = copy.deepcopy(config)
    else:
        values = dict(config or {})
        own = AutoConfig.for_model(values.pop("model_type", default), **values)
    own.name_or_path = ""
    return own


AutoConfig.register("paraclap_mel", MelTowerConfig)
AutoConfig.register("paraclap_prosody", ProsodyTowerConfig)
AutoConfig.register("paraclap", ParaClapConfig)
