"""The classical classifier as baselines of results: trained on named corpora, with and without adaptation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from paraclap.corpora import find_root, import_corpus
from paraclap.errors import CorpusError
from paraclap.evaluation.classical import MeasuredCorpus, measure_corpus, predict_classical
from paraclap.evaluation.intervals import Resampling
from paraclap.evaluation.measuring import bound_all, draw_prediction_metrics
from paraclap.evaluation.results import PROTOCOLS, Baseline
from paraclap.evaluation.trials import Batch, Trial
from paraclap.features import find_opensmile

CLASSICAL = "eGeMAPS + linear"


class ClassicalBaselines:
    """Train the classical classifier on corpora, for one task after another; each corpus is measured once.

    Args:
        corpora: to learn from, in their official layout.
        corpora_root: folder that holds them.
        cache: folder in which features are kept; nowhere if None.
        progress: called with the work, the utterances done and their number.

    Raises:
        ConfigError: if openSMILE is not installed.
        CorpusError: if a corpus is not there.
    """

    def __init__(
        self,
        corpora: Sequence[str],
        corpora_root: Path,
        *,
        cache: Path | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        find_opensmile()
        self._cache: Path | Literal[False] = cache or False
        self._roots = {name: find_root(name, corpora_root) for name in corpora}
        self._progress = progress
        self._train: list[MeasuredCorpus] | None = None

    def predict(self, trial: Trial, batch: Batch, *, resampling: Resampling) -> tuple[Baseline, ...] | str:
        """Return what the classifier reaches on the clips of a task, plain and adapted, or why it cannot learn it.

        Args:
            trial: the task and its `N` clips; of a task that is not single-label there is no baseline.
            batch: the corpus of the clips.
            resampling: draws of these clips.
        """
        if trial.task.kind != "single-label" or not self._roots:
            return ()
        train, test = self._measure_train(), self._measure_tested(trial, batch)
        found = []
        for adaptation, protocol in PROTOCOLS.items():
            if adaptation == "speaker" and trial.clips.speakers is None:
                continue
            try:
                prediction = predict_classical(train, test, trial.task, adaptation=adaptation)
            except CorpusError as error:  # there is too little to learn from
                return f"no baseline of {CLASSICAL}: {error}"
            drawn = draw_prediction_metrics(
                trial.clips.truth, prediction.predicted, trial.task.classes, resampling=resampling
            )
            note = f"no language; trained on {', '.join(prediction.corpora)}"
            note += f"; {prediction.note}" if prediction.note else ""
            found.append(Baseline(name=CLASSICAL, protocol=protocol, metrics=bound_all(drawn), note=note))
        return tuple(found)

    def _measure_train(self) -> list[MeasuredCorpus]:
        if self._train is None:
            imported = [import_corpus(name, root, progress=True) for name, root in self._roots.items()]
            self._train = [
                measure_corpus(
                    one.manifest,
                    one.metadata,
                    cache=self._cache,
                    progress=self._show(f"measuring {one.metadata['corpus']}"),
                )
                for one in imported
            ]
        return self._train

    def _measure_tested(self, trial: Trial, batch: Batch) -> MeasuredCorpus:
        """Return the functionals of the clips of a task; a clip that several tasks ask about is in the cache."""
        rows = np.asarray(trial.clips.rows)
        work = f"measuring clips of {batch.corpus}"
        return measure_corpus(batch.manifest.iloc[rows], batch.metadata, cache=self._cache, progress=self._show(work))

    def _show(self, work: str) -> Callable[[int, int], None] | None:
        progress = self._progress
        return None if progress is None else lambda done, total: progress(work, done, total)
