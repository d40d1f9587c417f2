from pathlib import Path

import pytest
from tests.index.toys import write_archive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a folder of 13 sounds, one of them of 45 s."""
    return write_archive(tmp_path / "archive")
