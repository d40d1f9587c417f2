import numpy as np
import pytest

from paraclap.errors import QueryError
from paraclap.index.combining import combine_vectors
from paraclap.index.store import Vectors


def make_unit(number: int, size: int = 12, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((number, size))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("weights", [[1.0, 1.0], [1.0, -0.5], [1.0, 1.0, -2.0]])
def test_one_vector_ranks_like_the_sum_of_standardised_similarities(weights: list[float]) -> None:
    parts, archive = make_unit(len(weights), seed=1), make_unit(200, seed=2)
    expected = np.zeros(200)
    for part, weight in zip(parts, weights, strict=True):
        scores = archive.astype(float) @ part.astype(float)
        expected += weight * scores / scores.std()

    combined = combine_vectors(parts, weights, archive)

    assert np.linalg.norm(combined) == pytest.approx(1)
    assert np.argsort(-(archive @ combined)).tolist() == np.argsort(-expected).tolist()


def test_a_part_that_varies_little_counts_as_much_as_one_that_varies_a_lot() -> None:
    archive = make_unit(500, seed=3)
    archive[:, 0] *= 20  # an example lies where the archive varies, a sentence where it does not
    archive /= np.linalg.norm(archive, axis=1, keepdims=True)
    example, sentence = np.eye(12, dtype=np.float32)[:2]

    combined = combine_vectors(np.stack([example, sentence]), [1.0, 1.0], archive)

    scores = archive @ combined
    correlations = [np.corrcoef(scores, archive @ part)[0, 1] for part in (example, sentence)]
    assert correlations == pytest.approx([0.7, 0.7], abs=0.06)


def test_an_archive_of_one_row_has_no_spread() -> None:
    parts = np.eye(3, dtype=np.float32)[:2]

    assert combine_vectors(parts, [1.0, -0.5], make_unit(1, 3)) == pytest.approx(np.array([2, -1, 0]) / np.sqrt(5))


def test_parts_that_cancel_each_other_are_refused() -> None:
    part = make_unit(1)

    with pytest.raises(QueryError, match="what shall fit and what shall not are the same"):
        combine_vectors(np.concatenate([part, part]), [1.0, -1.0], make_unit(50, seed=4))
