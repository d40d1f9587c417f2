"""The functionals of one waveform, by openSMILE; what it could not measure is missing, with a reason."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.audio import MIN_DURATION, SAMPLING_RATE, Waveform
from paraclap.errors import AudioError, ConfigError
from paraclap.features.functionals import FEATURE_SET, feature_names, missing_rules

TOO_SHORT = f"shorter than {MIN_DURATION:g} s"
NOT_FINITE = "no finite number"  # nothing that we tried made openSMILE give one, but a bin must never see one

MIN_SAMPLES = round(MIN_DURATION * SAMPLING_RATE)
_LARGEST = 32767 / 32768  # openSMILE multiplies by 32768 and casts to int16, which makes -32768 of +1.0


@dataclass(frozen=True, eq=False)
class Features:
    """Hold the functionals `[88]` of one stretch of audio, NaN where missing, and why any of them is."""

    values: npt.NDArray[np.float32]
    duration: float  # s
    reason: str = ""


def extract_features(waveform: Waveform) -> Features:
    """Measure the functionals of a waveform `[T]`, mono, at 16 kHz.

    Samples are clamped to [-1, 1). Below 0.1 s everything is missing.

    Raises:
        AudioError: if the waveform is not `[T]`, or samples are NaN or infinite.
        ConfigError: if openSMILE is not installed.
    """
    samples = np.asarray(waveform, dtype=np.float32)
    if samples.ndim != 1:
        raise AudioError(f"array: found shape {samples.shape}; expected a mono waveform [T] at {SAMPLING_RATE} Hz")
    if not np.isfinite(samples).all():
        raise AudioError("array: samples are NaN or infinite; expected finite numbers")
    if len(samples) < MIN_SAMPLES:
        return lack_features(len(samples) / SAMPLING_RATE, TOO_SHORT)
    measured = _load_smile()(np.clip(samples, -1.0, _LARGEST), SAMPLING_RATE)
    values = np.array(measured, dtype=np.float32).reshape(-1)
    return Features(values, len(samples) / SAMPLING_RATE, _mark_missing(values))


def lack_features(duration: float, reason: str) -> Features:
    """Return the features of audio, some seconds long, of which nothing can be measured."""
    return Features(np.full(len(feature_names()), np.nan, dtype=np.float32), duration, reason)


def find_opensmile() -> str:
    """Return the version of openSMILE, without importing it.

    Raises:
        ConfigError: if openSMILE is not installed.
    """
    if find_spec("opensmile") is None:
        raise ConfigError(
            "openSMILE is not installed, which measures features; install it with: pip install 'paraclap[features]' "
            "(its licence: research, education and other non-commercial use only)"
        )
    return version("opensmile")


def _mark_missing(values: npt.NDArray[np.float32]) -> str:
    """Set to NaN, in place, what openSMILE could not measure; return the reasons."""
    reasons = []
    if not np.isfinite(values).all():
        values[~np.isfinite(values)] = np.nan
        reasons.append(NOT_FINITE)
    for reason, indicator, affected in _indexed_rules():
        if values[indicator] == 0:  # never where an earlier rule has made it NaN: one reason is enough
            values[affected] = np.nan
            reasons.append(reason)
    return "; ".join(reasons)


@cache
def _indexed_rules() -> tuple[tuple[str, int, list[int]], ...]:
    places = {name: place for place, name in enumerate(feature_names())}
    return tuple(
        (rule.reason, places[rule.when_zero], [places[name] for name in rule.names]) for rule in missing_rules()
    )


@cache
def _load_smile() -> Any:
    """Load openSMILE once a process: its configuration takes longer to read than a clip to measure."""
    find_opensmile()
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet[FEATURE_SET], opensmile.FeatureLevel.Functionals)
