import numpy as np
import pandas as pd
import pytest
from tests.index.toys import SIZE, Ear

from paraclap.errors import QueryError
from paraclap.index.map_colours import colour_by_column, colour_by_task
from paraclap.inference import compute_probabilities
from paraclap.queries import load_label_set


def test_a_task_colours_by_what_classify_would_answer() -> None:
    model = Ear()
    vectors = np.random.default_rng(0).normal(size=(30, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    colouring = colour_by_task(model, vectors, load_label_set("emotion"))

    classes, text_embeds = model.embed_queries(task="emotion")
    shares = compute_probabilities(vectors @ text_embeds.T, model.probability_scale)
    assert colouring.name == "emotion, as answered"
    assert list(colouring.classes) == classes
    assert colouring.codes.tolist() == shares.argmax(axis=1).tolist()
    assert colouring.shares is not None
    assert colouring.shares.tolist() == shares.max(axis=1).tolist()
    assert len(set(colouring.colours)) == len(classes)
    assert "ear" in colouring.note


def test_a_column_colours_by_its_values_in_order_and_what_is_missing_is_grey() -> None:
    rows = pd.DataFrame({"gender": ["male", None, "female", "male"]})

    colouring = colour_by_column(rows, "gender")

    assert colouring.classes == ("female", "male", "unknown")
    assert colouring.codes.tolist() == [1, 2, 0, 1]
    assert colouring.colours[2] == "#8c8c8c"
    assert colouring.shares is None


def test_of_many_values_the_rare_ones_are_other() -> None:
    values = [f"s{number:02d}" for number in range(30) for _ in range(40 - number)]

    colouring = colour_by_column(pd.DataFrame({"speaker": values}), "speaker")

    assert colouring.classes == (*(f"s{number:02d}" for number in range(19)), "other")
    assert [colouring.classes[code] for code in colouring.codes] == [v if v < "s19" else "other" for v in values]
    assert len(colouring.colours) == len(set(colouring.colours)) == 20


def test_numbers_are_coloured_by_fifths() -> None:
    values = [*np.linspace(0, 100, 101), np.nan]

    colouring = colour_by_column(pd.DataFrame({"age": values}), "age")

    assert colouring.classes == ("0 to 20", "20 to 40", "40 to 60", "60 to 80", "80 to 100", "unknown")
    expected = [min(int(value // 20), 4) if value == value else 5 for value in values]
    assert colouring.codes.tolist() == expected
    assert len(set(colouring.colours)) == 6


@pytest.mark.parametrize("values", [[1, 2, 1, 3], [True, False, True, True], [0.5, 0.5, 1.5, 2.5]])
def test_few_numbers_are_values_of_their_own(values: list[float]) -> None:
    colouring = colour_by_column(pd.DataFrame({"x": values}), "x")

    assert [colouring.classes[code] for code in colouring.codes] == [str(value) for value in values]


def test_numbers_that_are_mostly_the_same_have_fewer_parts() -> None:
    colouring = colour_by_column(pd.DataFrame({"x": [0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]}), "x")

    assert colouring.classes == ("0 to 5",)
    assert set(colouring.codes.tolist()) == {0}


def test_a_column_that_is_not_there_is_refused() -> None:
    rows = pd.DataFrame({"gender": ["male"], "age": [30]})

    with pytest.raises(
        QueryError, match=r"no column 'gendre' to colour by; did you mean 'gender'\? known: gender, age"
    ):
        colour_by_column(rows, "gendre")
