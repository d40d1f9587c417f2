"""What stands beside exported graphs: all that a runtime must know of a model to make their input."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from paraclap.audio import ProsodySettings
from paraclap.errors import ModelError
from paraclap.models.dual_encoder import ParaClapModel
from paraclap.models.processing import ParaClapProcessor, count_max_tokens
from paraclap.models.weights import hash_weights
from paraclap.version import __version__

MASK_NAME = "audio_attention_mask"
_FORMAT_VERSION = 1
_FRAMES = ("own", "waveform")  # kinds of towers whose input the runtime makes without transformers


@dataclass(frozen=True)
class ModelOrigin:
    """Say where a model comes from: its name, the corpora it was trained on (None if unknown), its licence file."""

    name: str = "unnamed"
    training_corpora: tuple[str, ...] | None = None
    licence_file: Path | None = None


def describe_export(
    model: ParaClapModel, processor: ParaClapProcessor, origin: ModelOrigin, *, int8: bool
) -> dict[str, Any]:
    """Return the content of onnx.json.

    Args:
        model: to be exported.
        processor: of the model.
        origin: of the model.
        int8: whether weights are rounded to 8 bits.

    Raises:
        ModelError: if the audio tower hears other spectrograms than ours, the tokenizer has no tokenizer.json, or the
            model is not in float32 on the CPU.
    """
    family, parameter = model.config.audio_family, next(model.parameters())
    if family.frames not in _FRAMES:
        raise ModelError(
            f"an audio tower of the type {family.name} cannot be exported: the ONNX runtime makes log-mel spectrograms "
            "of our own and raw waveforms; expected a tower of ours, or one that hears waveforms, such as wav2vec2"
        )
    if (parameter.dtype, parameter.device.type) != (torch.float32, "cpu"):
        raise ModelError(f"the model is {parameter.dtype} on {parameter.device}; expected torch.float32 on cpu")
    tokenizer = processor.tokenizer
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError(f"{type(tokenizer).__name__} has no tokenizer.json; expected a tokenizer of tokenizers (fast)")
    extractor = processor.feature_extractor
    audio: dict[str, Any] = {"input": family.input, "mask": MASK_NAME}
    if family.frames == "own":
        kind = "prosody" if isinstance(extractor.mel_settings, ProsodySettings) else "log_mel"
        audio |= {"kind": kind, kind: asdict(extractor.mel_settings)}
    else:
        inner = extractor.make_inner()
        wanted = {"normalize": bool(inner.do_normalize), "padding_value": float(inner.padding_value)}
        audio |= {"kind": "waveform", "waveform": wanted}
    return {
        "format_version": _FORMAT_VERSION,
        "paraclap": __version__,
        "model": origin.name,
        "fingerprint": hash_weights(model.state_dict()),
        "training_corpora": origin.training_corpora,
        "licence": _note_licence(model, origin),
        "int8": int8,
        "logit_scale": float(model.logit_scale.detach().exp()),
        "embedding_size": model.config.projection_dim,
        "sampling_rate": extractor.sampling_rate,
        "max_duration": family.max_duration,
        "sees_padding": model.config.sees_padding,
        "audio": audio,
        "text": {
            "max_tokens": count_max_tokens(tokenizer, model.text_tower),
            "pad_id": tokenizer.pad_token_id,
            "pad_token": tokenizer.pad_token,
            "padding": tokenizer.padding_side,
        },
    }


def _note_licence(model: ParaClapModel, origin: ModelOrigin) -> str:
    tower = (model.config.text_reference or {}).get("id")
    towers = f" and of its text tower {tower}, each with its own licence" if tower else ""
    where = ": see LICENSE beside this file" if origin.licence_file else " and stay under its licence"
    return f"The graphs hold the weights of {origin.name}{towers}{where}."
