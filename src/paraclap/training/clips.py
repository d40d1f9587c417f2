"""The clips that a run trains and validates on: rows of all its corpora with their facts, splits and audio."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from paraclap.corpora import ImportResult, assign_splits, import_corpus, read_manifest
from paraclap.errors import ConfigError
from paraclap.features import FEATURE_SET, load_features
from paraclap.models import MelSettings
from paraclap.queries import Bins, Caption, RowFacts, Vocabulary, fit_bins, join_features, read_captions
from paraclap.records import BadFile
from paraclap.storage import hash_table
from paraclap.training.clip_audio import ClipAudio, open_files
from paraclap.training.mel_cache import open_mel_cache
from paraclap.training.recipe import Recipe
from paraclap.training.settings import CorpusSettings


@dataclass(frozen=True)
class ClipSet:
    """One corpus of a run: its clips by split, what is known of each, and their audio."""

    name: str
    settings: CorpusSettings
    facts: Sequence[RowFacts]
    splits: npt.NDArray[np.str_]
    audio: ClipAudio
    fingerprint: str
    licence: str
    captions: Sequence[tuple[Caption, ...]] | None = None  # of each row, written beforehand; drawn anew if None
    bad_files: tuple[BadFile, ...] = ()  # that were left out, on import or when they were read
    speakers: npt.NDArray[np.intp] | None = None  # numbers of each row's, -1 where unknown; None if all are

    def rows(self, split: str) -> npt.NDArray[np.intp]:
        """Return the rows of a split whose audio could be read and of which something is known."""
        usable = [bool(facts) and self.audio.duration(row) > 0 for row, facts in enumerate(self.facts)]
        return np.flatnonzero((self.splits == split) & np.array(usable))


@dataclass(frozen=True)
class ClipData:
    """Hold the corpora of a run, and the bins of their measured attributes; None if none is known."""

    clip_sets: list[ClipSet]
    bins: Bins | None


def load_clips(
    recipe: Recipe, *, vocabulary: Vocabulary, mel_settings: MelSettings | None, bins: Bins | None = None
) -> ClipData:
    """Load all corpora and manifests of a recipe, with their audio and, if captions speak of them, features.

    Args:
        recipe: of the run.
        vocabulary: of the facts.
        mel_settings: of the spectrograms that are computed before training; None for a tower that hears waveforms.
        bins: of a model that is trained further; fitted on the train split if None.

    Raises:
        ConfigError: if the recipe names no data, or a corpus ends up without clips to train on.
        CorpusError: if a corpus or manifest cannot be read.
        QueryError: if bins cannot be fitted.
        ParaClapError: if captions speak of features and openSMILE is not there.
    """
    sources = _read_sources(recipe)
    tables = [_make_table(settings, source, recipe) for settings, source in sources]
    bins = bins or _fit_bins(tables, recipe, vocabulary)
    manifests = {settings.name: source.manifest for settings, source in sources}
    written = dict(read_captions(path, manifests, vocabulary=vocabulary) for path in recipe.caption_tables)
    loaded = []
    for (settings, source), table in zip(sources, tables, strict=True):
        audio = _open_audio(settings, source, recipe, mel_settings)
        clip_set = ClipSet(
            name=settings.name,
            settings=settings,
            facts=[_allowed(facts, settings) for facts in vocabulary.read_table(table, bins=bins)],
            splits=table["split"].to_numpy(dtype=str),
            audio=audio,
            fingerprint=hash_table(source.manifest),
            licence=str(source.metadata.get("licence", "unknown")),
            captions=written.get(settings.name),
            bad_files=(*source.bad_files, *audio.bad_files),
            speakers=pd.factorize(table["speaker"])[0] if "speaker" in table else None,
        )
        if not len(clip_set.rows("train")):
            reason = audio.bad_files[0].reason if audio.bad_files else "none of train with a known fact"
            raise ConfigError(f"{settings.name}: no clip to train on; found {len(table)} rows, {reason}")
        loaded.append(clip_set)
    return ClipData(loaded, bins)


def _open_audio(
    settings: CorpusSettings, source: ImportResult, recipe: Recipe, mel_settings: MelSettings | None
) -> ClipAudio:
    root = Path(source.metadata["root"])
    if mel_settings is None:
        return open_files(source.manifest, root)
    return open_mel_cache(source.manifest, root=root, settings=mel_settings, folder=recipe.cache, name=settings.name)


def _read_sources(recipe: Recipe) -> list[tuple[CorpusSettings, ImportResult]]:
    sources = [
        (settings, import_corpus(settings.name, recipe.corpora_root, progress=True)) for settings in recipe.corpora
    ]
    for path in recipe.manifests:
        manifest, metadata = read_manifest(path)
        settings = CorpusSettings(name=str(metadata.get("corpus", path.stem)))
        sources.append((settings, ImportResult(manifest, metadata)))
    if not sources:
        raise ConfigError(f"recipe {recipe.name}: no corpora and no manifests; name at least one to train on")
    names = [settings.name for settings, _ in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"recipe {recipe.name}: {twice[0]} stands twice among corpora and manifests; name it once")
    return sources


def _make_table(settings: CorpusSettings, source: ImportResult, recipe: Recipe) -> pd.DataFrame:
    """Return a manifest with the split of training, its corpus, and its features if captions speak of them."""
    manifest = source.manifest
    features = None
    if recipe.captions.needs_features:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"measuring {settings.name}")
            features, _ = load_features(
                manifest,
                source.metadata,
                cache=recipe.features_cache,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    splits = assign_splits(manifest)  # whatever the seed of the run: evaluation cuts the same dev split
    return join_features(manifest.assign(split=splits), corpus=settings.name, features=features)


def _fit_bins(tables: Sequence[pd.DataFrame], recipe: Recipe, vocabulary: Vocabulary) -> Bins | None:
    """Fit what is measured or rated on the train rows of all corpora; None if nothing is."""
    table = pd.concat([table.reset_index(drop=True) for table in tables])
    if not (table["split"] == "train").any():
        return None
    feature_set = FEATURE_SET if recipe.captions.needs_features else None
    bins = fit_bins(table, vocabulary.attributes, feature_set=feature_set)
    return bins if bins.attributes else None


def _allowed(facts: RowFacts, settings: CorpusSettings) -> RowFacts:
    if settings.attributes is None:
        return facts
    return {name: levels for name, levels in facts.items() if name in settings.attributes}
