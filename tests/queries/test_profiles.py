from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest

from paraclap.queries import (
    Answer,
    Fact,
    describe_voice,
    load_label_set,
    load_vocabulary,
    read_profile_table,
)
from paraclap.queries.bins import MeasuredLevel
from paraclap.queries.captions import CaptionSampler
from paraclap.queries.profile_table import ProfileTable
from paraclap.queries.tables import read_caption_table

TABLE = read_profile_table()
VOCABULARY = load_vocabulary()
NOTHING = "Nothing about this voice is certain enough to be said."
CLASSES = {name: load_label_set(name).classes for name in ("emotion", "gender", "age", "arousal", "pitch", "loudness")}


def answer(label_set: str, *, is_unknown: bool = False, **given: float) -> Answer:
    """Make an answer; what is left of the probability is shared among the classes that are not given."""
    classes = CLASSES[label_set]
    rest = (1 - sum(given.values())) / max(1, len(classes) - len(given))
    shares = {label: given.get(label, rest) for label in classes}
    attribute = load_label_set(label_set).attribute
    return Answer(label_set, attribute, shares, shares, is_unknown)


def level(attribute: str, *levels: str) -> MeasuredLevel:
    return MeasuredLevel(attribute, "m", 1.0, (0.0, 2.0), "pooled", levels, is_reliable=True)


WOMAN = (answer("gender", female=0.97), answer("age", young_adult=0.5, middle_aged=0.4, senior=0.08))

GOLDEN = [
    ((), (), NOTHING),
    (WOMAN, (), "A woman."),
    ((*WOMAN, answer("emotion", anger=0.9)), (), "A woman who sounds angry."),
    ((*WOMAN, answer("emotion", anger=0.7)), (), "A woman who probably sounds angry."),
    ((*WOMAN, answer("emotion", anger=0.4)), (), "A woman who perhaps sounds angry."),
    ((*WOMAN, answer("emotion", anger=0.3)), (), "A woman."),
    ((*WOMAN, answer("emotion", anger=0.9, is_unknown=True)), (), "A woman."),
    (
        (answer("gender", female=0.75), WOMAN[1], answer("emotion", anger=0.85)),
        (level("pitch", "high"), level("loudness", "high"), level("tempo", "normal")),
        "Probably a woman, who sounds angry; the voice is high and loud.",
    ),
    (
        (answer("gender", male=0.75), answer("age", senior=0.95), answer("emotion", sadness=0.65)),
        (level("tempo", "low"),),
        "Probably an old man, who probably sounds sad; the speech has a slow tempo.",
    ),
    ((answer("gender", male=0.9), answer("age", senior=0.95)), (), "An old man."),
    ((answer("gender", male=0.9), answer("age")), (), "A male speaker."),
    ((answer("gender", male=0.6), answer("age", teenager=0.85)), (), "A teenager."),
    ((answer("gender", female=0.95), answer("age", child=0.85)), (), "A child."),
    ((answer("gender", female=0.95), answer("age", child=0.62)), (), "Probably a child."),
    ((answer("gender", male=0.7), answer("age", teenager=0.95)), (), "Probably a teenage boy."),
    ((answer("gender", male=0.7), answer("age", teenager=0.8)), (), "A teenager."),
    ((answer("gender", male=0.97), answer("age", young_adult=0.65, middle_aged=0.3)), (), "A man."),
    (
        (answer("gender", male=0.7), answer("emotion", fear=0.7)),
        (),
        "Probably a male speaker, who probably sounds fearful.",
    ),
    ((answer("emotion", neutral=0.33, calm=0.32),), (), "Somebody who probably sounds calm."),
    ((answer("emotion", neutral=0.9),), (), "Somebody who sounds neutral."),
    ((answer("emotion"), answer("arousal", high=0.85)), (), "Somebody who sounds agitated."),
    ((answer("emotion", happiness=0.7), answer("arousal", high=0.9)), (), "Somebody who probably sounds happy."),
    ((answer("gender", male=0.62),), (), NOTHING),
    ((), (level("pitch", "low", "normal"), level("loudness", "normal")), NOTHING),
    ((), (level("pitch", "low"), level("tempo", "high")), "The voice is deep, with a fast tempo."),
    (
        (),
        (level("pitch", "low"), level("loudness", "low"), level("pitch_variation", "low"), level("roughness", "high")),
        "The voice is deep and quiet, with little pitch variation.",
    ),
    ((), (level("tempo", "high"), level("pauses", "low")), "The speech has short gaps and a fast tempo."),
    ((answer("loudness", high=0.7),), (), "The voice is probably loud."),
    (
        (answer("pitch", high=0.9), answer("loudness", low=0.7)),
        (),
        "The voice is high; the voice is probably quiet.",
    ),
    ((answer("pitch", high=0.9),), (level("pitch", "low"),), "The voice is deep."),
    ((answer("pitch", high=0.9),), (level("pitch"),), NOTHING),
    (
        (answer("emotion", boredom=0.9),),
        (level("pitch", "low"), level("loudness", "high")),
        "Somebody who sounds bored; the voice is deep.",
    ),
]


@pytest.mark.parametrize(("answers", "measured", "sentence"), GOLDEN)
def test_the_sentence_is_this_one(
    answers: tuple[Answer, ...], measured: tuple[MeasuredLevel, ...], sentence: str
) -> None:
    assert describe_voice(answers, measured).sentence == sentence


def test_what_a_sentence_states_stands_beside_it() -> None:
    described = describe_voice((*WOMAN, answer("emotion", anger=0.7)), (level("pitch", "high"),))

    assert [(str(one.fact), one.hedge) for one in described.statements] == [
        ("gender=female", ""),
        ("age_group=adult", ""),
        ("emotion=anger", "probably"),
        ("pitch=high", ""),
    ]
    assert [one.probability for one in described.statements] == [0.97, pytest.approx(0.98), 0.7, None]


def test_classes_of_ones_own_are_not_spoken_of() -> None:
    shares = {"shouting": 0.99, "whispering": 0.01}

    assert describe_voice([Answer("mine", None, shares, shares)]).sentence == NOTHING


def test_of_two_label_sets_of_one_attribute_the_first_counts() -> None:
    first, second = answer("gender", male=0.9), answer("gender", female=0.9)

    assert describe_voice([first, second]).sentence == "A male speaker."


# The oracle: every combination of what could be said of a person is judged by itself.


def shares_of(attribute: str, asked: Mapping[str, float]) -> dict[str, tuple[float, int]]:
    """Return the probability of each level, and of each broader one, with the number of classes that it covers."""
    covers = {name: {name} for name in asked}
    for name, covered in VOCABULARY.attributes[attribute].broader.items():
        if not name.startswith("not_") and set(covered) <= set(asked):
            covers[name] = set(covered)
    return {name: (sum(asked[label] for label in asked if label in c), len(c)) for name, c in covers.items()}


def find_person(gender: Mapping[str, float], age: Mapping[str, float]) -> tuple[set[Fact], str] | None:
    """Judge all pairs of a gender and an age, with none of one of them."""

    def levels_above_chance(attribute: str, asked: Mapping[str, float]) -> dict[str, tuple[float, int]]:
        chance = {name: size / len(asked) for name, (_, size) in shares_of(attribute, asked).items()}
        return {
            name: (share, size)
            for name, (share, size) in shares_of(attribute, asked).items()
            if (share - chance[name]) / (1 - chance[name]) >= TABLE.above_chance
        }

    genders, ages = levels_above_chance("gender", gender), levels_above_chance("age_group", age)
    if set(ages) & {"infant", "child"}:
        genders = {}
    best: tuple[tuple[float, ...], set[Fact], str] | None = None
    for g, a in product([None, *genders], [None, *ages]):
        if g is None and a is None:
            continue
        one, other = genders.get(str(g), (1.0, 0)), ages.get(str(a), (1.0, 0))
        joint = one[0] * other[0]
        rank = 0 if joint >= 0.8 else 1 if joint >= 0.6 else 2
        is_pair = g is not None and a is not None and joint >= 0.6
        key = (not is_pair, rank, one[1] + other[1], -joint)
        if best is None or key < best[0]:
            facts = {Fact(name, lv) for name, lv in (("gender", g), ("age_group", a)) if lv is not None}
            best = key, facts, ("", "probably", "perhaps")[rank]
    return None if best is None else best[1:]


def test_who_speaks_is_said_as_the_oracle_says_it() -> None:
    generator = np.random.default_rng(1)
    hedges = set()
    for _ in range(400):
        gender = dict(zip(CLASSES["gender"], generator.dirichlet([0.4] * 2), strict=True))
        age = dict(zip(CLASSES["age"], generator.dirichlet([0.5] * 5), strict=True))

        described = describe_voice([answer("gender", **gender), answer("age", **age)])

        expected = find_person(gender, age)
        found = {one.fact for one in described.statements}
        assert found == (set() if expected is None else expected[0]), (gender, age)
        if expected is not None:
            assert {one.hedge for one in described.statements} == {expected[1]}
            assert described.sentence.startswith(expected[1].capitalize())
            hedges.add(expected[1])
    assert hedges == {"", "probably", "perhaps"}


def test_a_feeling_is_said_by_its_probability() -> None:
    for share in np.linspace(0.1, 0.99, 90):
        (said,) = [one.hedge for one in describe_voice([answer("emotion", anger=share)]).statements] or ["nothing"]
        chance = 1 / len(CLASSES["emotion"])

        if (share - chance) / (1 - chance) < 0.25:
            assert said == "nothing"
        else:
            assert said == ("" if share >= 0.8 else "probably" if share >= 0.6 else "perhaps")


def test_nothing_is_said_together_that_captions_do_not_say_together() -> None:
    sampler, generator = CaptionSampler(VOCABULARY), np.random.default_rng(3)
    num_said = 0
    for _ in range(300):
        emotion = dict(zip(CLASSES["emotion"], generator.dirichlet([0.15] * 10), strict=True))
        measured = [level(name, str(generator.choice(["low", "normal", "high"]))) for name in TABLE.manners]

        facts = [one.fact for one in describe_voice([answer("emotion", **emotion)], measured).statements]

        assert not any(sampler.contradict(one, other) for one in facts for other in facts)
        assert not {fact.level for fact in facts} & set(TABLE.unsaid_levels)
        assert len([fact for fact in facts if fact.attribute != "emotion"]) <= TABLE.max_manners
        num_said += len(facts)
    assert num_said > 900


def test_every_level_that_may_be_said_has_words() -> None:
    for name in TABLE.manners:
        for label, row in VOCABULARY.attributes[name].levels.items():
            if label not in TABLE.unsaid_levels:
                assert row.feature, f"{name}={label}"
                assert describe_voice((), [level(name, label)]).sentence != NOTHING
    for name in TABLE.feelings:
        assert all(row.words("predicative") for row in VOCABULARY.attributes[name].levels.values())


def test_every_label_set_of_the_table_exists() -> None:
    asked = TABLE.label_sets + TABLE.instead_of_measures

    assert len(set(asked)) == len(asked)
    assert {load_label_set(name).attribute for name in asked} >= {*TABLE.feelings, "gender", "age_group"}
    assert set(TABLE.manners) <= VOCABULARY.attributes.keys()
    assert read_caption_table().alike == {"age_group": ("infant", "child")}  # as the oracle has it


@pytest.mark.parametrize("least", [[0.5], [0.5, 0.6, 0.0], [0.5, 0.5, 0.0]])
def test_hedges_that_do_not_fall_to_zero_are_refused(least: list[float]) -> None:
    hedges = [{"least": value, "word": "so"} for value in least]

    with pytest.raises(ValueError, match=r"hedges begin at .*; expected falling probabilities, the last one 0"):
        ProfileTable.model_validate(TABLE.model_dump() | {"hedges": hedges})
