"""Random manifest rows, and a slow judge of statements about them."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from paraclap.queries import FALSE, TRUE, UNKNOWN, Fact, RowFacts, load_vocabulary

VOCABULARY = load_vocabulary()
_VALUES: Mapping[str, Sequence[object]] = {
    "emotion": [*VOCABULARY.attributes["emotion"].levels, "other", "no_agreement", None],
    "gender": ["female", "male", "other", None],
    "age_group": ["10s", "20s-40s", "50+", "2 to 6 months", "more than 2 years", None],
    "vocalisation": ["cry", None, None, None],
}


def draw_rows(num_rows: int, seed: int = 0) -> list[dict[str, object]]:
    """Draw manifest rows in which anything may be missing."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(num_rows):
        row = {column: values[int(generator.integers(len(values)))] for column, values in _VALUES.items()}
        row["age"] = float(generator.uniform(0, 90)) if generator.random() < 0.5 else float("nan")
        row["arousal"] = float(generator.random()) if generator.random() < 0.5 else float("nan")
        rows.append(row)
    return rows


def draw_facts(num_rows: int, seed: int = 0) -> list[RowFacts]:
    """Draw rows and read what they say."""
    return [VOCABULARY.read_facts(row) for row in draw_rows(num_rows, seed)]


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
