import pytest
from tests.queries.golden_texts import GOLDEN, TEXTS


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_as_they_were(name: str) -> None:
    """After a change that is meant, `python -m tests.queries.golden_texts` writes them again."""
    assert list(TEXTS[name]()) == (GOLDEN / name).read_text(encoding="utf-8").splitlines()
