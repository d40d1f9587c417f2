"""From waveforms to what an audio tower of transformers takes, by the tower's own feature extractor."""

import json
import warnings
from functools import cache
from typing import Any

import numpy as np
import transformers
from transformers import BatchFeature, PretrainedConfig, SequenceFeatureExtractor

from paraclap.models.audio_families import AudioFamily, find_audio_family
from paraclap.models.feature_extraction import RawSpeech, gather_waveforms

_PATCH_WINDOW, _PATCH_HOP = 0.025, 0.010  # s, of the spectrogram of an AST (Kaldi's frames, without padding)


class TowerFeatureExtractor(SequenceFeatureExtractor):
    """Turn waveforms into the inputs of an audio tower, padded, with their mask under the name that we give it.

    Args:
        tower_type: model type of the tower's configuration, such as "wav2vec2".
        settings: of the tower's own feature extractor, such as `{"do_normalize": False}`.
    """

    def __init__(
        self,
        tower_type: str = "wav2vec2",
        settings: dict[str, Any] | None = None,
        feature_size: int = 1,
        sampling_rate: int = 16_000,
        padding_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self.tower_type = tower_type
        self.settings = dict(settings or {})
        kwargs.pop("feature_extractor_type", None)
        super().__init__(feature_size=feature_size, sampling_rate=sampling_rate, padding_value=padding_value, **kwargs)
        self.sampling_rate = int(self.make_inner().sampling_rate)

    @classmethod
    def from_tower(
        cls, config: PretrainedConfig, settings: dict[str, Any] | None = None, *, normalize: bool | None = None
    ) -> "TowerFeatureExtractor":
        """Make the extractor of a tower.

        Args:
            config: of the tower.
            settings: of the tower's own feature extractor, as its folder has them; its defaults if None.
            normalize: bring each waveform to zero mean and unit variance; as the settings say if None.
        """
        chosen = {key: value for key, value in (settings or {}).items() if key not in _NOT_SETTINGS}
        if normalize is not None:
            chosen["do_normalize"] = normalize
        return cls(tower_type=config.model_type, settings=chosen)

    @property
    def family(self) -> AudioFamily:
        """The family that the tower belongs to."""
        return find_audio_family(self.tower_type)

    @property
    def model_input_names(self) -> list[str]:
        """Names of what the model takes."""
        return [self.family.input, "audio_attention_mask"]

    @model_input_names.setter
    def model_input_names(self, names: list[str]) -> None:
        """Leave the names to the family; the base class assigns them."""

    def make_inner(self) -> Any:
        """Make the tower's own feature extractor."""
        return _make_inner(str(self.family.extractor), json.dumps(self.settings, sort_keys=True))

    def __call__(
        self,
        raw_speech: RawSpeech,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Make the tower's input and `audio_attention_mask` of one or several waveforms `[T]`.

        Raises:
            ValueError: if there is no waveform, one is not of one channel, or the sampling rate is another.
        """
        clips = gather_waveforms(raw_speech, sampling_rate, expected_rate=self.sampling_rate)
        inner = self.make_inner()
        options: dict[str, Any] = {"sampling_rate": self.sampling_rate, "return_tensors": "np"}
        if self.family.frames != "patches":
            options["return_attention_mask"] = True
        if self.family.frames in ("waveform", "spectrogram"):
            options["padding"] = True
        made = inner(clips, **options)
        features = made[self.family.input]
        if self.family.frames == "patches":
            mask = _mask_frames([len(clip) for clip in clips], features.shape[1], self.sampling_rate)
        else:
            mask = made["attention_mask"]
        inputs = {
            self.family.input: np.asarray(features, np.float32),
            "audio_attention_mask": np.asarray(mask, np.int64),
        }
        return BatchFeature(inputs, tensor_type=return_tensors)


@cache
def _make_inner(kind: str, settings: str) -> Any:
    """Make a feature extractor of transformers once: its filters cost time, and silencing it is no work for threads."""
    with warnings.catch_warnings():  # of the AST's filter bank, whose lowest bands are empty by design
        warnings.filterwarnings("ignore", message="At least one mel filter has all zero values")
        return getattr(transformers, kind)(**json.loads(settings))


_NOT_SETTINGS = ("feature_extractor_type", "processor_class", "return_attention_mask")


def _mask_frames(lengths: list[int], num_frames: int, sampling_rate: int) -> Any:
    window, hop = round(_PATCH_WINDOW * sampling_rate), round(_PATCH_HOP * sampling_rate)
    real = [max(1, (length - window) // hop + 1) for length in lengths]
    return np.arange(num_frames)[None] < np.array(real)[:, None]
