"""The result of one task with one model: every number, its interval, its prompts and where it comes from, as JSON."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from paraclap.errors import ParaClapError
from paraclap.evaluation.pairing import PairedDifference
from paraclap.evaluation.tasks import Kind, PublishedFigure
from paraclap.storage import read_json, write_json
from paraclap.version import __version__

FORMAT_VERSION = 2
_PACKAGES = ("numpy", "audmetric", "transformers", "torch")

Adaptation = Literal["none", "channel", "speaker"]  # whose unlabelled recordings a clip is heard relative to
Protocol = Literal["plain", "channel-adapted", "speaker-adapted"]
PROTOCOLS: Mapping[Adaptation, Protocol] = {
    "none": "plain",
    "channel": "channel-adapted",
    "speaker": "speaker-adapted",
}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metric(_Record):
    """Hold a metric and its interval, in 0..1; of correlations in -1..1, and of a median rank from 1 on."""

    value: float
    low: float
    high: float


class IntervalMethod(_Record):
    """Say how the intervals were made and what they do not cover; with few speakers give each one's UAR."""

    method: Literal["speakers", "clips"]
    level: float
    draws: int
    seed: int
    note: str
    by_speaker: dict[str, float] | None


class Fingerprints(_Record):
    """Identify the weights, the whole manifest, and the clips and labels that were scored."""

    model: str
    manifest: str
    clips: str


class Overlap(_Record):
    """Say whether the model was trained on the corpus of the task; None where nobody says."""

    training_corpora: tuple[str, ...] | None
    trained_on_corpus: bool | None
    note: str


class SkippedFile(_Record):
    """Name a file that could not be scored, and why."""

    file: str
    reason: str


class Baseline(_Record):
    """Hold what something else than the model reaches on the same clips, and what it was given to learn from."""

    name: str
    protocol: Protocol = "plain"
    metrics: dict[str, Metric]
    note: str = ""


class Group(_Record):
    """Hold how the clips of one group of speakers fare; the UAR is over the classes that all groups have."""

    clips: int
    speakers: int | None
    uar: Metric


class Fairness(_Record):
    """Hold how groups of speakers fare, and the gap in UAR between the best and the worst of them."""

    groups: dict[str, Group]
    best: str
    worst: str
    gap: PairedDifference


class Robustness(_Record):
    """Hold how a disturbance changes the metrics, and the mean cosine of clean and disturbed clips' vectors."""

    metrics: dict[str, Metric]
    change: dict[str, PairedDifference]
    similarity: float


class Sample(_Record):
    """Say that a seeded, label-balanced part of a task's clips was scored."""

    limit: int
    clips_in_all: int
    seed: int


class Result(_Record):
    """Hold what one model reached on one task; `metrics`, `recall` and `confusion` are of our prompt ensemble.

    `metric` names the one that the task is known by. `confusion` counts clips, true classes as rows in the order of
    `classes`; `recall` names the classes that occur. `prompts` has the exact sentences of every entry of `by_prompts`.
    A multi-label task has no confusion, but the AUROC of each class in `auroc`; one of retrieval has neither.
    """

    format_version: int = FORMAT_VERSION
    task: str
    kind: Kind = "single-label"
    corpus: str
    label: str
    classes: tuple[str, ...]
    absent_classes: tuple[str, ...]
    model: str
    model_facts: dict[str, str] = {}
    protocol: Protocol = "plain"
    metric: str = "uar"
    metrics: dict[str, Metric]
    by_prompts: dict[str, dict[str, Metric]]
    recall: dict[str, float]
    confusion: tuple[tuple[int, ...], ...]
    auroc: dict[str, Metric] = {}
    baselines: tuple[Baseline, ...] = ()
    fairness: dict[str, Fairness] = {}
    robustness: dict[str, Robustness] = {}
    figures: tuple[PublishedFigure, ...] = ()
    prompts: dict[str, dict[str, tuple[str, ...]]]
    sample: Sample | None = None
    clips: int
    speakers: int | None
    interval: IntervalMethod
    overlap: Overlap
    fingerprints: Fingerprints
    versions: dict[str, str]
    bad_files: tuple[SkippedFile, ...]
    note: str


def collect_versions() -> dict[str, str]:
    """Return the versions of paraclap, Python and the packages that numbers depend on, without importing them."""
    versions = {"paraclap": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def write_result(folder: Path, result: Result) -> Path:
    """Write a result to `folder/TASK.json`, atomically, and return the path."""
    path = folder / f"{result.task}.json"
    write_json(path, result.model_dump(mode="json"))
    return path


def read_result(path: Path) -> Result:
    """Read a result that `write_result` wrote.

    Raises:
        ParaClapError: if the file is missing, is no result, or has another format version.
    """
    content = read_json(path)
    found = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(found, int) and not 1 <= found <= FORMAT_VERSION:
        raise ParaClapError(
            f"{path} has result format {found}; this paraclap reads up to {FORMAT_VERSION}: "
            "upgrade it or evaluate again"
        )
    try:
        return Result.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "content"
        raise ParaClapError(
            f"{path} is no result of paraclap ({place}: {first['msg']}); expected what 'paraclap evaluate --out' writes"
        ) from None
