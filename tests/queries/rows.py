"""Random rows of labels and measures with their bins, and a slow judge of statements about them."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.queries import FALSE, TRUE, UNKNOWN, Bins, Fact, RowFacts, fit_bins, load_vocabulary
from paraclap.queries.tables import AttributeRow, read_caption_table

VOCABULARY = load_vocabulary()
MEASURES = sorted(
    {measure.removeprefix("-") for row in VOCABULARY.attributes.values() if row.bins for measure in row.bins.measures}
)
SLOTS = ("adjective", "predicative", "noun", "verb", "voice", "adverbial", "feature", "denied")
_PERSONS = {(row.gender, row.age_group) for row in read_caption_table().persons}
SAYABLE = [  # what there are words for
    Fact(name, level)
    for name, attribute in VOCABULARY.attributes.items()
    for level in (*attribute.levels, *attribute.broader)
    if {(level, None), (None, level)} & _PERSONS
    or (
        (row := (attribute.levels | attribute.broader_words).get(level))
        and (row.degree_nouns or any(row.words(slot) for slot in SLOTS))
    )
]
DENIALS = [  # what is said not to be the case
    Fact(name, level) for name, attribute in VOCABULARY.attributes.items() for level in attribute.denials
]
_MOVED_BY = {  # measures that rise, or fall, with the same trait; each other one has a trait of its own
    "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2": ("melody", 1),
    "F0semitoneFrom27.5Hz_sma3nz_stddevNorm": ("melody", 1),
    "jitterLocal_sma3nz_amean": ("roughness", 1),
    "shimmerLocaldB_sma3nz_amean": ("roughness", 1),
    "HNRdBACF_sma3nz_amean": ("roughness", -1),
    "logRelF0-H1-H2_sma3nz_amean": ("roughness", 1),
    "alphaRatioV_sma3nz_amean": ("effort", 1),
    "slopeV500-1500_sma3nz_amean": ("effort", 1),
    "VoicedSegmentsPerSec": ("tempo", 1),
    "loudnessPeaksPerSec": ("tempo", 1),
}
_LABELS: Mapping[str, Sequence[object]] = {
    "corpus": ["one", "two", "two"],
    "split": ["train", "train", "dev", "test"],
    "emotion": [*VOCABULARY.attributes["emotion"].levels, "other", "no_agreement", None, None],
    "intensity": ["low", "medium", "high", "normal", None, None],
    "gender": ["female", "male", "female", "male", "other", None],
    "age_group": ["10s", "20s-40s", "50+", "2 to 6 months", "more than 2 years", None],
    "vocalisation": ["cry", "laughter", "cough", *[None] * 17],
    "style": [*VOCABULARY.attributes["style"].levels, *[None] * 6],
    "intoxicated": ["intoxicated", "sober", *[None] * 8],
    "likability": ["likable", "not likable", *[None] * 8],
    "language": ["de", "en", None, None],
    "accent": ["zh", "us", None, None],
}


def read_facts(row: Mapping[str, Any]) -> RowFacts:
    """Read what one manifest row says."""
    return VOCABULARY.read_table(pd.DataFrame([row]))[0]


def make_facts(*facts: Fact) -> RowFacts:
    """Make a row of which exactly these facts are known."""
    return {fact.attribute: VOCABULARY.levels_of(fact) for fact in facts}


def make_binned(*measures: str, **bins: Any) -> dict[str, AttributeRow]:
    """Make one attribute, "height", of some measures."""
    row = {"bins": {"measures": measures} | bins, "levels": {"low": {}, "normal": {}, "high": {}}}
    return {"height": AttributeRow.model_validate(row)}


def draw_table(num_rows: int, seed: int = 0) -> pd.DataFrame:
    """Draw a manifest with features in which any label and any measure may be missing."""
    generator = np.random.default_rng(seed)
    columns: dict[str, object] = {}
    for name, values in _LABELS.items():
        chosen = (generator.random(num_rows) * len(values)).astype(int)
        columns[name] = pd.Series([values[index] for index in chosen], dtype=object)
    columns["age"] = np.where(generator.random(num_rows) < 0.5, generator.random(num_rows) * 90, np.nan)
    traits: dict[str, npt.NDArray[np.float64]] = {}
    for measure in MEASURES:
        trait, direction = _MOVED_BY.get(measure, (measure, 1))
        if trait not in traits:
            traits[trait] = _draw_bell(generator, num_rows)
        numbers = direction * traits[trait] + 0.3 * _draw_bell(generator, num_rows)
        if measure == "duration":
            numbers = np.exp(1.4 + numbers)  # seconds, half of them above four
        if measure == "HNRdBACF_sma3nz_amean":
            numbers = 6 + 3 * numbers  # dB, few of them below one, where pitch is unknown
        columns[measure] = np.where(generator.random(num_rows) < 0.1, np.nan, numbers)
    return pd.DataFrame(columns)


@cache
def fitted_bins() -> Bins:
    """Fit the bins of the vocabulary on a drawn table."""
    return fit_bins(draw_table(3000, seed=99), VOCABULARY.attributes, feature_set="drawn")


def draw_facts(num_rows: int, seed: int = 0) -> list[RowFacts]:
    """Draw rows and read what they say."""
    return VOCABULARY.read_table(draw_table(num_rows, seed), bins=fitted_bins())


def judge_slowly(facts: RowFacts, statement: Sequence[Fact]) -> int:
    """Judge a statement, of one fact an attribute, in every world that a row leaves possible."""
    names = [fact.attribute for fact in statement]
    worlds = list(product(*(facts.get(name, VOCABULARY.attributes[name].levels) for name in names)))
    is_true = []
    for world in worlds:
        levels = dict(zip(names, world, strict=True))
        is_true.append(all(levels[name] in _smallest(name, level) for name, level in statement))
    return TRUE if all(is_true) else FALSE if not any(is_true) else UNKNOWN


def _smallest(attribute: str, level: str) -> Sequence[str]:
    return VOCABULARY.attributes[attribute].broader.get(level, (level,))


def _draw_bell(generator: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Draw numbers with mean 0 and variance 1; not by `normal`, whose numbers may differ between versions of numpy."""
    bell: npt.NDArray[np.float64] = (generator.random((4, count)).sum(axis=0) - 2) * 3**0.5
    return bell
