"""The evaluation of one model on many tasks: audio and texts embedded once each, results written as they come."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.audio import read_disturbances
from paraclap.errors import ConfigError, CorpusError, QueryError, list_known
from paraclap.evaluation.baselines import fit_probe_baseline
from paraclap.evaluation.classical_baselines import ClassicalBaselines
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.embedding_cache import EmbeddingCache
from paraclap.evaluation.folds import load_sklearn
from paraclap.evaluation.metrics import load_audmetric
from paraclap.evaluation.results import Result, Robustness, write_result
from paraclap.evaluation.robustness import measure_robustness
from paraclap.evaluation.saved_scores import remove_scores, write_scores
from paraclap.evaluation.scoring import Scored, score_trial
from paraclap.evaluation.tasks import Task, load_task, load_tasks, read_tasks
from paraclap.evaluation.trials import Batch, SkippedTask, Trial, prepare_batches
from paraclap.records import BadFile

ALL_TASKS = "all"
Progress = Callable[[str, int, int], None]  # corpus, clips done, clips in all
_TextEmbeds = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class EvaluationSettings:
    """Say what of an evaluation is wanted.

    `out` is the folder that gets TASK.json, with `saves_scores` also TASK.scores.parquet, as soon as the tasks of a
    corpus are done. `limit` is how many clips of a task are taken at most, balanced by class. `disturbances` are names
    of those that clips are heard with, too. `has_probe` adds a supervised linear probe on the same embeddings, and
    `classical_corpora` the classifier without language that is trained on them (openSMILE, non-commercial). `notes`
    say what is to be known of the copy of a corpus, by its name. `cache` is the folder in which embeddings are kept for
    the next evaluation; nowhere if None.
    """

    out: Path | None = None
    limit: int | None = None
    disturbances: tuple[str, ...] = ()
    has_probe: bool = False
    classical_corpora: tuple[str, ...] = ()
    saves_scores: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None


@dataclass(frozen=True)
class Evaluation:
    """Hold the results of an evaluation, the tasks that were left out, and every file that could not be used."""

    results: tuple[Result, ...]
    skipped: tuple[SkippedTask, ...]
    bad_files: tuple[BadFile, ...]


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
            positive, a note is on a corpus of no task, or audmetric is not installed, or scikit-learn for a probe.
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


def evaluate(
    task_names: Sequence[str],
    embedder: Embedder,
    corpora_root: str | Path,
    *,
    settings: EvaluationSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a model on tasks: each corpus is read and embedded once, each text once.

    A task whose corpus is not under `corpora_root`, or lacks what the task needs, is skipped with the reason. A clip
    that cannot be read is left out and named.

    Args:
        task_names: names of tasks; "all" stands for every task.
        embedder: the model.
        corpora_root: folder that holds the corpora in their official layout, each in a folder of its name.
        settings: what else is wanted.
        progress: called with the corpus, the clips done and the clips in all.

    Raises:
        QueryError: if a task does not exist, or none is named.
        CorpusError: if `corpora_root` is no folder.
        ConfigError: if the settings are not right, or audmetric is not installed.
    """
    settings, corpora_root = settings or EvaluationSettings(), Path(corpora_root)
    tasks = check_request(task_names, corpora_root, settings)
    batches, skipped = prepare_batches(tasks, corpora_root, limit=settings.limit, notes=settings.notes)
    texts = list(dict.fromkeys(text for batch in batches for trial in batch.trials for text in trial.texts))
    text_embeds = dict(zip(texts, embedder.embed_text(texts), strict=True)) if texts else {}
    results: list[Result] = []
    bad_files: list[BadFile] = []
    classical = None
    if settings.classical_corpora:
        classical = ClassicalBaselines(
            settings.classical_corpora, corpora_root, cache=settings.cache, progress=progress
        )
    with nullcontext() if settings.cache is None else closing(EmbeddingCache(settings.cache)) as cache:
        for batch in batches:
            scored, unfit, unreadable = _BatchRun(
                batch, embedder, text_embeds, settings, cache, classical, progress
            ).run()
            results += scored
            skipped += unfit
            bad_files += [*batch.findings, *unreadable]
    return Evaluation(tuple(results), tuple(skipped), tuple(bad_files))


@dataclass(frozen=True)
class _BatchRun:
    """Score the trials on one corpus: what they need is embedded once, clean and with each disturbance."""

    batch: Batch
    embedder: Embedder
    text_embeds: _TextEmbeds
    settings: EvaluationSettings
    cache: EmbeddingCache | None
    classical: ClassicalBaselines | None
    progress: Progress | None

    def run(self) -> tuple[list[Result], list[SkippedTask], list[BadFile]]:
        """Return the results, which are written if wanted, the tasks left out, and the files that could not be read."""
        if not self.batch.trials:
            return [], [], []
        rows = np.unique(np.concatenate([trial.clips.rows for trial in self.batch.trials]))
        embeds, is_good, bad_files = self._embed(rows)
        found = [self._score(trial, rows, embeds, is_good, bad_files) for trial in self.batch.trials]
        pairs = [one for one in found if not isinstance(one, SkippedTask)]
        skipped = [one for one in found if isinstance(one, SkippedTask)]
        results = [scored.result for _, scored in pairs]
        has_labels = any(trial.task.kind != "retrieval" for trial, _ in pairs)
        for name in self.settings.disturbances if has_labels else ():
            disturbed, is_heard, unheard = self._embed(rows, disturbance=name)
            known = {bad.file for bad in bad_files}
            bad_files += [bad for bad in unheard if bad.file not in known]
            for place, (trial, _) in enumerate(pairs):
                robustness = self._disturb(trial, rows, (embeds, disturbed), is_good & is_heard)
                if robustness is not None:
                    every = {**results[place].robustness, name: robustness}
                    results[place] = results[place].model_copy(update={"robustness": every})
        if self.settings.out is not None:
            for result, (trial, scored) in zip(results, pairs, strict=True):
                remove_scores(self.settings.out, result.task)
                if self.settings.saves_scores:
                    write_scores(self.settings.out, trial, self.embedder, scored)
                write_result(self.settings.out, result)
        return results, skipped, bad_files

    def _embed(
        self, rows: npt.NDArray[np.int64], *, disturbance: str | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[BadFile]]:
        done = 0
        work = self.batch.corpus if disturbance is None else f"{self.batch.corpus}, {disturbance}"

        def advance(num_clips: int) -> None:
            nonlocal done
            done += num_clips
            if self.progress is not None:
                self.progress(work, done, len(rows))

        return embed_clips(
            self.embedder,
            self.batch.index[rows],
            self.batch.root,
            cache=self.cache,
            disturb=disturbance,
            advance=advance,
        )

    def _score(
        self,
        trial: Trial,
        rows: npt.NDArray[np.int64],
        embeds: npt.NDArray[np.float32],
        is_good: npt.NDArray[np.bool_],
        bad_files: Sequence[BadFile],
    ) -> tuple[Trial, Scored] | SkippedTask:
        places = np.searchsorted(rows, trial.clips.rows)
        readable = is_good[places]
        if not readable.any():
            reason = f"none of its {len(trial.clips)} clips in {self.batch.root} could be read"
            return SkippedTask(trial.task.name, reason)
        own = set(trial.clips.index[~readable].get_level_values("file"))
        unusable = [*self.batch.findings, *(bad for bad in bad_files if bad.file in own)]
        kept = trial if readable.all() else trial.keep(readable)
        vectors = embeds[places[readable]]
        scored = score_trial(kept, self.embedder, vectors, self.text_embeds, bad_files=unusable)
        if not scored.drawn:
            is_retrieval = trial.task.kind == "retrieval"
            needed = "captions of them" if is_retrieval else "a class that is true of some of them and false of others"
            reason = f"nothing can be measured on its {len(kept.clips)} clips; expected {needed}"
            return SkippedTask(trial.task.name, reason)
        baselines = scored.result.baselines
        if self.settings.has_probe:
            baselines += fit_probe_baseline(kept, vectors, resampling=scored.resampling)
        note = scored.result.note
        if self.classical is not None:
            learned = self.classical.predict(kept, self.batch, resampling=scored.resampling)
            if isinstance(learned, str):
                note = "; ".join(text for text in (note, learned) if text)
            else:
                baselines += learned
        scored = replace(scored, result=scored.result.model_copy(update={"baselines": baselines, "note": note}))
        return kept, scored

    def _disturb(
        self,
        trial: Trial,
        rows: npt.NDArray[np.int64],
        embeds: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
        is_good: npt.NDArray[np.bool_],
    ) -> Robustness | None:
        """Return how a trial fares with disturbed clips; None of retrieval, and where no clip can be heard so."""
        places = np.searchsorted(rows, trial.clips.rows)
        heard = is_good[places]
        if trial.task.kind == "retrieval" or not heard.any():
            return None
        clean, disturbed = (of_rows[places[heard]] for of_rows in embeds)
        return measure_robustness(
            trial.keep(heard), clean, disturbed, self.text_embeds, logit_scale=self.embedder.logit_scale
        )
