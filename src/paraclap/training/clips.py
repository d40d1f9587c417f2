"""The clips that a run trains and validates on: rows of all its corpora with their facts, splits and spectrograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paraclap.corpora import ImportResult, assign_splits, import_corpus, read_manifest
from paraclap.errors import ConfigError
from paraclap.models import MelSettings
from paraclap.queries import RowFacts, Vocabulary
from paraclap.records import BadFile
from paraclap.storage import hash_table
from paraclap.training.mel_cache import MelCache, open_mel_cache
from paraclap.training.recipe import CorpusSettings, Recipe


@dataclass(frozen=True)
class ClipSet:
    """One corpus of a run: its clips by split, what is known of each, and their spectrograms."""

    name: str
    settings: CorpusSettings
    facts: Sequence[RowFacts]
    splits: npt.NDArray[np.str_]
    mels: MelCache
    fingerprint: str
    licence: str
    bad_files: tuple[BadFile, ...] = ()  # that were left out, on import or when they were read

    def rows(self, split: str) -> npt.NDArray[np.intp]:
        """Return the rows of a split whose audio could be read and of which something is known."""
        usable = [bool(facts) and self.mels.num_frames(row) > 0 for row, facts in enumerate(self.facts)]
        return np.flatnonzero((self.splits == split) & np.array(usable))


def load_clip_sets(recipe: Recipe, *, vocabulary: Vocabulary, mel_settings: MelSettings) -> list[ClipSet]:
    """Load all corpora and manifests of a recipe, with their spectrograms.

    Raises:
        ConfigError: if the recipe names no data, or a corpus ends up without clips to train on.
        CorpusError: if a corpus or manifest cannot be read.
    """
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
    loaded = []
    for settings, source in sources:
        manifest, metadata = source.manifest, source.metadata
        splits = assign_splits(manifest)  # whatever the seed of the run: evaluation cuts the same dev split
        facts = [_allowed(vocabulary.read_facts(row), settings) for row in manifest.to_dict("records")]
        root = Path(metadata["root"])
        mels = open_mel_cache(manifest, root=root, settings=mel_settings, folder=recipe.cache, name=settings.name)
        clip_set = ClipSet(
            name=settings.name,
            settings=settings,
            facts=facts,
            splits=splits.to_numpy(dtype=str),
            mels=mels,
            fingerprint=hash_table(manifest),
            licence=str(metadata.get("licence", "unknown")),
            bad_files=(*source.bad_files, *mels.bad_files),
        )
        if not len(clip_set.rows("train")):
            reason = mels.bad_files[0].reason if mels.bad_files else "none of train with a known fact"
            raise ConfigError(f"{settings.name}: no clip to train on; found {len(manifest)} rows, {reason}")
        loaded.append(clip_set)
    return loaded


def _allowed(facts: RowFacts, settings: CorpusSettings) -> RowFacts:
    if settings.attributes is None:
        return facts
    return {name: levels for name, levels in facts.items() if name in settings.attributes}
