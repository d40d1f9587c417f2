"""Any file or array to a mono float32 waveform at 16 kHz; nothing learned, nothing clipped, always the same.

What disturbs waveforms, with chance or without, is at hand beside it.
"""

from paraclap.audio.codecs import CODECS, apply_codec
from paraclap.audio.disturbance_table import Disturbance, disturb, read_disturbances
from paraclap.audio.disturbances import (
    add_noise,
    change_gain,
    change_speed,
    crop,
    draw_channel,
    frequency_at,
    limit_band,
    mask_band,
    mask_time,
    reverberate,
    tilt_spectrum,
)
from paraclap.audio.log_mel import LogMel, MelSettings, compute_log_mel, normalize_log_mel, pad_log_mels
from paraclap.audio.pitch import PitchSettings, track_pitch
from paraclap.audio.prosody import NUM_PITCH_CHANNELS, ProsodySettings, compute_prosody
from paraclap.audio.reading import AUDIO_SUFFIXES, find_audio, read_audio, read_duration
from paraclap.audio.shards import hash_audio, locate_audio, open_audio
from paraclap.audio.waveform import MIN_DURATION, SAMPLING_RATE, Waveform, convert_audio

__all__ = [
    "AUDIO_SUFFIXES",
    "CODECS",
    "MIN_DURATION",
    "NUM_PITCH_CHANNELS",
    "SAMPLING_RATE",
    "Disturbance",
    "LogMel",
    "MelSettings",
    "PitchSettings",
    "ProsodySettings",
    "Waveform",
    "add_noise",
    "apply_codec",
    "change_gain",
    "change_speed",
    "compute_log_mel",
    "compute_prosody",
    "convert_audio",
    "crop",
    "disturb",
    "draw_channel",
    "find_audio",
    "frequency_at",
    "hash_audio",
    "limit_band",
    "locate_audio",
    "mask_band",
    "mask_time",
    "normalize_log_mel",
    "open_audio",
    "pad_log_mels",
    "read_audio",
    "read_disturbances",
    "read_duration",
    "reverberate",
    "tilt_spectrum",
    "track_pitch",
]
