"""Toy doubles: an embedder that reads a class from the file's name, and vectors made from texts."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio

WORDS = ("angry", "calm", "happy", "sad", "female", "male", "neutral", "fear", "disgust", "surprise")


def hash_vector(text: str) -> npt.NDArray[np.float32]:
    """Return a unit vector `[D]` that depends on the text alone; a word of WORDS in it is its main direction."""
    digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint8)[: len(WORDS)]
    vector = digest / 255 - 0.5 + 3 * np.array([word in text.split() for word in WORDS])
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


class ToyEmbedder:
    """Embed a file by the text of its name, after reading it, and a waveform by its samples; count what was asked."""

    name = "toy"
    fingerprint = "f" * 64
    logit_scale = 10.0
    facts: Mapping[str, str] = {}

    def __init__(self, training_corpora: tuple[str, ...] | None = ("emodb",)) -> None:
        self.training_corpora = training_corpora
        self.audio_calls: list[list[str]] = []
        self.waveform_calls: list[Sequence[Waveform]] = []
        self.text_calls: list[list[str]] = []

    def embed_audio(
        self, audio: pd.MultiIndex | Sequence[Waveform], sampling_rate: int | None = None
    ) -> npt.NDArray[np.float32]:
        if not isinstance(audio, pd.MultiIndex):
            assert sampling_rate == SAMPLING_RATE
            self.waveform_calls.append(audio)
            return np.stack([self.hear(waveform) for waveform in audio])
        files = [str(file) for file in audio.get_level_values("file")]
        self.audio_calls.append(files)
        for file in files:
            read_audio(file)
        return np.stack([self.listen(Path(file).stem) for file in files])

    def listen(self, stem: str) -> npt.NDArray[np.float32]:
        return hash_vector(stem)

    def hear(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        return hash_vector(waveform.tobytes().hex())

    def embed_text(self, texts: list[str]) -> npt.NDArray[np.float32]:
        self.text_calls.append(texts)
        return np.stack([hash_vector(text) for text in texts])


class RavdessEars(ToyEmbedder):
    """Hear the emotion of a RAVDESS file from its name, in the words of the published prompts."""

    name = "ears"
    EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

    def __init__(self, *, is_deaf: bool = False) -> None:
        super().__init__()
        self._is_deaf = is_deaf

    def listen(self, stem: str) -> npt.NDArray[np.float32]:
        return hash_vector("noise" if self._is_deaf else self.EMOTIONS[int(stem.split("-")[2]) - 1])
