"""Loading of any model that is known here, by what its folder says it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from paraclap.errors import ModelError, ParaClapError, list_known
from paraclap.inference.audio_text_model import DEFAULT_BATCH_SIZE, AudioTextModel
from paraclap.inference.onnx_runtime import OnnxClap, is_export
from paraclap.storage import read_json

if TYPE_CHECKING:  # imported where they are used: exported models do without torch
    from paraclap.inference.clap import ParaClap
    from paraclap.inference.laion_clap import LaionClap


def load_model(
    name_or_path: str | Path | None = None,
    *,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
) -> AudioTextModel:
    """Load the model inside the package, a model folder, or a hub id (which is downloaded), of any known kind.

    A folder that `paraclap export` wrote is run by onnxruntime, on the CPU and in float32.

    Args:
        name_or_path: folder or hub id; paraclap-mini, offline, if None.
        device: "cpu" if None, or "cuda", "cuda:1", "mps".
        dtype: of the computation: "float32" if None, or "bfloat16", "float16".
        batch_size: clips encoded together at most; 16 if None.

    Raises:
        ModelError: if there is no such model, it is of no known kind, its weights do not fit, the device or dtype
            does not exist or is none of an exported model, or what runs exported models is not installed.
        ConfigError: if the batch size is below 1.
    """
    if name_or_path is not None and is_export(Path(name_or_path)):
        return _load_export(Path(name_or_path), device, dtype, batch_size)
    from paraclap.inference.clap import MINI, ParaClap

    name = MINI if name_or_path is None else str(name_or_path)
    kind = ParaClap if name == MINI else _find_kind(name)
    return kind.from_pretrained(name, device=device, dtype=dtype, batch_size=batch_size)


def _load_export(folder: Path, device: str | None, dtype: str | None, batch_size: int | None) -> OnnxClap:
    for name, value, only in (("device", device, "cpu"), ("dtype", dtype, "float32")):
        if value not in (None, only):
            raise ModelError(f"{folder} is an exported model; expected the {name} {only!r}, found {value!r}")
    return OnnxClap(folder, batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size)


def _find_kind(name: str) -> "type[ParaClap] | type[LaionClap]":
    from paraclap.inference.clap import MINI, ParaClap
    from paraclap.inference.laion_clap import LaionClap
    from paraclap.models import resolve_folder

    kinds: dict[str, type[ParaClap] | type[LaionClap]] = {"clap": LaionClap, "paraclap": ParaClap}  # by model_type
    folder = Path(name) if Path(name).is_dir() else resolve_folder(name, known=[MINI], accept_checkpoint=True)
    file = folder / "config.json"
    if not file.is_file():
        return ParaClap  # which says what is missing
    try:
        config = read_json(file)
    except ParaClapError as error:
        raise ModelError(str(error)) from None
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(model_type, str):
        raise ModelError(f"{file} names no model_type; expected one of {', '.join(kinds)}")
    if model_type not in kinds:
        raise ModelError(
            f"{name} is a model of the unknown type {model_type!r}{list_known(model_type, kinds)}; "
            "others are made a paraclap.inference.AudioTextModel in Python"
        )
    return kinds[model_type]
