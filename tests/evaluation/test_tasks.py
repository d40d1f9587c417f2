import pytest

from paraclap.corpora import load_corpus_info
from paraclap.errors import QueryError
from paraclap.evaluation.tasks import Task, load_task, load_tasks, parse_tasks
from paraclap.queries import load_label_set

ROW = """
[[task]]
name = "toy"
corpus = "ravdess"
label = "emotion"
classes = ["anger", "calm"]
label_set = "emotion"
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
    ]


@pytest.mark.parametrize("task", load_tasks().values(), ids=lambda task: task.name)
def test_every_class_of_a_task_has_prompts_in_its_label_set(task: Task) -> None:
    prompts = load_label_set(task.label_set).restrict(task.classes).prompts

    assert tuple(prompts) == task.classes
    assert all(prompts.values())


@pytest.mark.parametrize("task", load_tasks().values(), ids=lambda task: task.name)
def test_training_corpora_are_tested_by_a_held_out_split_unless_published_figures_are_on_the_whole(task: Task) -> None:
    is_test_only = load_corpus_info(task.corpus).use == "test"
    is_published_whole = task.corpus in ("crema-d", "iemocap")

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
