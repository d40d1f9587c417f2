"""Service: the same answers over HTTP, a page to ask them on, and a client with the library's names."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paraclap.service.app import create_app
    from paraclap.service.client import Client
    from paraclap.service.running import bind, serve
    from paraclap.service.settings import ServiceSettings

_HOMES = {  # imported on first use: a client does without the web framework, a decoder without the model
    "Client": "client",
    "ServiceSettings": "settings",
    "bind": "running",
    "create_app": "app",
    "serve": "running",
}

__all__ = ["Client", "ServiceSettings", "bind", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"paraclap.service.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'paraclap.service' has no attribute {name!r}")
