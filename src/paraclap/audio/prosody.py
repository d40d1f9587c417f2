"""What the prosody tower hears: log-mel frames with their level, pitch and its strength beside them."""

from dataclasses import dataclass

import numpy as np

from paraclap.audio.log_mel import LogMel, MelSettings, compute_log_mel
from paraclap.audio.pitch import PitchSettings, track_pitch
from paraclap.audio.waveform import Waveform

_REFERENCE_PITCH = 100.0  # Hz, which is 0 semitones
NUM_PITCH_CHANNELS = 2


@dataclass(frozen=True)
class ProsodySettings(MelSettings):
    """Say how a waveform becomes frames of mels and pitch."""

    lowest_pitch: float = 60.0  # Hz
    highest_pitch: float = 650.0  # Hz

    @property
    def num_channels(self) -> int:
        """Values of a frame, M + 2."""
        return self.num_mels + NUM_PITCH_CHANNELS

    def compute(self, waveform: Waveform) -> LogMel:
        """Compute the frames `[F, M + 2]` of a waveform `[T]`."""
        return compute_prosody(waveform, self)


def compute_prosody(waveform: Waveform, settings: ProsodySettings) -> LogMel:
    """Compute frames `[F, M + 2]` of a waveform `[T]`: log10 mel power, semitones above 100 Hz, and pitch strength."""
    pitch = track_pitch(
        waveform,
        PitchSettings(
            sampling_rate=settings.sampling_rate,
            hop_size=settings.hop_size,
            lowest=settings.lowest_pitch,
            highest=settings.highest_pitch,
        ),
    )
    semitones = 12.0 * np.log2(pitch[:, :1] / _REFERENCE_PITCH)
    return np.concatenate([compute_log_mel(waveform, settings), semitones, pitch[:, 1:]], axis=1, dtype=np.float32)
