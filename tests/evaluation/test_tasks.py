import pytest

from paraclap.corpora import load_corpus_info
from paraclap.errors import QueryError
from paraclap.evaluation.tasks import Condition, Task, find_label_set, load_task, load_tasks, parse_tasks
from paraclap.queries import load_label_set

ROW = """
[[task]]
name = "toy"
corpus = "ravdess"
label = "emotion"
classes = ["anger", "calm"]
label_set = "emotion"
"""
VOTES = """
[[task]]
name = "votes"
corpus = "crema-d"
kind = "multi-label"
classes = ["anger", "calm"]
label_set = "emotion"
positive.anger = { column = "vote", values = ["A", "a"] }
positive.calm = { column = "level", at_least = 0.5 }
"""
SEARCH = """
[[task]]
name = "search"
corpus = "crema-d"
kind = "retrieval"
attributes = ["gender"]
"""


def test_the_tasks_of_the_package_in_their_order() -> None:
    assert list(load_tasks()) == [
        "ravdess-emotion",
        "ravdess-gender",
        "tess-emotion",
        "turev-emotion",
        "cremad-emotion",
        "cremad-age",
        "iemocap-emotion",
        "aibo-2",
        "aibo-5",
        "alc-intoxication",
        "sld-likability",
        "msp-emotion",
        "emodb-emotion",
        "emovo-emotion",
        "nemo-emotion",
        "ased-emotion",
        "urdu-emotion",
        "emotiontts-emotion",
        "baved-arousal",
        "speechocean-gender",
        "speechocean-age",
        "cremad-emotion-dev",
        "cremad-gender-dev",
        "cremad-age-dev",
        "cremad-perceived-dev",
        "cremad-retrieval-dev",
        "speechocean-gender-dev",
        "speechocean-age-dev",
        "combined-language",
        "combined-gender",
        "combined-age",
        "combined-emotion",
    ]


@pytest.mark.parametrize(
    "task", [task for task in load_tasks().values() if task.kind != "retrieval"], ids=lambda task: task.name
)
def test_every_class_of_a_task_has_prompts_in_its_label_set(task: Task) -> None:
    prompts = load_label_set(task.label_set).restrict(task.classes).prompts

    assert tuple(prompts) == task.classes
    assert all(prompts.values())


@pytest.mark.parametrize("task", load_tasks().values(), ids=lambda task: task.name)
def test_training_corpora_are_tested_by_a_held_out_split_unless_published_figures_are_on_the_whole(task: Task) -> None:
    is_test_only = all(load_corpus_info(corpus).use == "test" for corpus in task.parts or (task.corpus,))
    is_published_whole = task.corpus in ("crema-d", "iemocap") and bool(task.figures)

    assert (task.split is None) == (is_test_only or is_published_whole)


def test_published_prompts_and_figures_stand_with_their_source() -> None:
    task = load_task("tess-emotion")

    assert task.published[0].prompts["surprise"] == "pleasant surprise"
    assert [(figure.model, figure.value, figure.source) for figure in task.figures] == [
        ("ParaCLAP", 0.170, "arXiv 2601.12591"),
        ("SmoothCLAP", 0.275, "arXiv 2601.12591"),
        ("SmoothCLAP", 0.433, "arXiv 2601.12591"),
    ]


def test_an_unknown_task_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(QueryError) as error:
        load_task("ravdes-emotion")

    assert (
        str(error.value)
        == "no task 'ravdes-emotion'; did you mean 'ravdess-emotion'? 'paraclap evaluate --list' shows all"
    )


def test_an_unknown_task_without_a_near_name_is_answered_with_the_way_to_the_list() -> None:
    with pytest.raises(QueryError, match=r"^no task 'xyz'; 'paraclap evaluate --list' shows all$"):
        load_task("xyz")


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ('colour = "red"', r"toy.toml: task.0.colour: Extra inputs are not permitted"),
        ("intervals = { anger = [0, 1] }", r"intervals of task 'toy' are not those of its classes"),
        ("intervals = { anger = [0, 2], calm = [1, 3] }", r"intervals of task 'toy' are empty or overlap"),
        ("intervals = { anger = [0, 0], calm = [1, 3] }", r"intervals of task 'toy' are empty or overlap"),
        (
            '[[task.published]]\nname = "x"\nsource = "y"\nprompts = { anger = "angry" }',
            r"published prompts 'x' of task 'toy' are for \['anger'\]; expected \['anger', 'calm'\]",
        ),
        (ROW, r"toy.toml: a task name occurs twice; give every row its own"),
        ("label = ", r"toy.toml is not TOML"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_in_one_sentence(addition: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as error:
        parse_tasks(ROW + addition, source="toy.toml")
    assert "\n" not in str(error.value)


def test_repeated_classes_are_refused() -> None:
    with pytest.raises(QueryError, match="classes of task 'toy' repeat"):
        parse_tasks(ROW.replace('"calm"', '"anger"'), source="toy.toml")


def test_a_task_is_known_by_the_metric_of_its_kind() -> None:
    metrics = {task.kind: task.metric for task in load_tasks().values()}

    assert metrics == {"single-label": "uar", "multi-label": "auroc", "retrieval": "text_to_audio_recall@1"}


def test_classes_stand_in_the_order_of_the_numbers_that_order_them() -> None:
    ordered = [task for task in load_tasks().values() if task.ordered_by]

    assert {task.label_set for task in ordered} == {"age", "arousal"}
    for task in ordered:
        starts = [task.intervals[name][0] for name in task.classes]
        assert starts == sorted(starts)
        assert task.ordered_by == task.label


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (ROW, ["emotion"]),
        (
            ROW + 'split = "dev"\nwhere = { partition = ["one"] }\nordered_by = "age"',
            ["emotion", "partition", "age", "split"],
        ),
        (ROW + 'ordered_by = "emotion"', ["emotion"]),
        (VOTES, ["vote", "level"]),
        (VOTES.replace('"level"', '"vote"') + 'where = { gender = ["male"] }', ["vote", "gender"]),
        (SEARCH, []),
        (SEARCH + 'split = "test"', ["split"]),
    ],
    ids=["label", "everything", "ordered by its label", "conditions", "one column", "attributes", "split alone"],
)
def test_a_manifest_must_have_the_columns_that_a_task_looks_at_each_once(text: str, columns: list[str]) -> None:
    (task,) = parse_tasks(text, source="toy.toml").values()

    assert task.columns == columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ROW.replace('label = "emotion"\n', ""),
            "task 'toy' is single-label and lacks 'label'; expected label, classes, label_set",
        ),
        (
            ROW + 'attributes = ["gender"]',
            "task 'toy' is single-label and has 'attributes'; expected label, classes, label_set",
        ),
        (
            ROW + 'positive = { anger = { column = "x", values = ["a"] } }',
            "task 'toy' is single-label and has 'positive'; expected label, classes, label_set",
        ),
        (ROW.replace(', "calm"', ""), r"task 'toy' has the classes \['anger'\]; expected two or more"),
        (ROW + 'kind = "many-label"', "task.0.kind: Input should be 'single-label', 'multi-label' or 'retrieval'"),
        (
            VOTES + 'label = "emotion"',
            "task 'votes' is multi-label and has 'label'; expected positive, classes, label_set",
        ),
        (
            VOTES.partition("positive")[0],
            "task 'votes' is multi-label and lacks 'positive'; expected positive, classes, label_set",
        ),
        (
            VOTES.replace("positive.calm", "positive.sadness"),
            r"conditions of task 'votes' are not those of its classes \['anger', 'calm'\]",
        ),
        (SEARCH + 'classes = ["female", "male"]', "task 'search' is retrieval and has 'classes'; expected attributes"),
        (SEARCH.replace('["gender"]', "[]"), "task 'search' is retrieval and lacks 'attributes'; expected attributes"),
        (SEARCH + "pool_size = 1", "task.0.pool_size: Input should be greater than or equal to 2"),
    ],
)
def test_a_row_with_the_keys_of_another_kind_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as error:
        parse_tasks(text, source="toy.toml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "ways",
    ['column = "vote"', 'column = "vote", values = []', 'column = "vote", values = ["A"], at_least = 0.0'],
    ids=["none", "no value", "two"],
)
def test_a_condition_is_given_in_exactly_one_way(ways: str) -> None:
    text = VOTES.replace('column = "vote", values = ["A", "a"]', ways)

    with pytest.raises(QueryError, match="the condition on 'vote' needs exactly one of values, pattern and at_least"):
        parse_tasks(text, source="toy.toml")


def test_a_condition_may_be_a_pattern_that_is_a_regular_expression() -> None:
    assert Condition(column="vote", pattern="A|a").pattern == "A|a"
    with pytest.raises(QueryError, match=r"the pattern '\(A' is no regular expression \(missing \), unterminated"):
        parse_tasks(VOTES.replace('values = ["A", "a"]', 'pattern = "(A"'), source="toy.toml")


def test_an_unknown_key_of_a_condition_is_refused() -> None:
    with pytest.raises(QueryError, match=r"toy\.toml: task\.0\.positive\.calm\.at_most: Extra inputs are not"):
        parse_tasks(VOTES.replace("at_least", "at_most"), source="toy.toml")


def test_the_classes_of_a_task_are_a_label_set_and_those_of_retrieval_are_none() -> None:
    assert tuple(find_label_set("cremad-perceived-dev").prompts) == load_task("cremad-perceived-dev").classes
    with pytest.raises(QueryError, match="no label set or task 'cremad-retrieval-dev'"):
        find_label_set("cremad-retrieval-dev")
