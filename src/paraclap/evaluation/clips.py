"""The clips of a task: rows of a manifest, chosen and labelled as the task's row of data says."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import CorpusError
from paraclap.evaluation.tasks import Task
from paraclap.storage import hash_table


@dataclass(frozen=True)
class Clips:
    """Hold `N` labelled clips: index, row numbers in the manifest, true class numbers and speaker numbers, each `[N]`.

    `speaker_names` `[S]` is in the order of the numbers; `speakers` is None where a clip's speaker is unknown.
    """

    index: pd.MultiIndex
    rows: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    speakers: npt.NDArray[np.int64] | None
    speaker_names: tuple[str, ...]

    def keep(self, mask: npt.NDArray[np.bool_]) -> "Clips":
        """Return the clips where `mask` `[N]` is true; speakers without a clip disappear."""
        kept = replace(self, index=self.index[mask], rows=self.rows[mask], truth=self.truth[mask])
        if self.speakers is None:
            return kept
        numbers, places = np.unique(self.speakers[mask], return_inverse=True)
        return replace(kept, speakers=places, speaker_names=tuple(self.speaker_names[number] for number in numbers))

    def fingerprint(self) -> str:
        """Return a hash of which clips these are, their classes and speakers."""
        columns = {"truth": self.truth} if self.speakers is None else {"truth": self.truth, "speaker": self.speakers}
        return hash_table(pd.DataFrame(columns, index=self.index))


def select_clips(task: Task, manifest: pd.DataFrame) -> Clips:
    """Select and label the rows of a manifest that a task asks about, in their order.

    Rows with another label, or without one, are left out.

    Args:
        task: the row of data.
        manifest: the corpus, with a `split` column where the task names a split.

    Raises:
        CorpusError: if the manifest lacks a column that the task needs, or no row has one of its classes.
    """
    needed = [task.label, *task.where, *(["split"] if task.split else [])]
    lacking = [column for column in needed if column not in manifest.columns]
    if lacking:
        raise CorpusError(
            f"task {task.name!r} needs the column {lacking[0]!r}, which the manifest of {task.corpus!r} lacks; "
            f"it has {', '.join(map(str, manifest.columns))}"
        )
    chosen = np.ones(len(manifest), dtype=bool)
    for column, values in {**task.where, **({"split": (task.split,)} if task.split else {})}.items():
        chosen &= manifest[column].astype("object").map(str).isin(values).to_numpy(dtype=bool)
    truth = _class_numbers(task, manifest[task.label])
    chosen &= truth >= 0
    if not chosen.any():
        raise CorpusError(
            f"no row of {task.corpus!r} fits task {task.name!r}: none has one of the classes {', '.join(task.classes)} "
            f"in the column {task.label!r}{f' and the split {task.split!r}' if task.split else ''}; "
            f"see 'paraclap corpus info'"
        )
    speakers, names = _speaker_numbers(manifest[chosen])
    return Clips(cast("pd.MultiIndex", manifest.index[chosen]), np.flatnonzero(chosen), truth[chosen], speakers, names)


def _class_numbers(task: Task, labels: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """Number the classes of labels, -1 for what is none."""
    numbers = np.full(len(labels), -1, dtype=np.int64)
    if task.intervals:
        values = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
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
