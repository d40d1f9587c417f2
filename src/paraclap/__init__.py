"""Free-text questions about how somebody speaks, answered by contrastive language-audio models."""

from paraclap.version import __version__

__all__ = ["__version__"]
