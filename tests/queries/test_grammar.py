import re
from collections.abc import Sequence

import numpy as np
import pytest
from tests.queries.rows import SAYABLE, SLOTS, VOCABULARY, draw_facts, make_facts

from paraclap.queries import CaptionSampler, Fact, RowFacts
from paraclap.queries.grammar import Draws, Grammar
from paraclap.queries.sentences import fill_template, find_slots
from paraclap.queries.tables import PersonRow, read_caption_table

SAMPLER = CaptionSampler(VOCABULARY, negates=True)
GRAMMAR = Grammar(VOCABULARY)
TABLE = read_caption_table()
SPEECH = re.compile(r"\b(speak|speaks|speaking|speaker|speech)\b", re.IGNORECASE)
MOST_DRAWS = 4000  # until a word is found


def say(*facts: Fact, draws: int = 1, speaks: bool = True, grammar: Grammar = GRAMMAR) -> set[str | None]:
    """Say the same facts many times."""
    generator = np.random.default_rng(0)
    gender = next((fact.level for fact in facts if fact.attribute == "gender"), None)
    return {grammar.say(facts, Draws(generator), gender=gender, speaks=speaks) for _ in range(draws)}


def find_unsaid(words: Sequence[str], row: RowFacts, sampler: CaptionSampler) -> set[str]:
    """Return those of some words that no caption of a row uses."""
    unsaid, generator = set(words), np.random.default_rng(0)
    for _ in range(MOST_DRAWS):
        caption = sampler.sample(row, generator)
        assert caption is not None
        unsaid -= {word for word in unsaid if word in caption.text}
        if not unsaid:
            break
    return unsaid


@pytest.fixture(scope="module")
def texts() -> list[str]:
    generator = np.random.default_rng(0)
    captions = (SAMPLER.sample(facts, generator) for facts in draw_facts(12_000, seed=4))
    return [caption.text for caption in captions if caption is not None]


@pytest.mark.parametrize("template", TABLE.templates)
def test_each_template_is_used(template: str, texts: list[str]) -> None:
    shape = re.escape(template).replace(re.escape("a(n)"), "an?")
    for slot in find_slots(template):
        shape = shape.replace(re.escape(f"{{{slot}}}"), ".+")

    assert any(re.fullmatch(shape, text, re.IGNORECASE) for text in texts), template


@pytest.mark.parametrize("name", VOCABULARY.attributes)
def test_every_word_of_an_attribute_is_used(name: str) -> None:
    for level, row in VOCABULARY.attributes[name].levels.items():
        fact = Fact(name, level)
        if name in ("intensity", "gender", "age_group") or fact not in SAYABLE:
            continue  # see below, and where persons are
        words = {word for slot in SLOTS for word in row.words(slot)}
        settled = [fill_template(word, TABLE.pronouns["female"]) for word in words]
        sampler = CaptionSampler(VOCABULARY, attributes=[name])

        assert find_unsaid(settled, make_facts(Fact("gender", "female"), fact), sampler) == set(), fact


@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_every_word_for_a_degree_is_used(level: str) -> None:
    row = VOCABULARY.attributes["intensity"].levels[level]
    words = [f"{degree} angry" for degree in row.degree_adjectives] + [f"{degree} anger" for degree in row.degree_nouns]
    facts = make_facts(Fact("emotion", "anger"), Fact("intensity", level))

    assert find_unsaid(words, facts, CaptionSampler(VOCABULARY, num_facts=[0, 1])) == set()


def test_every_word_for_a_person_is_used() -> None:
    for person in TABLE.persons:
        named = {"gender": person.gender, "age_group": person.age_group}
        facts = make_facts(*(Fact(name, level) for name, level in named.items() if level is not None))
        sampler = CaptionSampler(VOCABULARY, num_facts=[0] * (len(facts) - 1) + [1])

        assert find_unsaid(person.words + person.alone, facts, sampler) == set(), person


def test_every_gender_and_age_that_can_be_said_can_be_said_together() -> None:
    persons = [(row.gender, row.age_group) for row in TABLE.persons]
    genders, ages = ({fact.level for fact in SAYABLE if fact.attribute == name} for name in ("gender", "age_group"))

    assert len(set(persons)) == len(persons)
    assert set(persons) == {(g, a) for g in (*genders, None) for a in (*ages, None)} - {(None, None)}


def test_a_word_that_stands_alone_is_no_word_for_a_person() -> None:
    alone = say(Fact("gender", "female"), draws=300)

    assert "female" in alone
    assert not any(text is not None and re.search(r"\ba female$|\ba female (who|speaks|is)\b", text) for text in alone)


def test_phrases_share_a_slot_up_to_its_capacity() -> None:
    adverbs = [Fact("tempo", "low"), Fact("pauses", "high"), Fact("duration", "high"), Fact("language", "en")]

    assert None not in say(*adverbs[:3], draws=50)
    assert say(*adverbs, draws=20) == {None}  # of these only two may be features, and in no template with adverbials


def test_a_pronoun_is_that_of_the_person() -> None:
    facts = [Fact("age_group", "senior"), Fact("tempo", "low"), Fact("valence", "high")]
    hers, nobodys = say(Fact("gender", "female"), *facts, draws=300), say(*facts, draws=300)

    assert any(text is not None and "; she sounds " in text for text in hers)
    assert not any(text is None or re.search(r"\b(she|her|he|his)\b", text) for text in nobodys)


def test_a_word_of_one_thing_stands_once_where_there_is_another_word() -> None:
    facts = [Fact("pitch", "low"), Fact("harmonicity", "high"), Fact("breathiness", "high")]
    said = say(*facts, draws=500)

    assert len(said) > 50
    assert [text for text in said if text is None or len(re.findall(r"\bvoice\b", text)) > 1] == []


def test_a_phrase_relative_to_a_gender_names_it() -> None:
    said = say(Fact("gender", "male"), Fact("pitch_for_gender", "high"), draws=50)

    assert None not in said
    assert all(text is not None and "a high pitch for a male voice" in text for text in said)


def test_where_nobody_speaks_no_template_says_so() -> None:
    silent = say(Fact("emotion", "sadness"), draws=500, speaks=False)

    assert len(silent) > 20
    assert not any(text is None or SPEECH.search(text) for text in silent)


def test_where_nobody_speaks_a_word_that_says_so_is_said_only_if_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woman = Fact("gender", "female")
    others = say(woman, draws=200, speaks=False)
    only = PersonRow(gender="female", words=("female speaker",))
    changed = TABLE.model_copy(update={"persons": (only,)})
    monkeypatch.setattr("paraclap.queries.grammar.read_caption_table", lambda: changed)

    said = say(woman, draws=200, speaks=False, grammar=Grammar(VOCABULARY))

    assert "a female person" in others and not any(text is None or SPEECH.search(text) for text in others)
    shapes = ("{}", "a {}", "the voice of a {}", "this is a {}")
    assert said == {shape.format("female speaker") for shape in shapes}


def test_numbers_are_those_of_the_generator_in_any_amount() -> None:
    generator = np.random.default_rng(3)
    draws = Draws(np.random.default_rng(3))
    expected = [number for _ in range(3) for number in reversed(generator.random(64).tolist())]

    assert [draws.number() for _ in range(192)] == expected


def test_one_of_some_items_is_as_likely_as_another() -> None:
    draws = Draws(np.random.default_rng(0))
    counts = np.bincount([draws.one_of(range(5)) for _ in range(5000)])

    np.testing.assert_allclose(counts / 5000, 0.2, atol=0.02)
