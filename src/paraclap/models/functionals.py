"""Functionals of an utterance: statistics over its frames of pitch, level, spectral shape and rhythm, in torch.

They are in the spirit of the sets of openSMILE (Eyben et al. 2016), but defined here anew, so that no licence comes
with them. All but the last are free of the recording level.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from paraclap.audio import NUM_PITCH_CHANNELS

NUM_FUNCTIONALS = 131  # of which the last is the level in dB

_ACTIVE_RANGE = 35.0  # dB below the loud frames: what is softer is a pause
_VOICED = 0.55  # strength of pitch from which on a frame counts as voiced
_FLOOR = -50.0  # dB below the frame's power, where a band is cut
_PAUSE_LEVEL = -45.0  # dB below the loud frames, of pauses
_MAX_STEP = 3.0  # semitones between two frames, above which the pitch has jumped
_NUM_CEPSTRA = 16
_MODULATIONS = (5, 11, 21, 41, 81)  # frames: windows of moving averages, whose differences are bands of modulation
_SLOPES = ((0.0, 500.0), (500.0, 1500.0), (1500.0, 4000.0))  # Hz


def compute_functionals(frames: Tensor, mask: Tensor, centres: Tensor) -> Tensor:
    """Return the functionals `[B, 131]` of frames `[B, F, M + 2]` with mask `[B, F]`, 1 where a frame is real.

    What an utterance does not have, such as the pitch of one without voiced frames, is NaN. Frames that are padded have
    no say.

    Args:
        frames: log10 mel power, semitones and pitch strength, as `compute_prosody` makes them.
        mask: of real frames.
        centres: of the mel bands in Hz, `[M]`.
    """
    real = torch.where(mask[..., None] > 0, frames.float(), torch.zeros((), device=frames.device))
    return torch.cat(list(describe_utterance(real, mask.float(), centres).values()), dim=1)


def name_functionals(num_mels: int) -> list[str]:
    """Return the names of the functionals, in their order."""
    frames = torch.zeros(1, 8, num_mels + NUM_PITCH_CHANNELS)
    found = describe_utterance(frames, torch.ones(1, 8), mel_centres(num_mels, low=20.0, high=7600.0))
    return [
        name if values.shape[1] == 1 else f"{name}_{place}"
        for name, values in found.items()
        for place in range(values.shape[1])
    ]


def mel_centres(num_mels: int, *, low: float, high: float) -> Tensor:
    """Return the centres `[M]` in Hz of bands that are evenly spaced on HTK's mel scale between two frequencies."""
    limits = [2595.0 * math.log10(1.0 + frequency / 700.0) for frequency in (low, high)]
    edges = torch.linspace(limits[0], limits[1], num_mels + 2, dtype=torch.float64)
    return (700.0 * (10.0 ** (edges[1:-1] / 2595.0) - 1.0)).float()


def describe_utterance(frames: Tensor, mask: Tensor, centres: Tensor) -> dict[str, Tensor]:
    """Return the functionals by name, `[B, n]` each; see `compute_functionals`."""
    num_mels = len(centres)
    mels, pitch, strength = frames[..., :num_mels], frames[..., num_mels], frames[..., num_mels + 1]
    power = 10.0**mels
    energy = 10.0 * torch.log10(power.sum(dim=-1) + 1e-10)  # dB
    energy = torch.where(mask > 0, energy, torch.full_like(energy, -100.0))
    loud = _quantiles(energy[..., None], mask, (0.95,))[0]  # [B, 1]
    active = mask * (energy > loud - _ACTIVE_RANGE)
    voiced = active * (strength > _VOICED)
    level = (energy - loud).clamp(min=_PAUSE_LEVEL)
    shape = (10.0 * mels - energy[..., None]).clamp(min=_FLOOR)
    spectrum = _describe_spectrum(power, shape, centres)  # [B, F, 6]
    cepstra = shape @ _make_cosines(num_mels).to(shape)  # [B, F, 16]
    return {
        **_describe_pitch(pitch, voiced),
        **_describe_trends(pitch, level, spectrum[..., 0], voiced),
        **_describe_voicing(strength, voiced),
        **_describe_timbre(spectrum, cepstra, active=active, voiced=voiced),
        **_describe_level(level, active, voiced),
        **_describe_changes(cepstra, active, voiced),
        **_describe_rhythm(level, mask, active, voiced),
        "level": loud,
    }


def _describe_spectrum(power: Tensor, shape: Tensor, centres: Tensor) -> Tensor:
    """Return alpha ratio, Hammarberg index, three slopes and the centroid of each frame `[B, F, 6]`."""

    def sum_band(low: float, high: float) -> Tensor:
        chosen = ((centres >= low) & (centres < high)).to(power)
        return 10.0 * torch.log10((power * chosen).sum(dim=-1) + 1e-10)

    alpha_ratio = sum_band(1000.0, 5000.0) - sum_band(50.0, 1000.0)
    low, high = centres < 2000.0, (centres >= 2000.0) & (centres < 5000.0)
    hammarberg = shape[..., low].amax(dim=-1) - shape[..., high].amax(dim=-1)
    slopes = []
    for begin, stop in _SLOPES:
        band = (centres >= begin) & (centres < stop)
        places = centres[band] / 1000.0
        places = places - places.mean()
        slopes.append((shape[..., band] * places).sum(dim=-1) / places.square().sum())
    shares = 10.0 ** (shape / 10.0)
    centroid = (shares * centres).sum(dim=-1) / shares.sum(dim=-1)
    return torch.stack([alpha_ratio, hammarberg, *slopes, torch.log2(centroid.clamp(min=50.0) / 1000.0)], dim=-1)


def _describe_pitch(pitch: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    values = pitch[..., None]
    q05, q20, q50, q80, q95 = _quantiles(values, voiced, (0.05, 0.2, 0.5, 0.8, 0.95))
    step = (pitch[:, 1:] - pitch[:, :-1])[..., None]
    smooth = voiced[:, 1:] * voiced[:, :-1] * (step[..., 0].abs() < _MAX_STEP)
    return {
        "pitch_mean": _mean(values, voiced),
        "pitch_deviation": _deviation(values, voiced),
        "pitch_q05": q05,
        "pitch_q20": q20,
        "pitch_q50": q50,
        "pitch_q80": q80,
        "pitch_q95": q95,
        "pitch_range": q80 - q20,
        "pitch_wide_range": q95 - q05,
        "pitch_step_size": _mean(step.abs(), smooth),
        "pitch_step_deviation": _deviation(step, smooth),
        "pitch_step": _mean(step, smooth),
        "pitch_rise": _mean(step, smooth * (step[..., 0] > 0)),
        "pitch_fall": _mean(step, smooth * (step[..., 0] < 0)),
    }


def _describe_trends(pitch: Tensor, level: Tensor, alpha_ratio: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    """Describe how pitch, level and tilt go along with time, and with each other."""
    places = torch.arange(pitch.shape[1], device=pitch.device).expand(pitch.shape).to(pitch)
    time = _standardize(places, voiced, least=1.0)
    of_pitch, of_level, of_tilt = (_standardize(values, voiced, least=0.1) for values in (pitch, level, alpha_ratio))
    pairs = {
        "pitch_trend": time * pitch,
        "level_trend": time * level,
        "tilt_trend": time * alpha_ratio,
        "pitch_with_level": of_pitch * of_level,
        "pitch_with_tilt": of_pitch * of_tilt,
        "level_with_tilt": of_level * of_tilt,
    }
    return {name: _mean(values[..., None], voiced) for name, values in pairs.items()}


def _describe_voicing(strength: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    values = strength[..., None]
    bounded = values.clamp(0.05, 0.999)
    harmonicity = 10.0 * torch.log10(bounded / (1.0 - bounded))  # dB, harmonics to noise (Boersma 1993)
    q20, q50 = _quantiles(values, voiced, (0.2, 0.5))
    return {
        "strength_mean": _mean(values, voiced),
        "strength_deviation": _deviation(values, voiced),
        "strength_q20": q20,
        "strength_q50": q50,
        "harmonicity_mean": _mean(harmonicity, voiced),
        "harmonicity_deviation": _deviation(harmonicity, voiced),
    }


def _describe_timbre(spectrum: Tensor, cepstra: Tensor, *, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    unvoiced = active - voiced
    q20, q80 = _quantiles(spectrum, voiced, (0.2, 0.8))
    return {
        "spectrum_mean": _mean(spectrum, voiced),
        "spectrum_deviation": _deviation(spectrum, voiced),
        "spectrum_q20": q20,
        "spectrum_q80": q80,
        "cepstra_mean": _mean(cepstra, voiced),
        "cepstra_deviation": _deviation(cepstra, voiced),
        "active_cepstra_deviation": _deviation(cepstra[..., :8], active),
        "unvoiced_spectrum_mean": _mean(spectrum, unvoiced),
        "unvoiced_cepstra_mean": _mean(cepstra[..., :6], unvoiced),
    }


def _describe_level(level: Tensor, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    values = level[..., None]
    step = values[:, 1:] - values[:, :-1]
    both = active[:, 1:] * active[:, :-1]
    q20, q50, q80 = _quantiles(values, active, (0.2, 0.5, 0.8))
    return {
        "level_mean": _mean(values, active),
        "level_deviation": _deviation(values, active),
        "voiced_level_mean": _mean(values, voiced),
        "voiced_level_deviation": _deviation(values, voiced),
        "level_q20": q20,
        "level_q50": q50,
        "level_q80": q80,
        "level_step_size": _mean(step.abs(), both),
        "level_rise": _mean(step, both * (step[..., 0] > 0)),
        "level_fall": _mean(step, both * (step[..., 0] < 0)),
    }


def _describe_changes(cepstra: Tensor, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    change = (cepstra[:, 1:, :8] - cepstra[:, :-1, :8]).abs()
    return {
        "voiced_flux": _mean(change, voiced[:, 1:] * voiced[:, :-1]),
        "flux": _mean(change.mean(dim=-1, keepdim=True), active[:, 1:] * active[:, :-1]),
    }


def _describe_rhythm(level: Tensor, mask: Tensor, active: Tensor, voiced: Tensor) -> dict[str, Tensor]:
    """Describe voiced stretches, bands of modulation of the level, and its peaks."""
    num_active = active.sum(dim=1, keepdim=True).clamp(min=1.0)
    steady = (_sum_around(voiced, 5) > 2.5).float()
    begins = (steady[:, 1:] * (1.0 - steady[:, :-1])).sum(dim=1, keepdim=True) + steady[:, :1]
    lengths = steady.sum(dim=1, keepdim=True).clamp(min=1.0) / begins.clamp(min=1.0)
    found = {
        "voiced_share": voiced.sum(dim=1, keepdim=True) / num_active,
        "voiced_stretches": 100.0 * begins / num_active,  # a second
        "voiced_length": torch.log2(lengths / 10.0),
    }
    pause = torch.full_like(level, _PAUSE_LEVEL)
    course = torch.where(mask > 0, level, pause)
    smoothed = [_average_around(course, mask, width) for width in _MODULATIONS]
    for width, before, after in zip(_MODULATIONS[1:], smoothed[:-1], smoothed[1:], strict=True):
        found[f"modulation_{width}"] = _deviation((before - after)[..., None], active)
    even = F.pad(torch.where(mask > 0, _average_around(course, mask, 9), pause), (1, 1), value=_PAUSE_LEVEL)
    is_peak = (even[:, 1:-1] > even[:, :-2]) & (even[:, 1:-1] >= even[:, 2:])
    found["level_peaks"] = 100.0 * (is_peak * active).sum(dim=1, keepdim=True) / num_active  # a second
    found["active_share"] = active.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True)
    return found


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean `[B, C]` of `[B, F, C]`; NaN where all weights are 0."""
    return (values * weights[..., None]).sum(dim=1) / weights.sum(dim=1, keepdim=True)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    mean = _mean(values, weights)
    return (_mean((values - mean[:, None]).square(), weights) + 1e-8).sqrt()


def _standardize(values: Tensor, weights: Tensor, *, least: float) -> Tensor:
    """Standardise a course `[B, F]` over its weighted frames."""
    columns = values[..., None]
    return (values - _mean(columns, weights)) / _deviation(columns, weights).clamp(min=least)


def _quantiles(values: Tensor, weights: Tensor, shares: tuple[float, ...]) -> list[Tensor]:
    """Return quantiles `[B, C]` of the frames with weight, between two by a line; NaN where there is none."""
    count = weights.sum(dim=1)  # [B]
    last = (count - 1.0).clamp(min=0.0)
    ordered = torch.where(weights[..., None] > 0, values, torch.full_like(values, 1e9)).sort(dim=1).values

    def take(places: Tensor) -> Tensor:
        index = places.long()[:, None, None].expand(-1, 1, values.shape[2])
        return ordered.gather(1, index)[:, 0]

    found = []
    for share in shares:
        place = last * share
        below = place.floor()
        part = (place - below)[:, None]
        between = take(below) * (1.0 - part) + take(torch.minimum(below + 1.0, last)) * part
        found.append(torch.where(count[:, None] > 0, between, torch.full_like(between, math.nan)))
    return found


def _sum_around(values: Tensor, width: int) -> Tensor:
    """Return the sum of each `width` frames around one, `[B, F]`; what lies outside counts as 0."""
    return width * F.avg_pool1d(values[:, None], width, 1, width // 2)[:, 0]


def _average_around(values: Tensor, mask: Tensor, width: int) -> Tensor:
    """Return the mean of each `width` frames around one, of real frames only, `[B, F]`."""
    return _sum_around(values * mask, width) / _sum_around(mask, width).clamp(min=1.0)


def _make_cosines(num_mels: int) -> Tensor:
    """Return cosines 1 to 16 of the discrete cosine transform, `[M, 16]`."""
    orders = torch.arange(1, _NUM_CEPSTRA + 1)
    places = (torch.arange(num_mels)[:, None] + 0.5) / num_mels
    return torch.cos(math.pi * orders * places) * math.sqrt(2.0 / num_mels)
