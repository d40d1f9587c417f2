"""What predictions are worth, in records of a result: every metric with its interval, and how the interval was made."""

from paraclap.evaluation.clips import Clips
from paraclap.evaluation.intervals import LEVEL, NUM_DRAWS, SEED, Resampling, find_bounds, uar_by_speaker
from paraclap.evaluation.metrics import Codes, measure
from paraclap.evaluation.results import IntervalMethod, Metric


def measure_with_bounds(
    truth: Codes, predicted: Codes, classes: tuple[str, ...], *, resampling: Resampling
) -> dict[str, Metric]:
    """Measure predictions, each metric with its interval.

    Args:
        truth: class numbers `[N]`.
        predicted: class numbers `[N]`.
        classes: names `[C]`, in the order of the numbers.
        resampling: draws of these clips.
    """
    values = measure(truth, predicted, classes).metrics
    bounds = find_bounds(resampling, truth, predicted, len(classes))
    return {name: Metric(value=value, low=bounds[name][0], high=bounds[name][1]) for name, value in values.items()}


def describe_interval(clips: Clips, predicted: Codes, num_classes: int, *, resampling: Resampling) -> IntervalMethod:
    """Say how intervals were made; where clips were drawn, with each speaker's UAR if speakers are known."""
    by_speaker = None
    if resampling.method == "clips" and clips.speakers is not None:
        recalls = uar_by_speaker(clips.truth, predicted, clips.speakers, num_classes)
        by_speaker = dict(zip(clips.speaker_names, map(float, recalls), strict=True))
    return IntervalMethod(
        method=resampling.method,
        level=LEVEL,
        draws=NUM_DRAWS,
        seed=SEED,
        note=resampling.note,
        by_speaker=by_speaker,
    )
