"""The fitting of a probe: clips embedded once, the head cross-validated by speaker, then fitted on all of them."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from paraclap.errors import CorpusError
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.folds import load_sklearn, plan_folds
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.measuring import bound_all, describe_interval, draw_prediction_metrics
from paraclap.evaluation.metrics import Codes, load_audmetric, measure
from paraclap.evaluation.probe import Probe
from paraclap.evaluation.probe_examples import Examples, ProbeSettings, check_counts, select_examples
from paraclap.evaluation.probe_head import Vectors, choose_setting, cross_validate, fit_head
from paraclap.evaluation.probe_record import ProbeRecord, Validation, hash_head
from paraclap.evaluation.results import Fingerprints, Overlap, SkippedFile, collect_versions
from paraclap.records import BadFile
from paraclap.storage import hash_table

Progress = Callable[[str, int, int], None]  # what is done, items done, items in all


class SpeakersCrossFoldsWarning(UserWarning):
    """Say that a probe was validated on speakers that it may have been fitted on."""


def check_fit(manifest: pd.DataFrame, metadata: Mapping[str, Any], settings: ProbeSettings) -> Examples:
    """Return the examples of a probe, after checking all that can be checked before a model is loaded.

    Raises:
        ConfigError: if the kind is unknown, or scikit-learn or audmetric is not installed.
        CorpusError: if the manifest has no such column, split or classes, or its files are missing.
    """
    load_audmetric()
    load_sklearn()
    return select_examples(manifest, metadata, settings)


def fit_probe(
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    *,
    embedder: Embedder,
    settings: ProbeSettings,
    progress: Progress | None = None,
) -> Probe:
    """Fit a probe on the labelled clips of a manifest, and cross-validate it by speaker.

    Every clip is embedded once. Clips that cannot be read are left out and named in `record.bad_files`. The setting of
    the head is chosen on folds of training clips alone. Warns with a `SpeakersCrossFoldsWarning` where the speakers are
    unknown, or a class has only one.

    Args:
        manifest: as `read_manifest` returns it.
        metadata: as `read_manifest` returns it.
        embedder: the model, which stays as it is.
        settings: the label and the kind of head.
        progress: called with what is done, the items done and the items in all.

    Raises:
        ConfigError: if the kind is unknown, or scikit-learn or audmetric is not installed.
        CorpusError: if the manifest has no such column, split or classes, its files are missing, or too few can be
            read.
    """
    show = progress or (lambda work, done, total: None)
    asked = check_fit(manifest, metadata, settings)
    embeds, examples, bad_files = _embed(asked, embedder, root=Path(metadata["root"]), settings=settings, show=show)
    crossing = _find_crossing(examples)
    if crossing:
        warnings.warn(f"{crossing}: the numbers may be too good", SpeakersCrossFoldsWarning, stacklevel=2)
    truth, groups = examples.clips.truth, None if crossing else examples.clips.speakers
    predicted, num_folds = cross_validate(
        settings.kind, embeds, truth, speakers=groups, advance=partial(show, "cross-validating")
    )
    setting = choose_setting(settings.kind, embeds, truth, speakers=groups)
    head = fit_head(settings.kind, embeds, truth, setting=setting)
    record = ProbeRecord(
        kind=settings.kind,
        setting=setting,
        label=settings.label,
        classes=examples.classes,
        model=embedder.name,
        embedding_size=embeds.shape[1],
        corpus=metadata["corpus"],
        split=settings.split,
        left_out=dict(examples.left_out),
        bad_files=tuple(SkippedFile(file=bad.file, reason=bad.reason) for bad in bad_files),
        validation=_validate(
            examples, predicted, num_folds=num_folds, crossing=crossing, overlap=_find_overlap(metadata, embedder)
        ),
        fingerprints=Fingerprints(
            model=embedder.fingerprint, manifest=hash_table(manifest), clips=examples.clips.fingerprint()
        ),
        weights=hash_head(head),
        versions=collect_versions() | {"scikit-learn": version("scikit-learn")},
    )
    return Probe(record, head)


def _embed(
    examples: Examples, embedder: Embedder, *, root: Path, settings: ProbeSettings, show: Progress
) -> tuple[Vectors, Examples, list[BadFile]]:
    """Embed the clips that can be read; those are the examples from then on."""
    done, total = 0, len(examples.clips.truth)

    def advance(num_clips: int) -> None:
        nonlocal done
        done += num_clips
        show("listening", done, total)

    embeds, is_good, bad_files = embed_clips(embedder, examples.clips.index, root, advance=advance)
    if not is_good.any():
        raise CorpusError(f"none of the {total} clips could be read; the first: {bad_files[0].reason}")
    clips = examples.clips.keep(is_good)
    counts = np.bincount(clips.truth, minlength=len(examples.classes)).tolist()
    check_counts(counts, examples.classes, label=settings.label)
    return embeds[is_good], replace(examples, clips=clips), bad_files


def _find_crossing(examples: Examples) -> str:
    """Say why the folds are not by speaker; nothing if they are."""
    clips = examples.clips
    if clips.speakers is None:
        return "the speakers are not all known, so they may cross folds"
    if plan_folds(clips.truth, clips.speakers) is None:
        speakers = [len(np.unique(clips.speakers[clips.truth == number])) for number in range(len(examples.classes))]
        single = examples.classes[int(np.argmin(speakers))]
        return f"the class {single!r} has only one speaker, so speakers cross folds"
    return ""


def _validate(examples: Examples, predicted: Codes, *, num_folds: int, crossing: str, overlap: Overlap) -> Validation:
    """Measure what cross-validation predicted."""
    clips, classes = examples.clips, examples.classes
    scores = measure(clips.truth, predicted, classes)
    resampling = draw_resampling(clips.strata, clips.speakers)
    return Validation(
        by="clip" if crossing else "speaker",
        folds=num_folds,
        clips=len(clips.truth),
        clips_by_class=dict(zip(classes, np.bincount(clips.truth).tolist(), strict=True)),
        speakers=None if clips.speakers is None else len(clips.speaker_names),
        metrics=bound_all(draw_prediction_metrics(clips.truth, predicted, classes, resampling=resampling)),
        recall=scores.recall,
        confusion=tuple(tuple(map(int, row)) for row in scores.confusion),
        interval=describe_interval(clips, predicted, len(classes), resampling=resampling),
        overlap=overlap,
        note=crossing,
    )


def _find_overlap(metadata: Mapping[str, Any], embedder: Embedder) -> Overlap:
    """Say whether the model has heard the corpus in its training."""
    heard = embedder.training_corpora
    if heard is None:
        return Overlap(training_corpora=None, trained_on_corpus=None, note="training corpora unknown")
    corpora = {metadata["corpus"], *(part["corpus"] for part in metadata.get("parts", []))}
    common = sorted(corpora & set(heard))
    note = f"the model was trained on {', '.join(common)}: other recordings may do worse" if common else ""
    return Overlap(training_corpora=heard, trained_on_corpus=bool(common), note=note)
