import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from tests.queries.rows import VOCABULARY, draw_facts

from paraclap.errors import QueryError
from paraclap.queries import TRUE, Caption, CaptionSampler, RowFacts
from paraclap.queries.sentences import find_slots
from paraclap.queries.tables import read_caption_table

SAMPLER = CaptionSampler(VOCABULARY)
MANNER = ("emotion", "arousal")
SIGNS = {  # written by hand, not taken from the tables
    ("gender", "female"): r"female|woman|girl",
    ("gender", "male"): r"male|man|boy",
    ("age_group", "infant"): r"baby|infant",
    ("age_group", "child"): r"child|kid|(?<!teenage )(?<!baby )(girl|boy)",
    ("age_group", "teenager"): r"teenager|teenage|adolescent",
    ("age_group", "adult"): r"adult|grown-up|grown|woman|man",
    ("age_group", "young_adult"): r"young (adult|woman|man|female adult|male adult)",
    ("age_group", "middle_aged"): r"middle-aged",
    ("age_group", "senior"): r"senior|old|elderly|aged",
    ("vocalisation", "cry"): r"crying|cries|wails",
}


def draw_captions(
    rows: list[RowFacts], seed: int = 0, weights: Mapping[str, float] | None = None
) -> list[tuple[RowFacts, Caption]]:
    generator = np.random.default_rng(seed)
    drawn = [(facts, SAMPLER.sample(facts, generator, weights=weights)) for facts in rows]
    return [(facts, caption) for facts, caption in drawn if caption is not None]


DRAWN = draw_captions(draw_facts(3000))


def shows(text: str, attribute: str, level: str) -> bool:
    """Tell if a text states a level, by our own signs or, for emotion and arousal, by a word of the level."""
    if attribute in MANNER:
        row = VOCABULARY.attributes[attribute].levels[level]
        words = [re.escape(word) for slot in ("predicative", "noun") for word in row.words(slot)]
        return re.search(rf"(?<![\w-])({'|'.join(words)})(?![\w-])", text) is not None
    return re.search(rf"\b({SIGNS[attribute, level]})\b", text) is not None


def test_every_caption_is_true_of_its_row() -> None:
    assert len(DRAWN) > 2500
    for facts, caption in DRAWN:
        relation = VOCABULARY.relate(VOCABULARY.encode_rows([facts]), [caption.facts])
        assert relation.tolist() == [[TRUE]], (facts, caption)


def test_a_caption_states_each_of_its_facts() -> None:
    for _, caption in DRAWN:
        assert all(shows(caption.text, *fact) for fact in caption.facts), caption


@pytest.mark.parametrize("attribute", ["gender", "age_group", "vocalisation"])
def test_a_caption_says_nothing_of_an_attribute_that_it_does_not_state(attribute: str) -> None:
    silent = [caption for _, caption in DRAWN if attribute not in {fact.attribute for fact in caption.facts}]
    levels = [level for name, level in SIGNS if name == attribute]

    assert len(silent) > 100
    assert [c for c in silent if any(shows(c.text, attribute, level) for level in levels)] == []


def test_a_caption_has_no_word_of_another_emotion_or_arousal() -> None:
    for _, caption in DRAWN:
        stated = {fact for fact in caption.facts if fact.attribute in MANNER}
        shown = {(name, level) for name in MANNER for level in VOCABULARY.attributes[name].levels}
        shown = {fact for fact in shown if shows(caption.text, *fact)}
        if re.search(r"\bcalm\b", caption.text):  # a word of both emotion=calm and arousal=low
            assert stated and stated <= shown, caption
        else:
            assert shown == stated, caption


def test_a_caption_has_one_to_three_facts_of_different_attributes_and_one_manner() -> None:
    for _, caption in DRAWN:
        names = [fact.attribute for fact in caption.facts]
        assert 1 <= len(names) == len(set(names)) <= 3
        assert len({"emotion", "arousal", "vocalisation"} & set(names)) <= 1


def test_no_slot_and_no_open_article_is_left() -> None:
    assert [caption.text for _, caption in DRAWN if re.search(r"[{}()]|  |^ | $", caption.text)] == []


def test_the_same_generator_state_gives_the_same_caption() -> None:
    rows = draw_facts(100, seed=1)

    assert draw_captions(rows, seed=5) == draw_captions(rows, seed=5)
    assert draw_captions(rows, seed=5) != draw_captions(rows, seed=6)


def test_captions_of_one_row_vary() -> None:
    facts = VOCABULARY.read_facts({"emotion": "anger", "gender": "female", "age": 30})

    assert len({caption.text for _, caption in draw_captions([facts] * 300)}) > 150


def test_nothing_is_said_of_a_row_without_facts() -> None:
    generator = np.random.default_rng(0)

    assert SAMPLER.sample({}, generator) is None
    assert SAMPLER.sample(VOCABULARY.read_facts({"gender": "other", "emotion": "no_agreement"}), generator) is None


@pytest.mark.parametrize(
    ("row", "never"),
    [
        ({"gender": "other", "emotion": "fear", "age": 30}, "gender"),
        ({"gender": "other", "age": 30}, "gender"),
    ],
)
def test_what_has_no_words_is_left_out_and_the_rest_is_said(row: dict[str, object], never: str) -> None:
    drawn = draw_captions([VOCABULARY.read_facts(row)] * 200)

    assert len(drawn) == 200
    assert not any(fact.attribute == never for _, caption in drawn for fact in caption.facts)


def test_something_is_said_of_every_row_that_has_a_fact_with_words() -> None:
    rows = draw_facts(1000, seed=2)
    no_words = {"other"}, {"child", "teenager"}  # of one gender; between two age groups
    sayable = [facts for facts in rows if any(levels not in no_words for levels in facts.values())]

    assert len(draw_captions(sayable)) == len(sayable) > 900


@pytest.mark.parametrize("template", read_caption_table().templates)
def test_each_template_is_used(template: str) -> None:
    shape = re.escape(template).replace(re.escape("a(n)"), "an?")
    for slot in find_slots(template):
        shape = shape.replace(re.escape(f"{{{slot}}}"), ".+")

    assert any(re.fullmatch(shape, caption.text) for _, caption in DRAWN), template


def test_every_word_of_the_tables_is_used() -> None:
    texts = "\n".join(caption.text for _, caption in DRAWN + draw_captions(draw_facts(12_000, seed=3)))
    levels = [row for attribute in VOCABULARY.attributes.values() for row in attribute.levels.values()]
    words = {word for row in levels for slot in ("predicative", "noun", "verb") for word in row.words(slot)}
    words |= {word for person in read_caption_table().persons for word in person.words}

    assert {word for word in words if word not in texts} == set()


def test_the_number_of_facts_follows_its_shares() -> None:
    facts = VOCABULARY.read_facts({"emotion": "anger", "gender": "female", "age": 30})
    drawn = draw_captions([facts] * 3000)

    counts = Counter(len(caption.facts) for _, caption in drawn)

    np.testing.assert_allclose([counts[n] / 3000 for n in (1, 2, 3)], [0.5, 0.35, 0.15], atol=0.03)


def test_shares_of_more_facts_than_are_known_go_to_the_others() -> None:
    facts = VOCABULARY.read_facts({"emotion": "anger", "gender": "female"})
    drawn = draw_captions([facts] * 3000)

    assert sum(len(caption.facts) == 1 for _, caption in drawn) / 3000 == pytest.approx(0.5 / 0.85, abs=0.03)


def test_weights_say_how_often_an_attribute_is_spoken_of() -> None:
    facts = VOCABULARY.read_facts({"gender": "female", "age": 30})
    drawn = draw_captions([facts] * 3000, weights={"gender": 9.0})
    alone = [caption.facts[0].attribute for _, caption in drawn if len(caption.facts) == 1]

    assert alone.count("gender") / len(alone) == pytest.approx(0.9, abs=0.03)


def test_an_attribute_of_weight_zero_is_never_spoken_of() -> None:
    drawn = draw_captions(draw_facts(300), weights={"emotion": 0.0, "gender": 0})

    assert {fact.attribute for _, caption in drawn for fact in caption.facts} == {
        "age_group",
        "arousal",
        "vocalisation",
    }


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            {"gendre": 2.0},
            "a weight for the attribute 'gendre', which does not exist; did you mean 'gender'? known: emotion, gender,",
        ),
        ({"gender": -1.0}, "the weight of gender is -1.0; expected 0 or more"),
        ({"gender": float("nan")}, "the weight of gender is nan; expected 0 or more"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        SAMPLER.sample({"emotion": frozenset(["anger"])}, np.random.default_rng(0), weights=weights)
