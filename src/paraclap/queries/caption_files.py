"""Captions on disk: one table, written part by part, that says what it was made from."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from paraclap.queries.bins import Bins
from paraclap.queries.caption_table import CaptionSettings
from paraclap.queries.tables import hash_tables, read_caption_table
from paraclap.storage import hash_bytes, hash_table, write_table_parts

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
