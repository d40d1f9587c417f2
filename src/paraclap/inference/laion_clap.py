"""LAION-CLAP models, as transformers' ClapModel, behind the face of ParaClap."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import ClapConfig, ClapModel, ClapProcessor

from paraclap.audio import Waveform
from paraclap.errors import ModelError
from paraclap.inference.audio_text_model import DEFAULT_BATCH_SIZE, AudioTextModel
from paraclap.inference.devices import find_device, find_dtype, open_encoders, to_numpy
from paraclap.inference.encoding import Embeddings, Encoders, HearingLimits
from paraclap.inference.long_texts import CutText, find_cut_text
from paraclap.inference.processors import load_processor
from paraclap.models import count_max_tokens, hash_weights, no_progress_bars, read_weights, resolve_folder
from paraclap.models.dual_encoder import refuse_leftovers
from paraclap.models.quiet import no_load_report

# Tables of fixed content, not learned: some versions of transformers save them, others make them.
_TABLES = ("position_ids", "token_type_ids", "relative_position_index")


class LaionClap(AudioTextModel):
    """Answer questions with a LAION-CLAP model; the same audio gives the same vector every time.

    Transformers' feature extraction takes long audio at a random place, and lets chance decide which clip of a batch a
    model with feature fusion treats as a long one. Here audio is heard as a whole, in equal windows of at most what the
    model hears at once (10 s), each repeated to fill that as in training, and fusion, which only serves longer audio,
    is never asked for.
    """

    def __init__(
        self, model: Any, processor: Any, *, name: str = "unnamed", batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        super().__init__(name=name, batch_size=batch_size)
        self.model = model.eval()
        self.processor = processor

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
    ) -> Self:
        """Load a model folder, or a hub id (which is downloaded) such as laion/clap-htsat-unfused.

        Args:
            name_or_path: folder or hub id.
            device: "cpu" if None, or "cuda", "cuda:1", "mps".
            dtype: of the computation: "float32" if None, or "bfloat16", "float16".
            batch_size: clips encoded together at most; 16 if None.

        Raises:
            ModelError: if there is no such model, its weights or its processor do not fit, or the device or dtype does
                not exist.
            ConfigError: if the batch size is below 1.
        """
        target, precision = find_device(device), find_dtype(dtype)
        folder = resolve_folder(str(name_or_path))
        config = _read_config(folder)
        processor = load_processor(ClapProcessor, folder)
        _check_fit(config, processor.feature_extractor, folder)
        return cls(
            _load_model(config, folder, precision).to(target),
            processor,
            name=str(name_or_path),
            batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        )

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the weights."""
        return hash_weights(self.model.state_dict())

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit, of audio compared with texts."""
        return float(self.model.logit_scale_a.detach().exp())

    @property
    def sampling_rate(self) -> int:
        """What the model hears, in Hz: 48 kHz for those of LAION."""
        return int(self.processor.feature_extractor.sampling_rate)

    @property
    def limits(self) -> HearingLimits:
        """How long the model hears at once; what is shorter is filled up to that, so that batches change nothing."""
        return HearingLimits(max_duration=self.processor.feature_extractor.nb_max_samples / self.sampling_rate)

    def open_encoders(self) -> AbstractContextManager[Encoders | None]:
        """Return the threads of the model's device."""
        return open_encoders(self.model.device)

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Return one vector a waveform, `[B, D]`."""
        extractor = self.processor.feature_extractor
        # Rounded to samples, a window may be one too long; what is too long would be cut by chance.
        heard = [waveform[: extractor.nb_max_samples] for waveform in waveforms]
        inputs = extractor(heard, sampling_rate=self.sampling_rate, return_tensors="pt")
        features = inputs["input_features"].to(self.model.device, self.model.dtype)
        is_longer = torch.zeros(len(heard), 1, dtype=torch.bool, device=self.model.device)
        with torch.inference_mode():
            return to_numpy(_pool(self.model.get_audio_features(features, is_longer=is_longer)))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector a text, `[B, D]`; what is longer than the text tower takes is cut."""
        tokenizer, limit = self.processor.tokenizer, self._count_max_tokens()
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=limit, return_tensors="pt")
        ids, mask = (tokens[name].to(self.model.device) for name in ("input_ids", "attention_mask"))
        with torch.inference_mode():
            return to_numpy(_pool(self.model.get_text_features(ids, attention_mask=mask)))

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that is cut; None if there is none."""
        return find_cut_text(self.processor.tokenizer, texts, self._count_max_tokens())

    def _count_max_tokens(self) -> int | None:
        return count_max_tokens(self.processor.tokenizer, self.model.text_model)


def _pool(output: Any) -> torch.Tensor:
    """Return the projected vectors `[B, D]`; the first versions of transformers 5 return nothing else."""
    embeds: torch.Tensor = getattr(output, "pooler_output", output)
    return embeds


def _read_config(folder: Path) -> Any:
    try:
        return ClapConfig.from_pretrained(folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{folder / 'config.json'}: {reason}; expected that of a ClapModel") from None


def _load_model(config: Any, folder: Path, dtype: torch.dtype) -> Any:
    weights = read_weights(folder)
    with no_progress_bars(), no_load_report():
        model, info = ClapModel.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=dtype,
            ignore_mismatched_sizes=True,  # refused below, with their names
            output_loading_info=True,
        )
    kinds = ("missing_keys", "unexpected_keys")
    learned = {kind: [key for key in info[kind] if not key.endswith(_TABLES)] for kind in kinds}
    refuse_leftovers({**info, **learned}, folder)
    return model


def _check_fit(config: Any, extractor: Any, folder: Path) -> None:
    """Refuse a feature extractor that makes something else than the audio tower hears."""
    audio = config.audio_config
    is_fused, makes_fused = bool(audio.enable_fusion), extractor.truncation == "fusion"
    if is_fused != makes_fused:
        expected = "'fusion'" if is_fused else "'rand_trunc'"
        raise ModelError(
            f"{folder}: the processor's truncation is {extractor.truncation!r}; expected {expected}, as the model was "
            "trained: take both from the same place"
        )
    num_frames = extractor.nb_max_samples // extractor.hop_length + 1
    max_frames = audio.spec_size * (audio.spec_size // audio.num_mel_bins)
    if extractor.feature_size != audio.num_mel_bins or num_frames > max_frames:
        raise ModelError(
            f"{folder}: the processor makes {num_frames} frames of {extractor.feature_size} mels; expected at most "
            f"{max_frames} of {audio.num_mel_bins}, as the audio tower hears: take both from the same place"
        )
