import re

import pytest
from tests.queries.rows import VOCABULARY

from paraclap.errors import QueryError
from paraclap.queries import Fact, list_label_sets, load_label_set
from paraclap.queries.tables import read_label_sets


def test_the_label_sets_are_listed_in_order() -> None:
    assert list_label_sets() == ["age", "arousal", "emotion", "gender"]


def test_a_prompt_is_a_template_with_the_word_of_its_class() -> None:
    prompts = load_label_set("gender").prompts

    assert prompts["male"][:5] == ("male", "a male voice", "a male speaker", "the speaker is male", "a man")
    assert list(prompts) == ["female", "male"]


@pytest.mark.parametrize("name", list_label_sets())
def test_prompts_by_template_and_by_class_are_the_same(name: str) -> None:
    label_set = load_label_set(name)
    by_template = label_set.by_template()

    assert tuple(by_template) == label_set.templates
    assert [tuple(by_template[t][label] for t in label_set.templates) for label in label_set.classes] == list(
        label_set.prompts.values()
    )


@pytest.mark.parametrize("name", list_label_sets())
def test_no_two_classes_share_a_prompt(name: str) -> None:
    prompts = load_label_set(name).prompts
    owners = {
        prompt: {label for label, own in prompts.items() if prompt in own} for own in prompts.values() for prompt in own
    }

    assert {prompt: labels for prompt, labels in owners.items() if len(labels) > 1} == {}


@pytest.mark.parametrize("name", list_label_sets())
def test_classes_and_words_are_levels_of_the_attribute(name: str) -> None:
    row = read_label_sets()[name]

    for label in (*row.classes, *row.words):
        assert VOCABULARY.levels_of(Fact(row.attribute, label))


def test_a_label_set_is_restricted_to_other_classes_in_their_order() -> None:
    restricted = load_label_set("age").restrict(["adult", "child"])

    assert restricted.classes == ("adult", "child")
    assert restricted.prompts == {
        "adult": ("an adult", "an adult is speaking", "the speaker is an adult", "the voice of an adult"),
        "child": ("a child", "a child is speaking", "the speaker is a child", "the voice of a child"),
    }
    assert load_label_set("age").classes[0] == "child"


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        (
            "emotion",
            ["anger", "sadnes"],
            "emotion has no level 'sadnes'; did you mean 'sadness'? known: anger, boredom,",
        ),
        ("age", ["adults"], "age_group has no level 'adults'; did you mean 'adult'? known: infant,"),
        ("gender", ["female", "other"], "label set 'gender' has no words for 'other'; leave its clips out"),
        ("gender", [], "label set 'gender': found the classes []; expected each once"),
        ("gender", ["male", "male"], "label set 'gender': found the classes ['male', 'male']; expected each once"),
    ],
)
def test_classes_that_cannot_be_asked_for_are_refused(name: str, classes: list[str], message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        load_label_set(name).restrict(classes)


def test_an_unknown_label_set_is_named_with_the_known_ones() -> None:
    message = "no label set 'emotions'; did you mean 'emotion'? known: age, arousal, emotion, gender"
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        load_label_set("emotions")
