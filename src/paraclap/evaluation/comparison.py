"""Two models on the same clips: by how much the second is better in each metric, with paired intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from paraclap.errors import ConfigError
from paraclap.evaluation.measuring import DrawnMetric, compare_all
from paraclap.evaluation.pairing import PairedDifference, compare_draws
from paraclap.evaluation.results import Metric, Result, read_result
from paraclap.evaluation.saved_scores import read_saved

_Drawn = Mapping[str, DrawnMetric]


@dataclass(frozen=True)
class Comparison:
    """Hold the results of two models on one task, and the draws of their metrics where clips' scores were kept."""

    first: Result
    second: Result
    drawn: tuple[_Drawn, _Drawn] | None

    @property
    def is_paired(self) -> bool:
        """Whether the scores of both are there, so that differences have intervals."""
        return self.drawn is not None

    @cached_property
    def differences(self) -> dict[str, PairedDifference]:
        """By how much the second is higher in each metric; nothing if they are not paired."""
        return {} if self.drawn is None else compare_all(*self.drawn)


@dataclass(frozen=True)
class MeanComparison:
    """Hold the UAR of two models in the mean over several tasks, each counting alike, and the difference."""

    num_tasks: int
    first: Metric
    second: Metric
    difference: PairedDifference


def compare_results(first: Path, second: Path) -> list[Comparison]:
    """Compare two result files, or the tasks that two folders of results have in common, in the order of the first.

    Raises:
        ConfigError: if a folder holds no result, no task is in both, or a task was scored on different clips.
        ParaClapError: if a file is no result, or of a newer version.
    """
    ones, others = _read_all(first), _read_all(second)
    common = [task for task in ones if task in others]
    if not common:
        raise ConfigError(
            f"{first} has results of {', '.join(ones)}, {second} of {', '.join(others)}; "
            "expected a task that both have: evaluate both models on the same"
        )
    return [_compare(ones[task], others[task]) for task in common]


def compare_means(comparisons: Sequence[Comparison]) -> MeanComparison | None:
    """Compare the mean UAR over all single-label tasks whose clips' scores were kept; None if there are fewer than two.

    Tasks on one corpus are drawn together, those on different corpora independently.
    """
    corpora = list(dict.fromkeys(comparison.first.corpus for comparison in comparisons))
    ones, others = [], []
    for comparison in comparisons:
        if comparison.drawn is None or comparison.first.kind != "single-label":
            continue
        one, other = (drawn["uar"] for drawn in comparison.drawn)
        order = np.random.default_rng(corpora.index(comparison.first.corpus)).permutation(len(one.draws))
        ones.append(DrawnMetric(one.value, one.draws[order]))
        others.append(DrawnMetric(other.value, other.draws[order]))
    if len(ones) < 2:
        return None
    first, second = _average(ones), _average(others)
    difference = compare_draws((first.value, second.value), first.draws, second.draws)
    return MeanComparison(len(ones), first.bound(), second.bound(), difference)


def list_results(place: Path) -> list[Path]:
    """List the result files of a folder, or the file itself.

    Raises:
        ConfigError: if there is none.
    """
    if place.is_dir():
        found = sorted(place.glob("*.json"))
        if not found:
            raise ConfigError(f"{place} holds no result; expected a folder that 'paraclap evaluate --out' wrote")
        return found
    if not place.is_file():
        raise ConfigError(f"no file or folder {place}; expected what 'paraclap evaluate --out' wrote")
    return [place]


def _read_all(place: Path) -> dict[str, Path]:
    return {read_result(path).task: path for path in list_results(place)}


def _compare(first: Path, second: Path) -> Comparison:
    one, other = read_result(first), read_result(second)
    if one.fingerprints.clips != other.fingerprints.clips:
        raise ConfigError(
            f"{first} and {second} were scored on different clips ({one.clips} and {other.clips}), or on other labels "
            f"of them; expected the same: evaluate {one.task} again with both models on one copy of {one.corpus}, "
            "with the same --limit"
        )
    saved, others_saved = read_saved(first), read_saved(second)
    if saved is None or others_saved is None:
        return Comparison(one, other, None)
    return Comparison(one, other, (saved[1].drawn, others_saved[1].drawn))


def _average(drawn: Sequence[DrawnMetric]) -> DrawnMetric:
    return DrawnMetric(float(np.mean([one.value for one in drawn])), np.mean([one.draws for one in drawn], axis=0))
