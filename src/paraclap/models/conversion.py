"""The published ParaCLAP checkpoint: read without running code, every key accounted for, written as a model folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from paraclap.errors import ModelError
from paraclap.models.configuration import ParaClapConfig
from paraclap.models.dual_encoder import ParaClapModel
from paraclap.models.processing import ParaClapProcessor
from paraclap.models.published_card import AUDIO_TOWER, TEXT_TOWER, write_card, write_licence_note
from paraclap.models.quiet import no_progress_bars
from paraclap.models.weights import PUBLISHED_CHECKPOINT, drop_position_ids
from paraclap.storage import hash_file, write_folder_atomic

_PREFIXES = {"audio_branch.base.": "audio_tower.", "text_branch.base.": "text_tower."}  # published and ours
_WEIGHT_NORM = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
_POSITIONAL_CONVOLUTION = "pos_conv_embed.conv."
_NESTED = ("state_dict", "model_state_dict", "model")  # where training scripts keep the weights in a larger checkpoint
_PARALLEL = "module."  # what DataParallel writes before each key
_NUM_NAMED = 3  # keys that a message names


def convert_checkpoint(
    checkpoint: Path, *, audio_tower: str = AUDIO_TOWER, text_tower: str = TEXT_TOWER
) -> tuple[ParaClapModel, ParaClapProcessor]:
    """Read a checkpoint in the published layout as a model and its processor.

    Of the towers, configuration and tokenizer are read; all weights come from the checkpoint. Waveforms are not
    normalised, as in the published code.

    Args:
        checkpoint: file with the state dict, such as best.pth.tar.
        audio_tower: folder or hub id of the audio tower that it was trained with.
        text_tower: folder or hub id of the text tower that it was trained with.

    Raises:
        ModelError: if the checkpoint cannot be read as tensors alone, a tower cannot be read, or any key is missing,
            left over, or of another shape than the towers have.
    """
    state = _read_state(checkpoint)
    drop_position_ids(state, "text_branch.base.embeddings.position_ids", source=str(checkpoint))
    first = state.get("audio_projection.linear1.weight")
    if first is None or first.ndim != 2 or not first.numel():
        found = "nothing" if not state else _name_some(sorted(state))
        raise ModelError(
            f"{checkpoint} has no audio_projection.linear1.weight as a matrix; expected the keys of the published "
            f"ParaCLAP, found {found}"
        )
    scale = state.get("logit_scale")  # if it is missing or no single number, it is refused below by its name
    options = {} if scale is None or scale.ndim else {"logit_scale_init_value": scale.item()}
    config = ParaClapConfig.from_towers(
        audio_tower,
        text_tower,
        projection_dim=len(first),
        projection_dropout=0.5,
        audio_pooling="mean",
        text_pooling="cls",
        **options,
    )
    source = f"{checkpoint} is no ParaCLAP of the towers {audio_tower!r} and {text_tower!r}"
    _check_keys(state, config, source=source)
    processor = ParaClapProcessor.from_towers(audio_tower, text_tower, normalize=False)
    with no_progress_bars():
        model: ParaClapModel = ParaClapModel.from_pretrained(
            None,
            config=config,
            state_dict={_find_our_name(name): value for name, value in state.items()},
            dtype=torch.float32,
        )
    model.eval()
    return model, processor


def write_converted(
    checkpoint: Path, folder: Path, *, audio_tower: str = AUDIO_TOWER, text_tower: str = TEXT_TOWER
) -> ParaClapModel:
    """Write a checkpoint in the published layout as a model folder with its card, and return the model.

    Args:
        checkpoint: file with the state dict, such as best.pth.tar.
        folder: to make; it appears whole or not at all.
        audio_tower: folder or hub id of the audio tower that it was trained with.
        text_tower: folder or hub id of the text tower that it was trained with.

    Raises:
        ModelError: if the folder holds something or cannot be written, or the checkpoint cannot be converted.
    """
    with write_folder_atomic(folder, error_type=ModelError) as new:
        model, processor = convert_checkpoint(checkpoint, audio_tower=audio_tower, text_tower=text_tower)
        _save_weights(model, new)
        processor.save_pretrained(new)
        card = write_card(
            model.config, checkpoint_sha256=hash_file(checkpoint), audio_tower=audio_tower, text_tower=text_tower
        )
        (new / "README.md").write_text(card, encoding="utf-8")
        (new / "LICENSE").write_text(write_licence_note(), encoding="utf-8")
    return model


def _save_weights(model: ParaClapModel, folder: Path) -> None:
    try:
        with no_progress_bars():
            model.save_pretrained(folder)
    except SafetensorError as error:  # of a full disk, for one
        raise OSError(str(error)) from None


def _read_state(checkpoint: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, out of the nesting and from under the prefix that training scripts add."""
    if not checkpoint.is_file():
        found = "is a folder" if checkpoint.is_dir() else "is not there"
        raise ModelError(
            f"{checkpoint} {found}; expected a checkpoint file: "
            f"{PUBLISHED_CHECKPOINT} is at https://huggingface.co/KeiKinn/paraclap"
        )
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except PermissionError as error:  # other OSErrors come from damaged bytes too
        raise ModelError(f"{checkpoint} cannot be read ({error.strerror}); expected a checkpoint file") from None
    except Exception as error:  # damaged bytes make pickle raise nearly anything, with advice to load them unsafely
        is_code = "GLOBAL" in str(error) or "legacy .tar" in str(error)
        found = "holds more than tensors, which could run code" if is_code else "is damaged or no checkpoint"
        raise ModelError(f"{checkpoint} {found}; expected a state dict as torch.save writes it") from None
    inner = [content[name] for name in _NESTED if isinstance(content, Mapping) and name in content]
    if len(inner) == 1 and isinstance(inner[0], Mapping):
        content = inner[0]
    if not isinstance(content, Mapping):
        raise ModelError(f"{checkpoint} holds a {type(content).__name__}; expected a state dict: names with tensors")
    others = [name for name, value in content.items() if not isinstance(name, str) or not isinstance(value, Tensor)]
    if others:
        raise ModelError(
            f"{checkpoint} holds {others[0]!r}, which is no tensor with a name; expected a state dict, alone or as one "
            f"of {', '.join(_NESTED)}"
        )
    is_parallel = all(name.startswith(_PARALLEL) for name in content)
    prefix = _PARALLEL if is_parallel else ""
    return _respell({name.removeprefix(prefix): value for name, value in content.items()}, checkpoint)


def _respell(state: Mapping[str, Tensor], checkpoint: Path) -> dict[str, Tensor]:
    """Spell the weight norm of the positional convolution as torch does from 2.1 on."""
    respelled: dict[str, Tensor] = {}
    for name, value in state.items():
        place, convolution, weight = name.rpartition(_POSITIONAL_CONVOLUTION)
        is_old = bool(convolution) and weight in _WEIGHT_NORM
        spelled = place + convolution + _WEIGHT_NORM[weight] if is_old else name
        if is_old and spelled in state:
            raise ModelError(f"{checkpoint} holds both {name} and {spelled}; expected one of them")
        respelled[spelled] = value
    return respelled


def _find_our_name(name: str) -> str:
    return _swap_prefix(name, _PREFIXES)


def _find_published_name(name: str) -> str:
    return _swap_prefix(name, {ours: published for published, ours in _PREFIXES.items()})


def _swap_prefix(name: str, prefixes: Mapping[str, str]) -> str:
    prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
    return name if prefix is None else prefixes[prefix] + name.removeprefix(prefix)


def _check_keys(state: Mapping[str, Tensor], config: ParaClapConfig, *, source: str) -> None:
    """Refuse a state dict that does not hold exactly what a model of this configuration has."""
    with torch.device("meta"):  # names and shapes without memory
        ours = ParaClapModel(config).state_dict()
    expected = {_find_published_name(name): list(value.shape) for name, value in ours.items()}
    found = {name: list(value.shape) for name, value in state.items()}
    problems = {
        "missing keys": [name for name in expected if name not in found],
        "keys left over": [name for name in found if name not in expected],
        "mismatched keys": [
            f"{name} of shape {found[name]} instead of {expected[name]}"
            for name in expected
            if found.get(name, expected[name]) != expected[name]
        ],
    }
    told = [f"{kind}: {_name_some(names)}" for kind, names in problems.items() if names]
    if told:
        raise ModelError(f"{source}, {'; '.join(told)}; name the towers that it was trained with")


def _name_some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _NUM_NAMED
    return ", ".join(listed[:_NUM_NAMED]) + (f" and {more} more" if more > 0 else "")
