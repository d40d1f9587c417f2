import numpy as np
import pandas as pd

from paraclap.evaluation.clips import Clips
from paraclap.evaluation.intervals import draw_resampling, find_bounds, uar_by_speaker
from paraclap.evaluation.measuring import describe_interval, measure_with_bounds
from paraclap.evaluation.metrics import METRICS, measure

RNG = np.random.default_rng(0)
TRUTH, PREDICTED = RNG.integers(0, 3, 200), RNG.integers(0, 3, 200)
CLASSES = ("a", "b", "c")


def make_clips(num_speakers: int) -> Clips:
    index = pd.MultiIndex.from_tuples([(str(number), 0, 1) for number in range(200)], names=["file", "start", "end"])
    names = tuple(f"s{number}" for number in range(num_speakers))
    return Clips(index, np.arange(200), TRUTH, np.arange(200) % num_speakers, names)


def test_every_metric_has_its_value_and_interval() -> None:
    resampling = draw_resampling(TRUTH, None)
    bounds = find_bounds(resampling, TRUTH, PREDICTED, 3)

    metrics = measure_with_bounds(TRUTH, PREDICTED, CLASSES, resampling=resampling)

    assert tuple(metrics) == METRICS
    for name, metric in metrics.items():
        assert metric.value == measure(TRUTH, PREDICTED, CLASSES).metrics[name]
        assert (metric.low, metric.high) == bounds[name]


def test_few_speakers_are_listed_and_many_are_not() -> None:
    few, many = make_clips(4), make_clips(25)

    of_few = describe_interval(few, PREDICTED, 3, resampling=draw_resampling(TRUTH, few.speakers))
    of_many = describe_interval(many, PREDICTED, 3, resampling=draw_resampling(TRUTH, many.speakers))

    assert few.speakers is not None
    expected = uar_by_speaker(TRUTH, PREDICTED, few.speakers, 3).tolist()
    assert of_few.by_speaker == dict(zip(few.speaker_names, expected, strict=True))
    assert (of_few.method, of_few.level, of_few.draws) == ("clips", 0.95, 1000)
    assert (of_many.method, of_many.by_speaker, of_many.note) == ("speakers", None, "")
