import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score

from paraclap.errors import QueryError
from paraclap.evaluation import RetrievalMetrics, measure_retrieval
from paraclap.evaluation.retrieval import rank_answers

Array = npt.NDArray[Any]


def draw_vectors(generator: np.random.Generator, number: int, size: int = 16) -> Array:
    vectors = generator.normal(size=(number, size))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def draw(seed: int, num_audio: int = 23, num_text: int = 31) -> tuple[Array, Array, Array]:
    """Draw vectors of which many are alike, so that there are ties, and queries of which some have no right answer."""
    generator = np.random.default_rng(seed)
    audio = draw_vectors(generator, 7)[generator.integers(7, size=num_audio)]
    text = draw_vectors(generator, 9)[generator.integers(9, size=num_text)]
    relation = generator.choice([-1, 0, 1], size=(num_audio, num_text), p=[0.3, 0.6, 0.1]).astype(np.int8)
    relation[3][relation[3] == 1] = 0
    relation[:, 5] = -1
    return audio, text, relation


def search(queries: Array, answers: Array, relation: Array) -> RetrievalMetrics:
    """Sort all answers to each query, one by one."""
    firsts, precisions = [], []
    for query, kinds in zip(queries, relation, strict=True):
        known = [j for j in range(len(answers)) if kinds[j] != -1]
        closeness = {
            j: np.float32(sum(float(a) * float(b) for a, b in zip(query, answers[j], strict=True))) for j in known
        }
        ranking = sorted(known, key=lambda j: (-closeness[j], j))
        hits = [place for place, j in enumerate(ranking, start=1) if kinds[j] == 1]
        if hits:
            firsts.append(hits[0])
            precisions.append(sum(number / place for number, place in enumerate(hits, start=1)) / len(hits))
    return RetrievalMetrics(
        recall_at_1=sum(first <= 1 for first in firsts) / len(firsts),
        recall_at_5=sum(first <= 5 for first in firsts) / len(firsts),
        recall_at_10=sum(first <= 10 for first in firsts) / len(firsts),
        median_rank=float(np.median(firsts)),
        mean_average_precision=float(np.mean(precisions)),
        num_queries=len(firsts),
        num_without_answer=len(queries) - len(firsts),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chunk_size", [1, 3, 1000])
def test_chunks_find_what_a_full_sort_finds(seed: int, chunk_size: int) -> None:
    audio, text, relation = draw(seed)

    found = measure_retrieval(audio, text, relation, chunk_size=chunk_size)

    assert dataclasses.asdict(found.text_to_audio) == pytest.approx(dataclasses.asdict(search(text, audio, relation.T)))
    assert dataclasses.asdict(found.audio_to_text) == pytest.approx(dataclasses.asdict(search(audio, text, relation)))
    assert found.audio_to_text.num_without_answer >= 1
    assert found.text_to_audio.num_without_answer >= 1


@pytest.mark.parametrize("seed", range(5))
def test_the_size_of_chunks_changes_nothing_even_among_equals(seed: int) -> None:
    audio, text, relation = draw(seed, num_audio=150, num_text=190)

    found = {size: measure_retrieval(audio, text, relation, chunk_size=size) for size in (1, 3, 64, 1000)}

    assert found[1] == found[3] == found[64] == found[1000]


@pytest.mark.parametrize("chunk_size", [1, 4, 64])
def test_rankings_say_which_query_has_which_rank_and_precision(chunk_size: int) -> None:
    audio, text, relation = draw(6)

    ranking = rank_answers(audio, text, relation, chunk_size=chunk_size)

    one_by_one = [search(audio[[query]], text, relation[[query]]) for query in ranking.queries]
    assert ranking.queries.tolist() == np.flatnonzero((relation == 1).any(axis=1)).tolist()
    assert 3 not in ranking.queries
    assert ranking.ranks.tolist() == [metrics.median_rank for metrics in one_by_one]
    assert ranking.precisions == pytest.approx([metrics.mean_average_precision for metrics in one_by_one])


@pytest.mark.parametrize("seed", range(3))
def test_map_is_that_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    audio, text = draw_vectors(generator, 20), draw_vectors(generator, 30)
    relation = generator.integers(2, size=(20, 30))
    relation[:, 0] = relation[0] = 1

    found = measure_retrieval(audio, text, relation)

    closeness = audio @ text.T
    by_text = [average_precision_score(relation[:, j], closeness[:, j]) for j in range(30)]
    by_audio = [average_precision_score(relation[i], closeness[i]) for i in range(20)]
    assert found.text_to_audio.mean_average_precision == pytest.approx(np.mean(by_text))
    assert found.audio_to_text.mean_average_precision == pytest.approx(np.mean(by_audio))


def test_right_answers_that_all_come_first_are_perfect() -> None:
    vectors = np.eye(4)

    found = measure_retrieval(vectors, vectors, np.eye(4, dtype=int))

    assert found.text_to_audio == found.audio_to_text == RetrievalMetrics(1.0, 1.0, 1.0, 1.0, 1.0, 4, 0)


def test_of_equals_the_first_comes_first() -> None:
    audio, text = np.ones((1, 1)), np.ones((12, 1))

    def rank(right: int) -> RetrievalMetrics:
        return measure_retrieval(audio, text, np.eye(12, dtype=int)[[right]]).audio_to_text

    assert [rank(right).median_rank for right in range(12)] == list(range(1, 13))
    assert [rank(right).recall_at_5 for right in (4, 5)] == [1.0, 0.0]
    assert [rank(right).recall_at_10 for right in (9, 10)] == [1.0, 0.0]
    assert rank(3).mean_average_precision == 0.25


def test_an_answer_of_which_nothing_is_known_is_not_in_the_way() -> None:
    audio, text = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]])

    found = [measure_retrieval(audio, text, np.array([[nearest, 0, 1]])).audio_to_text for nearest in (0, -1)]

    assert [metrics.median_rank for metrics in found] == [3.0, 2.0]


def test_queries_without_a_right_answer_do_not_count_and_are_counted() -> None:
    found = measure_retrieval(np.eye(3), np.eye(3)[:2], np.array([[1, 0], [0, -1], [0, 0]]))

    assert found.audio_to_text == RetrievalMetrics(1.0, 1.0, 1.0, 1.0, 1.0, 1, 2)
    assert found.text_to_audio == RetrievalMetrics(1.0, 1.0, 1.0, 1.0, 1.0, 1, 1)


@pytest.mark.parametrize(
    ("audio", "text", "relation", "message"),
    [
        (
            (3, 2),
            (4, 5),
            (3, 4),
            r"audio \[3, 2\], texts \[4, 5\] .*; expected vectors \[N, D\] and \[M, D\] of one size",
        ),
        ((3,), (4, 2), (3, 4), r"audio \[3\], texts .*; expected vectors \[N, D\] and \[M, D\]"),
        ((3, 2), (4, 2), (4, 3), r"a relation \[4, 3\]; expected a relation \[N, M\]"),
        (
            (0, 2),
            (4, 2),
            (0, 4),
            r"a relation \[0, 4\]; expected a relation \[N, M\] of at least one clip and one text",
        ),
        (
            (3, 2),
            (0, 2),
            (3, 0),
            r"a relation \[3, 0\]; expected a relation \[N, M\] of at least one clip and one text",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    audio: tuple[int, ...], text: tuple[int, ...], relation: tuple[int, ...], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        measure_retrieval(np.ones(audio), np.ones(text), np.ones(relation, dtype=int))


@pytest.mark.parametrize(("place", "what"), [(0, "audio"), (1, "texts")])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vectors_that_are_no_numbers_are_refused(place: int, what: str, value: float) -> None:
    vectors = np.stack([np.eye(2), np.eye(2)])
    vectors[place, 1, 1] = value

    with pytest.raises(QueryError, match=f"vectors of {what} are NaN or infinite; expected finite ones: embed again"):
        measure_retrieval(vectors[0], vectors[1], np.eye(2))


def test_a_relation_of_other_numbers_or_without_a_true_pair_is_refused() -> None:
    with pytest.raises(QueryError, match=r"the relation holds 2; expected 1 \(true\), 0 \(false\) and -1 \(unknown\)"):
        measure_retrieval(np.eye(2), np.eye(2), np.array([[1, 2], [0, 1]]))
    with pytest.raises(QueryError, match=r"no text is true of any clip, .*; expected at least one true pair"):
        measure_retrieval(np.eye(2), np.eye(2), np.array([[0, -1], [0, 0]]))


def test_chunks_of_nothing_are_refused() -> None:
    with pytest.raises(QueryError, match="chunk size 0; expected 1 or more queries at once"):
        measure_retrieval(np.eye(2), np.eye(2), np.eye(2), chunk_size=0)
