"""Free-text questions about how somebody speaks, answered by contrastive language-audio models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from paraclap.registration import register_when_needed
from paraclap.version import __version__

if TYPE_CHECKING:
    from paraclap.errors import AudioError, ConfigError, CorpusError, ModelError, ParaClapError, QueryError, StoreError
    from paraclap.index import Index
    from paraclap.inference import AudioTextModel, LaionClap, ParaClap, load_model
    from paraclap.models import ParaClapConfig, ParaClapFeatureExtractor, ParaClapModel, ParaClapProcessor
    from paraclap.service import Client

_HOMES = {  # imported on first use, so that `import paraclap` stays quick
    "AudioError": "paraclap.errors",
    "AudioTextModel": "paraclap.inference",
    "Client": "paraclap.service",
    "ConfigError": "paraclap.errors",
    "CorpusError": "paraclap.errors",
    "Index": "paraclap.index",
    "LaionClap": "paraclap.inference",
    "ModelError": "paraclap.errors",
    "ParaClap": "paraclap.inference",
    "ParaClapConfig": "paraclap.models",
    "ParaClapError": "paraclap.errors",
    "ParaClapFeatureExtractor": "paraclap.models",
    "ParaClapModel": "paraclap.models",
    "ParaClapProcessor": "paraclap.models",
    "QueryError": "paraclap.errors",
    "StoreError": "paraclap.errors",
    "load_model": "paraclap.inference",
}

__all__ = [
    "AudioError",
    "AudioTextModel",
    "Client",
    "ConfigError",
    "CorpusError",
    "Index",
    "LaionClap",
    "ModelError",
    "ParaClap",
    "ParaClapConfig",
    "ParaClapError",
    "ParaClapFeatureExtractor",
    "ParaClapModel",
    "ParaClapProcessor",
    "QueryError",
    "StoreError",
    "__version__",
    "load_model",
]


register_when_needed()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'paraclap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
