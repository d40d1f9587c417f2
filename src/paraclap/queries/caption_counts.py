"""Counts of captions, taken part by part so that they need not be in memory together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

_NUM_FREQUENT = 10


class CaptionCounts:
    """Count captions, distinct ones, their facts, and how often each level of an attribute is stated."""

    def __init__(self) -> None:
        self._captioned = 0
        self._texts: Counter[str] = Counter()
        self._num_facts: Counter[int] = Counter()
        self._levels: dict[str, Counter[str]] = {}

    def watch(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Yield parts as they come, and count them; all captions of an utterance stand in one part."""
        for part in parts:
            self._add(part)
            yield part

    def summarize(self, num_utterances: int) -> dict[str, Any]:
        """Return the counts, with the captions that are the most frequent.

        Args:
            num_utterances: of the table that was captioned; some may have no caption.
        """
        num_captions = self._texts.total()
        num_stated = sum(number * count for number, count in self._num_facts.items())
        return {
            "utterances": num_utterances,
            "captioned": self._captioned,
            "captions": num_captions,
            "distinct": len(self._texts),
            "mean_facts": num_stated / num_captions if num_captions else 0.0,
            "num_facts": {str(number): count for number, count in sorted(self._num_facts.items())},
            "most_frequent": dict(self._texts.most_common(_NUM_FREQUENT)),
            "levels": {name: dict(counts.most_common()) for name, counts in self._levels.items() if counts},
        }

    def _add(self, part: pd.DataFrame) -> None:
        stated = part.drop(columns="caption")
        self._captioned += int(part.index.nunique())
        self._texts.update(part["caption"])
        self._num_facts.update(stated.notna().sum(axis=1).tolist())
        for name in stated.columns:
            self._levels.setdefault(str(name), Counter()).update(stated[name].dropna())
