"""The evaluation of one model on many tasks: audio and texts embedded once each, results written as they come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.corpora import assign_splits, find_root, import_corpus
from paraclap.errors import ConfigError, CorpusError, QueryError
from paraclap.evaluation.clips import select_clips
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.metrics import load_audmetric
from paraclap.evaluation.results import Result, write_result
from paraclap.evaluation.scoring import Trial, score_trial
from paraclap.evaluation.tasks import Task, load_task, load_tasks, read_tasks
from paraclap.evaluation.zero_shot import list_prompt_sets
from paraclap.queries import load_label_set
from paraclap.records import BadFile
from paraclap.storage import hash_table

ALL_TASKS = "all"
Progress = Callable[[str, int, int], None]  # corpus, clips done, clips in all


@dataclass(frozen=True)
class SkippedTask:
    """Name a task that was not evaluated and say why, in one sentence."""

    task: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """Hold the results of an evaluation, the tasks that were left out, and every file that could not be used."""

    results: tuple[Result, ...]
    skipped: tuple[SkippedTask, ...]
    bad_files: tuple[BadFile, ...]


@dataclass(frozen=True)
class _Batch:
    """Hold the trials on one corpus: its folder, its index of utterances, and the files that the import left out."""

    corpus: str
    root: Path
    index: pd.MultiIndex
    trials: tuple[Trial, ...]
    findings: tuple[BadFile, ...]


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


def check_request(task_names: Sequence[str], corpora_root: Path, *, out: Path | None = None) -> list[Task]:
    """Return the tasks asked for, after checking all that can be checked before a model is loaded.

    Raises:
        QueryError: if a task does not exist, or none is named.
        CorpusError: if `corpora_root` is no folder.
        ConfigError: if `out` is a file, or audmetric is not installed.
    """
    tasks = resolve_tasks(task_names)
    if not corpora_root.is_dir():
        raise CorpusError(f"no folder {corpora_root}; expected one that holds corpora in their official layout")
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; expected a folder for the results, or a new name")
    load_audmetric()
    return tasks


def evaluate(
    task_names: Sequence[str],
    embedder: Embedder,
    corpora_root: Path,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a model on tasks: each corpus is read and embedded once, each text once.

    A task whose corpus is not under `corpora_root`, or lacks what the task needs, is skipped with the reason. A clip
    that cannot be read is left out and named.

    Args:
        task_names: names of tasks; "all" stands for every task.
        embedder: the model.
        corpora_root: folder that holds the corpora in their official layout, each in a folder of its name.
        out: folder that gets TASK.json as soon as a task is done.
        progress: called with the corpus, the clips done and the clips in all.

    Raises:
        QueryError: if a task does not exist, or none is named.
        CorpusError: if `corpora_root` is no folder.
        ConfigError: if `out` is a file, or audmetric is not installed.
    """
    tasks = check_request(task_names, corpora_root, out=out)
    batches: list[_Batch] = []
    skipped: list[SkippedTask] = []
    for corpus in dict.fromkeys(task.corpus for task in tasks):
        asked = [task for task in tasks if task.corpus == corpus]
        try:
            batch, unfit = _prepare_batch(asked, find_root(corpus, corpora_root))
        except CorpusError as error:
            skipped += [SkippedTask(task.name, str(error)) for task in asked]
            continue
        batches.append(batch)
        skipped += unfit
    texts = list(dict.fromkeys(text for batch in batches for trial in batch.trials for text in trial.texts))
    text_embeds = dict(zip(texts, embedder.embed_text(texts), strict=True)) if texts else {}
    results: list[Result] = []
    bad_files: list[BadFile] = []
    for batch in batches:
        scored, unreadable = _evaluate_batch(batch, embedder, text_embeds, progress)
        results += scored
        bad_files += [*batch.findings, *unreadable]
        if out is not None:
            for result in scored:
                write_result(out, result)
        scored_names = {result.task for result in scored}
        skipped += [
            SkippedTask(trial.task.name, f"none of its {len(trial.clips.rows)} clips in {batch.root} could be read")
            for trial in batch.trials
            if trial.task.name not in scored_names
        ]
    return Evaluation(tuple(results), tuple(skipped), tuple(bad_files))


def _prepare_batch(tasks: Sequence[Task], root: Path) -> tuple[_Batch, list[SkippedTask]]:
    """Import a corpus and choose the clips of each task: all that can fail early fails before anything is embedded."""
    corpus = tasks[0].corpus
    imported = import_corpus(corpus, root, progress=True)
    fingerprint = hash_table(imported.manifest)
    manifest = imported.manifest
    trials: list[Trial] = []
    skipped: list[SkippedTask] = []
    for task in tasks:
        try:
            if task.split and manifest is imported.manifest:
                manifest = manifest.assign(split=assign_splits(manifest))
            clips = select_clips(task, manifest)
        except CorpusError as error:
            skipped.append(SkippedTask(task.name, str(error)))
        else:
            trials.append(Trial(task, clips, list_prompt_sets(task, load_label_set(task.label_set)), fingerprint))
    prefix = f"{root}/"
    findings = [BadFile(bad.file.removeprefix(prefix), bad.reason.replace(prefix, "")) for bad in imported.bad_files]
    return _Batch(corpus, root, cast("pd.MultiIndex", manifest.index), tuple(trials), tuple(findings)), skipped


def _evaluate_batch(
    batch: _Batch, embedder: Embedder, text_embeds: Mapping[str, npt.NDArray[Any]], progress: Progress | None
) -> tuple[list[Result], list[BadFile]]:
    """Embed what the trials of a corpus need, once, and score each of them on what could be read."""
    if not batch.trials:
        return [], []
    rows = np.unique(np.concatenate([trial.clips.rows for trial in batch.trials]))
    done = 0

    def advance(num_clips: int) -> None:
        nonlocal done
        done += num_clips
        if progress is not None:
            progress(batch.corpus, done, len(rows))

    embeds, is_good, bad_files = embed_clips(embedder, batch.index[rows], batch.root, advance=advance)
    results = []
    for trial in batch.trials:
        places = np.searchsorted(rows, trial.clips.rows)
        readable = is_good[places]
        if not readable.any():
            continue
        own = set(trial.clips.index[~readable].get_level_values("file"))
        unusable = [*batch.findings, *(bad for bad in bad_files if bad.file in own)]
        kept = replace(trial, clips=trial.clips.keep(readable))
        results.append(score_trial(kept, embedder, embeds[places[readable]], text_embeds, bad_files=unusable))
    return results, bad_files
