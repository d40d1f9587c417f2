"""Captions: sentences made for training from the facts of an utterance, which travel beside them."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from operator import itemgetter

import numpy as np

from paraclap.errors import QueryError, list_known
from paraclap.queries.facts import Fact, RowFacts, Vocabulary
from paraclap.queries.grammar import Draws, Grammar

_STRONG = frozenset(["high"])  # the intensity that words for strong feelings state


@dataclass(frozen=True)
class Caption:
    """A sentence, and the facts that it states."""

    text: str
    facts: tuple[Fact, ...]


class CaptionSampler:
    """Draw captions from facts, with an explicit generator."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        attributes: Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
        num_facts: Sequence[float] | None = None,
        negates: bool = False,
    ) -> None:
        """Settle what captions speak of.

        Args:
            vocabulary: the attributes.
            attributes: those that may be spoken of; all of them, if None.
            weights: how much more often than its own weight says an attribute is spoken of.
            num_facts: the shares of captions with one, two, ... facts; those of the data table, if None.
            negates: say now and then what is not the case, as often as the tables have it: for training. Such captions
                fit so many clips that none can be found by them.

        Raises:
            QueryError: if an attribute does not exist, a weight is not positive, or the shares are not.
        """
        for name in (*(attributes or ()), *(weights or {})):
            if name not in vocabulary.attributes:
                raise QueryError(f"no attribute {name!r}{list_known(name, vocabulary.attributes)}")
        for name, weight in (weights or {}).items():
            if not 0 < weight < math.inf:
                raise QueryError(f"the weight of {name} is {weight}; expected more than 0")
        self._vocabulary = vocabulary
        self._grammar = Grammar(vocabulary)
        shares = self._grammar.table.num_facts if num_facts is None else tuple(num_facts)
        if not shares or min(shares) < 0 or not 0 < sum(shares) < math.inf:
            raise QueryError(
                f"shares of captions by number of facts {list(shares)}; expected numbers from 0, one above it"
            )
        self._shares = np.cumsum(shares).tolist()
        allowed = [name for name in vocabulary.attributes if attributes is None or name in attributes]
        self._positions = {name: position for position, name in enumerate(vocabulary.attributes)}
        self._weights = {name: vocabulary.attributes[name].weight * (weights or {}).get(name, 1.0) for name in allowed}
        self._negates = negates
        self._choices: dict[tuple[str, frozenset[str]], _Choice | None] = {}
        self._contradictions = frozenset(_list_contradictions(self._grammar, vocabulary))

    def sample(self, facts: RowFacts, generator: np.random.Generator) -> Caption | None:
        """Draw one caption that is true of a row; None if nothing can be said.

        Args:
            facts: what is known of the row.
            generator: the only source of chance; same generator state, same caption.
        """
        draws = Draws(generator)
        speaks = not _may_be(facts, self._grammar.table.no_speech)
        gender = self._find_gender(facts)
        mild = facts.get("intensity", _STRONG) != _STRONG
        wanted = self._draw_number(draws)
        stated: list[Fact] = []
        for choice in self._order(facts, draws, has_gender=gender is not None, speaks=speaks):
            if choice.modifies is not None and not (stated and self._has_degrees(stated[-1], choice.modifies)):
                continue
            fact = choice.draw(draws)
            if not any((fact, other) in self._contradictions for other in stated):
                stated.append(fact)
            if len(stated) == wanted:
                break
        while stated:
            said = sorted(stated, key=self._position)
            text = self._grammar.say(said, draws, gender=gender, speaks=speaks, mild=mild)
            if text is not None:
                return Caption(text, self._with_implied(said, gender))
            stated.pop()  # the fact that was drawn last finds no place
        return None

    def contradict(self, one: Fact, other: Fact) -> bool:
        """Tell if two facts are not to be said together."""
        return (one, other) in self._contradictions

    def _draw_number(self, draws: Draws) -> int:
        """Draw how many facts to state."""
        return 1 + bisect_right(self._shares, draws.number() * self._shares[-1])

    def _find_gender(self, facts: RowFacts) -> str | None:
        """Return the gender of a row if it is known, there is a pronoun for it, and it is heard at that age."""
        if _may_be(facts, self._grammar.table.alike):
            return None
        (gender, *others) = facts.get("gender", frozenset()) or [None]
        return gender if not others and gender in self._grammar.table.pronouns else None

    def _order(self, facts: RowFacts, draws: Draws, *, has_gender: bool, speaks: bool) -> list["_Choice"]:
        """Order what can be stated as if drawn by weight, one after another (Efraimidis & Spirakis 2006)."""
        keys = []
        for item in facts.items():
            if item not in self._choices:
                self._choices[item] = self._find_choice(*item)
            choice = self._choices[item]
            if choice is None or (choice.needs_speech and not speaks) or (choice.needs_gender and not has_gender):
                continue
            keys.append((math.log(1.0 - draws.number()) / choice.weight, choice))
        keys.sort(key=itemgetter(0), reverse=True)
        ordered = [choice for _, choice in keys if choice.modifies is None]
        for choice in (choice for _, choice in keys if choice.modifies is not None):  # right behind what it modifies
            places = [place for place, other in enumerate(ordered) if other.facts[0].attribute == choice.modifies]
            if places:
                ordered.insert(places[0] + 1, choice)
        return ordered

    def _find_choice(self, name: str, possible: frozenset[str]) -> "_Choice | None":
        """Return what can be said of an attribute if only these levels remain possible; None for nothing."""
        if name not in self._weights:
            return None
        attribute = self._vocabulary.attributes[name]
        said = [level for level in self._vocabulary.true_levels(name, possible) if self._grammar.can_say(name, level)]
        levels = [level for level in said if level not in attribute.denials]
        if not levels:
            return None
        denials = [level for level in said if level in attribute.denials and attribute.may_deny(level, possible)]
        level_weight = attribute.levels[levels[0]].weight if levels[0] in attribute.levels else 1.0
        return _Choice(
            facts=tuple(Fact(name, level) for level in levels),
            weight=self._weights[name] * level_weight,
            needs_speech=attribute.speech,
            needs_gender=attribute.is_relative,
            modifies=attribute.modifies,
            denials=tuple(Fact(name, level) for level in denials) if self._negates else (),
            share_denied=attribute.negated.share if attribute.negated is not None else 0.0,
        )

    def _has_degrees(self, fact: Fact, attribute: str) -> bool:
        """Tell if a fact is of an attribute, and one that has degrees: nobody is "very not angry"."""
        return fact.attribute == attribute and not self._vocabulary.denies(fact)

    def _position(self, fact: Fact) -> int:
        return self._positions[fact.attribute]

    def _with_implied(self, stated: Sequence[Fact], gender: str | None) -> tuple[Fact, ...]:
        """Return the stated facts with the gender that one of them is relative to."""
        if gender is None or not any(self._vocabulary.attributes[fact.attribute].is_relative for fact in stated):
            return tuple(stated)
        return tuple(sorted({*stated, Fact("gender", gender)}, key=self._position))


@dataclass(frozen=True)
class _Choice:
    """Hold what can be said of one attribute of a row."""

    facts: tuple[Fact, ...]
    weight: float
    needs_speech: bool
    needs_gender: bool
    modifies: str | None
    denials: tuple[Fact, ...]  # what is not the case
    share_denied: float

    def draw(self, draws: Draws) -> Fact:
        is_denied = bool(self.denials) and draws.number() < self.share_denied
        return draws.one_of(self.denials if is_denied else self.facts)


def _may_be(facts: RowFacts, levels: Mapping[str, Sequence[str]]) -> bool:
    """Tell if a row may have one of some levels."""
    return any(name in facts and not facts[name].isdisjoint(levels[name]) for name in levels)


def _list_contradictions(grammar: Grammar, vocabulary: Vocabulary) -> Iterator[tuple[Fact, Fact]]:
    """Yield the pairs of facts that are not said together, in both orders."""
    for row in grammar.table.contradictions:
        ones, others = (
            [Fact(name, level) for name, levels in side.items() for level in levels] for side in (row.one, row.other)
        )
        for one, other in product(ones, others):
            vocabulary.levels_of(one), vocabulary.levels_of(other)  # both exist
            yield from ((one, other), (other, one))
