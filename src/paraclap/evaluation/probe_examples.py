"""The examples of a probe: the rows of a manifest that have a label, and what is left out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from paraclap.audio import locate_audio
from paraclap.errors import ConfigError, CorpusError, list_known
from paraclap.evaluation.clips import Clips, select_clips
from paraclap.evaluation.probe_head import SETTINGS, Kind
from paraclap.evaluation.tasks import Task

_HELD_OUT = "test"
MIN_CLIPS = 2  # of a class, so that one can be held out


@dataclass(frozen=True)
class ProbeSettings:
    """Say what a probe is to learn.

    `label` is a column of the manifest, `kind` the head: "linear" (logistic regression) or "centroid" (nearest
    centroid). Rows of the split named are used, or of all splits but test if `split` is None; rows of the classes
    `without` are left out.
    """

    label: str
    kind: Kind = "linear"
    split: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examples:
    """Hold the labelled clips of a probe, the names of their classes, and how many rows were left out, by reason."""

    clips: Clips
    classes: tuple[str, ...]
    left_out: Mapping[str, int]


def select_examples(manifest: pd.DataFrame, metadata: Mapping[str, Any], settings: ProbeSettings) -> Examples:
    """Select the rows that a probe learns from.

    Args:
        manifest: as `read_manifest` returns it.
        metadata: as `read_manifest` returns it.
        settings: what to learn.

    Raises:
        ConfigError: if the kind is unknown.
        CorpusError: if the folder of the recordings is gone or holds none of them, there is no such column, split or
            class, the column holds numbers, or there are fewer than two classes or two clips of a class.
    """
    if settings.kind not in SETTINGS:
        raise ConfigError(f"no kind of probe {settings.kind!r}{list_known(settings.kind, SETTINGS)}")
    labels = _read_labels(manifest, settings.label)
    is_in_split = _choose_split(manifest, settings.split)
    is_labelled = is_in_split & labels.notna()
    known = sorted(set(labels[is_labelled]))
    unknown = [name for name in settings.without if name not in known]
    if unknown:
        raise CorpusError(f"the column {settings.label!r} has no class {unknown[0]!r}{list_known(unknown[0], known)}")
    is_used = is_labelled & ~labels.isin(settings.without)
    classes = tuple(name for name in known if name not in settings.without)
    check_counts([int((labels[is_used] == name).sum()) for name in classes], classes, label=settings.label)
    task = Task(  # whose rows are chosen and numbered like those of any task
        name="probe", corpus=metadata["corpus"], label=settings.label, classes=classes, label_set=settings.label
    )
    clips = select_clips(task, manifest[is_used].assign(**{settings.label: labels[is_used]}))
    _check_files(clips.index, Path(metadata["root"]))
    other = f"of the split {_HELD_OUT}" if settings.split is None else f"not of the split {settings.split}"
    left_out = {
        other: int((~is_in_split).sum()),
        "without a label": int((is_in_split & ~is_labelled).sum()),
        **{f"of the class {name}": int((labels[is_labelled] == name).sum()) for name in settings.without},
    }
    return Examples(clips, classes, {reason: number for reason, number in left_out.items() if number})


def check_counts(counts: Sequence[int], classes: tuple[str, ...], *, label: str) -> None:
    """Refuse examples that no probe can learn from.

    Args:
        counts: clips of each class, `[C]`.
        classes: names `[C]`.
        label: the column, for the message.

    Raises:
        CorpusError: if there are fewer than two classes, or a class has fewer than two clips.
    """
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no label at all"
        raise CorpusError(f"the column {label!r} has {found} in the rows used; expected two classes or more")
    few = [place for place, count in enumerate(counts) if count < MIN_CLIPS]
    if few:
        number = counts[few[0]]
        more = f", and {len(few) - 1} more classes are as small" if len(few) > 1 else ""
        raise CorpusError(
            f"the class {classes[few[0]]!r} of {label!r} has {number} usable clip{'s' * (number != 1)}{more}; "
            f"expected {MIN_CLIPS} or more of each: label more, or leave it out (--without)"
        )


def _read_labels(manifest: pd.DataFrame, label: str) -> "pd.Series[Any]":
    """Return a column as text, missing where it is."""
    if label not in manifest.columns:
        raise CorpusError(f"the manifest has no column {label!r}{list_known(label, list(map(str, manifest.columns)))}")
    column = manifest[label]
    if pd.api.types.is_float_dtype(column):
        raise CorpusError(
            f"the column {label!r} holds numbers; expected classes, as a probe tells classes apart: name another column"
        )
    return column.astype(object).where(column.notna(), None).map(str, na_action="ignore")


def _choose_split(manifest: pd.DataFrame, split: str | None) -> "pd.Series[bool]":
    """Tell for each row whether it is of the split, or if there is none to be chosen, not of test."""
    if "split" not in manifest.columns:
        if split is None:
            return pd.Series(data=True, index=manifest.index)
        raise CorpusError(f"the manifest has no column 'split', so there is no split {split!r}; leave --split out")
    if split is None:
        return (manifest["split"] != _HELD_OUT).fillna(value=True).astype(bool)
    known = sorted(manifest["split"].dropna().unique())
    if split not in known:
        raise CorpusError(f"the manifest has no row of the split {split!r}{list_known(split, known)}")
    return (manifest["split"] == split).fillna(value=False).astype(bool)


def _check_files(index: pd.MultiIndex, root: Path) -> None:
    if not root.is_dir():
        raise CorpusError(f"no folder {root}, where the recordings were when they were imported; import them again")
    files = index.get_level_values("file").unique()
    if not any(locate_audio(root / file).is_file() for file in files):
        raise CorpusError(
            f"none of the {len(files)} files is in {root}, the first is {files[0]}; expected the recordings where "
            "they were imported: put them back or import them again"
        )
