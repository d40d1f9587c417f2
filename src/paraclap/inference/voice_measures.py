"""What openSMILE measures in a clip, placed in the bins of a model; long clips as the median of their windows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paraclap.audio import SAMPLING_RATE, Waveform, convert_audio
from paraclap.inference.clips import Clip, plan_windows

if TYPE_CHECKING:
    from paraclap.features import Features
    from paraclap.queries import Bins
    from paraclap.queries.bins import MeasuredLevel

_SILENCE = 1e-4  # of full scale (-80 dB), the peak of what is silent


@dataclass(frozen=True)
class Measures:
    """Hold where the measured values of a clip lie, and why some could not be measured."""

    levels: "tuple[MeasuredLevel, ...]" = ()
    reason: str = ""


def will_measure(wanted: bool | None) -> bool:
    """Tell if openSMILE is to measure: as wanted, or if it is installed where nobody says.

    Raises:
        ConfigError: if it is wanted and not installed.
    """
    from paraclap.features import find_opensmile

    if wanted:
        find_opensmile()
    return find_spec("opensmile") is not None if wanted is None else wanted


def name_measuring() -> str:
    """Return what measures, with its licence.

    Raises:
        ConfigError: if openSMILE is not installed.
    """
    from paraclap.features import FEATURE_SET, find_opensmile

    return (
        f"openSMILE {find_opensmile()}, {FEATURE_SET} "
        "(its licence: research, education and other non-commercial use only)"
    )


def find_bins(file: Path | None) -> "Bins":
    """Read the bins of a model, or those of the model inside the package where a model has none.

    Raises:
        QueryError: if they are no bins of these features.
    """
    from paraclap.features import FEATURE_SET
    from paraclap.queries import read_bins

    own = Path(str(files("paraclap.models") / "mini" / "bins.json"))
    return read_bins(own if file is None else file, feature_set=FEATURE_SET)


def read_windows(clip: Clip) -> list[Waveform]:
    """Read a measured clip as openSMILE hears it, 16 kHz, in windows if it is long.

    Raises:
        AudioError: if it cannot be read.
    """
    if isinstance(clip.source, Path):
        return [window.read() for window in plan_windows(replace(clip, sampling_rate=SAMPLING_RATE))]
    whole = [window.read() for window in plan_windows(clip)]
    return [convert_audio(part, sampling_rate=clip.sampling_rate, target_rate=SAMPLING_RATE) for part in whole]


def is_silent(waveforms: Sequence[Waveform]) -> bool:
    """Tell if nothing is to be heard in any of some waveforms `[T]`."""
    return all(float(np.abs(waveform).max(initial=0.0)) < _SILENCE for waveform in waveforms)


def measure_voice(waveforms: Sequence[Waveform], bins: "Bins") -> Measures:
    """Measure the windows of a clip, each functional as its median, and say where the values lie.

    Raises:
        ConfigError: if openSMILE is not installed.
    """
    import pandas as pd

    from paraclap.features import extract_features, feature_names
    from paraclap.queries import explain_levels

    measured = [extract_features(waveform) for waveform in waveforms]
    row = pd.DataFrame([_join_windows(measured)], columns=list(feature_names()))
    row["duration"] = sum(part.duration for part in measured)
    reasons = dict.fromkeys(part.reason for part in measured if part.reason)
    return Measures(tuple(explain_levels(bins, row)), "; ".join(reasons))


def _join_windows(measured: "Sequence[Features]") -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """Return the median `[88]` of what could be measured in each window; NaN where it could be in none."""
    values = np.stack([part.values for part in measured])
    joined = np.full(values.shape[1], np.nan, dtype=np.float32)
    known = np.isfinite(values).any(axis=0)
    joined[known] = np.nanmedian(values[:, known], axis=0)
    return joined
