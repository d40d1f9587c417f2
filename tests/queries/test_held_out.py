import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from tests.queries.rows import VOCABULARY

from paraclap.queries import Fact

DATA = files("paraclap.queries") / "data"
PHRASES: list[dict[str, Any]] = tomllib.loads((DATA / "held_out.toml").read_text(encoding="utf-8"))["phrases"]
TAUGHT = sorted(file.name for file in DATA.iterdir() if file.name.endswith(".toml") and file.name != "held_out.toml")


def test_a_dozen_phrases_and_more_are_held_out() -> None:
    assert len({phrase["text"] for phrase in PHRASES}) == len(PHRASES) >= 12
    assert {"furious", "gloomy", "elderly lady"} <= {phrase["text"] for phrase in PHRASES}


@pytest.mark.parametrize("name", TAUGHT)
def test_no_data_file_uses_a_held_out_phrase(name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8").lower()

    assert [p["text"] for p in PHRASES if re.search(rf"\b{re.escape(p['text'])}\b", text)] == []


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: str(phrase["text"]))
def test_the_facts_of_a_held_out_phrase_exist(phrase: dict[str, Any]) -> None:
    assert set(phrase) == {"text", "facts"} and phrase["facts"]
    for attribute, level in phrase["facts"].items():
        assert VOCABULARY.levels_of(Fact(attribute, level))
