"""What a service may say of its model: a name that is no path, and the licence that its card names."""

from importlib.resources import files
from pathlib import Path

import yaml

from paraclap.inference import MINI

_CARD = "README.md"
_FENCE = "---"


def find_shown_name(name: str) -> str:
    """Return the name of a model; of a folder its last part."""
    return Path(name).absolute().name if Path(name).exists() else name


def find_licence(name: str) -> str | None:
    """Return the licence that the card of a model names, as people write it; None if nobody says."""
    card = (Path(str(files("paraclap.models") / "mini")) if name == MINI else Path(name)) / _CARD
    if not card.is_file():
        return None
    _, fence, rest = card.read_text(encoding="utf-8", errors="replace").partition(f"{_FENCE}\n")
    try:
        head = yaml.safe_load(rest.partition(f"\n{_FENCE}")[0]) if fence else None
    except yaml.YAMLError:
        return None
    licence = head.get("license") if isinstance(head, dict) else None
    return format_licence(licence) if isinstance(licence, str) else None


def format_licence(licence: str) -> str:
    """Return an identifier of model cards as people write it: "cc-by-nc-sa-4.0" is "CC BY-NC-SA 4.0"."""
    parts = licence.split("-")
    if parts[0] != "cc" or len(parts) < 3:
        return licence
    return f"CC {'-'.join(parts[1:-1]).upper()} {parts[-1]}"
