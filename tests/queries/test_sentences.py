import pytest

from paraclap.errors import QueryError
from paraclap.queries.sentences import fill_template, find_slots, join_phrases


@pytest.mark.parametrize(
    "phrase",
    [
        "an angry voice",
        "an aged speaker",
        "an elderly person",
        "an unhappy child",
        "an unemotional voice",
        "an hour",
        "an honest man",
        "an infant",
        "an enraged old man",
        "a unique voice",
        "a uniform tone",
        "a usual voice",
        "a useful answer",
        "a euphoric voice",
        "a one-time speaker",
        "a young adult",
        "a happy voice",
        "a middle-aged person",
        "a weary voice",
        "an Angry voice",
        "an uninterested voice",
        "a union speaker",
        "a Ukrainian accent",
    ],
)
def test_the_article_follows_the_sound_of_the_next_word(phrase: str) -> None:
    _, _, words = phrase.partition(" ")

    assert fill_template("a(n) {words}", {"words": words}) == phrase


def test_each_article_looks_at_its_own_word() -> None:
    filled = fill_template("a(n) {person} speaking in a(n) {adjective} voice", {"person": "adult", "adjective": "calm"})

    assert filled == "an adult speaking in a calm voice"


def test_a_slot_may_stand_twice_and_others_words_are_left_alone() -> None:
    assert fill_template("{a} and {a}", {"a": "x {b}", "b": "y"}) == "x {b} and x {b}"


def test_slots_are_found() -> None:
    assert find_slots("a(n) {adjective} {person} is {adjective}") == {"adjective", "person"}
    assert find_slots("no slot") == frozenset()


def test_slots_without_a_word_are_named() -> None:
    message = r"^template '\{verb\} a \{noun\} \{person\}' has slots without a word: noun, verb$"
    with pytest.raises(QueryError, match=message):
        fill_template("{verb} a {noun} {person}", {"person": "man"})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{word} voice", "angry voice"),
        ("a(n) {word} voice.", "An angry voice."),
        ("{word}. ", "angry. "),
    ],
)
def test_what_ends_in_a_full_stop_begins_with_a_capital(template: str, text: str) -> None:
    assert fill_template(template, {"word": "angry"}) == text


@pytest.mark.parametrize(
    ("phrases", "text"),
    [
        (["slowly"], "slowly"),
        (["slowly", "loudly"], "slowly and loudly"),
        (["in a deep voice", "slowly"], "slowly and in a deep voice"),
        (["in a deep voice", "at a high volume", "slowly"], "slowly, in a deep voice and at a high volume"),
        (["with long gaps", "slowly"], "slowly and with long gaps"),
        (["with long gaps", "with a lot of energy"], "with long gaps and a lot of energy"),
        (["with long gaps", "in English", "with a steady tone"], "in English, with long gaps and a steady tone"),
        (["with much noise in the voice", "in a singing voice"], "in a singing voice and with much noise in the voice"),
        (["without long gaps", "with a steady tone"], "without long gaps and with a steady tone"),
        (["a high pitch", "long gaps"], "long gaps and a high pitch"),
        (["clear", "deep"], "clear and deep"),
    ],
)
def test_phrases_are_joined_the_short_ones_first_and_under_one_with(phrases: list[str], text: str) -> None:
    assert join_phrases(phrases) == text
