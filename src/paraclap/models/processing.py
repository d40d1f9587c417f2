"""The processor: sentences to tokens, waveforms to spectrograms, in one object that is saved with the model."""

from typing import Any

from transformers import AutoFeatureExtractor, AutoProcessor, BatchFeature, ProcessorMixin

from paraclap.models.configuration import ParaClapConfig
from paraclap.models.feature_extraction import ParaClapFeatureExtractor


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
        **kwargs: Any,
    ) -> BatchFeature:
        """Prepare texts (`input_ids`, ...), audio (`input_features`, `audio_attention_mask`), or both."""
        if text is None and audio is None:
            raise ValueError("found neither text nor audio; pass text=, audio= or both")
        inputs: dict[str, Any] = {}
        if text is not None:
            inputs |= self.tokenizer(text, padding=True, truncation=True, return_tensors=return_tensors)
        if audio is not None:
            inputs |= self.feature_extractor(audio, sampling_rate=sampling_rate, return_tensors=return_tensors)
        return BatchFeature(inputs)

    @property
    def model_input_names(self) -> list[str]:
        """Names of everything that the model takes."""
        return [*self.tokenizer.model_input_names, *self.feature_extractor.model_input_names]


AutoProcessor.register(ParaClapConfig, ParaClapProcessor)
AutoFeatureExtractor.register(ParaClapConfig, ParaClapFeatureExtractor)
