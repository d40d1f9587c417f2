import re
import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from tests.queries.rows import VOCABULARY, draw_facts

from paraclap.queries import CaptionSampler, Fact, list_label_sets, load_label_set

DATA = files("paraclap.queries") / "data"
PHRASES: list[dict[str, Any]] = tomllib.loads((DATA / "held_out.toml").read_text(encoding="utf-8"))["phrases"]
TAUGHT = sorted(file.name for file in DATA.iterdir() if file.name.endswith(".toml") and file.name != "held_out.toml")


def test_a_dozen_phrases_and_more_are_held_out() -> None:
    assert len({phrase["text"] for phrase in PHRASES}) == len(PHRASES) >= 12
    assert {"furious", "gloomy", "elderly lady"} <= {phrase["text"] for phrase in PHRASES}


def find_held_out(text: str) -> list[str]:
    return [p["text"] for p in PHRASES if re.search(rf"\b{re.escape(p['text'])}\b", text, re.IGNORECASE)]


def test_all_tables_of_words_are_looked_at() -> None:
    assert TAUGHT == ["broken.toml", "captions.toml", "label_sets.toml", "labelled.toml", "measured.toml"]


@pytest.mark.parametrize("name", TAUGHT)
def test_no_data_file_uses_a_held_out_phrase(name: str) -> None:
    assert find_held_out((DATA / name).read_text(encoding="utf-8")) == []


def test_no_caption_uses_a_held_out_phrase() -> None:
    sampler, generator = CaptionSampler(VOCABULARY, negates=True), np.random.default_rng(0)
    captions = [sampler.sample(facts, generator) for facts in draw_facts(3000, seed=5)]
    texts = [caption.text for caption in captions if caption is not None]

    assert len(texts) > 2900
    assert [text for text in texts if find_held_out(text)] == []


@pytest.mark.parametrize("name", list_label_sets())
def test_no_prompt_uses_a_held_out_phrase(name: str) -> None:
    assert [prompt for own in load_label_set(name).prompts.values() for prompt in own if find_held_out(prompt)] == []


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: str(phrase["text"]))
def test_the_facts_of_a_held_out_phrase_exist(phrase: dict[str, Any]) -> None:
    assert set(phrase) == {"text", "facts"} and phrase["facts"]
    for attribute, level in phrase["facts"].items():
        assert VOCABULARY.levels_of(Fact(attribute, level))
