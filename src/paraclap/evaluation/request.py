"""What is asked of an evaluation: the tasks and the settings, checked before a model is loaded or audio is heard."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paraclap.audio import read_disturbances
from paraclap.errors import ConfigError, CorpusError, QueryError, list_known
from paraclap.evaluation.folds import load_sklearn
from paraclap.evaluation.metrics import load_audmetric
from paraclap.evaluation.results import PROTOCOLS, Adaptation
from paraclap.evaluation.tasks import Task, load_task, load_tasks, read_tasks

ALL_TASKS = "all"


@dataclass(frozen=True)
class EvaluationSettings:
    """Say what of an evaluation is wanted.

    `out` is the folder that gets TASK.json, with `saves_scores` also TASK.scores.parquet, as soon as the tasks of a
    corpus are done. `limit` is how many clips of a task are taken at most, balanced by class. `disturbances` are names
    of those that clips are heard with, too. `has_probe` adds a supervised linear probe on the same embeddings, and
    `classical_corpora` the classifier without language that is trained on them (openSMILE, non-commercial). `notes`
    say what is to be known of the copy of a corpus, by its name. `cache` is the folder in which embeddings are kept for
    the next evaluation; nowhere if None.

    `adapt` says relative to what unlabelled references clips are heard: "channel", all clips of a corpus that are
    evaluated here together (of several corpora in one task, those of each), or "speaker", those of each speaker, where
    clips of an unknown one get the reference of the corpus. With a `limit` references are measured on the clips that
    it leaves. Disturbed clips are heard relative to the references of the clean ones.
    """

    out: Path | None = None
    limit: int | None = None
    disturbances: tuple[str, ...] = ()
    has_probe: bool = False
    classical_corpora: tuple[str, ...] = ()
    saves_scores: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    adapt: Adaptation = "none"


def resolve_tasks(names: Sequence[str]) -> list[Task]:
    """Return the tasks of these names, each once, in the order asked.

    Args:
        names: tasks, "all" for every one of the package, or paths of TOML files with tasks of one's own.

    Raises:
        QueryError: if there is no name, no task of a name, or a file that is no table of tasks.
    """
    if not names:
        raise QueryError("no task named; expected at least one: 'paraclap evaluate --list' shows all")
    wanted: dict[str, Task] = {}
    for name in names:
        if name == ALL_TASKS:
            found = load_tasks()
        elif name.endswith(".toml"):
            found = read_tasks(Path(name))
        else:
            found = {name: load_task(name)}
        wanted |= {task: found[task] for task in found if task not in wanted}
    return list(wanted.values())


def check_request(task_names: Sequence[str], corpora_root: Path, settings: EvaluationSettings) -> list[Task]:
    """Return the tasks asked for, after checking all that can be checked before a model is loaded.

    Raises:
        QueryError: if a task does not exist, or none is named.
        CorpusError: if `corpora_root` is no folder.
        ConfigError: if `out` is a file, a disturbance does not exist, scores are to be saved nowhere, the limit is not
            positive, the adaptation is unknown, a note is on a corpus of no task, or audmetric is not installed, or
            scikit-learn for a probe.
    """
    tasks = resolve_tasks(task_names)
    if not corpora_root.is_dir():
        raise CorpusError(f"no folder {corpora_root}; expected one that holds corpora in their official layout")
    if settings.out is not None and settings.out.exists() and not settings.out.is_dir():
        raise ConfigError(f"{settings.out} is a file; expected a folder for the results, or a new name")
    if settings.out is not None:
        place = next(
            parent for parent in (settings.out.absolute(), *settings.out.absolute().parents) if parent.exists()
        )
        if not place.is_dir() or not os.access(place, os.W_OK):
            raise ConfigError(f"{settings.out}: {place} is no folder that can be written to; choose another place")
    if settings.out is None and settings.saves_scores:
        raise ConfigError("scores are to be saved and no folder is named; expected one (out)")
    if settings.limit is not None and settings.limit < 1:
        raise ConfigError(f"limit is {settings.limit}; expected 1 clip a task or more")
    if settings.adapt not in PROTOCOLS:
        raise ConfigError(f"no adaptation {settings.adapt!r}{list_known(settings.adapt, list(PROTOCOLS))}")
    for name in settings.disturbances:
        if name not in read_disturbances():
            raise ConfigError(f"no disturbance {name!r}{list_known(name, list(read_disturbances()))}")
    corpora = {corpus for task in tasks for corpus in (task.corpus, *task.parts)}
    for name in settings.notes:
        if name not in corpora:
            raise ConfigError(f"a note on {name!r}, which no task here is about{list_known(name, sorted(corpora))}")
    load_audmetric()
    if settings.has_probe:
        load_sklearn()
    return tasks
