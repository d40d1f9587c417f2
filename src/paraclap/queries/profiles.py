"""Profiles: one honest sentence about a voice, from answers with probabilities and from what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod

from paraclap.queries.bins import MeasuredLevel
from paraclap.queries.captions import CaptionSampler
from paraclap.queries.facts import Fact, load_vocabulary
from paraclap.queries.grammar import PERSON, Grammar, PlainDraws
from paraclap.queries.profile_table import read_profile_table
from paraclap.queries.sentences import fill_template, find_slots


@dataclass(frozen=True)
class Answer:
    """Hold what a model answers to a label set: probability and cosine of each class."""

    label_set: str
    attribute: str | None  # whose levels the classes are; None for classes of one's own, which no sentence speaks of
    probability: Mapping[str, float]
    similarity: Mapping[str, float]
    is_unknown: bool = False  # whether none of the classes fits

    @property
    def best(self) -> str:
        """The class with the highest cosine."""
        return max(self.similarity, key=self.similarity.__getitem__)


@dataclass(frozen=True)
class Statement:
    """Hold a fact that a sentence states, with its probability, None of what was measured, and the hedge before it."""

    fact: Fact
    probability: float | None
    hedge: str


@dataclass(frozen=True)
class Description:
    """Hold a sentence about a voice, and what it states."""

    sentence: str
    statements: tuple[Statement, ...]


def describe_voice(answers: Sequence[Answer], measured: Sequence[MeasuredLevel] = ()) -> Description:
    """Say in one sentence what is probable enough, with a hedge where it is not sure; the same answers, the same words.

    Of each attribute the level is said that can be said most surely: one of the classes, or a broader one that covers
    several of them ("an adult"). Gender and age are said together if that is probable, as if they did not depend on
    each other. What is measured is sure; of what is answered and measured, the measure counts.

    Args:
        answers: of a model, each label set once.
        measured: levels by bins; an attribute is spoken of if one level remains possible.
    """
    return _load_interpreter().describe(answers, measured)


@dataclass(frozen=True)
class _Candidate:
    """Hold what could be said of one attribute: how probable it is, and how many classes it covers."""

    fact: Fact
    probability: float | None
    breadth: int = 1


class _Interpreter:
    """Choose what to say, and say it by the rules of captions."""

    def __init__(self) -> None:
        self._vocabulary = load_vocabulary()
        self._table = read_profile_table()
        self._sampler = CaptionSampler(self._vocabulary)
        pieces = self._table.pieces.model_dump()
        self._grammars = {piece: Grammar(self._vocabulary, templates=[text]) for piece, text in pieces.items()}

    def describe(self, answers: Sequence[Answer], measured: Sequence[MeasuredLevel]) -> Description:
        answered = {answer.attribute: answer for answer in reversed(answers) if answer.attribute is not None}
        levels = {level.attribute: level.levels for level in measured}
        chosen: list[tuple[int, list[_Candidate]]] = []
        words: dict[str, str] = {}
        if person := self._choose_person(answered):
            chosen.append(person)
            words |= self._fill("person", *person)
        if feeling := self._choose_feeling(answered):
            chosen.append((feeling[0], [feeling[1]]))
            words |= self._fill("feeling", feeling[0], [feeling[1]])
        said = [candidate.fact for _, group in chosen for candidate in group]
        parts = [_fit(self._table.parts.who, words)] if words else []
        for rank, voice, feature in self._choose_manners(answered, levels, said):
            chosen.append((rank, [*voice, *feature]))
            parts.append(self._say_manners(rank, voice, feature))
        sentence = fill_template("; ".join(parts) + ".", {}) if parts else self._table.parts.nothing
        statements = (
            Statement(one.fact, one.probability, self._table.hedges[rank].word)
            for rank, group in chosen
            for one in group
        )
        return Description(sentence, tuple(statements))

    def _choose_person(self, answered: Mapping[str, Answer]) -> tuple[int, list[_Candidate]] | None:
        """Return what to say of gender and age, and how sure it is: both if that is probable, then the surest."""
        choices = {name: self._list_candidates(answered.get(name)) for name in PERSON}
        if self._may_sound_alike(choices):  # whose gender is not heard
            choices["gender"] = []
        options = []
        for pair in product(*([None, *candidates] for candidates in choices.values())):
            stated = [one for one in pair if one is not None]
            if not stated or self._say("person", stated) is None:
                continue
            joint = prod(one.probability or 0.0 for one in stated)
            breadth = sum(one.breadth for one in stated)
            is_single = len(stated) == 1 or joint < self._table.together
            options.append((is_single, self._table.rank_hedge(joint), breadth, -joint, stated))
        if not options:
            return None
        _, rank, *_, stated = min(options, key=lambda option: option[:-1])
        return rank, stated

    def _may_sound_alike(self, choices: Mapping[str, Sequence[_Candidate]]) -> bool:
        alike = self._grammars["person"].table.alike
        return any(one.fact.level in alike.get(name, ()) for name, group in choices.items() for one in group)

    def _choose_feeling(self, answered: Mapping[str, Answer]) -> tuple[int, _Candidate] | None:
        for name in self._table.feelings:
            if best := self._find_surest(answered.get(name), piece="feeling"):
                return best
        return None

    def _choose_manners(
        self, answered: Mapping[str, Answer], levels: Mapping[str, Sequence[str]], said: Sequence[Fact]
    ) -> Iterator[tuple[int, list[_Candidate], list[_Candidate]]]:
        """Yield by how sure it is what to say of how a voice sounds: what stands before "voice", and other features."""
        found: list[tuple[int, _Candidate]] = []
        for name in self._table.manners:
            if name in levels:
                if len(levels[name]) == 1 and levels[name][0] not in self._table.unsaid_levels:
                    found.append((0, _Candidate(Fact(name, levels[name][0]), None)))
            elif best := self._find_surest(answered.get(name), piece="feature"):
                found.append(best)
        stated = list(said)
        groups: dict[int, tuple[list[_Candidate], list[_Candidate]]] = {}
        num_left = self._table.max_manners
        for rank, candidate in sorted(found, key=lambda item: item[0]):
            if num_left == 0 or any(self._sampler.contradict(candidate.fact, other) for other in stated):
                continue
            voice, feature = groups.setdefault(rank, ([], []))
            for piece, group in (("voice", voice), ("feature", feature)):
                if self._say(piece, [*group, candidate]) is not None:
                    group.append(candidate)
                    stated.append(candidate.fact)
                    num_left -= 1
                    break
        yield from ((rank, *groups[rank]) for rank in groups if any(groups[rank]))

    def _find_surest(self, answer: Answer | None, *, piece: str) -> tuple[int, _Candidate] | None:
        """Return what can be said most surely of an answer, of equally sure ones the narrowest."""
        rated = [
            (self._table.rank_hedge(one.probability or 0.0), one.breadth, -(one.probability or 0.0), one)
            for one in self._list_candidates(answer)
            if self._say(piece, [one]) is not None
        ]
        if not rated:
            return None
        rank, *_, candidate = min(rated, key=lambda item: item[:-1])
        return rank, candidate

    def _list_candidates(self, answer: Answer | None) -> list[_Candidate]:
        """List the classes of an answer, and what covers several of them, that are probable enough to be said."""
        if answer is None or answer.attribute is None or answer.is_unknown:
            return []
        asked = answer.probability
        candidates = [_Candidate(Fact(answer.attribute, label), share) for label, share in asked.items()]
        for label in self._vocabulary.attributes[answer.attribute].broader:
            fact = Fact(answer.attribute, label)
            covered = self._vocabulary.levels_of(fact)
            if label not in asked and not self._vocabulary.denies(fact) and covered <= asked.keys():
                share = sum(asked[level] for level in asked if level in covered)
                candidates.append(_Candidate(fact, share, len(covered)))
        return [one for one in candidates if self._is_sayable(one, num_classes=len(asked))]

    def _is_sayable(self, candidate: _Candidate, *, num_classes: int) -> bool:
        """Tell if a candidate is worth saying, and far enough from what guessing among the classes gives."""
        if candidate.fact.level in self._table.unsaid_levels:
            return False
        chance = candidate.breadth / num_classes
        least = chance + self._table.above_chance * (1 - chance)
        return candidate.breadth < num_classes and (candidate.probability or 0.0) >= least

    def _say_manners(self, rank: int, voice: Sequence[_Candidate], feature: Sequence[_Candidate]) -> str:
        words = {"hedge": self._table.hedges[rank].word} if self._table.hedges[rank].word else {}
        for piece, group in (("voice", voice), ("feature", feature)):
            if group:
                words[piece] = self._say(piece, group) or ""
        return _fit(self._table.parts.how, words)

    def _fill(self, piece: str, rank: int, group: Sequence[_Candidate]) -> dict[str, str]:
        hedge = self._table.hedges[rank].word
        words = {piece: self._say(piece, group) or ""}
        return words | {f"{piece}_hedge": hedge} if hedge else words

    def _say(self, piece: str, group: Sequence[_Candidate]) -> str | None:
        return self._grammars[piece].say([one.fact for one in group], PlainDraws(), gender=None, speaks=True)


@cache
def _load_interpreter() -> _Interpreter:
    return _Interpreter()


def _fit(templates: Sequence[str], words: Mapping[str, str]) -> str:
    """Fill the template that has a place for each of some words and no other place."""
    return next(fill_template(text, words) for text in templates if find_slots(text) == words.keys())
