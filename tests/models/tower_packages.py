"""Text towers as installed packages and as entries of the hub's cache, and a wall before the network."""

import socket
from pathlib import Path
from typing import NoReturn

import pytest
from safetensors.torch import save_file

from paraclap.models import ParaClapModel
from paraclap.storage import hash_file

PACKAGE = "tiny-text-tower"
TOWER_ID = "nobody/tiny-text-tower"
_WEIGHTS_FILE = "model.safetensors"


def write_tower(folder: Path, model: ParaClapModel) -> dict[str, str]:
    """Write the text tower's weights to a folder, and return the reference that it fulfils."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in model.text_tower.state_dict().items()}, folder / _WEIGHTS_FILE)
    return refer_to(folder)


def refer_to(folder: Path) -> dict[str, str]:
    """Return the reference that the weights in a folder fulfil."""
    return {"id": TOWER_ID, "package": PACKAGE, "sha256": hash_file(folder / _WEIGHTS_FILE)}


def package_folder(site: Path) -> Path:
    """Make an importable package below a folder of sys.path, and return where its model belongs."""
    package = site / PACKAGE.replace("-", "_")
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    return package / "model"


def cache_folder(cache: Path) -> Path:
    """Make an entry in a hub cache, and return where its files belong."""
    entry = cache / f"models--{TOWER_ID.replace('/', '--')}"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("0123456789abcdef0123456789abcdef01234567")
    return entry / "snapshots" / "0123456789abcdef0123456789abcdef01234567"


def forbid_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let transformers and huggingface_hub believe that they are online, and fail the test if they try."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("something tried to reach the network")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
