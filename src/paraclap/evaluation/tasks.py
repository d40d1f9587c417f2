"""Zero-shot tasks as rows of data: corpus, label, classes, prompts and published figures of each."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paraclap.errors import QueryError, list_known, near_match
from paraclap.queries import LabelSet, list_label_sets, load_label_set

Kind = Literal["single-label", "multi-label", "retrieval"]
PRIMARY_METRICS: dict[Kind, str] = {
    "single-label": "uar",
    "multi-label": "auroc",
    "retrieval": "text_to_audio_recall@1",
}
_KEYS_BY_KIND: dict[Kind, tuple[str, ...]] = {
    "single-label": ("label", "classes", "label_set"),
    "multi-label": ("positive", "classes", "label_set"),
    "retrieval": ("attributes",),
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedPrompts(_Row):
    """Hold one published wording of a task: a prompt for every class, and where it is written."""

    name: str
    source: str
    prompts: dict[str, str]


class PublishedFigure(_Row):
    """Hold one published number of a model on a task, in 0..1, and where it is written."""

    model: str
    metric: Literal["uar", "wa"]
    value: float = Field(ge=0, le=1)
    source: str
    note: str = ""


class Condition(_Row):
    """Say of which rows a label of a multi-label task is true: by one column, in one of three ways.

    `values` are those that count, `pattern` is a regular expression found in the value, `at_least` the least number.
    """

    column: str
    values: tuple[str, ...] = ()
    pattern: str | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _check(self) -> "Condition":
        if bool(self.values) + (self.pattern is not None) + (self.at_least is not None) != 1:
            raise ValueError(f"the condition on {self.column!r} needs exactly one of values, pattern and at_least")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"the pattern {self.pattern!r} is no regular expression ({error})") from None
        return self


class Task(_Row):
    """Describe one zero-shot test: which rows of which corpus, their label, its classes and their prompts.

    `split` and `where` choose the rows, `intervals` turn numbers into classes: half-open, `[from, to)`, in the unit of
    the column; a number outside of all of them leaves its row out. `label_set` names the prompt ensemble. `ordered_by`
    is a column of numbers by which the classes stand in ascending order. `parts` are the corpora that a task joins into
    one, with a split by speaker of its own.

    A task of the kind `multi-label` asks of each class by itself if it is true, by its condition in `positive`; one of
    the kind `retrieval` makes captions of what the corpus says of `attributes`, and looks for clips and captions in
    `num_pools` pools of `pool_size` clips.
    """

    name: str = Field(pattern=r"^\w[\w.-]*$")  # that of a file, too
    corpus: str
    parts: tuple[str, ...] = ()
    kind: Kind = "single-label"
    label: str = ""
    classes: tuple[str, ...] = ()
    label_set: str = ""
    split: Literal["train", "dev", "test"] | None = None
    where: dict[str, tuple[str, ...]] = {}
    intervals: dict[str, tuple[float, float]] = {}
    ordered_by: str | None = None
    positive: dict[str, Condition] = {}
    attributes: tuple[str, ...] = ()
    pool_size: int = Field(100, ge=2)
    num_pools: int = Field(10, ge=1)
    published: tuple[PublishedPrompts, ...] = ()
    figures: tuple[PublishedFigure, ...] = ()
    note: str = ""

    @property
    def metric(self) -> str:
        """The metric that a task of this kind is known by."""
        return PRIMARY_METRICS[self.kind]

    @property
    def columns(self) -> list[str]:
        """The columns that a manifest must have."""
        ordered_by = [] if self.ordered_by is None else [self.ordered_by]
        conditions = [condition.column for condition in self.positive.values()]
        split = [] if self.split is None else ["split"]
        return list(
            dict.fromkeys([*([self.label] if self.label else []), *conditions, *self.where, *ordered_by, *split])
        )

    @model_validator(mode="after")
    def _check(self) -> "Task":
        self._check_kind()
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes of task {self.name!r} repeat; expected each once")
        if self.intervals and set(self.intervals) != set(self.classes):
            raise ValueError(f"intervals of task {self.name!r} are not those of its classes {list(self.classes)}")
        edges = sorted(self.intervals.values())
        if any(low >= high for low, high in edges) or any(left[1] > right[0] for left, right in pairwise(edges)):
            raise ValueError(f"intervals of task {self.name!r} are empty or overlap; expected [from, to) apart")
        for prompts in self.published:
            if set(prompts.prompts) != set(self.classes):
                raise ValueError(
                    f"published prompts {prompts.name!r} of task {self.name!r} are for {sorted(prompts.prompts)}; "
                    f"expected {sorted(self.classes)}"
                )
        return self

    def _check_kind(self) -> None:
        """Refuse a row whose keys are not those of its kind."""
        needed = _KEYS_BY_KIND[self.kind]
        every = dict.fromkeys(key for keys in _KEYS_BY_KIND.values() for key in keys)
        lacking = [key for key in needed if not getattr(self, key)]
        foreign = [key for key in every if key not in needed and getattr(self, key)]
        if lacking or foreign:
            problem = f"lacks {lacking[0]!r}" if lacking else f"has {foreign[0]!r}"
            raise ValueError(f"task {self.name!r} is {self.kind} and {problem}; expected {', '.join(needed)}")
        if self.kind != "retrieval" and len(self.classes) < 2:
            raise ValueError(f"task {self.name!r} has the classes {list(self.classes)}; expected two or more")
        if self.positive and set(self.positive) != set(self.classes):
            raise ValueError(f"conditions of task {self.name!r} are not those of its classes {list(self.classes)}")


class _Table(_Row):
    task: tuple[Task, ...]


def parse_tasks(text: str, *, source: str) -> dict[str, Task]:
    """Read task rows from TOML text, by name and in their order.

    Args:
        text: TOML with one `[[task]]` per row.
        source: what the text came from, for the message.

    Raises:
        QueryError: if the text is no TOML, a key is unknown or missing, a row contradicts itself, or a name repeats.
    """
    try:
        table = _Table.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise QueryError(f"{source} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise QueryError(
            f"{source}: {place}: {first['msg']}; see paraclap/evaluation/data/tasks.toml for rows that work"
        ) from None
    tasks = {task.name: task for task in table.task}
    if len(tasks) != len(table.task):
        raise QueryError(f"{source}: a task name occurs twice; give every row its own")
    return tasks


@cache
def _packaged_tasks() -> Mapping[str, Task]:
    text = files("paraclap.evaluation").joinpath("data/tasks.toml").read_text(encoding="utf-8")
    return parse_tasks(text, source="tasks.toml")


def load_tasks() -> dict[str, Task]:
    """Return every task of the package by name, in the order of the data file."""
    return dict(_packaged_tasks())


def find_label_set(name: str) -> LabelSet:
    """Return the label set of a name, or the classes of the task of this name with their prompts.

    Raises:
        QueryError: if there is neither.
    """
    label_sets, tasks = list_label_sets(), _packaged_tasks()
    if name in label_sets or name.endswith(".toml"):
        return load_label_set(name)
    asking = {task.name: task for task in tasks.values() if task.label_set}
    if name in asking:
        return load_label_set(asking[name].label_set).restrict(asking[name].classes)
    raise QueryError(f"no label set or task {name!r}{list_known(name, [*label_sets, *asking])}")


def read_tasks(path: Path) -> dict[str, Task]:
    """Read tasks of a user's own, by name, from a TOML file of the same form as that of the package.

    Raises:
        QueryError: if the file is missing or cannot be read, or what `parse_tasks` refuses.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QueryError(f"no file {path}; expected tasks in TOML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{path} cannot be read as text ({error}); expected tasks in TOML") from None
    return parse_tasks(text, source=str(path))


def load_task(name: str) -> Task:
    """Return one task of the package.

    Raises:
        QueryError: if there is no task of this name.
    """
    tasks = _packaged_tasks()
    if name not in tasks:
        raise QueryError(f"no task {name!r}{near_match(name, tasks) or ';'} 'paraclap evaluate --list' shows all")
    return tasks[name]
