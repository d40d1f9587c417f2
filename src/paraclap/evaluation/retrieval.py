"""Retrieval of clips by texts and of texts by clips: recall, median rank and mAP with several right answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import QueryError


@dataclass(frozen=True)
class RetrievalMetrics:
    """Hold how well queries found their right answers, over the `num_queries` that have any.

    Recall at k is the share of queries with a right answer among the first k, the median rank that of the first right
    answer (1 is best), and mAP the mean over queries of the average precision at their right answers.
    """

    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    median_rank: float
    mean_average_precision: float
    num_queries: int
    num_without_answer: int  # queries that are left out, for nothing is known to be right


@dataclass(frozen=True)
class Retrieval:
    """Hold retrieval in both directions."""

    text_to_audio: RetrievalMetrics
    audio_to_text: RetrievalMetrics


@dataclass(frozen=True)
class Ranking:
    """Hold which queries have a right answer, the rank of the first one, and the average precision, each `[Q]`."""

    queries: npt.NDArray[np.intp]
    ranks: npt.NDArray[np.int64]
    precisions: npt.NDArray[np.float64]


def measure_retrieval(
    audio_embeds: npt.NDArray[Any], text_embeds: npt.NDArray[Any], relation: npt.NDArray[Any], *, chunk_size: int = 64
) -> Retrieval:
    """Rank all clips for every text and all texts for every clip by cosine; of equals, the first comes first.

    A pair of which nothing is known is left out of the ranking of its query, as if the answer were not in the pool.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        text_embeds: unit vectors `[M, D]`.
        relation: 1 where the text is true of the clip, 0 where it is false, -1 where that is unknown, `[N, M]`.
        chunk_size: how many queries are ranked at once, which changes nothing but memory: some 40 bytes for each of
            their pairs.

    Raises:
        QueryError: if there is no clip or no text, shapes do not fit, a vector holds NaN or infinity, the relation
            holds anything else, no text is true of any clip, or the chunk size is not positive.
    """
    audio, text, relation = np.asarray(audio_embeds), np.asarray(text_embeds), np.asarray(relation)
    _check(audio, text, relation)
    if chunk_size < 1:
        raise QueryError(f"chunk size {chunk_size}; expected 1 or more queries at once")
    of_texts = rank_answers(text, audio, relation.T, chunk_size=chunk_size)
    of_audio = rank_answers(audio, text, relation, chunk_size=chunk_size)
    return Retrieval(
        text_to_audio=_summarize(of_texts, num_queries=len(text)),
        audio_to_text=_summarize(of_audio, num_queries=len(audio)),
    )


def rank_answers(
    queries: npt.NDArray[Any], answers: npt.NDArray[Any], relation: npt.NDArray[Any], *, chunk_size: int = 64
) -> Ranking:
    """Rank all answers for every query by cosine, as `measure_retrieval` does one way.

    Args:
        queries: unit vectors `[N, D]`.
        answers: unit vectors `[M, D]`.
        relation: 1 where an answer is right, 0 where it is wrong, -1 where that is unknown, `[N, M]`.
        chunk_size: how many queries are ranked at once.
    """
    asked = np.flatnonzero((relation == 1).any(axis=1))
    answers = answers.astype(np.float64)
    ranks, precisions = np.empty(len(asked), dtype=np.int64), np.empty(len(asked))
    for begin in range(0, len(asked), chunk_size):
        part = asked[begin : begin + chunk_size]
        # Sums of products depend in their last bits on how many are computed at once; rounding makes ties of them again
        similarity = (queries[part].astype(np.float64) @ answers.T).astype(np.float32)
        chunk = slice(begin, begin + len(part))
        ranks[chunk], precisions[chunk] = _rank(similarity, relation[part])
    return Ranking(asked, ranks, precisions)


def _summarize(ranking: Ranking, *, num_queries: int) -> RetrievalMetrics:
    ranks = ranking.ranks
    return RetrievalMetrics(
        recall_at_1=float(np.mean(ranks <= 1)),
        recall_at_5=float(np.mean(ranks <= 5)),
        recall_at_10=float(np.mean(ranks <= 10)),
        median_rank=float(np.median(ranks)),
        mean_average_precision=float(np.mean(ranking.precisions)),
        num_queries=len(ranks),
        num_without_answer=num_queries - len(ranks),
    )


def _rank(
    similarity: npt.NDArray[np.float32], relation: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the rank of the first right answer and the average precision of each query, `[Q]`, from `[Q, M]`."""
    distance = np.where(relation == -1, np.float32(np.inf), -similarity)  # unknown answers come last, behind all others
    order = np.argsort(distance, axis=1, kind="stable")
    is_right = np.take_along_axis(relation == 1, order, axis=1)
    found = np.cumsum(is_right, axis=1)
    precision = np.where(is_right, found / np.arange(1, found.shape[1] + 1), 0.0)
    return is_right.argmax(axis=1) + 1, precision.sum(axis=1) / found[:, -1]


def _check(audio: npt.NDArray[Any], text: npt.NDArray[Any], relation: npt.NDArray[Any]) -> None:
    shapes = f"found audio {list(audio.shape)}, texts {list(text.shape)} and a relation {list(relation.shape)}"
    if audio.ndim != 2 or text.ndim != 2 or audio.shape[1] != text.shape[1]:
        raise QueryError(f"{shapes}; expected vectors [N, D] and [M, D] of one size D")
    if relation.shape != (len(audio), len(text)) or not relation.size:
        raise QueryError(f"{shapes}; expected a relation [N, M] of at least one clip and one text")
    for what, vectors in (("audio", audio), ("texts", text)):
        if not np.isfinite(vectors).all():
            raise QueryError(f"vectors of {what} are NaN or infinite; expected finite ones: embed again")
    if not np.isin(relation, (-1, 0, 1)).all():
        strange = relation[~np.isin(relation, (-1, 0, 1))][0]
        raise QueryError(f"the relation holds {strange}; expected 1 (true), 0 (false) and -1 (unknown)")
    if not (relation == 1).any():
        raise QueryError("no text is true of any clip, so there is nothing to find; expected at least one true pair")
