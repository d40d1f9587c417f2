"""What is heard of clips: audio cut and disturbed as planned, and brought to the form that an audio tower takes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from paraclap.audio import SAMPLING_RATE, MelSettings, normalize_log_mel, pad_log_mels
from paraclap.models import ParaClapFeatureExtractor, ParaClapModel
from paraclap.training.augmentation import (
    SPECTROGRAM_DISTURBANCES,
    WAVEFORM_DISTURBANCES,
    disturb_log_mel,
    disturb_waveform,
)
from paraclap.training.batches import PlannedClip
from paraclap.training.clips import ClipSet
from paraclap.training.settings import AugmentationSettings

MAX_SECONDS = 10.0  # of a clip that are heard on dev
Heard = npt.NDArray[np.float32]


class AudioInputs(ABC):
    """Hear clips of a run, and bring them to the inputs of its audio tower."""

    disturbances: tuple[str, ...]

    def __init__(self, clip_sets: Sequence[ClipSet], settings: AugmentationSettings) -> None:
        self._clip_sets = clip_sets
        self._settings = settings

    def hear(self, clip: PlannedClip) -> Heard:
        """Return a clip as it was planned: a waveform `[T]` or spectrogram `[F, M]`."""
        audio, view = self._clip_sets[clip.clip_set].audio, clip.view
        duration = audio.duration(clip.row)
        if not view.is_cut(duration):
            heard = audio.read(clip.row)
        else:
            heard = audio.read(clip.row, start=view.start * (duration - view.seconds), seconds=view.seconds)
        return self._disturb(heard, view.disturbances, np.random.default_rng([*view.seed, len(view.seed)]))

    def hear_whole(self, clip_set: int, row: int) -> Heard:
        """Return a clip as it is, or the first 10 s of it."""
        return self._clip_sets[clip_set].audio.read(row, seconds=MAX_SECONDS)

    def pool(self, model: ParaClapModel, heard: Sequence[Heard]) -> Tensor:
        """Return what the audio tower of a model pools `[N, H]` of several clips, on the model's device."""
        return model.pool_audio(**{name: value.to(model.device) for name, value in self.collate(heard).items()})

    @abstractmethod
    def describe(self) -> str:
        """Say all that decides what the tower gets of what is heard."""

    @abstractmethod
    def _disturb(self, heard: Heard, names: tuple[str, ...], generator: np.random.Generator) -> Heard:
        """Do to what is heard what was planned."""

    @abstractmethod
    def collate(self, heard: Sequence[Heard]) -> dict[str, Tensor]:
        """Return the inputs of the audio tower for several clips, padded, with their mask."""


class SpectrogramInputs(AudioInputs):
    """Hear spectrograms, for the mel tower."""

    disturbances = SPECTROGRAM_DISTURBANCES

    def __init__(self, clip_sets: Sequence[ClipSet], settings: AugmentationSettings, mels: MelSettings) -> None:
        super().__init__(clip_sets, settings)
        self._mels = mels

    def describe(self) -> str:
        """Say how spectrograms are made."""
        return str(self._mels)

    def _disturb(self, heard: Heard, names: tuple[str, ...], generator: np.random.Generator) -> Heard:
        return disturb_log_mel(heard, names, self._settings, generator)

    def collate(self, heard: Sequence[Heard]) -> dict[str, Tensor]:
        """Return `input_features` `[B, F, M]` and `audio_attention_mask` `[B, F]`."""
        features, mask = pad_log_mels([normalize_log_mel(mel, self._mels) for mel in heard])
        return {"input_features": torch.from_numpy(features), "audio_attention_mask": torch.from_numpy(mask)}


class WaveformInputs(AudioInputs):
    """Hear waveforms, for towers of transformers with their own feature extraction."""

    disturbances = WAVEFORM_DISTURBANCES

    def __init__(self, clip_sets: Sequence[ClipSet], settings: AugmentationSettings, extractor: Any) -> None:
        super().__init__(clip_sets, settings)
        self._extractor = extractor

    def describe(self) -> str:
        """Say how the tower's feature extraction is set."""
        return str(self._extractor.to_json_string())

    def _disturb(self, heard: Heard, names: tuple[str, ...], generator: np.random.Generator) -> Heard:
        return disturb_waveform(heard, names, self._settings, generator)

    def collate(self, heard: Sequence[Heard]) -> dict[str, Tensor]:
        """Return what the tower's feature extraction makes of waveforms, and `audio_attention_mask`."""
        return dict(self._extractor(list(heard), sampling_rate=SAMPLING_RATE, return_tensors="pt"))


def make_inputs(clip_sets: Sequence[ClipSet], settings: AugmentationSettings, extractor: Any) -> AudioInputs:
    """Return how clips are heard for the tower of a feature extractor."""
    if isinstance(extractor, ParaClapFeatureExtractor):
        return SpectrogramInputs(clip_sets, settings, extractor.mel_settings)
    return WaveformInputs(clip_sets, settings, extractor)
