"""What every audio-text model answers, whoever made it, once it turns waveforms and sentences into vectors."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import ConfigError, ModelError, QueryError
from paraclap.inference.clips import AudioInput, Clip, gather_clips, make_index
from paraclap.inference.encoding import (
    NO_LIMITS,
    Embeddings,
    EncodedClips,
    Encoders,
    HearingLimits,
    Progress,
    encode_clips,
)
from paraclap.inference.long_texts import CutText, TextCutWarning
from paraclap.inference.scores import compute_probabilities

if TYPE_CHECKING:
    import pandas as pd  # imported where it is used, like the queries: the ONNX runtime does without

    from paraclap.queries import LabelSet

DEFAULT_BATCH_SIZE = 16
Values = Literal["probability", "similarity"]
_TEXTS_AT_ONCE = 64


class AudioTextModel(ABC):
    """Answer free-text questions about audio with a model that embeds audio and text in one space.

    A model says how waveforms and texts become vectors (`encode_waveforms`, `encode_texts`), its `logit_scale` and its
    `fingerprint`, and which `sampling_rate` it hears if that is not 16 kHz. Reading, windows, batches and questions are
    the same for all. `training_corpora` names the corpora it was trained on, None where nobody says.
    """

    _has_warned_of_cut = False

    def __init__(
        self,
        *,
        name: str = "unnamed",
        training_corpora: Sequence[str] | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; expected 1 or more")
        self.name = name
        self.training_corpora = None if training_corpora is None else tuple(training_corpora)
        self.batch_size = batch_size

    @abstractmethod
    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Return one vector a waveform, `[B, D]`; they are brought to unit length afterwards.

        Waveforms `[T]` are mono, at `sampling_rate`, of any lengths from 0.1 to 30 s, or to `limits.max_duration`.
        """

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector a text, `[B, D]`; they are brought to unit length afterwards."""

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that `encode_texts` cuts; None if it cuts none."""
        return None

    @property
    @abstractmethod
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """What identifies the weights."""

    @property
    def sampling_rate(self) -> int:
        """What the model hears, in Hz."""
        return SAMPLING_RATE

    @property
    def limits(self) -> HearingLimits:
        """How long the model hears at once, and if it sees padding."""
        return NO_LIMITS

    @property
    def facts(self) -> dict[str, str]:
        """What a reader of results wants to know of the model beside its name: number of parameters, licence, ..."""
        return {}

    def open_encoders(self) -> AbstractContextManager[Encoders | None]:
        """Return a context with the threads that call `encode_waveforms`; without any it is called in the user's."""
        return nullcontext()

    def classify(
        self,
        audio: AudioInput,
        queries: Sequence[str] | None = None,
        *,
        task: "str | LabelSet | None" = None,
        values: Values = "probability",
        sampling_rate: int | None = None,
    ) -> "pd.DataFrame":
        """Compare audio with queries, or with the classes of a label set and their prompt ensembles.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            queries: any sentences.
            task: a label set such as "emotion", instead of queries.
            values: "probability" (softmax of the logits over the queries) or "similarity" (cosine).
            sampling_rate: of arrays, in Hz.

        Returns:
            One row a clip with the index `file, start, end` (arrays: their number), one column a query or class.

        Raises:
            AudioError: if a file cannot be read; `encode` keeps the good ones.
            QueryError: if there is no query, one is empty or stands twice, or probabilities are asked of a single one.
        """
        import pandas as pd

        if values not in ("probability", "similarity"):
            raise QueryError(f"values is {values!r}; expected 'probability' or 'similarity'")
        columns, text_embeds = self.embed_queries(queries, task=task)
        if values == "probability" and len(columns) < 2:
            raise QueryError("one query alone has no probability; ask at least two, or values='similarity'")
        encoded = self._encode_strictly(audio, sampling_rate)
        similarity = encoded.embeddings @ text_embeds.T
        shown = similarity if values == "similarity" else compute_probabilities(similarity, self.logit_scale)
        return pd.DataFrame(shown, index=make_index(encoded.clips), columns=columns)

    def embed_audio(self, audio: AudioInput, sampling_rate: int | None = None) -> Embeddings:
        """Embed audio as unit vectors `[N, D]`, float32; the batch and the padding change nothing.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            sampling_rate: of arrays, in Hz.

        Raises:
            AudioError: if a file cannot be read; `encode` keeps the good ones.
        """
        return self._encode_strictly(audio, sampling_rate).embeddings

    def embed_text(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences as unit vectors `[N, D]`, float32; what is longer than the text tower takes is cut.

        Warns once for a model of texts that are cut, as a `TextCutWarning`.

        Raises:
            QueryError: if there is no text, or one is empty.
        """
        checked = _check_texts(texts)
        cut = None if self._has_warned_of_cut else self.find_cut_text(checked)
        if cut is not None:
            self._has_warned_of_cut = True
            warnings.warn(cut.describe(), TextCutWarning, stacklevel=2)
        groups = [checked[begin : begin + _TEXTS_AT_ONCE] for begin in range(0, len(checked), _TEXTS_AT_ONCE)]
        return np.concatenate([self._make_unit(self.encode_texts(group), len(group), "texts") for group in groups])

    def encode(
        self, audio: AudioInput, *, sampling_rate: int | None = None, progress: Progress | None = None
    ) -> EncodedClips:
        """Embed audio, keep what is good and name the files that are bad.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            sampling_rate: of arrays, in Hz.
            progress: told now and then how many clips are done, and how many there are.

        Raises:
            AudioError: if nothing was handed in, or arrays are no audio.
        """
        return self._encode(self._gather(audio, sampling_rate), progress=progress)

    def embed_queries(
        self, queries: Sequence[str] | None = None, *, task: "str | LabelSet | None" = None
    ) -> tuple[list[str], Embeddings]:
        """Return the columns of an answer and their unit vectors `[C, D]`: queries, or a label set's classes.

        Raises:
            QueryError: if there is neither or both, a query is empty or stands twice, or the label set does not exist.
        """
        from paraclap.queries import LabelSet, load_label_set

        if (queries is None) == (task is None):
            found = "neither queries nor a task" if task is None else "queries and a task"
            raise QueryError(f"found {found}; expected one of both, such as queries=['an angry man', 'a calm woman']")
        if queries is not None:
            checked = _check_texts(queries)
            twice = sorted({query for query in checked if checked.count(query) > 1})
            if twice:
                raise QueryError(f"query {twice[0]!r} stands twice; ask each one once")
            return checked, self.embed_text(checked)
        label_set = task if isinstance(task, LabelSet) else load_label_set(str(task))
        return list(label_set.classes), self.embed_prompts(label_set.prompts)

    def embed_prompts(self, prompts: Mapping[str, Sequence[str]]) -> Embeddings:
        """Embed classes `[C, D]`: each is the renormalised mean of its prompts."""
        from paraclap.queries import embed_classes

        return embed_classes([self.embed_text(list(of_class)) for of_class in prompts.values()])

    def _gather(self, audio: AudioInput, sampling_rate: int | None) -> list[Clip]:
        return gather_clips(audio, sampling_rate=sampling_rate, target_rate=self.sampling_rate)

    def _encode_strictly(self, audio: AudioInput, sampling_rate: int | None) -> EncodedClips:
        clips = self._gather(audio, sampling_rate)
        for clip in clips:
            if isinstance(clip.source, Path) and not clip.source.is_file():
                clip.measure()  # raises now what would be found after the work on the others
        return self._encode(clips, is_strict=True)

    def _encode(
        self, clips: Sequence[Clip], *, is_strict: bool = False, progress: Progress | None = None
    ) -> EncodedClips:
        def encode_batch(waveforms: Sequence[Waveform]) -> Embeddings:
            return self._make_unit(self.encode_waveforms(waveforms), len(waveforms), "clips")

        with self.open_encoders() as encoders:
            return encode_clips(
                clips,
                encode_batch,
                batch_size=self.batch_size,
                limits=self.limits,
                encoders=encoders,
                is_strict=is_strict,
                progress=progress,
            )

    def _make_unit(self, vectors: Embeddings, number: int, what: str) -> Embeddings:
        found = np.asarray(vectors)
        if found.ndim != 2 or len(found) != number:
            shape = list(found.shape)
            raise ModelError(f"{self.name} makes an array {shape} of {number} {what}; expected vectors [{number}, D]")
        lengths = np.linalg.norm(found.astype(np.float64), axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ModelError(
                f"{self.name} makes vectors of {what} that are NaN, infinite or zero; "
                "where they overflow, use dtype='bfloat16' or 'float32'"
            )
        return np.asarray(found / lengths, dtype=np.float32)


def _check_texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise QueryError(f"found the text {texts!r}; expected a list of texts: put it in brackets")
    if not len(texts):
        raise QueryError("no query; ask at least one sentence, such as 'an angry man'")
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise QueryError(f"query {number} of {len(texts)} is {text!r}; expected a sentence")
        if not text.strip():
            raise QueryError(f"query {number} of {len(texts)} is empty; expected a sentence")
    return [str(text) for text in texts]
