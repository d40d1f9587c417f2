"""A model that hears loudness and takes any sentence."""

from collections.abc import Sequence

import numpy as np
from tests.inference.loudness import Loudness

from paraclap.inference.encoding import Embeddings


class LetterReader(Loudness):
    """Place sentences by their letters; "loud" and "quiet" are at the ends."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        places = [{"loud": 0.0, "quiet": 1.0}.get(text, sum(map(ord, text)) % 101 / 100) for text in texts]
        angles = np.array(places) * np.pi / 2
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
