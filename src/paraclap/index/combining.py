"""Several sentences and examples as one vector to search by, in which each part counts alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paraclap.errors import QueryError
from paraclap.index.store import Store, Vectors

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

_SAMPLE = 4096  # rows in which it is measured how much similarities vary
_SMALLEST_SPREAD = 1e-4


@dataclass(frozen=True)
class Question:
    """Hold what is asked: a sentence or a vector, an example, and sentences that shall and shall not fit as well."""

    query: str | Sequence[str] | Vectors | None = None
    like: str | Path | Vectors | None = None
    and_: Sequence[str] = ()
    not_: Sequence[str] = ()


def embed_question(
    question: Question, load: "Callable[[], AudioTextModel]", store: Store, *, not_weight: float
) -> Vectors:
    """Return the unit vector `[D]` by which a question is searched.

    Args:
        question: what is asked.
        load: returns the model, where it is needed.
        store: of the index that is asked.
        not_weight: of each sentence that shall not fit; those that shall have 1.

    Raises:
        QueryError: if nothing is asked, a sentence is empty, a vector has another size, or the parts cancel each other.
        AudioError: if the example cannot be read.
    """
    if isinstance(question.and_, str) or isinstance(question.not_, str):
        raise QueryError("found a text where a list of sentences belongs; put it in brackets")
    parts: list[Vectors] = []
    if question.query is not None:
        parts.append(_embed_texts(question.query, load, store))
    if question.like is not None:
        parts.append(_embed_example(question.like, load, store))
    parts += [_embed_texts(text, load, store) for text in question.and_]
    if not parts:
        raise QueryError("nothing is asked; give a sentence such as 'a tired old man', or a recording with like")
    weights = [1.0] * len(parts) + [-not_weight] * len(question.not_)
    parts += [_embed_texts(text, load, store) for text in question.not_]
    return parts[0] if len(parts) == 1 else combine_vectors(np.stack(parts), weights, store.sample_vectors(_SAMPLE))


def combine_vectors(parts: Vectors, weights: Sequence[float], sample: Vectors) -> Vectors:
    """Return the unit vector `[D]` by which to rank instead of by the weighted sum of standardised similarities.

    A similarity to an example varies several times as much over an archive as one to a sentence, and would decide
    alone. So each is divided by its standard deviation `s_i` over a sample of the archive. What is left is a sum of dot
    products with a vector `x` of the archive, `sum_i w_i (x . p_i) / s_i = x . (sum_i w_i p_i / s_i)`, so that one
    search by the sum answers it.

    Args:
        parts: unit vectors `[C, D]`.
        weights: of the parts, below zero for what shall not fit.
        sample: vectors of the archive `[N, D]`.

    Raises:
        QueryError: if the parts cancel each other.
    """
    spreads = np.ones(len(parts))
    if len(sample) > 1:
        spreads = np.maximum((sample.astype(np.float64) @ parts.T.astype(np.float64)).std(axis=0), _SMALLEST_SPREAD)
    total = (np.asarray(weights) / spreads) @ parts.astype(np.float64)
    length = np.linalg.norm(total)
    if length * spreads.mean() < 1e-6:  # of parts that each have the length 1 / spread
        raise QueryError("what shall fit and what shall not are the same; ask for something else")
    return np.asarray(total / length, dtype=np.float32)


def _embed_texts(texts: str | Sequence[str] | Vectors, load: "Callable[[], AudioTextModel]", store: Store) -> Vectors:
    if isinstance(texts, np.ndarray):
        return _check_vector(texts, store)
    wordings = [texts] if isinstance(texts, str) else list(texts)
    vector: Vectors = load().embed_prompts({"query": wordings})[0]
    return vector


def _embed_example(example: str | Path | Vectors, load: "Callable[[], AudioTextModel]", store: Store) -> Vectors:
    if isinstance(example, np.ndarray):
        return _check_vector(example, store)
    total = load().embed_audio(Path(example)).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _check_vector(vector: Vectors, store: Store) -> Vectors:
    size = store.header.vector_size
    length = float(np.linalg.norm(vector)) if vector.shape == (size,) else 0.0
    if not (np.isfinite(length) and length > 0):
        raise QueryError(f"a vector of the shape {list(vector.shape)}; expected [{size}], finite and not zero")
    return np.asarray(vector / length, dtype=np.float32)
