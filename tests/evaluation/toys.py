"""Toy doubles: an embedder that reads a class from the file's name, and vectors made from texts."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio
from paraclap.errors import AudioError

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


@dataclass(frozen=True)
class ToyReference:
    """Hold the mean level of some clips."""

    mean: float

    @property
    def fingerprint(self) -> str:
        return f"mean {self.mean}"


class RelativeEars(ToyEmbedder):
    """Hear how loud a clip is; relative to a reference, by how much it is louder. Count what is measured and heard."""

    takes_references = True

    def __init__(self) -> None:
        super().__init__()
        self.measured: list[list[str]] = []
        self.asked_of_one: list[bool] = []
        self.heard: list[tuple[str, float | None]] = []  # files, and the mean of the reference of each

    def measure_reference(
        self,
        audio: pd.MultiIndex | Sequence[Waveform],
        *,
        sampling_rate: int | None = None,
        is_one_speaker: bool = True,
    ) -> ToyReference:
        assert isinstance(audio, pd.MultiIndex)
        self.asked_of_one.append(is_one_speaker)
        self.measured.append([Path(file).name for file in audio.get_level_values("file")])
        levels, reason = [], ""
        for file in audio.get_level_values("file"):
            try:
                levels.append(self.measure(file))
            except AudioError as error:
                reason = str(error)
        if not levels:
            raise AudioError(reason)
        return ToyReference(float(np.mean(levels)))

    def embed_audio(
        self,
        audio: pd.MultiIndex | Sequence[Waveform],
        sampling_rate: int | None = None,
        *,
        reference: ToyReference | None = None,
    ) -> npt.NDArray[np.float32]:
        mean = None if reference is None else reference.mean
        if not isinstance(audio, pd.MultiIndex):
            self.waveform_calls.append(audio)
            return np.stack([self.answer(measure_level(waveform), mean) for waveform in audio])
        files = [str(file) for file in audio.get_level_values("file")]
        levels = [self.measure(file) for file in files]
        self.heard += [(Path(file).name, mean) for file in files]
        return np.stack([self.answer(level, mean) for level in levels])

    def measure(self, file: str) -> float:
        return measure_level(read_audio(file))

    def answer(self, level: float, mean: float | None) -> npt.NDArray[np.float32]:
        vector = np.array([1.0, level - (mean or 0.0), *[0.0] * (len(WORDS) - 2)])
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def measure_level(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


class RavdessEars(ToyEmbedder):
    """Hear the emotion of a RAVDESS file from its name, in the words of the published prompts."""

    name = "ears"
    EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

    def __init__(self, *, is_deaf: bool = False) -> None:
        super().__init__()
        self._is_deaf = is_deaf

    def listen(self, stem: str) -> npt.NDArray[np.float32]:
        return hash_vector("noise" if self._is_deaf else self.EMOTIONS[int(stem.split("-")[2]) - 1])


class ShiftedEars(RelativeEars):
    """Hear in a RAVDESS file the number of its emotion, shifted by ten times the actor's; a reference undoes that."""

    name = "shifted"

    def measure(self, file: str) -> float:
        super().measure(file)
        numbers = Path(file).stem.split("-")
        return 10.0 * int(numbers[6]) + int(numbers[2])

    def answer(self, level: float, mean: float | None) -> npt.NDArray[np.float32]:
        number = round(level if mean is None else level - mean + 4.5)  # the mean of 1 to 8
        return hash_vector(RavdessEars.EMOTIONS[min(max(number, 1), 8) - 1])
