"""Tasks ready to be scored: corpora imported, clips chosen, wordings listed, all that can fail early before audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.corpora import ImportResult, assign_splits, combine_manifests, find_root, import_corpus
from paraclap.errors import CorpusError
from paraclap.evaluation.clips import Clips, select_clips
from paraclap.evaluation.results import Protocol, Sample
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.zero_shot import PromptSet, list_prompt_sets
from paraclap.queries import Caption, CaptionSampler, RowFacts, load_label_set, load_vocabulary
from paraclap.records import BadFile
from paraclap.storage import hash_table

SAMPLE_SEED = 0
_CAPTION_SEED = 0


@dataclass(frozen=True)
class SkippedTask:
    """Name a task that was not evaluated and say why, in one sentence."""

    task: str
    reason: str


@dataclass(frozen=True)
class Captions:
    """Hold sentences `[M]`, the places of the clips that they were made of, and which are true of which `[N, M]`."""

    texts: tuple[str, ...]
    places: npt.NDArray[np.int64]
    relation: npt.NDArray[np.int8]

    def keep(self, mask: npt.NDArray[np.bool_]) -> "Captions":
        """Return the captions of the clips where `mask` `[N]` is true."""
        kept = np.flatnonzero(mask[self.places])
        return Captions(
            tuple(self.texts[number] for number in kept),
            np.cumsum(mask)[self.places[kept]] - 1,
            self.relation[np.ix_(np.flatnonzero(mask), kept)],
        )


@dataclass(frozen=True)
class Trial:
    """Hold one task ready to be scored: its clips, every wording of it, and the fingerprint of the corpus' manifest.

    `captions` are those of a task of retrieval, `sample` says if these clips are a part of the task's, `note` what
    else is to be known of the corpus, and `protocol` whose recordings the clips are heard relative to.
    """

    task: Task
    clips: Clips
    prompt_sets: Mapping[str, PromptSet]
    manifest_fingerprint: str
    captions: Captions | None = None
    sample: Sample | None = None
    note: str = ""
    corpora: tuple[str, ...] = ()  # the names of those that the clips are of, as models were trained on them
    protocol: Protocol = "plain"

    @property
    def texts(self) -> list[str]:
        """List every prompt of every wording, or every caption, each once, in order."""
        sets = self.prompt_sets.values()
        prompts = [text for prompts in sets for texts in prompts.values() for text in texts]
        return list(dict.fromkeys([*prompts, *(self.captions.texts if self.captions else ())]))

    def keep(self, mask: npt.NDArray[np.bool_]) -> "Trial":
        """Return the trial on the clips where `mask` `[N]` is true."""
        captions = None if self.captions is None else self.captions.keep(mask)
        return replace(self, clips=self.clips.keep(mask), captions=captions)


@dataclass(frozen=True)
class Batch:
    """Hold the trials on one corpus: its manifest with metadata, and the files that the import left out."""

    corpus: str
    manifest: pd.DataFrame
    metadata: Mapping[str, Any]
    trials: tuple[Trial, ...]
    findings: tuple[BadFile, ...]

    @property
    def root(self) -> Path:
        """The folder that files are relative to."""
        return Path(self.metadata["root"])

    @property
    def index(self) -> pd.MultiIndex:
        """All utterances of the corpus."""
        return cast("pd.MultiIndex", self.manifest.index)


def prepare_batches(
    tasks: Sequence[Task], corpora_root: Path, *, limit: int | None = None, notes: Mapping[str, str] | None = None
) -> tuple[list[Batch], list[SkippedTask]]:
    """Import the corpora of tasks and choose the clips of each; name the tasks that cannot be evaluated.

    Args:
        tasks: rows of data.
        corpora_root: folder that holds the corpora in their official layout.
        limit: how many clips of a task to take at most; all if None.
        notes: what is to be known of this copy of a corpus, by corpus.
    """
    batches: list[Batch] = []
    skipped: list[SkippedTask] = []
    for corpus in dict.fromkeys((task.corpus, task.parts) for task in tasks):
        asked = [task for task in tasks if (task.corpus, task.parts) == corpus]
        try:
            imported = _import(*corpus, corpora_root)
        except CorpusError as error:
            skipped += [SkippedTask(task.name, str(error)) for task in asked]
            continue
        known = [text for name, text in (notes or {}).items() if name in corpus or name in corpus[1]]
        note = "; ".join([*known, *(finding.message for finding in imported.findings if corpus[1])])
        batch, unfit = _prepare_batch(asked, imported, limit=limit, note=note)
        batches.append(batch)
        skipped += unfit
    return batches, skipped


def make_captions(facts: Sequence[RowFacts], attributes: Sequence[str]) -> Captions:
    """Make one seeded caption of each clip of which something can be said, and tell which clips it is true of.

    Args:
        facts: what is known of each clip, `[N]`.
        attributes: of which captions speak.

    Raises:
        QueryError: if there is no such attribute.
    """
    vocabulary = load_vocabulary()
    sampler = CaptionSampler(vocabulary, attributes=attributes)
    generator = np.random.default_rng(_CAPTION_SEED)
    drawn: list[tuple[int, Caption]] = []
    for place, known in enumerate(facts):
        caption = sampler.sample(known, generator)
        if caption is not None:
            drawn.append((place, caption))
    relation = vocabulary.relate(vocabulary.encode_rows(facts), [caption.facts for _, caption in drawn])
    return Captions(
        tuple(caption.text for _, caption in drawn), np.array([place for place, _ in drawn], dtype=np.int64), relation
    )


def _import(corpus: str, parts: Sequence[str], corpora_root: Path) -> ImportResult:
    if not parts:
        return import_corpus(corpus, find_root(corpus, corpora_root), progress=True)
    roots = {part: find_root(part, corpora_root) for part in parts}  # what is not there is said before long reading
    imported = {part: import_corpus(part, root, progress=True) for part, root in roots.items()}
    joined = combine_manifests([(one.manifest, one.metadata) for one in imported.values()], name=corpus)
    bad_files = tuple(
        BadFile((Path(one.metadata["root"]).relative_to(joined.metadata["root"]) / bad.file).as_posix(), bad.reason)
        for one in imported.values()
        for bad in one.bad_files
    )
    return ImportResult(joined.manifest, joined.metadata, findings=joined.findings, bad_files=bad_files)


def _prepare_batch(
    tasks: Sequence[Task], imported: ImportResult, *, limit: int | None, note: str
) -> tuple[Batch, list[SkippedTask]]:
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
            continue
        sample = None
        if limit is not None and len(clips) > limit:
            sample = Sample(limit=limit, clips_in_all=len(clips), seed=SAMPLE_SEED)
            clips = clips.sample(limit, seed=SAMPLE_SEED)
        facts = load_vocabulary().read_table(manifest.iloc[clips.rows]) if task.kind == "retrieval" else None
        trials.append(
            Trial(
                task,
                clips,
                list_prompt_sets(task, load_label_set(task.label_set)) if task.label_set else {},
                fingerprint,
                captions=None if facts is None else make_captions(facts, task.attributes),
                sample=sample,
                note=note,
                corpora=tuple(str(part["corpus"]) for part in imported.metadata.get("parts", [imported.metadata])),
            )
        )
    prefix = f"{imported.metadata['root']}/"
    findings = [BadFile(bad.file.removeprefix(prefix), bad.reason.replace(prefix, "")) for bad in imported.bad_files]
    batch = Batch(tasks[0].corpus, manifest, imported.metadata, tuple(trials), tuple(findings))
    return batch, skipped
