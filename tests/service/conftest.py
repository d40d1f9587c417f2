"""A service on toy models, asked in this process; decoding runs in real other processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service needs FastAPI: pip install 'paraclap[serve]'")

from fastapi.testclient import TestClient
from tests.service.asking import ask_app, make_settings
from tests.service.toys import LetterReader


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """Return a service whose model is quick, with one decoder."""
    with ask_app(make_settings(), LetterReader()) as client:
        yield client


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 0.6 s with loud and quiet parts."""
    from tests.inference.loudness import write_turns

    return write_turns(tmp_path_factory.mktemp("clips") / "call.wav", [0.4, 0.2])
