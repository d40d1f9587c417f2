import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
from tests.queries.rows import SAYABLE, VOCABULARY, make_facts
from tests.queries.signs import SIGNED

from paraclap.errors import QueryError
from paraclap.queries import CaptionSampler, Fact, RowFacts
from paraclap.queries import captions as captions_module
from paraclap.queries.tables import ContradictionRow, read_caption_table

SAMPLER = CaptionSampler(VOCABULARY)
DRAWS = 400  # at most, until two facts are found together; most need one or two
PAIRS = [
    (one, other)
    for one, other in combinations([fact for fact in SAYABLE if fact in SIGNED], 2)  # one of the many languages
    if one.attribute != other.attribute
]
MUST_CONTRADICT = """
emotion=calm                  arousal=high
emotion=boredom               arousal=high
emotion=calm                  vocal_effort=high
emotion=boredom               vocal_effort=high
emotion=calm                  loudness=high
emotion=boredom               loudness=high
emotion=boredom               style=shouted
emotion=excitement            arousal=low
emotion=excitement            vocal_effort=low
emotion=excitement            pitch_variation=low
arousal=high                  vocal_effort=low
arousal=high                  pitch_variation=low
emotion=neutral               arousal=high
emotion=neutral               arousal=low
emotion=neutral               style=shouted
emotion=neutral               valence=low
emotion=neutral               valence=high
emotion=neutral               intensity=low
emotion=neutral               intensity=medium
emotion=neutral               intensity=high
emotion=happiness             valence=low
emotion=happiness             valence=normal
emotion=excitement            valence=low
emotion=excitement            valence=normal
emotion=calm                  valence=normal
emotion=calm                  valence=low
emotion=sadness               valence=high
emotion=sadness               valence=normal
emotion=boredom               valence=high
emotion=contempt              valence=high
emotion=frustration           valence=high
emotion=frustration           valence=normal
emotion=anger                 valence=normal
emotion=anger                 valence=high
emotion=disgust               valence=high
emotion=fear                  valence=high
emotion=fear                  dominance=high
emotion=anger                 dominance=low
emotion=contempt              dominance=low
emotion=calm                  style=shouted
arousal=low                   style=shouted
arousal=low                   vocal_effort=high
arousal=low                   loudness=high
style=whispered               loudness=high
style=whispered               vocal_effort=high
style=whispered               harmonicity=high
style=whispered               breathiness=low
style=whispered               pitch=low
style=whispered               pitch=normal
style=whispered               pitch_for_gender=high
style=whispered               pitch_variation=low
style=whispered               jitter=high
style=whispered               shimmer=low
style=shouted                 loudness=low
style=shouted                 vocal_effort=low
loudness=low                  vocal_effort=high
loudness=high                 vocal_effort=low
pitch=low                     pitch_for_gender=high
pitch=high                    pitch_for_gender=low
harmonicity=high              roughness=high
harmonicity=high              breathiness=high
harmonicity=high              jitter=high
harmonicity=high              shimmer=high
harmonicity=low               roughness=low
harmonicity=low               breathiness=low
harmonicity=low               jitter=low
harmonicity=low               shimmer=low
roughness=low                 jitter=high
roughness=low                 shimmer=high
roughness=low                 breathiness=high
roughness=high                jitter=low
roughness=high                shimmer=low
breathiness=high              jitter=low
breathiness=high              shimmer=low
breathiness=low               jitter=high
breathiness=low               shimmer=high
breathiness=low               roughness=high
jitter=low                    shimmer=high
jitter=high                   shimmer=low
pauses=high                   tempo=high
pauses=high                   duration=low
"""


def read_pairs(table: str) -> Iterator[tuple[Fact, Fact]]:
    for line in table.split("\n"):
        if line:
            one, other = (Fact(*name.split("=")) for name in line.split())
            yield one, other


@cache
def make_sampler(*attributes: str) -> CaptionSampler:
    return CaptionSampler(VOCABULARY, attributes=attributes, num_facts=[0, 1])


def make_row(one: Fact, other: Fact) -> RowFacts:
    """Make a row of two facts, and of a gender where one is relative to it."""
    gender = () if "gender" in (one.attribute, other.attribute) else (Fact("gender", "female"),)
    return make_facts(one, other, *(gender if "pitch_for_gender" in (one.attribute, other.attribute) else ()))


def are_said_together(one: Fact, other: Fact, *, draws: int = DRAWS) -> bool:
    generator = np.random.default_rng(0)
    sampler, row = make_sampler(one.attribute, other.attribute), make_row(one, other)
    drawn = (sampler.sample(row, generator) for _ in range(draws))
    return any(caption is not None and {one, other} <= set(caption.facts) for caption in drawn)


def have_no_sentence(one: Fact, other: Fact) -> bool:
    """Tell if two facts stand in no sentence together though they do not contradict each other."""
    facts, attributes = {one, other}, {one.attribute, other.attribute}
    silent = {Fact("age_group", "infant"), *(Fact("vocalisation", level) for level in ("cry", "laughter", "cough"))}
    speech = {"style", "language", "accent", "tempo", "pauses"}
    alike = {Fact("age_group", level) for level in ("infant", "child")}
    after_no_verb = {Fact("valence", "normal"), Fact("dominance", "normal")}
    after_no_verb |= {Fact("likability", level) for level in ("likable", "not likable")}
    return (
        ("intensity" in attributes and "emotion" not in attributes)  # it is the degree of an emotion
        or bool(facts & silent and attributes & speech)  # nobody speaks
        or bool(facts & alike and "pitch_for_gender" in attributes)  # girls and boys sound alike
        or ("emotion" in attributes and Fact("intoxication", "sober") in facts)  # both stand after "sounds"
        or bool(facts & after_no_verb and "vocalisation" in attributes)  # not "is crying and sounds ..."
    )


@pytest.mark.parametrize("names", list(combinations(VOCABULARY.attributes, 2)), ids="-".join)
def test_two_facts_are_said_together_or_contradict_each_other(names: tuple[str, str]) -> None:
    for one, other in PAIRS:
        if (one.attribute, other.attribute) == names:
            if SAMPLER.contradict(one, other) or have_no_sentence(one, other):
                assert not are_said_together(one, other, draws=20), (one, other)
            else:
                assert are_said_together(one, other), (one, other)


@pytest.mark.parametrize(("one", "other"), list(read_pairs(MUST_CONTRADICT)))
def test_facts_that_a_listener_would_not_grant_together_contradict_each_other(one: Fact, other: Fact) -> None:
    assert {one, other} <= set(SAYABLE)
    assert SAMPLER.contradict(one, other) and SAMPLER.contradict(other, one)


def test_few_pairs_contradict_each_other() -> None:
    found = [pair for pair in PAIRS if SAMPLER.contradict(*pair)]

    assert 50 < len(found) < len(PAIRS) / 20


def test_a_fact_contradicts_neither_itself_nor_an_unrelated_one() -> None:
    assert not any(SAMPLER.contradict(fact, fact) for fact in SAYABLE)
    assert not SAMPLER.contradict(Fact("gender", "female"), Fact("pitch", "low"))


def test_of_facts_that_contradict_each_other_each_is_said_now_and_then() -> None:
    row = make_facts(Fact("emotion", "sadness"), Fact("valence", "high"), Fact("tempo", "low"))
    sampler = CaptionSampler(VOCABULARY, num_facts=[0, 0, 1])
    generator = np.random.default_rng(0)
    drawn = [sampler.sample(row, generator) for _ in range(200)]

    assert {tuple(map(str, caption.facts)) for caption in drawn if caption is not None} == {
        ("emotion=sadness", "tempo=low"),
        ("valence=high", "tempo=low"),
    }


def test_levels_that_do_not_exist_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = read_caption_table()
    wrong = ContradictionRow(one={"pitch": ("low",)}, other={"style": ("wispered",)})
    changed = table.model_copy(update={"contradictions": (*table.contradictions, wrong)})
    monkeypatch.setattr("paraclap.queries.grammar.read_caption_table", lambda: changed)

    with pytest.raises(QueryError, match=re.escape("style has no level 'wispered'; did you mean 'whispered'?")):
        captions_module.CaptionSampler(VOCABULARY)


def test_no_two_levels_of_one_attribute_are_listed() -> None:
    for row in read_caption_table().contradictions:
        for (one, levels), (other, other_levels) in product(row.one.items(), row.other.items()):
            assert one != other or not set(levels) & set(other_levels), row
