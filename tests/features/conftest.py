"""Small corpora, and a cache of features that is not that of the user who runs the tests."""

from pathlib import Path

import pytest
import soundfile
from tests.features.corpora import Corpus, make_manifest, make_noise, write_voices


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands in for the user's cache of features."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "paraclap"


@pytest.fixture
def voices(tmp_path: Path) -> Corpus:
    """Return a corpus of 40 short voices: five partitions."""
    return write_voices(tmp_path / "voices", [0.15 + 0.01 * number for number in range(40)])


@pytest.fixture
def few(tmp_path: Path) -> Corpus:
    """Return a corpus of a voice, noise, two rows of one file, and a row that is too short."""
    write_voices(tmp_path / "few", [0.8, 0.6])
    soundfile.write(tmp_path / "few" / "noise.wav", make_noise(0.5), 16_000)
    rows = [
        ("1.wav", 0.0, 0.6),
        ("noise.wav", 0.0, 0.5),
        ("0.wav", 0.0, 0.4),
        ("0.wav", 0.4, 0.8),
        ("0.wav", 0.0, 0.05),
    ]
    return make_manifest(rows, tmp_path / "few")
