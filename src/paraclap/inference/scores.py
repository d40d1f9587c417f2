"""From cosines to probabilities."""

import numpy as np
import numpy.typing as npt


def compute_probabilities(similarity: npt.NDArray[np.float32], logit_scale: float) -> npt.NDArray[np.float32]:
    """Return the softmax `[N, C]` over queries of the logits, logit_scale x cosine `[N, C]`."""
    logits = similarity.astype(np.float64) * logit_scale
    shares = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)
