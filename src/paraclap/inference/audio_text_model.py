"""What every audio-text model answers, whoever made it, once it turns waveforms and sentences into vectors."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import ConfigError, QueryError
from paraclap.inference.clips import AudioInput, Clip, gather_clips, make_index
from paraclap.inference.encoding import (
    NO_LIMITS,
    Embeddings,
    EncodedClips,
    Encoders,
    HearingLimits,
    Progress,
    encode_clips,
    make_unit,
)
from paraclap.inference.long_texts import CutText, TextCutWarning
from paraclap.inference.questions import Questions, check_texts
from paraclap.inference.references import Reference, ReferenceInput, Summaries, refuse_references, summarize_clips
from paraclap.inference.scores import compute_probabilities

if TYPE_CHECKING:
    import pandas as pd  # imported where it is used, like the queries: the ONNX runtime does without

    from paraclap.inference.calibration import Calibration
    from paraclap.inference.timeline import TimelineSettings
    from paraclap.inference.timeline_scan import OwnSpeech
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

    calibration: "Calibration | None" = None  # what dev said of its probabilities, if its folder tells
    bins_file: Path | None = None  # where its folder has bins of measured attributes
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

    @property
    def takes_references(self) -> bool:
        """Whether other recordings of a speaker or channel can normalise what the model hears."""
        return False

    def summarize_waveforms(self, waveforms: Sequence[Waveform]) -> Summaries:
        """Return the statistics of waveforms, of which references are made, `[B, S]`."""
        raise refuse_references(self.name)

    def encode_relative(self, waveforms: Sequence[Waveform], reference: Reference) -> Embeddings:
        """Return one vector a waveform, heard relative to a reference, `[B, D]`."""
        raise refuse_references(self.name)

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that `encode_texts` cuts; None if it cuts none."""
        return None

    @property
    @abstractmethod
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""

    @property
    def probability_scale(self) -> float:
        """The factor from cosine to the logit of a probability: the one fitted on dev, or that of the logits."""
        return self.logit_scale if self.calibration is None else self.calibration.scale

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
        reference: ReferenceInput = None,
    ) -> "pd.DataFrame":
        """Compare audio with queries, or with the classes of a label set and their prompt ensembles.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            queries: any sentences.
            task: a label set such as "emotion", instead of queries.
            values: "probability" (softmax of the logits over the queries) or "similarity" (cosine).
            sampling_rate: of arrays, in Hz.
            reference: other recordings of the same speaker or channel, which need no labels, as audio or measured
                before; the answers are relative to them.

        Returns:
            One row a clip with the index `file, start, end` (arrays: their number), one column a query or class.

        Raises:
            AudioError: if a file cannot be read; `encode` keeps the good ones.
            QueryError: if there is no query, one is empty or stands twice, or probabilities are asked of a single one.
            ModelError: if there is a reference and the model takes none.
        """
        import pandas as pd

        if values not in ("probability", "similarity"):
            raise QueryError(f"values is {values!r}; expected 'probability' or 'similarity'")
        columns, text_embeds = self.embed_queries(queries, task=task)
        if values == "probability" and len(columns) < 2:
            raise QueryError("one query alone has no probability; ask at least two, or values='similarity'")
        encoded = self._encode_strictly(audio, sampling_rate, reference)
        similarity = encoded.embeddings @ text_embeds.T
        shown = similarity if values == "similarity" else compute_probabilities(similarity, self.probability_scale)
        return pd.DataFrame(shown, index=make_index(encoded.clips), columns=columns)

    def describe(
        self,
        audio: AudioInput,
        *,
        tasks: "Sequence[str | LabelSet] | None" = None,
        measure: bool | None = None,
        sampling_rate: int | None = None,
        reference: ReferenceInput = None,
    ) -> "pd.DataFrame":
        """Describe voices: a sentence, the probabilities of label sets, and levels of what is measured.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            tasks: label sets to ask; those that make sense for any voice if None.
            measure: whether openSMILE measures the voice; if it is installed, if None.
            sampling_rate: of arrays, in Hz.
            reference: as of `classify`.

        Returns:
            One row a clip with the index `file, start, end` (arrays: their number): `sentence`, the probability of each
            class as "emotion: anger", and the level of each measured attribute as "pitch".

        Raises:
            AudioError: if a file cannot be read.
            QueryError: if a label set does not exist, stands twice or has a single class.
            ConfigError: if openSMILE is wanted and not installed.
            ModelError: if there is a reference and the model takes none.
        """
        import pandas as pd

        from paraclap.inference.describing import describe_clips

        encoded = self._encode_strictly(audio, sampling_rate, reference)
        profiles = describe_clips(self, encoded, tasks=tasks, measure=measure)
        rows = [profile.as_row() for profile in profiles]
        return pd.DataFrame(rows, index=make_index(encoded.clips)).drop(columns=["file", "start", "end"])

    def timeline(
        self,
        audio: AudioInput,
        queries: Sequence[str] | None = None,
        *,
        task: "str | LabelSet | None" = None,
        settings: "TimelineSettings | None" = None,
        sampling_rate: int | None = None,
        reference: "ReferenceInput | OwnSpeech" = None,
    ) -> "pd.DataFrame":
        """Find what is heard when in long recordings, of any length: stretches of speech of one class.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            queries: two or more sentences.
            task: a label set such as "emotion", instead of queries.
            settings: windows, smoothing, and what counts as speech; `TimelineSettings()` if None.
            sampling_rate: of arrays, in Hz.
            reference: as of `classify`, or `OWN_SPEECH`: each recording's own.

        Returns:
            One row a stretch with the index `file, start, end` (arrays: `clip, start, end`), columns `class` and
            `probability`, the mean of that class. `TimelineScanner` has the curves too.

        Raises:
            AudioError: if a recording cannot be read to its end.
            QueryError: if there are fewer than two queries, one is empty or stands twice.
            ConfigError: if a window is longer than the model hears at once.
            ModelError: if there is a reference and the model takes none, or the extra that finds speech is missing.
        """
        from paraclap.inference.timeline import TimelineSettings, join_tables
        from paraclap.inference.timeline_scan import OwnSpeech, TimelineScanner

        questions = Questions.ask(self, queries, task=task)
        own = reference if isinstance(reference, OwnSpeech) else self._find_reference(reference, sampling_rate)
        scanner = TimelineScanner(self, questions, settings=settings or TimelineSettings(), reference=own)
        return join_tables([scanner.scan(clip) for clip in self._gather(audio, sampling_rate)])

    def embed_audio(
        self, audio: AudioInput, sampling_rate: int | None = None, *, reference: ReferenceInput = None
    ) -> Embeddings:
        """Embed audio as unit vectors `[N, D]`, float32; the batch and the padding change nothing.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            sampling_rate: of arrays, in Hz.
            reference: as of `classify`.

        Raises:
            AudioError: if a file cannot be read; `encode` keeps the good ones.
            ModelError: if there is a reference and the model takes none.
        """
        return self._encode_strictly(audio, sampling_rate, reference).embeddings

    def embed_text(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences as unit vectors `[N, D]`, float32; what is longer than the text tower takes is cut.

        Warns once for a model of texts that are cut, as a `TextCutWarning`.

        Raises:
            QueryError: if there is no text, or one is empty.
        """
        checked = check_texts(texts)
        cut = None if self._has_warned_of_cut else self.find_cut_text(checked)
        if cut is not None:
            self._has_warned_of_cut = True
            warnings.warn(cut.describe(), TextCutWarning, stacklevel=2)
        groups = [checked[begin : begin + _TEXTS_AT_ONCE] for begin in range(0, len(checked), _TEXTS_AT_ONCE)]
        vectors = [self.encode_texts(group) for group in groups]
        return make_unit(np.concatenate(vectors), len(checked), maker=self.name, what="texts")

    def encode(
        self,
        audio: AudioInput,
        *,
        sampling_rate: int | None = None,
        progress: Progress | None = None,
        reference: ReferenceInput = None,
    ) -> EncodedClips:
        """Embed audio, keep what is good and name the files that are bad.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            sampling_rate: of arrays, in Hz.
            progress: told now and then how many clips are done, and how many there are.
            reference: as of `classify`.

        Raises:
            AudioError: if nothing was handed in, or arrays are no audio.
            ModelError: if there is a reference and the model takes none.
        """
        clips = self._gather(audio, sampling_rate)
        return self._encode(clips, progress=progress, reference=self._find_reference(reference, sampling_rate))

    def measure_reference(
        self, audio: AudioInput, *, sampling_rate: int | None = None, is_one_speaker: bool = True
    ) -> Reference:
        """Measure recordings of a speaker or channel, relative to which others are heard; they need no labels.

        Clips should be cut as the others are; one of over 30 s counts as its windows. The more feelings and
        sentences they hold, the better they tell what is usual. What cannot be read is left out.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            sampling_rate: of arrays, in Hz.
            is_one_speaker: whether one person speaks in all of it; otherwise it tells the channel alone.

        Raises:
            ModelError: if the model takes no references.
            AudioError: if nothing of it can be read.
        """
        if not self.takes_references:
            raise refuse_references(self.name)
        summaries = summarize_clips(
            self._gather(audio, sampling_rate),
            self.summarize_waveforms,
            batch_size=self.batch_size,
            max_duration=self.limits.max_duration,
        )
        return Reference.of(summaries, is_one_speaker=is_one_speaker)

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
            checked = check_texts(queries)
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

    def _find_reference(self, reference: ReferenceInput, sampling_rate: int | None) -> Reference | None:
        if reference is None or isinstance(reference, Reference):
            return reference
        return self.measure_reference(reference, sampling_rate=sampling_rate)

    def _encode_strictly(self, audio: AudioInput, sampling_rate: int | None, reference: ReferenceInput) -> EncodedClips:
        measured = self._find_reference(reference, sampling_rate)
        clips = self._gather(audio, sampling_rate)
        for clip in clips:
            if isinstance(clip.source, Path) and not clip.source.is_file():
                clip.measure()  # raises now what would be found after the work on the others
        return self._encode(clips, is_strict=True, reference=measured)

    def _encode(
        self,
        clips: Sequence[Clip],
        *,
        is_strict: bool = False,
        progress: Progress | None = None,
        reference: Reference | None = None,
    ) -> EncodedClips:
        if reference is not None and not self.takes_references:
            raise refuse_references(self.name)

        def encode_batch(waveforms: Sequence[Waveform]) -> Embeddings:
            vectors = (
                self.encode_waveforms(waveforms) if reference is None else self.encode_relative(waveforms, reference)
            )
            return make_unit(vectors, len(waveforms), maker=self.name, what="clips")

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
