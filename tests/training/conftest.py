from pathlib import Path

import pytest
from tests.models.tiny import save_text_tower
from tests.training.tones import make_recipe

from paraclap.training import Recipe
from paraclap.training.made_audio import write_tones


@pytest.fixture(scope="session")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_tower(tmp_path_factory.mktemp("towers") / "bert")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("corpora") / "tones")


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory, tower: Path, manifest: Path) -> Recipe:
    """Return a recipe on the tones; what is made from it shares one cache of spectrograms."""
    return make_recipe(tmp_path_factory.mktemp("cache"), tower, manifest)
