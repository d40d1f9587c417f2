"""Disturbances by name: a table of data, and what carries out its rows."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Literal

import numpy as np

from paraclap.audio.codecs import apply_codec
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
from paraclap.audio.waveform import SAMPLING_RATE, Waveform
from paraclap.errors import ConfigError, list_known


class _Row:
    __pydantic_config__: ClassVar = {"extra": "forbid"}  # an argument that a kind does not have is an error


@dataclass(frozen=True)
class GainRow(_Row):
    """Change the level."""

    kind: Literal["gain"]
    gain_db: float


@dataclass(frozen=True)
class NoiseRow(_Row):
    """Add noise."""

    kind: Literal["noise"]
    snr_db: float
    slope_db: float = 0.0


@dataclass(frozen=True)
class ChannelRow(_Row):
    """Draw a channel."""

    kind: Literal["channel"]
    num_points: int
    level_db: float


@dataclass(frozen=True)
class LowPassRow(_Row):
    """Limit the band."""

    kind: Literal["low-pass"]
    cutoff_hz: float


@dataclass(frozen=True)
class MasksRow(_Row):
    """Draw masks in time and as many in frequency, each of up to a share of the duration or of the mel scale."""

    kind: Literal["masks"]
    num_masks: int
    max_share: float


@dataclass(frozen=True)
class SpeedRow(_Row):
    """Change the speed."""

    kind: Literal["speed"]
    factor: float


@dataclass(frozen=True)
class CodecRow(_Row):
    """Encode and decode."""

    kind: Literal["codec"]
    codec: str


@dataclass(frozen=True)
class ReverberationRow(_Row):
    """Draw a room."""

    kind: Literal["reverberation"]
    reverberation_seconds: float


@dataclass(frozen=True)
class CropRow(_Row):
    """Draw a crop; what is no longer than this stays whole."""

    kind: Literal["crop"]
    duration_seconds: float


Disturbance = GainRow | NoiseRow | ChannelRow | LowPassRow | MasksRow | SpeedRow | CodecRow | ReverberationRow | CropRow


@cache
def read_disturbances() -> dict[str, Disturbance]:
    """Read the named disturbances, by name."""
    from pydantic import Field, TypeAdapter  # here: it would nearly double the start-up of what merely reads audio

    text = (files("paraclap.audio") / "data" / "disturbances.toml").read_text(encoding="utf-8")
    table = TypeAdapter(dict[str, Annotated[Disturbance, Field(discriminator="kind")]])
    return table.validate_python(tomllib.loads(text))


def disturb(waveform: Waveform, name: str, generator: np.random.Generator) -> Waveform:
    """Disturb a waveform `[T]`, float32 at 16 kHz, in the way that a name of the table stands for.

    Raises:
        AudioError: if the waveform is not finite float32 `[T]` of at least 0.1 s.
        ConfigError: if there is no disturbance of that name.
    """
    disturbances = read_disturbances()
    if name not in disturbances:
        raise ConfigError(f"no disturbance {name!r}{list_known(name, disturbances)}")
    match disturbances[name]:
        case GainRow(gain_db=gain_db):
            return change_gain(waveform, gain_db)
        case NoiseRow(snr_db=snr_db, slope_db=slope_db):
            return add_noise(waveform, snr_db=snr_db, slope_db=slope_db, generator=generator)
        case ChannelRow(num_points=num_points, level_db=level_db):
            return tilt_spectrum(waveform, response_db=draw_channel(num_points, level_db, generator))
        case LowPassRow(cutoff_hz=cutoff_hz):
            return limit_band(waveform, cutoff_hz=cutoff_hz)
        case MasksRow(num_masks=num_masks, max_share=max_share):
            return _mask(waveform, num_masks, max_share, generator)
        case SpeedRow(factor=factor):
            return change_speed(waveform, factor)
        case CodecRow(codec=codec):
            return apply_codec(waveform, codec)
        case ReverberationRow(reverberation_seconds=seconds):
            return reverberate(waveform, reverberation_seconds=seconds, generator=generator)
        case CropRow(duration_seconds=seconds):
            latest = max(0.0, len(waveform) / SAMPLING_RATE - seconds)
            return crop(waveform, start_seconds=generator.uniform(0, latest), duration_seconds=seconds)


def _mask(waveform: Waveform, num_masks: int, max_share: float, generator: np.random.Generator) -> Waveform:
    duration = len(waveform) / SAMPLING_RATE
    for _ in range(num_masks):
        low, high = _draw_stretch(max_share, generator)
        waveform = mask_band(waveform, low_hz=frequency_at(low), high_hz=frequency_at(high))
    for _ in range(num_masks):  # after the bands, which would let sound ring into what is silent
        start, stop = _draw_stretch(max_share, generator)
        waveform = mask_time(waveform, start_seconds=start * duration, duration_seconds=(stop - start) * duration)
    return waveform


def _draw_stretch(max_share: float, generator: np.random.Generator) -> tuple[float, float]:
    """Draw begin and end of up to a share of the range from 0 to 1."""
    width = generator.uniform(0, max_share)
    start = generator.uniform(0, 1 - width)
    return start, start + width
