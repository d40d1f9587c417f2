"""How sure a number is: bootstrap draws of speakers, or of clips where speakers are too few, and their percentiles."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.metrics import Codes, confusion_matrix, confusion_scores

LEVEL = 0.95
NUM_DRAWS = 1_000
SEED = 0
MIN_SPEAKERS = 20  # below, an interval over speakers is far too narrow (simulated coverage .88 with 9-10, .50 with 2)
_FEW = "variation between speakers not covered"


@dataclass(frozen=True)
class Resampling:
    """Hold bootstrap draws of a fixed set of `N` clips, so that every prompt set and model is drawn alike.

    `units` `[N]` numbers the unit (a speaker or a clip) that each clip belongs to, `weights` `[K, U]` says how often
    each of the `K` draws holds each unit. `note` says what the interval does not cover.
    """

    method: Literal["speakers", "clips"]
    units: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    note: str


def draw_resampling(
    truth: Codes, speakers: Codes | None, *, num_draws: int = NUM_DRAWS, seed: int = SEED
) -> Resampling:
    """Draw speakers with replacement if there are at least 20, else clips within each speaker and class.

    Args:
        truth: class numbers `[N]`.
        speakers: speaker numbers `[N]` from 0 on, or None if a clip's speaker is unknown.
        num_draws: how many bootstrap draws.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    num_speakers = 0 if speakers is None else int(speakers.max()) + 1
    if speakers is not None and num_speakers >= MIN_SPEAKERS:
        weights = rng.multinomial(num_speakers, np.full(num_speakers, 1 / num_speakers), size=num_draws)
        return Resampling("speakers", np.asarray(speakers, np.int64), weights.astype(np.float32), "")
    cells = np.asarray(truth) + (0 if speakers is None else np.asarray(speakers) * (int(truth.max()) + 1))
    draws = np.zeros((num_draws, len(truth)), dtype=np.float32)
    for cell in np.unique(cells):
        clips = np.flatnonzero(cells == cell)
        draws[:, clips] = rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips)), size=num_draws)
    note = (
        f"{_FEW}: {'speakers unknown' if speakers is None else f'{num_speakers} speakers, fewer than {MIN_SPEAKERS}'}"
    )
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
    tail = (1 - LEVEL) / 2
    scores = confusion_scores(draw_confusions(resampling, truth, predicted, num_classes))
    bounds = {name: np.quantile(values, [tail, 1 - tail]) for name, values in scores.items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}


def uar_by_speaker(truth: Codes, predicted: Codes, speakers: Codes, num_classes: int) -> npt.NDArray[np.float64]:
    """Return each speaker's UAR `[S]` over the classes that occur for that speaker, from numbers `[N]`."""
    counts: npt.NDArray[Any] = np.stack(
        [
            confusion_matrix(truth[speakers == one], predicted[speakers == one], num_classes)
            for one in range(int(speakers.max()) + 1)
        ]
    )
    return confusion_scores(counts)["uar"]
