"""Results of many files side by side: found in folders, checked, by task, each model under a name of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_uppercase

from paraclap.errors import ConfigError, ParaClapError
from paraclap.evaluation.results import Result, read_result
from paraclap.evaluation.tasks import load_tasks
from paraclap.storage import read_json

_MARKS = ("format_version", "task")  # keys by which a file of a folder is taken for a result
_SHOWN_DIGITS = 8
_Model = tuple[str, str, str]


@dataclass(frozen=True)
class Entry:
    """Hold a result, what its model is called here, and its clip set, a letter if the task was scored on several."""

    result: Result
    model: str
    clip_set: str = ""

    @property
    def label(self) -> str:
        """The model, with its clip set if that tells it from others."""
        return f"{self.model}, clip set {self.clip_set}" if self.clip_set else self.model


@dataclass(frozen=True)
class TaskEntries:
    """Hold the results of one task, a model each."""

    task: str
    entries: tuple[Entry, ...]

    @property
    def comparable(self) -> list[list[Entry]]:
        """The results in parts that were scored on the same clips."""
        sets = dict.fromkeys(entry.clip_set for entry in self.entries)
        return [[entry for entry in self.entries if entry.clip_set == one] for one in sets]


def collect_results(paths: Sequence[Path]) -> list[TaskEntries]:
    """Read the results of files and folders, by task in the order of the package's tasks, then by name.

    Models stand in the order in which they are met. Folders are searched with those inside them; what is hidden and
    JSON that is no result is passed over there.

    Raises:
        ConfigError: if a path is not there, a folder holds no result, or two results are of the same task, model and
            protocol.
        ParaClapError: if a file is no result, is damaged or of a newer version.
    """
    found: dict[tuple[str, _Model], tuple[Path, Result]] = {}
    for path in _find_files(paths):
        result = read_result(path)
        _check_shape(result, path)
        key = (result.task, _identify(result))
        if key in found:
            raise ConfigError(
                f"{found[key][0]} and {path} both hold {result.task} of {result.model} ({result.protocol}); "
                "expected one result of each task, model and protocol: leave one out"
            )
        found[key] = (path, result)
    results = [result for _, result in found.values()]
    names = _name_models(results)
    order = {task: place for place, task in enumerate(load_tasks())}
    tasks = sorted({result.task for result in results}, key=lambda task: (order.get(task, len(order)), task))
    return [
        TaskEntries(task, _part([Entry(one, names[_identify(one)]) for one in results if one.task == task]))
        for task in tasks
    ]


def _find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield every result file once, in the order of the paths."""
    seen: set[Path] = set()
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise ConfigError(f"no file or folder {path}; expected what 'paraclap evaluate --out' wrote")
        files = _search(path) if path.is_dir() else [path]
        if not files:
            raise ConfigError(f"{path} holds no result; expected a folder that 'paraclap evaluate --out' wrote")
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _search(folder: Path) -> list[Path]:
    inside = (path for path in folder.rglob("*.json") if path.is_file())
    visible = (path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return [path for path in sorted(visible) if _looks_like_result(read_json(path))]


def _looks_like_result(content: object) -> bool:
    return isinstance(content, dict) and all(mark in content for mark in _MARKS)


def _check_shape(result: Result, path: Path) -> None:
    """Refuse a result that contradicts itself."""
    size = len(result.classes)
    if result.confusion and [len(row) for row in result.confusion] != [size] * size:
        rows = ", ".join(str(len(row)) for row in result.confusion)
        raise ParaClapError(
            f"{path} has a confusion matrix with rows of {rows} numbers; "
            f"expected {size} rows of {size}, its classes: evaluate again"
        )


def _identify(result: Result) -> _Model:
    return (result.model, result.fingerprints.model, result.protocol)


def _name_models(results: Sequence[Result]) -> dict[_Model, str]:
    """Name models so that no two have the same: by fingerprint too where the name is not enough."""
    models = list(dict.fromkeys(_identify(result) for result in results))
    names = {}
    for name, fingerprint, protocol in models:
        is_shared = len({other[1] for other in models if other[0] == name}) > 1
        parts = [f"{name} {fingerprint[:_SHOWN_DIGITS]}" if is_shared else name]
        parts += [] if protocol == "plain" else [protocol]
        names[(name, fingerprint, protocol)] = ", ".join(parts)
    return names


def _part(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give results of one task the letter of their clip set, if there are several."""
    bases = [(entry.result.fingerprints.clips, entry.result.classes) for entry in entries]
    numbers = {basis: number for number, basis in enumerate(dict.fromkeys(bases))}
    if len(numbers) == 1:
        return tuple(entries)
    letters = [_count_in_letters(numbers[basis]) for basis in bases]
    return tuple(replace(entry, clip_set=letter) for entry, letter in zip(entries, letters, strict=True))


def _count_in_letters(number: int) -> str:
    """Return A, B, ... Z, AA, AB, ... for 0, 1, ..."""
    head, last = divmod(number, len(ascii_uppercase))
    return (_count_in_letters(head - 1) if head else "") + ascii_uppercase[last]
