from collections.abc import Sequence

import numpy as np
import pytest
from tests.service.toys import LetterReader

from paraclap.errors import QueryError
from paraclap.inference.encoding import Embeddings
from paraclap.service.served_model import ServedModel


class Counting(LetterReader):
    """Count how many texts are read."""

    num_read = 0

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.num_read += len(texts)
        return super().encode_texts(texts)


def test_texts_are_read_once_and_stay_the_same() -> None:
    model, told = Counting(), list[bool]()
    served = ServedModel(model, on_texts=told.append)

    first = served.embed_text(["loud", "a calm woman"])
    again = served.embed_text(["loud", "a calm woman"])
    alone = served.embed_text(["loud"])

    assert np.array_equal(first, again)
    assert np.array_equal(first, LetterReader().embed_text(["loud", "a calm woman"]))
    assert np.array_equal(alone, first[:1])
    assert (model.num_read, told) == (3, [False, True, False])


def test_the_classes_of_a_task_are_read_once() -> None:
    model = Counting()
    served = ServedModel(model)

    served.embed_queries(task="gender")
    num_read = model.num_read
    served.embed_queries(task="gender")

    assert model.num_read == num_read > 0


def test_what_is_remembered_cannot_be_changed() -> None:
    vectors = ServedModel(LetterReader()).embed_text(["loud"])

    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 7


def test_an_empty_text_is_refused_as_by_the_model() -> None:
    with pytest.raises(QueryError, match=r"^query 1 of 1 is empty; expected a sentence$"):
        ServedModel(LetterReader()).embed_text([""])
