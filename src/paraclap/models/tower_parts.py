"""Parts of somebody's tower, from a folder or a hub id: its configuration, weights, tokenizer or feature extraction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import AutoModel

from paraclap.errors import ModelError
from paraclap.models.quiet import no_load_report

_UNUSED = (
    "pooler.",
    "masked_spec_embed",
    "embeddings.position_ids",
)  # what pooling of frames and tokens never asks for
_REQUIRED: Any = object()


def load_tower_part(name: str, load: Callable[[str], Any], *, default: Any = _REQUIRED) -> Any:
    """Load a part of a tower.

    Args:
        name: folder or hub id of the tower.
        load: `from_pretrained` of what is loaded.
        default: what to return if the tower does not have it.

    Raises:
        ModelError: if it cannot be loaded and there is no default.
    """
    try:
        if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
            raise OSError("it has no config.json")  # some versions of transformers guess what it is from its name
        return load(name)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        if default is not _REQUIRED:
            return default
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelError(f"no tower {name!r} that can be read ({reason}); expected a folder or a hub id") from None


def load_tower(name: str) -> Any:
    """Load a tower with its weights; of an encoder-decoder, the encoder alone.

    Raises:
        ModelError: if it cannot be loaded, or lacks weights.
    """
    with no_load_report():
        tower, info = load_tower_part(name, lambda place: AutoModel.from_pretrained(place, output_loading_info=True))
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(_UNUSED))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(f"{name} has no weights for {missing[0]}{more}; expected a whole {tower.config.model_type}")
    return tower.get_encoder() if tower.config.is_encoder_decoder else tower
