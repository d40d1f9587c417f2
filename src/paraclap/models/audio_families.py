"""What differs between families of audio encoders: rows of data, and what each kind of output means."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from paraclap.errors import list_known
from paraclap.models.conv_front_end import speed_up_front_end


@dataclass(frozen=True)
class AudioFamily:
    """Say how the encoders of one family take audio and give frames; audio_families.toml explains the fields."""

    name: str
    input: str
    frames: str
    extractor: str | None = None
    sees_padding: bool | Mapping[str, Any] = False
    max_duration: float | None = None

    def is_blind_to_padding(self, config: PretrainedConfig) -> bool:
        """Tell if padding leaves a clip's vector alone, for an encoder of this configuration."""
        if isinstance(self.sees_padding, bool):
            return not self.sees_padding
        return any(getattr(config, name, None) != value for name, value in self.sees_padding.items())


@cache
def load_audio_families() -> Mapping[str, AudioFamily]:
    """Return all families by the model type of their configuration."""
    text = (resources.files("paraclap.models") / "audio_families.toml").read_text(encoding="utf-8")
    return {name: AudioFamily(name, **row) for name, row in tomllib.loads(text).items()}


def find_audio_family(model_type: str) -> AudioFamily:
    """Return the family of a model type.

    Raises:
        ValueError: if no audio tower is known to be of that type.
    """
    families = load_audio_families()
    if model_type not in families:
        raise ValueError(f"no audio tower of the type {model_type!r}{list_known(model_type, list(families))}")
    return families[model_type]


def build_audio_encoder(config: PretrainedConfig) -> PreTrainedModel:
    """Build the encoder of a configuration with new weights; of an encoder-decoder, its encoder alone."""
    if find_audio_family(config.model_type).frames == "padded":
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        encoder: PreTrainedModel = WhisperEncoder._from_config(config)
    else:
        encoder = AutoModel.from_config(config)
    speed_up_front_end(encoder)
    return encoder


def run_audio_encoder(encoder: PreTrainedModel, inputs: Tensor, mask: Tensor | None, **options: Any) -> Any:
    """Run an encoder on waveforms `[B, T]` or spectrograms `[B, F, M]` with the mask of what is real."""
    family = find_audio_family(encoder.config.model_type)
    if family.frames == "own":
        return encoder(inputs, mask, **options)
    if mask is not None and family.frames in ("waveform", "spectrogram"):
        options["attention_mask"] = mask
    return encoder(**{family.input: inputs}, **options)


def find_frame_mask(encoder: PreTrainedModel, mask: Tensor | None, hidden: Tensor) -> Tensor:
    """Return which frames of the output `[B, F', H]` are real, as `[B, F']` of booleans."""
    family = find_audio_family(encoder.config.model_type)
    if mask is None and family.frames != "patches":
        return torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
    return _FRAME_MASKS[family.frames](encoder, mask, hidden).bool()


def _mask_waveform(encoder: PreTrainedModel, mask: Tensor, hidden: Tensor) -> Tensor:
    found: Tensor = encoder._get_feature_vector_attention_mask(hidden.shape[1], mask)
    return found


def _mask_spectrogram(encoder: PreTrainedModel, mask: Tensor, hidden: Tensor) -> Tensor:
    return _mask_waveform(encoder, mask, hidden) if encoder.config.add_adapter else mask


def _mask_padded(encoder: PreTrainedModel, mask: Tensor, hidden: Tensor) -> Tensor:
    return mask[:, :: -(-mask.shape[1] // hidden.shape[1])]


def _mask_patches(encoder: PreTrainedModel, mask: Tensor | None, hidden: Tensor) -> Tensor:
    """A patch is real if it begins in a real frame; the two tokens before the patches are of no time."""
    config = encoder.config
    num_bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
    num_times = (config.max_length - config.patch_size) // config.time_stride + 1
    first = torch.arange(num_times, device=hidden.device) * config.time_stride
    times = torch.ones(len(hidden), num_times, device=hidden.device) if mask is None else mask[:, first]
    nothing = torch.zeros(len(hidden), hidden.shape[1] - num_bands * num_times, device=hidden.device)
    return torch.cat([nothing, times.repeat(1, num_bands)], dim=1)


_FRAME_MASKS: Mapping[str, Callable[[PreTrainedModel, Any, Tensor], Tensor]] = {
    "waveform": _mask_waveform,
    "spectrogram": _mask_spectrogram,
    "padded": _mask_padded,
    "patches": _mask_patches,
}
