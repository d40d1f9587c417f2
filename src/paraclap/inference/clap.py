"""The object that users hold: a loaded model that classifies and embeds files, arrays and sentences."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
import torch

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import ConfigError, ModelError, QueryError
from paraclap.inference.clips import AudioInput, gather_clips, make_index
from paraclap.inference.encoding import Embeddings, EncodedClips, Progress, encode_clips
from paraclap.inference.scores import compute_probabilities
from paraclap.models import ParaClapModel, ParaClapProcessor, hash_weights, no_progress_bars, resolve_folder
from paraclap.queries import LabelSet, embed_classes, load_label_set
from paraclap.storage import read_json

MINI = "paraclap-mini"
DEFAULT_BATCH_SIZE = 16
Values = Literal["probability", "similarity"]
_TEXTS_AT_ONCE = 64
_MAX_REASON = 120  # characters of a library's own words that still help
_DTYPES = ("float32", "bfloat16", "float16")


class ParaClap:
    """Answer free-text questions about how somebody speaks."""

    def __init__(
        self,
        model: ParaClapModel,
        processor: ParaClapProcessor,
        *,
        name: str = "unnamed",
        training_corpora: Sequence[str] | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; expected 1 or more")
        self.model = model.eval()
        self.processor = processor
        self.name = name
        self.training_corpora = None if training_corpora is None else tuple(training_corpora)
        self.batch_size = batch_size

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
    ) -> Self:
        """Load the model inside the package, a model folder, or a hub id (which is downloaded).

        Args:
            name_or_path: folder or hub id; paraclap-mini, offline, if None.
            device: "cpu" if None, or "cuda", "cuda:1", "mps".
            dtype: of the computation: "float32" if None, or "bfloat16", "float16".
            batch_size: clips encoded together at most; 16 if None.

        Raises:
            ModelError: if there is no such model, its weights do not fit, its text tower is missing, or the device or
                dtype does not exist.
            ConfigError: if the batch size is below 1.
        """
        name = MINI if name_or_path is None or str(name_or_path) == MINI else str(name_or_path)
        target = _find_device(device)
        if dtype is not None and dtype not in _DTYPES:
            raise ModelError(f"no dtype {dtype!r}; expected one of {', '.join(_DTYPES)}")
        folder = _find_mini() if name == MINI else resolve_folder(name, known=[MINI])
        with no_progress_bars():
            model = ParaClapModel.from_pretrained(folder, dtype=getattr(torch, dtype or "float32"))
        processor = _load_processor(folder)
        _check_fit(model, processor, folder)
        return cls(
            model.to(target),
            processor,
            name=name,
            training_corpora=_read_training_corpora(folder),
            batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        )

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the weights, towers included."""
        return hash_weights(self.model.state_dict())

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""
        return float(self.model.logit_scale.detach().exp())

    @property
    def sampling_rate(self) -> int:
        """What the model hears, in Hz."""
        return SAMPLING_RATE

    def classify(
        self,
        audio: AudioInput,
        queries: Sequence[str] | None = None,
        *,
        task: str | LabelSet | None = None,
        values: Values = "probability",
        sampling_rate: int | None = None,
    ) -> pd.DataFrame:
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
        """Embed sentences as unit vectors `[N, D]`, float32.

        Raises:
            QueryError: if there is no text, or one is empty.
        """
        texts = _check_texts(texts)
        parts = []
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = self.processor(text=list(texts[begin : begin + _TEXTS_AT_ONCE])).to(self.model.device)
            with torch.inference_mode():
                parts.append(_to_numpy(self.model.get_text_features(**tokens)))
        return np.concatenate(parts)

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
        clips = gather_clips(audio, sampling_rate=sampling_rate)
        return encode_clips(clips, self._encode_batch, batch_size=self.batch_size, progress=progress)

    def embed_queries(
        self, queries: Sequence[str] | None = None, *, task: str | LabelSet | None = None
    ) -> tuple[list[str], Embeddings]:
        """Return the columns of an answer and their unit vectors `[C, D]`: queries, or a label set's classes.

        Raises:
            QueryError: if there is neither or both, a query is empty or stands twice, or the label set does not exist.
        """
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
        return embed_classes([self.embed_text(list(of_class)) for of_class in prompts.values()])

    def _encode_strictly(self, audio: AudioInput, sampling_rate: int | None) -> EncodedClips:
        clips = gather_clips(audio, sampling_rate=sampling_rate)
        for clip in clips:
            if isinstance(clip.source, Path) and not clip.source.is_file():
                clip.measure()  # raises now what would be found after the work on the others
        return encode_clips(clips, self._encode_batch, batch_size=self.batch_size, is_strict=True)

    def _encode_batch(self, waveforms: Sequence[Waveform]) -> Embeddings:
        inputs = self.processor(audio=list(waveforms), sampling_rate=SAMPLING_RATE).to(self.model.device)
        mask = inputs["audio_attention_mask"]
        with torch.inference_mode():
            return _to_numpy(self.model.get_audio_features(inputs["input_features"].to(self.model.dtype), mask))


def _to_numpy(embeds: torch.Tensor) -> Embeddings:
    vectors: Embeddings = torch.nn.functional.normalize(embeds.float(), dim=-1).cpu().numpy()
    if not np.isfinite(vectors).all():
        raise ModelError("embeddings overflow in this dtype; use dtype='bfloat16' or 'float32'")
    return vectors


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


def _find_device(device: str | None) -> torch.device:
    try:
        target = torch.device(device or "cpu")
        torch.empty(1, device=target)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        reason = str(error).strip().splitlines()[0].rstrip(".")
        detail = f" ({reason})" if len(reason) < _MAX_REASON else ""
        raise ModelError(f"device {device!r} cannot be used{detail}; found {', '.join(there)}") from None
    return target


def _load_processor(folder: Path) -> ParaClapProcessor:
    try:
        processor: ParaClapProcessor = ParaClapProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".: ")
        raise ModelError(
            f"{folder} has no processor that can be loaded ({reason}); "
            "expected processor_config.json, tokenizer.json and tokenizer_config.json"
        ) from None
    return processor


def _check_fit(model: ParaClapModel, processor: ParaClapProcessor, folder: Path) -> None:
    """Refuse a processor that makes something else than the audio tower hears."""
    settings = processor.feature_extractor.mel_settings
    num_mels = model.config.audio_config.num_mels
    if (settings.num_mels, settings.sampling_rate) != (num_mels, SAMPLING_RATE):
        raise ModelError(
            f"{folder}: the processor makes {settings.num_mels} mels at {settings.sampling_rate} Hz; "
            f"expected {num_mels} at {SAMPLING_RATE} Hz, as the audio tower hears: save both together again"
        )


def _read_training_corpora(folder: Path) -> list[str] | None:
    file = folder / "training.json"
    if not file.is_file():
        return None
    try:
        return [str(corpus["name"]) for corpus in read_json(file)["corpora"]]
    except (KeyError, TypeError):
        raise ModelError(f"{file} does not name the corpora; expected what 'paraclap train' writes") from None


def _find_mini() -> Path:
    folder = Path(str(files("paraclap.models") / "mini"))
    if not (folder / "config.json").is_file():
        raise ModelError("paraclap-mini is not in this installation; reinstall paraclap, or name a model folder")
    return folder
