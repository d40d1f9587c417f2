import re
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from tests.queries.rows import DENIALS, SAYABLE, VOCABULARY, make_facts, read_facts

from paraclap.queries import (
    FALSE,
    TRUE,
    UNKNOWN,
    Caption,
    CaptionSampler,
    Fact,
    RowFacts,
    list_label_sets,
    load_label_set,
)
from paraclap.queries.grammar import Draws, Grammar
from paraclap.queries.tables import AttributeRow, read_caption_table

SAMPLER = CaptionSampler(VOCABULARY, negates=True)
EMOTIONS = list(VOCABULARY.attributes["emotion"].levels)
NEGATION = VOCABULARY.attributes["emotion"].negated


def draw_captions(facts: RowFacts, *, draws: int = 4000, sampler: CaptionSampler = SAMPLER) -> list[Caption]:
    generator = np.random.default_rng(0)
    drawn = (sampler.sample(facts, generator) for _ in range(draws))
    return [caption for caption in drawn if caption is not None]


def denied_in(captions: list[Caption]) -> Counter[str]:
    return Counter(fact.level for caption in captions for fact in caption.facts if fact in DENIALS)


def test_every_emotion_can_be_denied() -> None:
    assert [Fact("emotion", f"not_{emotion}") for emotion in EMOTIONS] == DENIALS


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("denied", EMOTIONS)
def test_a_denial_is_false_of_its_emotion_and_true_of_any_other(emotion: str, denied: str) -> None:
    encoded = VOCABULARY.encode_rows([read_facts({"emotion": emotion}), read_facts({"gender": "female"})])
    expected = FALSE if emotion == denied else TRUE

    assert VOCABULARY.relate(encoded, [[Fact("emotion", f"not_{denied}")]]).tolist() == [[expected], [UNKNOWN]]


def test_a_denial_is_unknown_where_the_emotion_is_one_of_several() -> None:
    encoded = VOCABULARY.encode_rows([{"emotion": frozenset(["anger", "fear"])}])
    denials = [[Fact("emotion", f"not_{emotion}")] for emotion in ("anger", "fear", "sadness")]

    assert VOCABULARY.relate(encoded, denials).tolist() == [[UNKNOWN, UNKNOWN, TRUE]]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_share_of_the_facts_says_what_is_not_the_case(emotion: str) -> None:
    captions = draw_captions(make_facts(Fact("emotion", emotion), Fact("gender", "male")))
    spoken = [caption for caption in captions if "emotion" in dict(caption.facts)]
    denied = denied_in(captions)

    assert NEGATION is not None
    assert denied.total() / len(spoken) == pytest.approx(NEGATION.share, abs=0.02)
    near = {denial for denial, unsaid in NEGATION.unsaid.items() if emotion in unsaid}
    assert set(denied) == {f"not_{other}" for other in EMOTIONS if other != emotion and other not in near}


def test_nothing_is_denied_where_no_emotion_is_sure() -> None:
    assert draw_captions({"emotion": frozenset(["anger", "fear"])}, draws=200) == []
    assert denied_in(draw_captions(make_facts(Fact("gender", "female")), draws=200)) == {}


def test_a_sampler_denies_nothing_if_it_is_not_told_to() -> None:
    facts = make_facts(Fact("emotion", "fear"), Fact("gender", "female"))
    captions = draw_captions(facts, draws=500, sampler=CaptionSampler(VOCABULARY))

    assert len(captions) == 500
    assert denied_in(captions) == {}


def test_what_is_denied_has_no_degree() -> None:
    captions = draw_captions(make_facts(Fact("emotion", "anger"), Fact("intensity", "high")))

    assert denied_in(captions).total() > 200
    assert not [c for c in captions if "intensity" in dict(c.facts) and dict(c.facts)["emotion"] != "anger"]


def test_who_is_not_enraged_may_be_angry_so_that_strong_words_are_not_denied() -> None:
    strong, grammar = read_caption_table().strong_words, Grammar(VOCABULARY)
    draws = Draws(np.random.default_rng(0))
    texts = [grammar.say([fact], draws, gender=None, speaks=True) for fact in DENIALS for _ in range(200)]

    assert None not in texts
    assert [text for text in texts if text and {*strong} & set(text.split())] == []


@pytest.mark.parametrize("denied", EMOTIONS)
def test_where_nobody_speaks_a_denial_is_said_without_speech(denied: str) -> None:
    draws = Draws(np.random.default_rng(0))
    texts = {Grammar(VOCABULARY).say([Fact("emotion", f"not_{denied}")], draws, gender=None, speaks=False)}

    assert not any(text is None or re.search("speak|speech", text) for text in texts)


def test_of_anger_it_is_said_in_many_ways_that_it_is_not_there() -> None:
    draws, grammar = Draws(np.random.default_rng(0)), Grammar(VOCABULARY)
    texts = {grammar.say([Fact("emotion", "not_anger")], draws, gender=None, speaks=True) for _ in range(500)}

    assert {
        "the speaker is not angry",
        "the speaker does not sound mad",
        "a voice that is not angry",
        "the speaker expresses no anger",
        "speech that shows no anger",
        "somebody speaks without anger",
        "not angry",
    } <= texts


def test_who_is_not_neutral_is_emotional() -> None:
    draws, grammar = Draws(np.random.default_rng(0)), Grammar(VOCABULARY)
    texts = {grammar.say([Fact("emotion", "not_neutral")], draws, gender=None, speaks=True) for _ in range(500)}

    assert {"an emotional voice", "the speaker expresses emotion", "the speaker does not sound neutral"} <= texts


def test_what_is_denied_is_a_topic_of_its_own() -> None:
    angry, not_angry, female = Fact("emotion", "anger"), Fact("emotion", "not_anger"), Fact("gender", "female")

    assert VOCABULARY.find_topic([angry]) == "emotion"
    assert VOCABULARY.find_topic([not_angry]) == "emotion, denied"
    assert VOCABULARY.find_topic([not_angry, female]) is None
    assert (VOCABULARY.denies(angry), VOCABULARY.denies(not_angry), VOCABULARY.denies(female)) == (False, True, False)


def test_no_label_set_has_a_class_that_denies() -> None:
    classes = [label for name in list_label_sets() for label in load_label_set(name).classes]

    assert [label for label in classes if label.startswith("not_")] == []
    assert set(DENIALS).isdisjoint(SAYABLE)


@pytest.mark.parametrize(
    "wrong", [{"words": {"angre": {}}}, {"unsaid": {"angre": []}}, {"unsaid": {"anger": ["angre"]}}]
)
def test_a_level_that_does_not_exist_is_not_denied(wrong: dict[str, object]) -> None:
    negated = {"share": 0.1, "plainest": 1, "phrases": {"nouns": ["no {noun}"]}} | wrong
    row = {"levels": {"anger": {"nouns": ["anger"]}, "fear": {"nouns": ["fear"]}}, "negated": negated}

    with pytest.raises(ValidationError, match=re.escape("negated names angre; expected levels: anger, fear")):
        AttributeRow.model_validate(row)
