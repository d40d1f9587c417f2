"""The dual encoder: an audio tower and a text tower, each projected into one space and compared by cosine."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from paraclap.errors import ModelError
from paraclap.models.audio_families import build_audio_encoder
from paraclap.models.audio_pooling import AudioPooling
from paraclap.models.configuration import ParaClapConfig, ProsodyTowerConfig, read_config
from paraclap.models.prosody_tower import ProsodyTower
from paraclap.models.quiet import no_load_report
from paraclap.models.tower_parts import load_tower
from paraclap.models.weights import (
    align_weights,
    merge_reference,
    open_to_readers,
    read_weights,
    remove_weights,
    resolve_folder,
)

MAX_SCALE = 100.0  # of exp(logit_scale), as in CLIP (Radford et al. 2021, section 2.5)
_TEXT_PREFIX = "text_tower."
# What a model folder says of its weights.
_SIDE_FILES = ("README.md", "LICENSE", "training.json", "bins.json", "calibration.json")
Attention = str | Mapping[str, str] | None


@dataclass
class ParaClapOutput(ModelOutput):
    """Hold unit-length embeddings, logits both ways, and the loss if it was asked for."""

    loss: Tensor | None = None
    logits_per_audio: Tensor | None = None
    logits_per_text: Tensor | None = None
    text_embeds: Tensor | None = None
    audio_embeds: Tensor | None = None


class ParaClapProjection(nn.Module):
    """Project into the shared space: h = W1 x; LayerNorm(h + dropout(W2 gelu(h))) (ParaCLAP, section 2)."""

    def __init__(self, in_size: int, out_size: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(in_size, out_size, bias=False)
        self.linear2 = nn.Linear(out_size, out_size, bias=False)
        self.layer_norm = nn.LayerNorm(out_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Project `[B, H]` to `[B, D]`."""
        hidden = self.linear1(x)
        projected: Tensor = self.layer_norm(hidden + self.dropout(self.linear2(F.gelu(hidden))))
        return projected


class ParaClapModel(PreTrainedModel):
    """Embed voices and sentences in one space."""

    config_class = ParaClapConfig
    config: ParaClapConfig
    main_input_name = "input_features"
    base_model_prefix = "paraclap"
    input_modalities = ("audio", "text")
    _supports_sdpa = True
    source_folder: Path | None = None  # which it was loaded from
    _side_files: Mapping[str, bytes] | None = None  # of that folder

    def __init__(self, config: ParaClapConfig) -> None:
        super().__init__(config)
        self.audio_tower = build_audio_encoder(config.audio_config)
        self.text_tower = AutoModel.from_config(config.text_config)
        audio_size = config.audio_config.hidden_size
        self.audio_pooling = AudioPooling(
            audio_size, config.num_audio_states, pooling=config.audio_pooling, layer=config.audio_layer
        )
        sizes = config.projection_dim, config.projection_dropout
        pooled_size = 2 * audio_size if config.audio_pooling == "attentive" else audio_size
        self.audio_projection = ParaClapProjection(pooled_size, *sizes)
        self.text_projection = ParaClapProjection(config.text_config.hidden_size, *sizes)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, ParaClapModel):
            init.constant_(module.logit_scale, self.config.logit_scale_init_value)

    def get_audio_features(
        self,
        input_features: Tensor | None = None,
        audio_attention_mask: Tensor | None = None,
        input_values: Tensor | None = None,
        references: Tensor | None = None,
    ) -> Tensor:
        """Embed audio as unit vectors `[B, D]`.

        Args:
            input_features: spectrograms `[B, F, M]`, for towers that take those.
            audio_attention_mask: which frames `[B, F]` or samples `[B, T]` are real.
            input_values: waveforms `[B, T]`, for towers that take those.
            references: mean, variance and count of what `summarize_audio` says of other recordings of each clip's
                speaker or channel, `[B, 2 S + 1]`, for towers that take those.
        """
        return self.project_audio(self.pool_audio(input_features, audio_attention_mask, input_values, references))

    @property
    def takes_references(self) -> bool:
        """Whether other recordings of a speaker or channel can normalise what the audio tower hears."""
        return isinstance(self.audio_tower, ProsodyTower)

    def summarize_audio(self, input_features: Tensor, audio_attention_mask: Tensor | None = None) -> Tensor:
        """Return the statistics of clips `[B, S]`, of which references are made.

        Raises:
            ModelError: if the audio tower takes no references.
        """
        if not isinstance(self.audio_tower, ProsodyTower):
            raise ModelError(
                f"an audio tower of the type {self.config.audio_config.model_type} takes no references; expected "
                f"{ProsodyTowerConfig.model_type}"
            )
        return self.audio_tower.summarize(input_features, audio_attention_mask)

    def pool_audio(
        self,
        input_features: Tensor | None = None,
        audio_attention_mask: Tensor | None = None,
        input_values: Tensor | None = None,
        references: Tensor | None = None,
        voices: Tensor | None = None,
    ) -> Tensor:
        """Encode audio with the audio tower and pool it, before the projection: `[B, H]`.

        `references` and `voices` are those of `ProsodyTower`.
        """
        inputs = input_features if input_values is None else input_values
        if inputs is None:
            raise ValueError(f"found no audio; expected {self.config.audio_family.input}")
        own = {"references": references, "voices": voices}
        given = {name: value for name, value in own.items() if value is not None}
        pooled: Tensor = self.audio_pooling(self.audio_tower, inputs, audio_attention_mask, **given)
        return pooled

    def project_audio(self, pooled: Tensor) -> Tensor:
        """Project pooled audio `[B, H]` to unit vectors `[B, D]`."""
        return F.normalize(self.audio_projection(pooled), dim=-1)

    def get_text_features(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Embed tokens `[B, L]` with mask `[B, L]` as unit vectors `[B, D]`."""
        return self.project_text(self.pool_text(input_ids, attention_mask, token_type_ids))

    def pool_text(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Encode tokens `[B, L]` with the text tower and pool them, before the projection: `[B, H]`."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden: Tensor = self.text_tower(input_ids=input_ids, attention_mask=mask, **types).last_hidden_state
        if self.config.text_pooling == "cls":
            return hidden[:, 0]
        weights = mask[..., None].to(hidden.dtype)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)

    def project_text(self, pooled: Tensor) -> Tensor:
        """Project pooled texts `[B, H]` to unit vectors `[B, D]`."""
        return F.normalize(self.text_projection(pooled), dim=-1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        input_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        audio_attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        return_loss: bool = False,
        input_values: Tensor | None = None,
    ) -> ParaClapOutput:
        """Compare every audio with every text; with `return_loss`, the i-th text belongs to the i-th audio."""
        if input_ids is None or (input_features is None and input_values is None):
            raise ValueError(
                f"forward needs input_ids and {self.config.audio_family.input}; "
                "use get_text_features or get_audio_features"
            )
        audio_embeds = self.get_audio_features(input_features, audio_attention_mask, input_values)
        text_embeds = self.get_text_features(input_ids, attention_mask, token_type_ids)
        logits = self.logit_scale.exp() * audio_embeds @ text_embeds.T
        loss = None
        if return_loss:
            if len(audio_embeds) != len(text_embeds):
                raise ValueError(
                    f"found {len(audio_embeds)} audio and {len(text_embeds)} texts; a loss needs as many of both"
                )
            target = torch.arange(len(logits), device=logits.device)
            loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        return ParaClapOutput(
            loss=loss,
            logits_per_audio=logits,
            logits_per_text=logits.T,
            text_embeds=text_embeds,
            audio_embeds=audio_embeds,
        )

    @classmethod
    def from_towers(
        cls,
        audio_tower: str,
        text_tower: str,
        *,
        attn_implementation: Attention = None,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        **options: Any,
    ) -> "ParaClapModel":
        """Make a ParaCLAP from the weights of two towers; its projections are new and must be trained.

        Args:
            audio_tower: folder or hub id of an encoder whose family `audio_families.toml` lists.
            text_tower: folder or hub id of any encoder of transformers.
            attn_implementation: "sdpa", "eager", or one for each of "audio_config" and "text_config"; "sdpa" where a
                tower has it if None.
            dtype: of all weights, whatever the towers are stored in.
            device: of the model.
            options: of `ParaClapConfig`.

        Raises:
            ModelError: if a tower cannot be read, does not fit, lacks weights, or does not have the attention.
        """
        config = ParaClapConfig.from_towers(audio_tower, text_tower, **options)
        with _explain_attention(attn_implementation):
            model: ParaClapModel = cls._from_config(config, attn_implementation=attn_implementation)
        model.audio_tower.load_state_dict(load_tower(audio_tower).state_dict())
        model.text_tower.load_state_dict(load_tower(text_tower).state_dict())
        model.to(device=device, dtype=dtype)  # its towers are still in the precision that they are stored in
        return model

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Keep exp(logit_scale) at 100 or less; training calls this after every step."""
        self.logit_scale.clamp_(max=math.log(MAX_SCALE))

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str] | None, *model_args: Any, **kwargs: Any
    ) -> Any:
        """Load a model folder or hub id; a tower kept by reference is found, checked and merged before loading.

        The weights are float32 unless `dtype` says otherwise, also where the folder stores half precision.

        Raises:
            ModelError: if the folder is no model, the referenced tower is missing or another one, any key is missing,
                unexpected or of another shape, or a tower does not have the `attn_implementation`.
        """
        if kwargs.get("state_dict") is not None or pretrained_model_name_or_path is None:
            return super().from_pretrained(pretrained_model_name_or_path, *model_args, **kwargs)
        hub_options = {
            name: kwargs.pop(name)
            for name in ("cache_dir", "revision", "token", "local_files_only", "force_download")
            if name in kwargs
        }
        folder = resolve_folder(str(pretrained_model_name_or_path), **hub_options)
        config = kwargs.pop("config", None)
        if not isinstance(config, ParaClapConfig):
            config = read_config(folder)
        weights = merge_reference(read_weights(folder), config.text_reference, prefix=_TEXT_PREFIX)
        wanted_info = kwargs.pop("output_loading_info", False)
        if kwargs.get("dtype") in (None, "auto"):
            kwargs["dtype"] = torch.float32
        kwargs |= {"ignore_mismatched_sizes": True, "output_loading_info": True}  # refused below, with their names
        with no_load_report(), _explain_attention(kwargs.get("attn_implementation")):
            model, info = super().from_pretrained(None, *model_args, config=config, state_dict=weights, **kwargs)
        refuse_leftovers(info, folder)
        align_weights(model)
        model.config.name_or_path = str(pretrained_model_name_or_path)
        model.source_folder = folder.absolute()
        model._side_files = {name: (folder / name).read_bytes() for name in _SIDE_FILES if (folder / name).is_file()}
        return (model, info) if wanted_info else model

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *, include_towers: bool = False, **kwargs: Any
    ) -> None:
        """Save a model folder; a tower kept by reference is left out unless `include_towers`.

        Weights that an earlier save left in the folder are removed: it may have cut them into other files.
        """
        reference = self.config.text_reference
        state = kwargs.pop("state_dict", None) or self.state_dict()
        if reference is not None and include_towers:
            self.config.text_reference = None
        elif reference is not None:
            state = {key: value for key, value in state.items() if not key.startswith(_TEXT_PREFIX)}
        remove_weights(Path(save_directory))
        try:
            super().save_pretrained(save_directory, state_dict=state, **kwargs)
            open_to_readers(Path(save_directory))
        finally:
            self.config.text_reference = reference

    def _upload_modified_files(self, working_dir: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Add card, licence and the like of the model folder to what `push_to_hub` pushes, unless they are outdated.

        transformers calls this last, after it has written a bare card.
        """
        if self._side_files and self._has_weights_of_folder():
            for name, content in self._side_files.items():
                (Path(working_dir) / name).write_bytes(content)
        return super()._upload_modified_files(working_dir, *args, **kwargs)

    def _has_weights_of_folder(self) -> bool:
        loaded = type(self).from_pretrained(self.source_folder, dtype=self.dtype).state_dict()
        state = self.state_dict()
        return state.keys() == loaded.keys() and all(
            torch.equal(value.cpu(), loaded[key].to(value.dtype)) for key, value in state.items()
        )


@contextmanager
def _explain_attention(chosen: Attention) -> Iterator[None]:
    """Say in one sentence that a tower does not have the attention that was asked for."""
    try:
        yield
    except (ValueError, ImportError) as error:
        if chosen is None or "att" not in str(error).lower():
            raise
        reason = str(error).split(". ")[0].rstrip(".")
        raise ModelError(
            f"attn_implementation {chosen!r} cannot be used ({reason}); expected None, 'sdpa' or 'eager', or one of "
            "both for each of 'audio_config' and 'text_config'"
        ) from None


def refuse_leftovers(info: Any, folder: Path) -> None:
    """Refuse weights that were loaded with keys missing, left over or of another shape.

    Args:
        info: the loading info of transformers.
        folder: where the weights come from, for the message.

    Raises:
        ModelError: if there is any such key, with the names of the first.
    """
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        keys = sorted(_describe_key(key) for key in info.get(kind, ()))
        if keys:
            shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
            raise ModelError(
                f"{folder}: {kind.replace('_', ' ')}: {shown}; the weights do not fit config.json: "
                "save or convert the model again"
            )


def _describe_key(key: str | tuple[str, torch.Size, torch.Size]) -> str:
    if isinstance(key, str):
        return key
    name, found, expected = key
    return f"{name} of shape {list(found)} instead of {list(expected)}"


AutoModel.register(ParaClapConfig, ParaClapModel)
