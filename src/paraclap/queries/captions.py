"""Captions: sentences made for training from the facts of an utterance, which travel beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paraclap.errors import QueryError, list_known
from paraclap.queries.facts import Fact, RowFacts, Vocabulary
from paraclap.queries.sentences import fill_template, find_slots
from paraclap.queries.tables import CaptionTable, read_caption_table

_PERSON = ("gender", "age_group")
_MANNER = ("emotion", "arousal")
_SOUND = ("vocalisation",)
_MANNER_SLOTS = frozenset(["adjective", "predicative", "noun"])


@dataclass(frozen=True)
class Caption:
    """A sentence, and the facts that it states."""

    text: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class CaptionSampler:
    """Draw captions from facts, with an explicit generator."""

    vocabulary: Vocabulary

    def sample(
        self, facts: RowFacts, generator: np.random.Generator, *, weights: Mapping[str, float] | None = None
    ) -> Caption | None:
        """Draw one caption that is true of a row; None if nothing can be said.

        Args:
            facts: what is known of the row.
            generator: the only source of chance; same generator state, same caption.
            weights: how much more often than others an attribute is spoken of; 1 where it is not named, 0 for never.

        Raises:
            QueryError: if a weight is negative or its attribute does not exist.
        """
        statable = self._sayable(facts, weights or {})
        manners = [name for name in statable if name in (*_MANNER, *_SOUND)]
        for name in generator.permutation(manners)[1:]:  # one word for the manner at a time
            del statable[name]
        if not statable:
            return None
        known = list(statable)
        shares = np.array(self._table.num_facts[: len(known)])
        num_facts = 1 + generator.choice(len(shares), p=shares / shares.sum())
        weight = np.array([(weights or {}).get(name, 1.0) for name in known])
        chosen = generator.choice(len(known), size=num_facts, replace=False, p=weight / weight.sum())
        stated = [Fact(known[i], str(generator.choice(statable[known[i]]))) for i in sorted(chosen)]
        return self._say(stated, generator)

    def _sayable(self, facts: RowFacts, weights: Mapping[str, float]) -> dict[str, list[str]]:
        """List the levels that are true of a row, that there are words for and that the weights allow."""
        for name, weight in weights.items():
            if name not in self.vocabulary.attributes:
                known = list_known(name, self.vocabulary.attributes)
                raise QueryError(f"a weight for the attribute {name!r}, which does not exist{known}")
            if not weight >= 0:
                raise QueryError(f"the weight of {name} is {weight}; expected 0 or more")
        sayable = {
            name: [level for level in levels if self._has_words(Fact(name, level))]
            for name, levels in self.vocabulary.statable(facts).items()
            if weights.get(name, 1.0) > 0
        }
        return {name: levels for name, levels in sayable.items() if levels}

    def _has_words(self, fact: Fact) -> bool:
        if fact.attribute in _PERSON:
            return tuple(fact.level if name == fact.attribute else None for name in _PERSON) in self._person_words
        level = self.vocabulary.attributes[fact.attribute].levels.get(fact.level)
        return level is not None and any(level.words(slot) for slot in (*_MANNER_SLOTS, "verb"))

    def _say(self, facts: Sequence[Fact], generator: np.random.Generator) -> Caption | None:
        by_attribute = {fact.attribute: fact for fact in facts}
        words: dict[str, str] = {}
        person = tuple(by_attribute[name].level if name in by_attribute else None for name in _PERSON)
        if any(person):
            if person not in self._person_words:
                return None
            words["person"] = _draw(self._person_words[person], generator)
        for name in (*_MANNER, *_SOUND):
            if name in by_attribute:
                level = self.vocabulary.attributes[name].levels[by_attribute[name].level]
                slots = ("verb",) if name in _SOUND else sorted(_MANNER_SLOTS)
                words |= {slot: _draw(level.words(slot), generator) for slot in slots if level.words(slot)}
        kinds = _kinds(frozenset(words))
        fitting = [t for t, slots in self._slots.items() if slots <= words.keys() and _kinds(slots) == kinds]
        if not fitting:
            return None
        return Caption(fill_template(_draw(fitting, generator), words), tuple(facts))

    @cached_property
    def _table(self) -> CaptionTable:
        return read_caption_table()

    @cached_property
    def _slots(self) -> dict[str, frozenset[str]]:
        return {template: find_slots(template) for template in self._table.templates}

    @cached_property
    def _person_words(self) -> dict[tuple[str | None, ...], tuple[str, ...]]:
        return {(row.gender, row.age_group): row.words for row in self._table.persons}


def _draw(words: Sequence[str], generator: np.random.Generator) -> str:
    return words[int(generator.integers(len(words)))]


def _kinds(slots: frozenset[str]) -> frozenset[str]:
    """Reduce slots to what they speak of, so that a template says all the facts and no more."""
    return frozenset("manner" if slot in _MANNER_SLOTS else slot for slot in slots)
