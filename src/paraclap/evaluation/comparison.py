"""Two models on the same clips: by how much the second is better in each metric, with paired intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paraclap.errors import ConfigError
from paraclap.evaluation.measuring import compare_all
from paraclap.evaluation.pairing import PairedDifference
from paraclap.evaluation.results import Result, read_result
from paraclap.evaluation.saved_scores import read_saved


@dataclass(frozen=True)
class Comparison:
    """Hold the results of two models on one task, and the difference of each metric where clips' scores were kept."""

    first: Result
    second: Result
    differences: Mapping[str, PairedDifference]

    @property
    def is_paired(self) -> bool:
        """Whether the scores of both are there, so that differences have intervals."""
        return bool(self.differences)


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
        return Comparison(one, other, {})
    return Comparison(one, other, compare_all(saved[1].drawn, others_saved[1].drawn))
