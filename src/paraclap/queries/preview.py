"""What would be said of one recording: where its measured values lie, and captions that are true of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from paraclap.errors import QueryError
from paraclap.queries.bins import Bins, MeasuredLevel, explain_levels
from paraclap.queries.caption_table import CaptionSettings
from paraclap.queries.captions import Caption
from paraclap.queries.facts import load_vocabulary

_TRIES = 20  # for each caption, to find one that was not drawn before


@dataclass(frozen=True)
class Preview:
    """Hold the measured values of a recording with their bins, and captions of it, no two of them alike."""

    levels: tuple[MeasuredLevel, ...]
    captions: tuple[Caption, ...]


def preview_captions(table: pd.DataFrame, bins: Bins, settings: CaptionSettings, *, num_captions: int) -> Preview:
    """Explain the levels of a table's first row, and draw captions of it; fewer, if there is not so much to say.

    Args:
        table: measures and, where they are known, labels and groups, as columns.
        bins: of the attributes that are measured.
        settings: what to speak of, and the seed; how many captions of each utterance does not matter here.
        num_captions: at most.

    Raises:
        QueryError: if a setting is wrong, or the bins are of nothing that the table has.
    """
    sampler, vocabulary = settings.make_sampler(), load_vocabulary()
    levels = explain_levels(bins, table)
    if not levels:
        known = ", ".join(bins.attributes) or "nothing"
        raise QueryError(f"the bins are of {known}, which was not measured here; fit them with --features")
    (facts,) = vocabulary.read_table(table.iloc[:1], bins=bins)
    generator = np.random.default_rng(settings.seed)
    captions: dict[str, Caption] = {}
    for _ in range(num_captions * _TRIES):
        caption = sampler.sample(facts, generator)
        if caption is not None:
            captions.setdefault(caption.text, caption)
        if len(captions) == num_captions:
            break
    return Preview(tuple(levels), tuple(captions.values()))
