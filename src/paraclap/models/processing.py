"""The processor: sentences to tokens, waveforms to spectrograms, in one object that is saved with the model."""

from typing import Any

from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoProcessor,
    AutoTokenizer,
    BatchFeature,
    PretrainedConfig,
    ProcessorMixin,
)

from paraclap.errors import ModelError
from paraclap.models.configuration import MelTowerConfig, ParaClapConfig, ProsodyTowerConfig
from paraclap.models.feature_extraction import ParaClapFeatureExtractor, ProsodyFeatureExtractor
from paraclap.models.tower_features import TowerFeatureExtractor
from paraclap.models.tower_parts import load_tower_part

_MAX_KNOWN = 10**6  # tokens; tokenizers that know no limit say 10^30


class ParaClapProcessor(ProcessorMixin):
    """Prepare audio and text for a `ParaClapModel`."""

    def __init__(self, feature_extractor: Any, tokenizer: Any) -> None:
        super().__init__(feature_extractor, tokenizer)

    def __call__(
        self,
        text: str | list[str] | None = None,
        audio: Any = None,
        sampling_rate: int | None = None,
        return_tensors: str | None = "pt",
        max_length: int | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Prepare texts (`input_ids`, ...), audio (`input_features`, `audio_attention_mask`), or both.

        Texts are cut at `max_length` tokens, special ones included; at as many as the tokenizer says if None.
        """
        if text is None and audio is None:
            raise ValueError("found neither text nor audio; pass text=, audio= or both")
        inputs: dict[str, Any] = {}
        if text is not None:
            options = {"padding": True, "truncation": True, "max_length": max_length}
            inputs |= self.tokenizer(text, **options, return_tensors=return_tensors)
        if audio is not None:
            inputs |= self.feature_extractor(audio, sampling_rate=sampling_rate, return_tensors=return_tensors)
        return BatchFeature(inputs)

    @classmethod
    def from_towers(cls, audio_tower: str, text_tower: str, *, normalize: bool | None = None) -> "ParaClapProcessor":
        """Make the processor of two towers: the audio tower's feature extraction and the text tower's tokenizer.

        Args:
            audio_tower: folder or hub id.
            text_tower: folder or hub id.
            normalize: bring each waveform to zero mean and unit variance; as the tower's folder says if None, or else
                as its family does.

        Raises:
            ModelError: if a tower cannot be read, the audio tower is of no known family, or the text tower's folder
                holds no tokenizer, or another's.
        """
        config = load_tower_part(audio_tower, AutoConfig.from_pretrained)
        own = load_tower_part(audio_tower, AutoFeatureExtractor.from_pretrained, default=None)
        text_config = load_tower_part(text_tower, AutoConfig.from_pretrained)
        tokenizer = load_tower_part(text_tower, AutoTokenizer.from_pretrained)
        _fit_tokenizer(tokenizer, text_config, text_tower)
        if isinstance(config, MelTowerConfig):
            return cls(own or ParaClapFeatureExtractor(), tokenizer)
        if isinstance(config, ProsodyTowerConfig):
            return cls(own or ProsodyFeatureExtractor(), tokenizer)
        settings = None if own is None else own.to_dict()
        try:
            return cls(TowerFeatureExtractor.from_tower(config, settings, normalize=normalize), tokenizer)
        except ValueError as error:
            raise ModelError(f"{audio_tower}: {error}") from None

    @property
    def model_input_names(self) -> list[str]:
        """Names of everything that the model takes."""
        return [*self.tokenizer.model_input_names, *self.feature_extractor.model_input_names]


def count_max_tokens(tokenizer: Any, tower: Any) -> int | None:
    """Return how many tokens, special ones included, a text tower takes with its tokenizer; None if nobody says."""
    limits = [] if tokenizer.model_max_length > _MAX_KNOWN else [int(tokenizer.model_max_length)]
    positions = getattr(tower.config, "max_position_embeddings", None)
    if positions is not None:
        table = getattr(getattr(tower, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)  # those of a RoBERTa begin behind that of its padding token
        limits.append(positions if padding is None else positions - padding - 1)
    return min(limits, default=None)


def _fit_tokenizer(tokenizer: Any, config: PretrainedConfig, text_tower: str) -> None:
    """Refuse a tokenizer that is not the text tower's, and let it cut texts at the tower's length."""
    found, expected = len(tokenizer), config.vocab_size
    if found <= len(tokenizer.all_special_tokens):  # transformers makes such a one where there are no files of it
        raise ModelError(f"{text_tower!r} has no tokenizer; expected tokenizer.json or vocab.txt beside config.json")
    if found > expected:
        raise ModelError(
            f"the tokenizer of {text_tower!r} has {found} tokens; expected {expected} at most, as the text tower takes"
        )
    longest = getattr(config, "max_position_embeddings", tokenizer.model_max_length)
    tokenizer.model_max_length = min(tokenizer.model_max_length, longest)


AutoProcessor.register(ParaClapConfig, ParaClapProcessor)
AutoFeatureExtractor.register(ParaClapConfig, TowerFeatureExtractor)
