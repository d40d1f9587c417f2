"""What is heard of clips: audio cut and disturbed as planned, and brought to the form that an audio tower takes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from paraclap.audio import SAMPLING_RATE, pad_log_mels
from paraclap.models import ParaClapFeatureExtractor, ParaClapModel
from paraclap.training.augmentation import (
    SPECTROGRAM_DISTURBANCES,
    WAVEFORM_DISTURBANCES,
    disturb_log_mel,
    disturb_waveform,
)
from paraclap.training.batches import WHOLE_SECONDS, PlannedClip
from paraclap.training.clips import ClipSet
from paraclap.training.references import TrainingReferences
from paraclap.training.settings import AugmentationSettings

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
        return self._clip_sets[clip_set].audio.read(row, seconds=WHOLE_SECONDS)

    def pool(self, model: ParaClapModel, heard: Sequence[Heard]) -> Tensor:
        """Return what the audio tower of a model pools `[N, H]` of several clips, on the model's device."""
        return model.pool_audio(**{name: value.to(model.device) for name, value in self.collate(heard).items()})

    def prepare(self, clips: Sequence[PlannedClip]) -> dict[str, Tensor]:
        """Hear clips as they were planned, and return the inputs of the audio tower."""
        return self.collate([self.hear(clip) for clip in clips])

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
    """Hear spectrograms, for towers of our own; `references` are what one that takes them hears clips relative to."""

    disturbances = SPECTROGRAM_DISTURBANCES

    def __init__(
        self, clip_sets: Sequence[ClipSet], settings: AugmentationSettings, extractor: ParaClapFeatureExtractor
    ) -> None:
        super().__init__(clip_sets, settings)
        self._extractor = extractor
        self._num_mels = extractor.mel_settings.num_mels
        self.references: TrainingReferences | None = None

    def describe(self) -> str:
        """Say how spectrograms are made."""
        return str(self._extractor.mel_settings)

    def prepare(self, clips: Sequence[PlannedClip]) -> dict[str, Tensor]:
        """Hear clips as they were planned, and return the inputs of the audio tower.

        One that takes references gets `references` `[B, 2 S + 1]` and `voices` `[B, S]` too, and what was measured
        before, if it was of all clips.
        """
        if self.references is None:
            return super().prepare(clips)
        measured = self.references.look_up(clips)
        heard = super().prepare(clips) if measured is None else {"input_features": measured}
        return heard | self.references.collate(clips)

    def _disturb(self, heard: Heard, names: tuple[str, ...], generator: np.random.Generator) -> Heard:
        mels = disturb_log_mel(heard[:, : self._num_mels], names, self._settings, generator)
        return np.concatenate([mels, heard[:, self._num_mels :]], axis=1)  # the pitch of what is disturbed is the same

    def collate(self, heard: Sequence[Heard]) -> dict[str, Tensor]:
        """Return `input_features` `[B, F, M]` and `audio_attention_mask` `[B, F]`."""
        features, mask = pad_log_mels([self._extractor.prepare(frames) for frames in heard])
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
        return SpectrogramInputs(clip_sets, settings, extractor)
    return WaveformInputs(clip_sets, settings, extractor)
