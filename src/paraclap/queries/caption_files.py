"""Captions on disk: one table, written part by part, that says what it was made from."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from paraclap.errors import QueryError
from paraclap.queries.bins import Bins
from paraclap.queries.caption_table import CaptionSettings
from paraclap.queries.captions import Caption
from paraclap.queries.facts import Fact, Vocabulary
from paraclap.queries.tables import hash_tables, read_caption_table
from paraclap.storage import hash_bytes, hash_table, read_table, write_table_parts

KIND = "captions"


def write_captions(
    path: Path, parts: Iterable[pd.DataFrame], *, manifest: pd.DataFrame, settings: CaptionSettings, bins: Bins | None
) -> None:
    """Write captions as parquet, atomically, with one part at a time in memory.

    Args:
        path: the file.
        parts: what `make_captions` yields.
        manifest: what they are captions of; its fingerprint goes into the metadata, as do those of `bins`, of the rows
            that these were fitted on, and of our tables of words.
        settings: what they were made with.
        bins: what they were made with.

    Raises:
        ParaClapError: if the file cannot be written.
        CorpusError: if there is no part.
    """
    metadata = {
        "manifest": hash_table(manifest),
        "bins": None if bins is None else hash_bytes(bins.model_dump_json().encode()),
        "fitted_on": None if bins is None else bins.fingerprint,
        "feature_set": None if bins is None else bins.feature_set,
        "variant": settings.variant,
        "seed": settings.seed,
        "without": list(settings.without),
        "per_utterance": settings.per_utterance,
        "num_facts": list(settings.num_facts or read_caption_table().num_facts),
        "tables": hash_tables(),
    }
    write_table_parts(path, parts, kind=KIND, metadata=metadata)


def read_captions(
    path: Path, manifests: Mapping[str, pd.DataFrame], *, vocabulary: Vocabulary
) -> tuple[str, list[tuple[Caption, ...]]]:
    """Read the captions of the manifest that they were made from: its name, and those of each of its rows.

    Args:
        path: what `paraclap captions` wrote, perhaps with sentences written anew since.
        manifests: among which theirs is, by name.
        vocabulary: of the facts that they state.

    Raises:
        QueryError: if they are of another manifest, one is empty or states no fact, or a fact does not exist.
        CorpusError: if the file cannot be read.
    """
    table, metadata = read_table(path, kind=KIND)
    name = next((name for name, manifest in manifests.items() if hash_table(manifest) == metadata["manifest"]), None)
    if name is None:
        raise QueryError(
            f"{path}: captions of another manifest; expected those of {' or '.join(manifests)} as they are now: make "
            "them with 'paraclap captions' again"
        )
    manifest = manifests[name]
    captions: list[list[Caption]] = [[] for _ in range(len(manifest))]
    attributes = [attribute for attribute in vocabulary.attributes if attribute in table]
    stated = table[attributes].astype(object).to_numpy()
    for place, text, levels in zip(manifest.index.get_indexer(table.index), table["caption"], stated, strict=True):
        facts = tuple(Fact(*fact) for fact in zip(attributes, levels, strict=True) if isinstance(fact[1], str))
        if place < 0 or not isinstance(text, str) or not text.strip() or not facts:
            raise QueryError(f"{path}: {text!r} is no sentence with a fact about a row of {name}; expected both")
        for fact in facts:
            vocabulary.levels_of(fact)
        captions[place].append(Caption(text, facts))
    return name, [tuple(of_row) for of_row in captions]
