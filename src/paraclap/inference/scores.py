"""From cosines to probabilities, and to how far the best answer stands out."""

from typing import Literal

import numpy as np
import numpy.typing as npt

ScoreKind = Literal["probability", "similarity"]


def compute_probabilities(similarity: npt.NDArray[np.float32], scale: float) -> npt.NDArray[np.float32]:
    """Return the softmax `[N, C]` over queries of the logits, scale x cosine `[N, C]`."""
    logits = similarity.astype(np.float64) * scale
    shares = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)


def score_best_answers(
    similarity: npt.NDArray[np.float32], scale: float, *, kind: ScoreKind
) -> npt.NDArray[np.float64]:
    """Return how well the best answer fits each clip, `[N]`: low where it may be none of the queries.

    Args:
        similarity: cosines of clips and at least two queries, `[N, C]`.
        scale: factor from cosine to logit.
        kind: "similarity", the highest cosine, or "probability", the highest probability, stretched so that chance is
            0 and certainty 1 for any number of queries.
    """
    if kind == "similarity":
        return np.asarray(similarity.max(axis=1), dtype=np.float64)
    num_queries = similarity.shape[1]
    highest = compute_probabilities(similarity, scale).max(axis=1).astype(np.float64)
    return np.asarray((num_queries * highest - 1) / (num_queries - 1), dtype=np.float64)
