import re
from pathlib import Path

import pytest
from tests.queries.rows import VOCABULARY

from paraclap.errors import QueryError
from paraclap.queries import Fact, list_label_sets, load_label_set
from paraclap.queries.tables import read_label_sets


def write_label_set(folder: Path, content: str) -> str:
    path = folder / "own.toml"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_the_label_sets_are_listed_in_order() -> None:
    names = list_label_sets()

    assert names == sorted(names)
    assert {"age", "arousal", "dominance", "emotion", "gender", "pitch", "tempo", "valence"} <= set(names)


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

    if row.attribute is not None:
        assert all(VOCABULARY.levels_of(Fact(row.attribute, label)) for label in (*row.classes, *row.words))


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
    message = "no label set 'emotions'; did you mean 'emotion'? known: age, "
    with pytest.raises(QueryError, match=f"^{re.escape(message)}.*, valence, or a path ending in .toml$"):
        load_label_set("emotions")


def test_a_file_may_have_templates_for_levels_of_an_attribute(tmp_path: Path) -> None:
    path = write_label_set(
        tmp_path,
        """
        attribute = "emotion"
        classes = ["fear", "anger"]
        templates = ["a(n) {adjective} cat", "{noun}!"]
        words = { fear = { adjective = "afraid", noun = "hiss" } }
        """,
    )

    label_set = load_label_set(path)

    assert (label_set.name, label_set.attribute, label_set.classes) == ("own", "emotion", ("fear", "anger"))
    assert label_set.prompts == {"fear": ("an afraid cat", "hiss!"), "anger": ("an angry cat", "anger!")}
    assert label_set.restrict(["calm"]).prompts == {"calm": ("a calm cat", "calmness!")}


def test_a_file_may_have_templates_for_classes_of_ones_own(tmp_path: Path) -> None:
    path = write_label_set(
        tmp_path,
        """
        classes = ["cat", "owl"]
        templates = ["a(n) {animal}", "the {animal} that {does}"]
        [words]
        cat = { animal = "cat", does = "meows" }
        owl = { animal = "owl", does = "hoots" }
        """,
    )

    label_set = load_label_set(path)

    assert label_set.attribute is None
    assert label_set.prompts == {"cat": ("a cat", "the cat that meows"), "owl": ("an owl", "the owl that hoots")}


def test_a_file_may_have_the_prompts_themselves(tmp_path: Path) -> None:
    path = write_label_set(tmp_path, 'classes = ["b", "a"]\nprompts = { a = ["an a", "aa"], b = ["b"] }')

    label_set = load_label_set(path)

    assert label_set.prompts == {"b": ("b",), "a": ("an a", "aa")}
    assert label_set.templates == () and label_set.by_template() == {}
    assert label_set.restrict(["a"]).prompts == {"a": ("an a", "aa")}
    with pytest.raises(QueryError, match=r"^label set 'own' has no words for 'c'; leave its clips out$"):
        label_set.restrict(["c"])


def test_prompts_may_be_of_levels_of_an_attribute(tmp_path: Path) -> None:
    content = 'attribute = "emotion"\nclasses = ["fear"]\nprompts = { fear = ["a shaking voice"] }'

    label_set = load_label_set(write_label_set(tmp_path, content))

    assert (label_set.attribute, label_set.prompts) == ("emotion", {"fear": ("a shaking voice",)})
    with pytest.raises(QueryError, match=r"^emotion has no level 'feer'; did you mean 'fear'\?"):
        label_set.restrict(["feer"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("classes = ", "own.toml is not TOML (Invalid value"),
        ('templates = ["{noun}"]', "own.toml: classes: Field required"),
        ('classes = []\ntemplates = ["{noun}"]', "own.toml: classes: Tuple should have at least 1 item"),
        ('classes = ["a"]', "own.toml: expected either templates, or prompts for each class"),
        (
            'classes = ["a"]\ntemplates = ["a voice"]',
            "own.toml: template 'a voice' has no slot; expected one, such as {adj",
        ),
        ('classes = ["a", "b"]\nprompts = { a = ["x"] }', "own.toml: prompts are for a; expected a, b"),
        ('classes = ["a"]\nprompts = { a = [] }', "own.toml: a class has no prompt; expected one or more of each"),
        ('classes = ["a"]\ncolour = "red"', "own.toml: colour: Extra inputs are not permitted"),
        (
            'attribute = "emotoin"\nclasses = ["a"]\ntemplates = ["{noun}"]',
            "own.toml: no attribute 'emotoin'; did you mean 'emotion'?",
        ),
        (
            'attribute = "emotion"\nclasses = ["angr"]\ntemplates = ["{noun}"]',
            "own.toml: emotion has no level 'angr'; did you mean 'anger'?",
        ),
        (
            'attribute = "emotion"\nclasses = ["anger"]\ntemplates = ["{verb}"]',
            "own.toml: template '{verb}' has slots without a word: verb",
        ),
        (
            'classes = ["a"]\ntemplates = ["{x} {y}"]\nwords = { a = { x = "b" } }',
            "own.toml: template '{x} {y}' has slots without a word: y",
        ),
        (
            'classes = ["a"]\ntemplates = ["{x}"]\nwords = { a = { x = ["b", "c"] } }',
            "own.toml: words.a.x: Input should be a valid string",
        ),
        (
            'classes = ["a"]\ntemplates = ["{x}"]\nwords = { a = { x = "b" } }\nprompts = { a = ["c"] }',
            "own.toml: expected either templates, or prompts for each class",
        ),
        (
            'classes = ["a", "a"]\nprompts = { a = ["x"] }',
            "own.toml: found the classes a, a; expected each once",
        ),
        ('classes = ["a"]\nprompts = { a = [" "] }', "own.toml: a has the prompt ' '; expected a sentence"),
        (
            'classes = ["a", "b"]\nprompts = { a = ["x"], b = ["x"] }',
            "own.toml: a and b have the same prompt 'x'; expected one class for each",
        ),
    ],
)
def test_a_file_that_is_no_label_set_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = write_label_set(tmp_path, content)

    with pytest.raises(QueryError, match=re.escape(message)):
        load_label_set(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"^no file .*own\.toml; expected a label set in TOML$"):
        load_label_set(str(tmp_path / "own.toml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(QueryError, match=r"own\.toml is not TOML \('utf-8' codec .+\); expected a label set$"):
        load_label_set(str(tmp_path / "own.toml"))
