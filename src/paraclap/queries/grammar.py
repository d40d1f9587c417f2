"""Grammar: which templates say which facts, and the words that fill them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import TypeVar

import numpy as np

from paraclap.queries.facts import Fact, Vocabulary
from paraclap.queries.sentences import fill_template, find_slots, join_phrases
from paraclap.queries.tables import LevelRow, read_caption_table

PERSON = ("gender", "age_group")
_PERSON_SLOTS = frozenset(["person", "alone"])
_CONTENT_SLOTS = ("adjective", "predicative", "noun", "verb", "voice", "adverbial", "feature", "denied")
_CAPACITY = {"voice": 2, "adverbial": 3, "feature": 2}  # phrases that a slot takes; one if it is not named
_Item = TypeVar("_Item")
_NUM_DRAWS = 64  # random numbers that are drawn at once; a caption needs fewer


class Draws:
    """Hand out the random numbers of a generator one by one, taken from it in blocks, which is faster."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._numbers: list[float] = generator.random(_NUM_DRAWS).tolist()

    def number(self) -> float:
        """Draw a number in [0, 1)."""
        if not self._numbers:
            self._numbers = self._generator.random(_NUM_DRAWS).tolist()
        return self._numbers.pop()

    def one_of(self, items: Sequence[_Item]) -> _Item:
        """Draw one of some items."""
        return items[int(self.number() * len(items))]


@dataclass(frozen=True)
class _Template:
    text: str
    slots: frozenset[str]
    needs_gender: bool
    is_speech: bool


@dataclass(frozen=True)
class _Unit:
    """Hold what is said together: a person, a feeling with its intensity, or one attribute."""

    slots: frozenset[str]  # where it may stand
    words: Mapping[str, tuple[str, ...]]


class PlainDraws(Draws):
    """Draw the first of everything: the plainest words, since tables have them first."""

    def __init__(self) -> None:
        super().__init__(np.random.default_rng(0))

    def number(self) -> float:
        """Return 0."""
        return 0.0


class Grammar:
    """Say facts: find the templates that take them, draw one, and fill it."""

    def __init__(self, vocabulary: Vocabulary, *, templates: Sequence[str] | None = None) -> None:
        """Take the templates of the data table, or others with the same slots."""
        self.vocabulary = vocabulary
        self.table = read_caption_table()
        self._texts = self.table.templates if templates is None else tuple(templates)
        self._plans: dict[tuple[object, ...], list[tuple[_Template, list[tuple[str, ...]]]]] = {}
        self._units: dict[tuple[Fact, Fact | None], _Unit] = {}

    def say(
        self, facts: Sequence[Fact], draws: Draws, *, gender: str | None, speaks: bool, mild: bool = False
    ) -> str | None:
        """Say facts in one sentence or phrase; None if no template says them all.

        Args:
            facts: at most one of each attribute.
            draws: the only source of chance.
            gender: of the speaker, for phrases that are relative to it.
            speaks: whether words such as "speaks" are true.
            mild: whether words for strong feelings are false.
        """
        units = self._find_units(facts)
        own_gender = next((fact.level for fact in facts if fact.attribute == "gender"), None)
        has_gender = own_gender in self.table.pronouns
        plan = self._plan(tuple(unit.slots for unit in units), has_gender=has_gender, speaks=speaks)
        if not plan:
            return None
        template, assignments = draws.one_of(plan)
        ruled_out = () if speaks else self.table.speech_words
        ruled_out += self.table.strong_words if mild else ()
        phrases: dict[str, list[str]] = {}
        said = template.text
        for unit, slot in zip(units, draws.one_of(assignments), strict=True):
            avoided = tuple(stem for stem in self.table.repeated if stem in said)  # not "in a deep and a clear voice"
            words = _without(unit.words[slot], avoided + ruled_out)
            phrases.setdefault(slot, []).append(phrase := draws.one_of(words))
            said += phrase
        filling = {slot: join_phrases(words) for slot, words in phrases.items()}
        if template.needs_gender and own_gender is not None:
            filling |= self.table.pronouns[own_gender]
        text = fill_template(template.text, filling)
        return fill_template(text, self.table.pronouns[gender]) if gender is not None and "{" in text else text

    def can_say(self, attribute: str, level: str) -> bool:
        """Tell if there are words for a fact; those for a degree need the fact that it modifies."""
        if attribute in PERSON:
            return tuple(level if name == attribute else None for name in PERSON) in self._persons
        row = self.vocabulary.attributes[attribute].words_of(level)
        return row is not None and (bool(_by_slot(row)) or bool(row.degree_adjectives and row.degree_nouns))

    def _find_units(self, facts: Sequence[Fact]) -> list["_Unit"]:
        attributes = self.vocabulary.attributes
        stated = dict(facts)
        degrees = {modified: fact for fact in facts if (modified := attributes[fact.attribute].modifies) is not None}
        person = tuple(stated.get(name) for name in PERSON)
        units = [self._persons[person]] if any(person) else []
        for fact in facts:
            if fact.attribute not in PERSON and attributes[fact.attribute].modifies is None:
                units.append(self._unit_of(fact, degrees.get(fact.attribute)))
        return units

    def _unit_of(self, fact: Fact, degree: Fact | None) -> "_Unit":
        key = (fact, degree)
        if key not in self._units:
            row = self._row_of(fact)
            words = _by_slot(row) if degree is None else _by_degree(row, self._row_of(degree))
            if self.vocabulary.denies(fact):  # who is not enraged may be angry
                words = {slot: _without(phrases, self.table.strong_words) for slot, phrases in words.items()}
            self._units[key] = _Unit(frozenset(words), words)
        return self._units[key]

    def _row_of(self, fact: Fact) -> LevelRow:
        row = self.vocabulary.attributes[fact.attribute].words_of(fact.level)
        return LevelRow() if row is None else row

    def _plan(
        self, units: tuple[frozenset[str], ...], *, has_gender: bool, speaks: bool
    ) -> list[tuple[_Template, list[tuple[str, ...]]]]:
        """List the templates that say all units and no more, each with the ways to share out its slots."""
        key = (units, has_gender, speaks)
        if key not in self._plans:
            plan = []
            for template in self._templates:
                if (template.needs_gender and not has_gender) or (template.is_speech and not speaks):
                    continue
                ways = product(*(sorted(slots & template.slots) for slots in units))
                fitting = [way for way in ways if _fills(way, template.slots)]
                if fitting:
                    plan.append((template, fitting))
            self._plans[key] = plan
        return self._plans[key]

    @cached_property
    def _templates(self) -> list[_Template]:
        templates = []
        for text in self._texts:
            slots = find_slots(text)
            content = slots & {*_PERSON_SLOTS, *_CONTENT_SLOTS}
            is_speech = any(word in text.split() for word in self.table.speech_words)
            templates.append(_Template(text, content, slots != content, is_speech))
        return templates

    @cached_property
    def _persons(self) -> dict[tuple[str | None, ...], _Unit]:
        return {
            (row.gender, row.age_group): _Unit(_PERSON_SLOTS, {"person": row.words, "alone": row.alone + row.words})
            for row in self.table.persons
        }


@cache
def _without(phrases: tuple[str, ...], stems: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out phrases with a word that begins with one of some stems, as long as others are left."""
    return tuple(p for p in phrases if not any(w.startswith(stem) for w in p.split() for stem in stems)) or phrases


def _by_slot(row: LevelRow) -> dict[str, tuple[str, ...]]:
    return {slot: words for slot in _CONTENT_SLOTS if (words := row.words(slot))}


def _fills(way: tuple[str, ...], slots: frozenset[str]) -> bool:
    return frozenset(way) == slots and all(way.count(slot) <= _CAPACITY.get(slot, 1) for slot in slots)


def _by_degree(row: LevelRow, degree: LevelRow) -> dict[str, tuple[str, ...]]:
    """Return the plainest words of a level with each word for a degree: "very angry", "strong anger"."""
    adjectives = tuple(f"{word} {row.adjectives[0]}" for word in degree.degree_adjectives)
    nouns = tuple(f"{word} {row.nouns[0]}" for word in degree.degree_nouns)
    return {"adjective": adjectives, "predicative": adjectives, "noun": nouns}
