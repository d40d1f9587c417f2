"""The model as the service holds it: its threads stay open, and texts that were asked before are remembered."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from threading import Lock

from paraclap.audio import Waveform
from paraclap.inference import AudioTextModel, Clip, CutText, EncodedClips, HearingLimits, Reference
from paraclap.inference.encoding import Embeddings, Encoders
from paraclap.inference.questions import check_texts
from paraclap.inference.references import Summaries

_REMEMBERED = 4096  # lists of texts; label sets have one for each class


class ServedModel(AudioTextModel):
    """Answer as another model does, to the last digit, and remember the vectors of texts.

    Texts are remembered by the list that they were asked in: beside others they are embedded in another batch, whose
    rounding differs in the seventh digit.

    Args:
        model: that answers.
        on_texts: told of each list of texts if it was known.
    """

    def __init__(self, model: AudioTextModel, *, on_texts: Callable[[bool], None] | None = None) -> None:
        super().__init__(name=model.name, training_corpora=model.training_corpora, batch_size=model.batch_size)
        self.calibration = model.calibration
        self.bins_file = model.bins_file
        self._model = model
        self._on_texts = on_texts
        self._texts: OrderedDict[tuple[str, ...], Embeddings] = OrderedDict()
        self._lock = Lock()
        self._stack = ExitStack()
        self._encoders = self._stack.enter_context(model.open_encoders())

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""
        return self._model.logit_scale

    @property
    def fingerprint(self) -> str:
        """What identifies the weights."""
        return self._model.fingerprint

    @property
    def sampling_rate(self) -> int:
        """What the model hears, in Hz."""
        return self._model.sampling_rate

    @property
    def limits(self) -> HearingLimits:
        """How long the model hears at once, and if it sees padding."""
        return self._model.limits

    @property
    def facts(self) -> dict[str, str]:
        """What there is to know of the model beside its name."""
        return self._model.facts

    @property
    def takes_references(self) -> bool:
        """Whether other recordings of a speaker or channel can normalise what the model hears."""
        return self._model.takes_references

    def open_encoders(self) -> AbstractContextManager[Encoders | None]:
        """Return a context with the threads that stay open until `close`."""
        return nullcontext(self._encoders)

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Return one vector a waveform, `[B, D]`."""
        return self._model.encode_waveforms(waveforms)

    def summarize_waveforms(self, waveforms: Sequence[Waveform]) -> Summaries:
        """Return the statistics of waveforms, of which references are made, `[B, S]`."""
        return self._model.summarize_waveforms(waveforms)

    def encode_relative(self, waveforms: Sequence[Waveform], reference: Reference) -> Embeddings:
        """Return one vector a waveform, heard relative to a reference, `[B, D]`."""
        return self._model.encode_relative(waveforms, reference)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector a text, `[B, D]`."""
        return self._model.encode_texts(texts)

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that is cut; None if there is none."""
        return self._model.find_cut_text(texts)

    def embed_text(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences as unit vectors `[N, D]`, or remember them.

        Raises:
            QueryError: if there is no text, or one is empty.
        """
        key = tuple(check_texts(texts))
        with self._lock:
            known = self._texts.get(key)
            if known is not None:
                self._texts.move_to_end(key)
        if self._on_texts is not None:
            self._on_texts(known is not None)
        if known is not None:
            return known
        vectors = super().embed_text(key)
        vectors.setflags(write=False)
        with self._lock:
            self._texts[key] = vectors
            while len(self._texts) > _REMEMBERED:
                self._texts.popitem(last=False)
        return vectors

    def encode_clips(self, clips: Sequence[Clip]) -> EncodedClips:
        """Embed clips as `encode` does: the same batches, threads and windows."""
        return self._encode(clips)

    def close(self) -> None:
        """End the threads."""
        self._stack.close()
