"""Loading of what prepares audio and text for a model."""

from pathlib import Path
from typing import Any

from paraclap.errors import ModelError


def load_processor(kind: Any, folder: Path) -> Any:
    """Load the processor of a model folder.

    Args:
        kind: a class of processors, such as `ParaClapProcessor`.
        folder: of the model.

    Raises:
        ModelError: if the folder holds none, or one of another kind.
    """
    try:
        return kind.from_pretrained(folder)
    except (OSError, ValueError, TypeError, ImportError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".: ")
        raise ModelError(
            f"{folder} has no processor that can be loaded ({reason}); expected "
            "processor_config.json or preprocessor_config.json, tokenizer.json and tokenizer_config.json"
        ) from None
