from pathlib import Path

import pytest

from paraclap import ParaClap


@pytest.fixture(scope="session")
def clap(tiny_model: Path) -> ParaClap:
    """Return the tiny model, loaded."""
    return ParaClap.from_pretrained(tiny_model)
