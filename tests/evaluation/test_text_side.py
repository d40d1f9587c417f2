import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from paraclap.errors import QueryError
from paraclap.evaluation.text_side import (
    NEGATIONS,
    Word,
    WordAnswer,
    ask_for_two,
    classify_words,
    compare_negations,
    find_nearest_words,
    list_held_out_words,
    list_trained_words,
    rank_by_words,
    share_right,
)
from paraclap.queries import load_label_set

Array = npt.NDArray[np.float64]
ADJECTIVE, NOUN = ("adjective", "predicative"), ("noun",)
MEANINGS = {  # words that the toy understands, each with its direction
    "angry": 0,
    "anger": 0,
    "mad": 0,
    "furious": 0,
    "happy": 1,
    "happiness": 1,
    "jolly": 1,
    "sad": 2,
    "sadness": 2,
    "woman": 3,
    "female": 3,
    "lady": 3,
    "man": 4,
    "male": 4,
    "not": 5,
}
CLASSES = ("anger", "happiness", "sadness")


def understand(texts: Sequence[str]) -> Array:
    """Embed texts by the words in them; what is not known is a direction of its own, and lengths differ."""
    vectors = np.zeros((len(texts), 7))
    for number, text in enumerate(texts):
        for word in re.findall(r"[\w-]+", text):
            vectors[number, MEANINGS.get(word, 6)] += 1.0 if word in MEANINGS else 0.1
    return vectors * np.arange(1, len(texts) + 1)[:, None]


def test_held_out_words_are_nouns_for_persons_and_adjectives_otherwise() -> None:
    words = {word.text: word for word in list_held_out_words()}

    assert words["furious"] == Word("furious", {"emotion": "anger"}, ADJECTIVE)
    assert words["elderly lady"] == Word("elderly lady", {"gender": "female", "age_group": "senior"}, NOUN)
    assert len(words) == 19


def test_trained_words_are_those_of_captions_with_their_slots() -> None:
    words = list_trained_words()

    assert Word("angry", {"emotion": "anger"}, ADJECTIVE) in words
    assert Word("afraid", {"emotion": "fear"}, ("predicative",)) in words
    assert Word("grown woman", {"gender": "female", "age_group": "adult"}, NOUN) in words
    assert Word("likable", {"likability": "likable"}, ("voice",)) in words
    assert not {word.text for word in words} & {word.text for word in list_held_out_words()}


def test_words_are_classified_by_the_prompts_of_their_classes() -> None:
    words = [
        Word("furious", {"emotion": "anger"}, ADJECTIVE),
        Word("jolly", {"emotion": "sadness"}, ADJECTIVE),
        Word("lady", {"gender": "female", "age_group": "infant", "pitch": "high"}, NOUN),
    ]

    assert classify_words(words, understand) == [
        WordAnswer("furious", "emotion", "anger", "anger"),
        WordAnswer("jolly", "emotion", "sadness", "happiness"),
        WordAnswer("lady", "gender", "female", "female"),  # infant is no class, and of pitch corpora say nothing
    ]


def test_a_word_stands_in_every_template_that_takes_it_and_in_no_other() -> None:
    asked: list[str] = []

    def note(texts: list[str]) -> Array:
        asked.extend(texts)
        return understand(texts)

    classify_words([Word("furious", {"emotion": "anger"}, ADJECTIVE)], note)

    templates = [text for text in load_label_set("emotion").templates if "{noun}" not in text]
    filled = [re.sub(r"a\(n\)", "a", re.sub(r"\{\w+\}", "furious", text)) for text in templates]
    assert sorted(text for text in asked if "furious" in text) == sorted(filled)
    assert len(asked) == len(set(asked))


def test_a_word_is_judged_without_the_prompts_that_say_it() -> None:
    asked: list[str] = []

    def note(texts: list[str]) -> Array:
        asked.extend(texts)
        return understand(texts)

    classify_words([Word("angry", {"emotion": "anger"}, ADJECTIVE)], note)
    assert "a mad voice" in asked and "the speaker expresses anger" in asked

    asked.clear()
    classify_words([Word("woman", {"gender": "female"}, NOUN)], note)
    assert "the speaker is female" in asked and "the speaker is a woman" not in asked
    assert classify_words([Word("child", {"age_group": "child"}, NOUN)], understand) == []  # nothing is left of it


def test_a_word_is_taken_for_the_nearest_of_other_words() -> None:
    trained = [Word(text, {"emotion": level}, ADJECTIVE) for text, level in (("mad", "anger"), ("sad", "sadness"))]
    words = [Word("furious", {"emotion": "anger"}, ADJECTIVE), Word("sad", {"emotion": "sadness"}, ADJECTIVE)]

    assert find_nearest_words(words, trained, understand) == [
        WordAnswer("furious", "emotion", "anger", "anger"),
        WordAnswer("sad", "emotion", "sadness", "anger"),  # itself does not count
    ]


def test_shares_are_of_each_attribute_and_of_all() -> None:
    answers = [
        WordAnswer("furious", "emotion", "anger", "anger"),
        WordAnswer("jolly", "emotion", "happiness", "anger"),
        WordAnswer("lady", "gender", "female", "female"),
    ]

    assert share_right(answers) == {"emotion": (0.5, 2), "gender": (1.0, 1), "all": (pytest.approx(2 / 3), 3)}
    assert share_right([]) == {}


def test_cosines_of_negations_are_those_of_unit_vectors() -> None:
    found = compare_negations(CLASSES, understand)

    one, other = understand(["the speaker is happy", "the speaker is not happy"])
    expected = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert set(found) == set(NEGATIONS.values())
    assert found["the speaker is not {predicative}"][1] == pytest.approx(expected)


@pytest.mark.parametrize("negated", [False, True])
def test_what_is_said_ranks_clips_as_scikit_learn_does(negated: bool) -> None:
    rng = np.random.default_rng(0)
    embeds, truth = rng.normal(size=(60, 7)), rng.integers(0, 3, 60)
    found = rank_by_words(embeds, truth, CLASSES, understand, negated=negated)

    template = "the speaker is not {}" if negated else "the speaker is {}"
    for number, word in enumerate(("angry", "happy", "sad")):
        (vector,) = understand([template.format(word)])
        expected = roc_auc_score((truth == number) != negated, embeds @ vector)
        assert found[template.format("{predicative}")][number] == pytest.approx(expected)


def test_a_model_that_does_not_hear_the_not_finds_the_wrong_clips() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    embeds = np.eye(7)[truth]

    (said, *_), (denied, *_) = (
        list(rank_by_words(embeds, truth, CLASSES, understand, negated=negated).values()) for negated in (False, True)
    )

    assert said.tolist() == [1.0, 1.0, 1.0]
    assert denied.tolist() == [0.0, 0.0, 0.0]


def test_of_two_attributes_each_has_its_uar_together_and_alone() -> None:
    rng = np.random.default_rng(1)
    emotions, genders = rng.integers(0, 3, 80), rng.integers(0, 2, 80)
    embeds = np.eye(7)[emotions] + np.eye(7)[3 + genders] + rng.normal(0, 0.6, size=(80, 7))
    found = ask_for_two(embeds, emotions, genders, (CLASSES, ("female", "male")), embed=understand)

    def predict(texts: list[str]) -> npt.NDArray[np.intp]:
        vectors = understand(texts)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        nearest: npt.NDArray[np.intp] = np.argmax(embeds @ vectors.T, axis=1)
        return nearest

    words, persons = ("an angry", "a happy", "a sad"), ("woman", "man")
    pairs = predict([f"{word} {person}" for word in words for person in persons])
    expected = {
        "emotion_together": (emotions, pairs // 2),
        "emotion_alone": (emotions, predict([f"{word} person" for word in words])),
        "gender_together": (genders, pairs % 2),
        "gender_alone": (genders, predict(["a woman", "a man"])),
    }
    for name, (truth, predicted) in expected.items():
        assert getattr(found, name) == pytest.approx(recall_score(truth, predicted, average="macro")), name


def test_without_a_clip_there_is_nothing_to_ask_about() -> None:
    nothing = np.zeros(0, dtype=np.int64)

    with pytest.raises(QueryError, match=r"^no clip to ask about; expected some with both emotion and gender$"):
        ask_for_two(np.zeros((0, 7)), nothing, nothing, (CLASSES, ("female", "male")), embed=understand)
