import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from tests.queries.rows import SAYABLE, VOCABULARY, draw_facts, judge_slowly, make_facts, read_facts
from tests.queries.signs import SIGNED, find_facts

from paraclap.errors import QueryError
from paraclap.queries import TRUE, Caption, CaptionSampler, Fact, RowFacts
from paraclap.queries.tables import read_caption_table

SAMPLER = CaptionSampler(VOCABULARY, negates=True)
SPEECH_WORD = re.compile(r"\b(speak|speaks|speaking|speaker|speech)\b", re.IGNORECASE)
STRONG_WORD = re.compile(
    r"\b(enraged|rage|revolted|revulsion|terrified|delighted|delight|miserable|grief|astonished|amazed|thrilled)\b"
)


def draw_captions(
    rows: Sequence[RowFacts], seed: int = 0, sampler: CaptionSampler = SAMPLER
) -> list[tuple[RowFacts, Caption]]:
    generator = np.random.default_rng(seed)
    drawn = [(facts, sampler.sample(facts, generator)) for facts in rows]
    return [(facts, caption) for facts, caption in drawn if caption is not None]


DRAWN = draw_captions(draw_facts(6000))


def count_attributes(facts: RowFacts, sampler: CaptionSampler, *, draws: int = 3000) -> Mapping[str, float]:
    """Return the share of captions that speak of each attribute."""
    counts = Counter(
        fact.attribute for _, caption in draw_captions([facts] * draws, sampler=sampler) for fact in caption.facts
    )
    return {name: count / draws for name, count in counts.items()}


def test_every_caption_is_true_of_its_row() -> None:
    assert len(DRAWN) > 5900
    for facts, caption in DRAWN:
        assert judge_slowly(facts, caption.facts) == TRUE, (facts, caption)


def test_a_reader_takes_a_caption_to_state_its_facts_and_no_other() -> None:
    for _, caption in DRAWN:
        assert find_facts(caption.text, caption.facts) == set(caption.facts), caption


def test_every_fact_has_signs_and_is_said() -> None:
    languages = {fact for fact in SAYABLE if fact.attribute in ("language", "accent")}

    assert {fact for fact in SAYABLE if fact not in languages} <= SIGNED
    assert {fact for _, caption in DRAWN for fact in caption.facts} == SIGNED


def test_facts_are_of_different_attributes_in_the_order_of_the_tables() -> None:
    order = list(VOCABULARY.attributes)
    for _, caption in DRAWN:
        positions = [order.index(fact.attribute) for fact in caption.facts]
        assert positions == sorted(set(positions)), caption
        assert 1 <= len(positions) <= 6, caption  # five, and a gender that one of them is relative to


def test_no_slot_and_no_open_article_is_left() -> None:
    assert [caption.text for _, caption in DRAWN if re.search(r"[{}()]|  |^ | $", caption.text)] == []


def test_articles_fit_the_words_behind_them() -> None:
    wrong = re.compile(r"\b(a [aeiou]|an [^aeiou])", re.IGNORECASE)

    assert [caption.text for _, caption in DRAWN if wrong.search(caption.text)] == []


def test_what_begins_with_a_capital_ends_in_a_full_stop_and_the_other_way_round() -> None:
    for _, caption in DRAWN:
        assert caption.text[0].isupper() == caption.text.endswith("."), caption


def test_nothing_is_said_of_speech_where_nobody_speaks() -> None:
    silent = {"vocalisation": {"cry", "laughter", "cough"}, "age_group": {"infant"}}
    speech = {"style", "language", "accent", "tempo", "pauses"}
    captions = [c for facts, c in DRAWN if any(facts.get(name, frozenset()) & silent[name] for name in silent)]

    assert len(captions) > 500
    assert [c for c in captions if SPEECH_WORD.search(c.text) or speech & {fact.attribute for fact in c.facts}] == []


def test_who_may_be_an_infant_is_not_said_to_speak() -> None:
    facts: RowFacts = {"age_group": frozenset(["infant", "child"]), "emotion": frozenset(["sadness"])}
    drawn = draw_captions([facts] * 200)

    assert len(drawn) == 200
    assert [caption.text for _, caption in drawn if SPEECH_WORD.search(caption.text)] == []


def test_an_intensity_is_said_as_the_degree_of_an_emotion() -> None:
    degrees = [caption for _, caption in DRAWN if "intensity" in dict(caption.facts)]
    sign = re.compile(r"\b(slightly|mildly|moderately|very|extremely) \w+|\b(slight|mild|moderate|strong|intense) \w+")

    assert len(degrees) > 200
    for caption in degrees:
        modified = set().union(*(find_facts(found[0]) for found in sign.finditer(caption.text)))
        assert {fact for fact in caption.facts if fact.attribute in ("emotion", "intensity")} <= modified, caption


def test_an_intensity_without_an_emotion_is_not_said() -> None:
    assert draw_captions([{"intensity": frozenset(["high"])}] * 20) == []


def test_a_pitch_for_a_gender_states_the_gender() -> None:
    relative = [caption for _, caption in DRAWN if "pitch_for_gender" in dict(caption.facts)]

    assert len(relative) > 100
    for caption in relative:
        assert f"for a {dict(caption.facts)['gender']} voice" in caption.text


@pytest.mark.parametrize("genders", [[], ["other"], ["female", "male"]])
def test_a_pitch_for_a_gender_that_is_unknown_is_not_said(genders: list[str]) -> None:
    facts = {"gender": frozenset(genders), "pitch_for_gender": frozenset(["high"])}

    assert draw_captions([{name: levels for name, levels in facts.items() if levels}] * 20) == []


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        (["child"], False),
        (["infant"], False),
        (["child", "teenager"], False),
        (["teenager"], True),
        (["young_adult", "middle_aged"], True),
    ],
)
def test_no_pitch_for_a_gender_is_said_of_who_may_be_a_child(ages: list[str], said: bool) -> None:
    facts: RowFacts = make_facts(Fact("gender", "male"), Fact("pitch_for_gender", "high"))
    texts = [caption.text for _, caption in draw_captions([{**facts, "age_group": frozenset(ages)}] * 200)]

    assert len(texts) == 200
    assert any("for a male voice" in text for text in texts) == said


@pytest.mark.parametrize("intensities", [["low"], ["medium"], ["low", "medium"]])
def test_words_for_strong_feelings_are_not_said_where_the_intensity_is_less(intensities: list[str]) -> None:
    emotions = VOCABULARY.attributes["emotion"].levels
    mild: list[RowFacts] = [
        {"emotion": frozenset([emotion]), "intensity": frozenset(intensities)} for emotion in emotions
    ]

    assert [c.text for _, c in draw_captions(mild * 200) if STRONG_WORD.search(c.text)] == []


def test_words_for_strong_feelings_are_said_where_the_intensity_is_high_or_unknown() -> None:
    strong = STRONG_WORD.pattern.removeprefix(r"\b(").removesuffix(r")\b").split("|")
    for more in ({}, {"intensity": frozenset(["high"])}):
        rows: list[RowFacts] = [{"emotion": frozenset([e]), **more} for e in VOCABULARY.attributes["emotion"].levels]
        texts = " ".join(caption.text for _, caption in draw_captions(rows * 300))
        assert set(STRONG_WORD.findall(texts)) == set(strong)


@pytest.mark.parametrize("fact", SAYABLE, ids=str)
def test_each_fact_can_be_said_alone(fact: Fact) -> None:
    sampler = CaptionSampler(VOCABULARY, attributes=[fact.attribute, "emotion"], num_facts=[1])
    if fact.attribute == "intensity":  # it is said of an emotion
        sampler = CaptionSampler(VOCABULARY, attributes=[fact.attribute, "emotion"], num_facts=[0, 1])
        (_, caption), *_ = draw_captions([make_facts(fact, Fact("emotion", "fear"))], sampler=sampler)
        assert caption.facts == (Fact("emotion", "fear"), fact)
    elif fact.attribute == "pitch_for_gender":
        (_, caption), *_ = draw_captions([make_facts(Fact("gender", "male"), fact)], sampler=sampler)
        assert caption.facts == (Fact("gender", "male"), fact)
    else:
        drawn = draw_captions([make_facts(fact)] * 50, sampler=sampler)
        assert len(drawn) == 50
        covered = set(VOCABULARY.true_levels(fact.attribute, VOCABULARY.levels_of(fact)))
        covered -= set(VOCABULARY.attributes[fact.attribute].denials)
        assert {caption.facts for _, caption in drawn} == {(Fact(fact.attribute, level),) for level in covered}


def test_the_same_generator_state_gives_the_same_caption() -> None:
    rows = draw_facts(100, seed=1)

    assert draw_captions(rows, seed=5) == draw_captions(rows, seed=5)
    assert draw_captions(rows, seed=5) == draw_captions(rows, seed=5, sampler=CaptionSampler(VOCABULARY, negates=True))
    assert draw_captions(rows, seed=5) != draw_captions(rows, seed=6)


def test_captions_of_one_row_vary() -> None:
    facts = read_facts({"emotion": "anger", "gender": "female", "age": 30})

    assert len({caption.text for _, caption in draw_captions([facts] * 300)}) > 150


def test_nothing_is_said_of_a_row_without_facts() -> None:
    generator = np.random.default_rng(0)

    assert SAMPLER.sample({}, generator) is None
    assert SAMPLER.sample(read_facts({"gender": "other", "emotion": "no_agreement"}), generator) is None


@pytest.mark.parametrize("row", [{"gender": "other", "emotion": "fear", "age": 30}, {"gender": "other", "age": 30}])
def test_what_has_no_words_is_left_out_and_the_rest_is_said(row: dict[str, object]) -> None:
    drawn = draw_captions([read_facts(row)] * 200)

    assert len(drawn) == 200
    assert not any(fact.attribute == "gender" for _, caption in drawn for fact in caption.facts)


def test_where_only_a_broader_level_has_words_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    table = read_caption_table()
    persons = tuple(row for row in table.persons if row.age_group != "senior")
    changed = table.model_copy(update={"persons": persons})
    monkeypatch.setattr("paraclap.queries.grammar.read_caption_table", lambda: changed)

    drawn = draw_captions([read_facts({"age": 70})] * 50, sampler=CaptionSampler(VOCABULARY))

    assert [caption.facts for _, caption in drawn] == [(Fact("age_group", "adult"),)] * 50


def test_the_number_of_facts_follows_its_shares() -> None:
    facts = read_facts({"emotion": "anger", "gender": "female", "age": 30})
    sampler = CaptionSampler(VOCABULARY, num_facts=[5, 3, 2])

    counts = Counter(len(caption.facts) for _, caption in draw_captions([facts] * 3000, sampler=sampler))

    np.testing.assert_allclose([counts[n] / 3000 for n in (1, 2, 3)], [0.5, 0.3, 0.2], atol=0.03)


def test_where_fewer_facts_are_known_than_wanted_all_are_said() -> None:
    facts = read_facts({"emotion": "anger", "gender": "female"})
    sampler = CaptionSampler(VOCABULARY, num_facts=[1, 0, 0, 3])

    counts = Counter(len(caption.facts) for _, caption in draw_captions([facts] * 3000, sampler=sampler))

    assert counts[1] + counts[2] == 3000
    assert counts[2] / 3000 == pytest.approx(0.75, abs=0.03)


def test_weights_say_how_often_an_attribute_is_spoken_of() -> None:
    facts = read_facts({"gender": "female", "age": 30})  # both have the same weight in the tables
    sampler = CaptionSampler(VOCABULARY, weights={"gender": 9.0}, num_facts=[1])

    assert count_attributes(facts, sampler)["gender"] == pytest.approx(0.9, abs=0.02)


def test_the_tables_own_weights_are_those_of_attribute_and_level() -> None:
    facts = make_facts(Fact("pitch", "normal"), Fact("tempo", "high"), Fact("emotion", "fear"))
    sampler = CaptionSampler(VOCABULARY, num_facts=[1])
    pitch = VOCABULARY.attributes["pitch"]
    weights = {
        "pitch": pitch.weight * pitch.levels["normal"].weight,
        "tempo": VOCABULARY.attributes["tempo"].weight,
        "emotion": VOCABULARY.attributes["emotion"].weight,
    }

    shares = count_attributes(facts, sampler)

    assert weights["pitch"] < weights["tempo"] < weights["emotion"]
    for name, weight in weights.items():
        assert shares[name] == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_only_the_attributes_of_a_setting_are_spoken_of() -> None:
    sampler = CaptionSampler(VOCABULARY, attributes=["age_group", "pitch", "vocalisation"])
    drawn = draw_captions(draw_facts(300), sampler=sampler)

    assert {fact.attribute for _, caption in drawn for fact in caption.facts} == {"age_group", "pitch", "vocalisation"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": {"gendre": 2.0}}, "no attribute 'gendre'; did you mean 'gender'? known: emotion, intensity,"),
        ({"attributes": ["pich"]}, "no attribute 'pich'; did you mean 'pitch'? known: emotion, intensity,"),
        ({"weights": {"gender": -1.0}}, "the weight of gender is -1.0; expected more than 0"),
        ({"weights": {"gender": 0.0}}, "the weight of gender is 0.0; expected more than 0"),
        ({"weights": {"gender": float("nan")}}, "the weight of gender is nan; expected more than 0"),
        ({"weights": {"gender": float("inf")}}, "the weight of gender is inf; expected more than 0"),
        ({"num_facts": []}, "shares of captions by number of facts []; expected numbers from 0, one above it"),
        ({"num_facts": [0.0, 0.0]}, "shares of captions by number of facts [0.0, 0.0]; expected numbers from 0"),
        ({"num_facts": [0.5, -0.1]}, "shares of captions by number of facts [0.5, -0.1]; expected numbers from 0"),
        ({"num_facts": [float("nan")]}, "shares of captions by number of facts [nan]; expected numbers from 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        CaptionSampler(VOCABULARY, **settings)  # type: ignore[arg-type]
