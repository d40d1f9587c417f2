"""From waveforms to the padded, masked spectrograms that the mel tower takes."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import AutoFeatureExtractor, BatchFeature, SequenceFeatureExtractor

from paraclap.audio import LogMel, MelSettings, ProsodySettings, normalize_log_mel, pad_log_mels
from paraclap.models.configuration import MelTowerConfig, ProsodyTowerConfig

RawSpeech = npt.NDArray[np.float32] | Sequence[npt.NDArray[np.float32]] | Sequence[float]


class ParaClapFeatureExtractor(SequenceFeatureExtractor):
    """Turn waveforms into normalised log-mel spectrograms, padded to the longest, with their mask."""

    model_input_names = ["input_features", "audio_attention_mask"]  # noqa: RUF012
    tower_type = MelTowerConfig.model_type

    def __init__(
        self,
        feature_size: int = 64,
        sampling_rate: int = 16_000,
        padding_value: float = 0.0,
        fft_size: int = 1024,
        window_size: int = 640,
        hop_size: int = 160,
        min_frequency: float = 20.0,
        max_frequency: float = 7600.0,
        dynamic_range: float = 8.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(feature_size=feature_size, sampling_rate=sampling_rate, padding_value=padding_value, **kwargs)
        self.fft_size = fft_size
        self.window_size = window_size
        self.hop_size = hop_size
        self.min_frequency = min_frequency
        self.max_frequency = max_frequency
        self.dynamic_range = dynamic_range

    @property
    def mel_settings(self) -> MelSettings:
        """How spectrograms are made."""
        return MelSettings(
            sampling_rate=self.sampling_rate,
            num_mels=self.feature_size,
            fft_size=self.fft_size,
            window_size=self.window_size,
            hop_size=self.hop_size,
            min_frequency=self.min_frequency,
            max_frequency=self.max_frequency,
            dynamic_range=self.dynamic_range,
        )

    def prepare(self, frames: LogMel) -> LogMel:
        """Return frames `[F, M]` that were computed by `mel_settings` as the tower takes them."""
        return normalize_log_mel(frames, self.mel_settings)

    def __call__(
        self,
        raw_speech: RawSpeech,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Make `input_features` `[B, F, M]` and `audio_attention_mask` `[B, F]` of one or several waveforms `[T]`.

        Raises:
            ValueError: if there is no waveform, one is not of one channel, or the sampling rate is another.
        """
        clips = gather_waveforms(raw_speech, sampling_rate, expected_rate=self.sampling_rate)
        settings = self.mel_settings
        features, mask = pad_log_mels([self.prepare(settings.compute(clip)) for clip in clips])
        return BatchFeature({"input_features": features, "audio_attention_mask": mask}, tensor_type=return_tensors)


class ProsodyFeatureExtractor(ParaClapFeatureExtractor):
    """Turn waveforms into frames of log-mels and pitch, padded to the longest, with their mask."""

    tower_type = ProsodyTowerConfig.model_type

    def __init__(self, lowest_pitch: float = 60.0, highest_pitch: float = 650.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lowest_pitch = lowest_pitch
        self.highest_pitch = highest_pitch

    @property
    def mel_settings(self) -> ProsodySettings:
        """How frames are made."""
        mels = asdict(super().mel_settings)
        return ProsodySettings(**mels, lowest_pitch=self.lowest_pitch, highest_pitch=self.highest_pitch)

    def prepare(self, frames: LogMel) -> LogMel:
        """Return frames `[F, M + 2]` as they are: the tower itself is blind to their level."""
        return frames


def gather_waveforms(
    raw_speech: RawSpeech, sampling_rate: int | None, *, expected_rate: int
) -> list[npt.NDArray[np.float32]]:
    """Return one or several waveforms `[T]` as a list of them, float32.

    Raises:
        ValueError: if there is no waveform, one is not of one channel, or the sampling rate is another.
    """
    if sampling_rate is not None and sampling_rate != expected_rate:
        raise ValueError(f"audio has {sampling_rate} Hz; this model hears {expected_rate} Hz: resample it first")
    if not len(raw_speech):
        raise ValueError("found no audio; expected one waveform or more")
    is_one = np.ndim(raw_speech[0]) == 0
    clips = [np.asarray(clip, dtype=np.float32) for clip in ([raw_speech] if is_one else raw_speech)]
    bad = [clip.shape for clip in clips if clip.ndim != 1 or not clip.size]
    if bad:
        raise ValueError(f"found audio of shape {bad[0]}; expected waveforms [T] of one channel: average the channels")
    return clips


AutoFeatureExtractor.register(MelTowerConfig, ParaClapFeatureExtractor)
AutoFeatureExtractor.register(ProsodyTowerConfig, ProsodyFeatureExtractor)
