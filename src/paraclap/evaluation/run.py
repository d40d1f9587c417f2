"""The evaluation of one model on many tasks: audio and texts embedded once each, results written as they come."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.adaptation import (
    References,
    check_takes_references,
    embed_adapted,
    measure_references,
)
from paraclap.evaluation.baselines import fit_probe_baseline
from paraclap.evaluation.classical_baselines import ClassicalBaselines
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.embedding_cache import EmbeddingCache
from paraclap.evaluation.request import EvaluationSettings, check_request
from paraclap.evaluation.results import Result, Robustness, write_result
from paraclap.evaluation.robustness import measure_robustness
from paraclap.evaluation.saved_scores import remove_scores, write_scores
from paraclap.evaluation.scoring import Scored, score_trial
from paraclap.evaluation.trials import Batch, SkippedTask, Trial, prepare_batches
from paraclap.records import BadFile

Progress = Callable[[str, int, int], None]  # corpus, clips done, clips in all
_TextEmbeds = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Evaluation:
    """Hold the results of an evaluation, the tasks that were left out, and every file that could not be used."""

    results: tuple[Result, ...]
    skipped: tuple[SkippedTask, ...]
    bad_files: tuple[BadFile, ...]


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
        ModelError: if it is to be adapted and the model takes no references.
    """
    settings, corpora_root = settings or EvaluationSettings(), Path(corpora_root)
    tasks = check_request(task_names, corpora_root, settings)
    if settings.adapt != "none":
        check_takes_references(embedder)
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
        references = self._measure_references(rows)
        embeds, is_good, bad_files = self._embed(rows, references)
        trials = self.batch.trials
        if references is not None:
            trials = tuple(references.adapt_trial(trial, rows, is_good) for trial in trials)
        found = [self._score(trial, rows, embeds, is_good, bad_files) for trial in trials]
        pairs = [one for one in found if not isinstance(one, SkippedTask)]
        skipped = [one for one in found if isinstance(one, SkippedTask)]
        results = [scored.result for _, scored in pairs]
        has_labels = any(trial.task.kind != "retrieval" for trial, _ in pairs)
        for name in self.settings.disturbances if has_labels else ():
            disturbed, is_heard, unheard = self._embed(rows, references, disturbance=name)
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

    def _measure_references(self, rows: npt.NDArray[np.int64]) -> References | None:
        if self.settings.adapt == "none":
            return None
        return measure_references(
            self.embedder,
            self.batch.manifest.iloc[rows],
            self.batch.metadata,
            adaptation=self.settings.adapt,
            advance=self._count(f"{self.batch.corpus}, references", len(rows)),
        )

    def _embed(
        self, rows: npt.NDArray[np.int64], references: References | None, *, disturbance: str | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[BadFile]]:
        work = self.batch.corpus if disturbance is None else f"{self.batch.corpus}, {disturbance}"
        embed = partial(embed_clips, self.embedder) if references is None else partial(embed_adapted, references)
        return embed(
            self.batch.index[rows],
            self.batch.root,
            cache=self.cache,
            disturb=disturbance,
            advance=self._count(work, len(rows)),
        )

    def _count(self, work: str, num_clips: int) -> Callable[[int], None]:
        """Return what is told how many more clips are done, and tells the progress how many are."""
        done = 0

        def advance(num_more: int) -> None:
            nonlocal done
            done += num_more
            if self.progress is not None:
                self.progress(work, done, num_clips)

        return advance

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
