"""How sure a number is: bootstrap draws of speakers, or of clips where speakers are too few, and their percentiles."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError
from paraclap.evaluation.metrics import Codes, confusion_matrix, confusion_scores

LEVEL = 0.95
NUM_DRAWS = 1_000
SEED = 0
MIN_SPEAKERS = 20  # below, an interval over speakers is too narrow: coverage .89 with 9, .50 with 2 (docs/intervals.md)
_MIN_IN_CELL = 4  # clips of a speaker and class: with one nothing varies, with two the interval is too narrow
_MAX_THIN_SHARE = 0.25  # of the clips, that may be in smaller cells
_FEW = "variation between speakers not covered"
Method = Literal["speakers", "clips"]


@dataclass(frozen=True)
class Resampling:
    """Hold bootstrap draws of a fixed set of `N` clips, so that every prompt set and model is drawn alike.

    `units` `[N]` numbers the unit (a speaker or a clip) that each clip belongs to, `weights` `[K, U]` says how often
    each of the `K` draws holds each unit. `note` says what the interval does not cover.
    """

    method: Method
    units: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    note: str


def draw_resampling(
    truth: Codes,
    speakers: Codes | None,
    *,
    num_draws: int = NUM_DRAWS,
    seed: int = SEED,
    method: Method | None = None,
) -> Resampling:
    """Draw speakers with replacement if there are at least 20, else clips within each speaker and class.

    Where most speakers have few clips of a class, these would hardly vary, and clips are drawn within classes alone.

    Args:
        truth: class numbers `[N]`.
        speakers: speaker numbers `[N]` from 0 on, or None if a clip's speaker is unknown.
        num_draws: how many bootstrap draws.
        seed: of the random numbers.
        method: what to draw, however many speakers there are; for studies of the intervals themselves.

    Raises:
        ConfigError: if speakers are to be drawn and are unknown.
    """
    rng = np.random.default_rng(seed)
    num_speakers = 0 if speakers is None else int(speakers.max()) + 1
    method = method or ("speakers" if num_speakers >= MIN_SPEAKERS else "clips")
    few = f"{num_speakers} speakers, fewer than {MIN_SPEAKERS}" if num_speakers < MIN_SPEAKERS else ""
    if method == "speakers":
        if speakers is None:
            raise ConfigError("speakers are unknown and cannot be drawn; expected their numbers, or method 'clips'")
        weights = rng.multinomial(num_speakers, np.full(num_speakers, 1 / num_speakers), size=num_draws)
        note = few and f"interval too narrow: {few}"
        return Resampling("speakers", np.asarray(speakers, np.int64), weights.astype(np.float32), note)
    cells = np.asarray(truth) + (0 if speakers is None else np.asarray(speakers) * (int(truth.max()) + 1))
    thin = ""
    if np.mean(np.bincount(cells)[cells] < _MIN_IN_CELL) > _MAX_THIN_SHARE:
        cells, thin = np.asarray(truth), "; few clips a speaker and class: drawn within classes"
    draws = np.zeros((num_draws, len(truth)), dtype=np.float32)
    for cell in np.unique(cells):
        clips = np.flatnonzero(cells == cell)
        draws[:, clips] = rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips)), size=num_draws)
    note = f"{_FEW}: {'speakers unknown' if speakers is None else few or 'clips were asked for'}{thin}"
    return Resampling("clips", np.arange(len(truth)), draws, note)


def draw_confusions(
    resampling: Resampling, truth: Codes, predicted: Codes, num_classes: int
) -> npt.NDArray[np.float32]:
    """Return the confusion matrix of every draw, `[K, C, C]`, from class numbers `[N]`."""
    cells = np.asarray(truth) * num_classes + np.asarray(predicted)
    num_units = resampling.weights.shape[1]
    by_unit = np.bincount(resampling.units * num_classes**2 + cells, minlength=num_units * num_classes**2)
    flat = resampling.weights @ by_unit.reshape(num_units, num_classes**2).astype(np.float32)  # exact: whole numbers
    return flat.reshape(-1, num_classes, num_classes)


def find_bounds(
    resampling: Resampling, truth: Codes, predicted: Codes, num_classes: int
) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval (low, high) of every metric, from class numbers `[N]`."""
    scores = confusion_scores(draw_confusions(resampling, truth, predicted, num_classes))
    return {name: bound_draws(draws) for name, draws in scores.items()}


def bound_draws(draws: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the 95 % percentile interval (low, high) of draws `[K]`, without those that are NaN; NaN if all are."""
    tail = (1 - LEVEL) / 2
    kept = draws[~np.isnan(draws)]
    low, high = np.quantile(kept, [tail, 1 - tail]) if len(kept) else (np.nan, np.nan)
    return float(low), float(high)


def uar_by_speaker(truth: Codes, predicted: Codes, speakers: Codes, num_classes: int) -> npt.NDArray[np.float64]:
    """Return each speaker's UAR `[S]` over the classes that occur for that speaker, from numbers `[N]`."""
    counts: npt.NDArray[Any] = np.stack(
        [
            confusion_matrix(truth[speakers == one], predicted[speakers == one], num_classes)
            for one in range(int(speakers.max()) + 1)
        ]
    )
    return confusion_scores(counts)["uar"]
