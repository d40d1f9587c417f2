"""The clips of a task: rows of a manifest, chosen and labelled as the task's row of data says."""

import re
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import CorpusError
from paraclap.evaluation.tasks import Condition, Task
from paraclap.queries import load_vocabulary
from paraclap.storage import hash_table

GROUP_ATTRIBUTES = ("gender", "age_group")  # by which groups of speakers are compared
_UNKNOWN = -1


@dataclass(frozen=True)
class Clips:
    """Hold `N` clips of a task: their index, their row numbers in the manifest, what is true of them, who speaks.

    `truth` has class numbers `[N]`; of a multi-label task 1, 0 or -1 (true, false, unknown) for each class,
    `[N, C]`; of retrieval zeros `[N]`. `values` are the numbers `[N]` that order the classes, if anything does.
    `speakers` numbers the speakers `[N]`, whose names are `speaker_names` `[S]`; None where a clip's is unknown.
    `groups` has a column for each of `GROUP_ATTRIBUTES`, missing where a clip's is unknown.
    """

    index: pd.MultiIndex
    rows: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64] | None
    speakers: npt.NDArray[np.int64] | None
    speaker_names: tuple[str, ...]
    groups: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def strata(self) -> npt.NDArray[np.int64]:
        """The numbers `[N]` of what clips are drawn within beside speakers: their classes, if each has just one."""
        return self.truth if self.truth.ndim == 1 else np.zeros(len(self), dtype=np.int64)

    def keep(self, mask: npt.NDArray[np.bool_]) -> "Clips":
        """Return the clips where `mask` `[N]` is true; speakers without a clip disappear."""
        kept = replace(
            self,
            index=self.index[mask],
            rows=self.rows[mask],
            truth=self.truth[mask],
            values=None if self.values is None else self.values[mask],
            groups=self.groups[mask],
        )
        if self.speakers is None:
            return kept
        numbers, places = np.unique(self.speakers[mask], return_inverse=True)
        return replace(kept, speakers=places, speaker_names=tuple(self.speaker_names[number] for number in numbers))

    def sample(self, limit: int, *, seed: int) -> "Clips":
        """Return a seeded part of at most `limit` clips, with as many of each class as there are, or as its share."""
        order = np.random.default_rng(seed).permutation(len(self))
        strata = self.strata[order]
        turn = np.empty(len(self), dtype=np.int64)  # which of its class a clip is, in the order drawn
        for number in np.unique(strata):
            of_class = strata == number
            turn[of_class] = np.arange(np.count_nonzero(of_class))
        first = np.argsort(turn, kind="stable")[:limit]
        mask = np.zeros(len(self), dtype=bool)
        mask[order[first]] = True
        return self.keep(mask)

    def fingerprint(self) -> str:
        """Return a hash of which clips these are, their classes and speakers."""
        truth = {"truth": self.truth} if self.truth.ndim == 1 else {f"truth_{n}": t for n, t in enumerate(self.truth.T)}
        speakers = {} if self.speakers is None else {"speaker": self.speakers}
        return hash_table(pd.DataFrame({**truth, **speakers}, index=self.index))


def select_clips(task: Task, manifest: pd.DataFrame) -> Clips:
    """Select and label the rows of a manifest that a task asks about, in their order.

    Rows with another label, or without one, are left out.

    Args:
        task: the row of data.
        manifest: the corpus, with a `split` column where the task names a split.

    Raises:
        CorpusError: if the manifest lacks a column that the task needs, or no row has one of its classes.
    """
    lacking = [column for column in task.columns if column not in manifest.columns]
    if lacking:
        raise CorpusError(
            f"task {task.name!r} needs the column {lacking[0]!r}, which the manifest of {task.corpus!r} lacks; "
            f"it has {', '.join(map(str, manifest.columns))}"
        )
    chosen = np.ones(len(manifest), dtype=bool)
    for column, values in {**task.where, **({"split": (task.split,)} if task.split else {})}.items():
        chosen &= manifest[column].astype("object").map(str).isin(values).to_numpy(dtype=bool)
    truth = _find_truth(task, manifest)
    chosen &= (truth if truth.ndim == 1 else truth.max(axis=1)) >= 0
    if not chosen.any():
        asked = f": none has one of the classes {', '.join(task.classes)}" if task.classes else ""
        asked += f" in the column {task.label!r}" if task.label else ""
        raise CorpusError(
            f"no row of {task.corpus!r} fits task {task.name!r}{asked}"
            f"{f' and the split {task.split!r}' if task.split else ''}; see 'paraclap corpus info'"
        )
    rows = manifest[chosen]
    speakers, names = _speaker_numbers(rows)
    return Clips(
        index=cast("pd.MultiIndex", rows.index),
        rows=np.flatnonzero(chosen),
        truth=truth[chosen],
        values=None if task.ordered_by is None else _read_numbers(rows[task.ordered_by]),
        speakers=speakers,
        speaker_names=names,
        groups=_find_groups(rows),
    )


def _find_truth(task: Task, manifest: pd.DataFrame) -> npt.NDArray[np.int64]:
    match task.kind:
        case "single-label":
            return _class_numbers(task, manifest[task.label])
        case "multi-label":
            columns = [_judge(task.positive[name], manifest[task.positive[name].column]) for name in task.classes]
            return np.stack(columns, axis=1)
        case "retrieval":
            return np.zeros(len(manifest), dtype=np.int64)


def _judge(condition: Condition, column: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """Tell of which rows `[N]` a condition is true: 1, false: 0, or unknown: -1."""
    if condition.at_least is not None:
        numbers = _read_numbers(column)
        return np.where(np.isnan(numbers), _UNKNOWN, numbers >= condition.at_least).astype(np.int64)
    texts = column.astype("object").map(str)
    if condition.pattern is not None:
        expression = re.compile(condition.pattern)
        is_true = texts.map(lambda text: expression.search(text) is not None)
    else:
        is_true = texts.isin(condition.values)
    return np.where(column.isna(), _UNKNOWN, is_true.to_numpy(dtype=bool)).astype(np.int64)


def _read_numbers(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _find_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the group of each row by each attribute: its smallest level that is sure."""
    vocabulary = load_vocabulary()
    facts = [vocabulary.statable(row) for row in vocabulary.read_table(rows)]
    columns = {name: [stated.get(name, (None,))[0] for stated in facts] for name in GROUP_ATTRIBUTES}
    return pd.DataFrame(columns, index=rows.index, dtype=object)


def _class_numbers(task: Task, labels: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """Number the classes of labels, -1 for what is none."""
    numbers = np.full(len(labels), _UNKNOWN, dtype=np.int64)
    if task.intervals:
        values = _read_numbers(labels)
    for number, name in enumerate(task.classes):
        if task.intervals:
            low, high = task.intervals[name]
            numbers[(values >= low) & (values < high)] = number
        else:
            numbers[(labels.astype("object") == name).to_numpy(dtype=bool, na_value=False)] = number
    return numbers


def _speaker_numbers(rows: pd.DataFrame) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    if "speaker" not in rows.columns or rows["speaker"].isna().any():
        return None, ()
    names, numbers = np.unique(rows["speaker"].astype(str).to_numpy(dtype=str), return_inverse=True)
    return numbers.astype(np.int64), tuple(map(str, names))
