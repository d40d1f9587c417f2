"""The object that users hold: a loaded model that classifies and embeds files, arrays and sentences."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import torch

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import ModelError
from paraclap.inference.audio_text_model import DEFAULT_BATCH_SIZE, AudioTextModel
from paraclap.inference.calibration import read_calibration
from paraclap.inference.devices import find_device, find_dtype, open_encoders, to_numpy
from paraclap.inference.encoding import Embeddings, Encoders, HearingLimits
from paraclap.inference.long_texts import CutText, find_cut_text
from paraclap.inference.processors import load_processor
from paraclap.inference.references import Reference, Summaries
from paraclap.models import (
    ParaClapFeatureExtractor,
    ParaClapModel,
    ParaClapProcessor,
    convert_checkpoint,
    count_max_tokens,
    find_published_checkpoint,
    hash_weights,
    no_progress_bars,
    resolve_folder,
)
from paraclap.storage import read_json

MINI = "paraclap-mini"


class ParaClap(AudioTextModel):
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
        super().__init__(name=name, training_corpora=training_corpora, batch_size=batch_size)
        self.model = model.eval()
        self.processor = processor
        self._max_tokens = count_max_tokens(processor.tokenizer, model.text_tower)

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

        A folder or hub id with the authors' published layout, a `best.pth.tar` and no `config.json`, is converted on
        the fly; the configurations and the tokenizer of its towers must be within reach.

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
        target = find_device(device)
        precision = find_dtype(dtype)
        folder = _find_mini() if name == MINI else resolve_folder(name, known=[MINI], accept_checkpoint=True)
        checkpoint = find_published_checkpoint(folder)
        if checkpoint is not None:
            model, processor = convert_checkpoint(checkpoint)
            model = model.to(precision)
        else:
            with no_progress_bars():
                model = ParaClapModel.from_pretrained(folder, dtype=precision)
            processor = load_processor(ParaClapProcessor, folder)
            _check_fit(model, processor, folder)
        clap = cls(
            model.to(target),
            processor,
            name=name,
            training_corpora=_read_training_corpora(folder),
            batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        )
        clap.calibration = read_calibration(folder)
        clap.bins_file = folder / "bins.json" if (folder / "bins.json").is_file() else None
        return clap

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the weights, towers included."""
        return hash_weights(self.model.state_dict())

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""
        return float(self.model.logit_scale.detach().exp())

    @property
    def facts(self) -> dict[str, str]:
        """What a reader of results wants to know of the model beside its name."""
        model = self.model
        learned = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("text_tower."))
        texts = sum(p.numel() for p in model.text_tower.parameters())
        return {
            "audio tower": str(model.config.audio_config.model_type),
            "parameters without the text tower": f"{learned:,}",
            "parameters of the text tower": f"{texts:,}",
            "size of an embedding": str(model.config.projection_dim),
            "computed in": str(model.dtype).removeprefix("torch."),
        }

    @property
    def limits(self) -> HearingLimits:
        """How long the audio tower hears at once, and if it sees padding."""
        config = self.model.config
        return HearingLimits(max_duration=config.audio_family.max_duration, sees_padding=config.sees_padding)

    def open_encoders(self) -> AbstractContextManager[Encoders | None]:
        """Return the threads of the model's device; none where layers of patches are chosen.

        Those transformers 5.0 records by replacing a method of the encoder, which threads would do to each other.
        """
        config = self.model.config
        is_recorded = config.audio_family.frames == "patches" and config.audio_layer is not None
        return nullcontext() if is_recorded else open_encoders(self.model.device)

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Return one vector a waveform, `[B, D]`."""
        with torch.inference_mode():
            return to_numpy(self.model.get_audio_features(**self._prepare(waveforms)))

    @property
    def takes_references(self) -> bool:
        """Whether other recordings of a speaker or channel can normalise what the model hears."""
        return bool(self.model.takes_references)

    def summarize_waveforms(self, waveforms: Sequence[Waveform]) -> Summaries:
        """Return the statistics of waveforms, of which references are made, `[B, S]`."""
        with torch.inference_mode():
            return to_numpy(self.model.summarize_audio(**self._prepare(waveforms)))

    def encode_relative(self, waveforms: Sequence[Waveform], reference: Reference) -> Embeddings:
        """Return one vector a waveform, heard relative to a reference, `[B, D]`."""
        row = torch.from_numpy(reference.as_row()).to(self.model.device)
        inputs, rows = self._prepare(waveforms), row.expand(len(waveforms), -1)
        with torch.inference_mode():
            voices = None if reference.is_one_speaker else self.model.summarize_audio(**inputs)
            pooled = self.model.pool_audio(**inputs, references=rows, voices=voices)
            return to_numpy(self.model.project_audio(pooled))

    def _prepare(self, waveforms: Sequence[Waveform]) -> Any:
        """Return the inputs of the audio tower: floats in the model's precision, the mask stays whole numbers."""
        inputs = self.processor(audio=list(waveforms), sampling_rate=SAMPLING_RATE)
        return inputs.to(self.model.device, self.model.dtype)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector a text, `[B, D]`; what is longer than the text tower takes is cut."""
        tokens = self.processor(text=list(texts), max_length=self._max_tokens).to(self.model.device)
        with torch.inference_mode():
            return to_numpy(self.model.get_text_features(**tokens))

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that is cut; None if there is none."""
        return find_cut_text(self.processor.tokenizer, texts, self._max_tokens)


def _check_fit(model: ParaClapModel, processor: ParaClapProcessor, folder: Path) -> None:
    """Refuse a processor that makes something else than the audio tower hears."""
    extractor, config = processor.feature_extractor, model.config.audio_config
    made_for = extractor.tower_type
    if made_for != config.model_type or extractor.sampling_rate != SAMPLING_RATE:
        raise ModelError(
            f"{folder}: the processor is for the tower {made_for} at {extractor.sampling_rate} Hz; expected "
            f"{config.model_type} at {SAMPLING_RATE} Hz, as the audio tower hears: save both together again"
        )
    if not isinstance(extractor, ParaClapFeatureExtractor):
        return
    settings, num_mels = extractor.mel_settings, config.num_mels
    if settings.num_mels != num_mels:
        raise ModelError(
            f"{folder}: the processor makes {settings.num_mels} mels; "
            f"expected {num_mels}, as the audio tower hears: save both together again"
        )


def _read_training_corpora(folder: Path) -> list[str] | None:
    file = folder / "training.json"
    if not file.is_file():
        return None
    try:
        training = read_json(file)
        return [*(str(corpus["name"]) for corpus in training["corpora"]), *training.get("inherited_corpora", ())]
    except (KeyError, TypeError):
        raise ModelError(f"{file} does not name the corpora; expected what 'paraclap train' writes") from None


def _find_mini() -> Path:
    folder = Path(str(files("paraclap.models") / "mini"))
    if not (folder / "config.json").is_file():
        raise ModelError("paraclap-mini is not in this installation; reinstall paraclap, or name a model folder")
    return folder
