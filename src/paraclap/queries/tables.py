"""The data tables of this package, checked when they are read."""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from paraclap.queries.sentences import fill_template, find_slots
from paraclap.storage import hash_bytes

DENIED = "not_"  # before the name of a level: the broader one that covers all others


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRow(_Row):
    """Name a manifest column and how its values become levels."""

    column: str
    unless: str | None = None  # a column; where it has the same value, or none, this one says nothing
    values: dict[str, tuple[str, ...]] | None = None
    intervals: dict[str, tuple[float, float]] | None = None


class BinRow(_Row):
    """Say which columns measure an attribute, where its levels part, and among which rows the edges are fitted."""

    measures: tuple[str, ...] = Field(min_length=1)  # "-" before a name turns it around
    quantiles: tuple[float, float] = (0.3, 0.7)
    edges: tuple[float, float] | None = None  # where they part, in the unit of the measures, instead of quantiles
    margin: float = Field(0.05, ge=0)  # in quantiles; so close to an edge, both levels remain possible
    needs: dict[str, float] = {}  # measures, and the least that each must be for the attribute to be known
    within: tuple[str, ...] = ()  # columns; a row gets the edges of its value in the first of them that has edges
    relative_to: Literal["gender"] | None = None  # edges of each gender, never pooled

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.quantiles
        if not 0 < low - self.margin <= low + self.margin < high - self.margin <= high + self.margin < 1:
            raise ValueError(
                f"quantiles {low:g} and {high:g}, margin {self.margin:g}; expected two between 0 and 1 and apart"
            )
        return self

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns whose values have edges of their own."""
        return (self.relative_to,) if self.relative_to is not None else self.within


class LevelRow(_Row):
    """Hold the words of one level, by the place in a sentence where they stand; the plainest first."""

    adjectives: tuple[str, ...] = ()
    predicatives: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    voice: tuple[str, ...] = ()
    adverbial: tuple[str, ...] = ()
    feature: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    degree_adjectives: tuple[str, ...] = ()
    degree_nouns: tuple[str, ...] = ()
    weight: float = Field(1.0, gt=0)

    def words(self, slot: str) -> tuple[str, ...]:
        """Return the words that fit a template's slot, the plainest first."""
        by_slot = {
            "adjective": self.adjectives,
            "predicative": self.adjectives + self.predicatives,
            "noun": self.nouns,
            "verb": self.verbs,
            "voice": self.voice,
            "adverbial": self.adverbial,
            "feature": self.feature,
            "denied": self.denied,
        }
        return by_slot.get(slot, ())


class NegationRow(_Row):
    """Say how often it is stated what is not the case, and how that is put.

    `phrases` are filled with the `plainest` words of the level; those of `words` are a level's own. Of clips of the
    levels in `unsaid` a level is not denied, for they are too near to it.
    """

    share: float = Field(gt=0, lt=1)
    plainest: int = Field(gt=0)
    phrases: LevelRow
    words: dict[str, LevelRow] = {}
    unsaid: dict[str, tuple[str, ...]] = {}

    def deny(self, level: str, row: LevelRow) -> dict[str, Any]:
        """Return the words that deny a level, from the words for it."""
        if level in self.words:
            return self.words[level].model_dump()
        return {
            place: [filled for phrase in phrases for filled in self._fill(phrase, row)]
            for place, phrases in self.phrases.model_dump(exclude_defaults=True).items()
        }

    def _fill(self, phrase: str, row: LevelRow) -> list[str]:
        (slot,) = find_slots(phrase)
        return [fill_template(phrase, {slot: word}) for word in row.words(slot)[: self.plainest]]


class AttributeRow(_Row):
    """Hold one attribute: how it is known, its levels, and broader levels that cover several.

    Where it is `negated`, each level has a broader one that covers all others, with `not_` before its name; `denials`
    are the words of those.
    """

    sources: tuple[SourceRow, ...] = ()
    bins: BinRow | None = None
    why: str = ""
    levels: dict[str, LevelRow]
    broader: dict[str, tuple[str, ...]] = {}
    broader_words: dict[str, LevelRow] = {}
    negated: NegationRow | None = None
    denials: dict[str, LevelRow] = {}
    modifies: str | None = None
    weight: float = Field(1.0, gt=0)
    speech: bool = False
    measured: bool = False

    @property
    def is_relative(self) -> bool:
        """Whether its levels are those for a gender, which is then stated too."""
        return self.bins is not None and self.bins.relative_to is not None

    @model_validator(mode="before")
    @classmethod
    def _name_levels(cls, row: Any) -> Any:
        """Write out the levels of an attribute that has names and phrases for them."""
        if not isinstance(row, dict) or "names" not in row:
            return row
        rest = {key: value for key, value in row.items() if key not in ("names", "named")}
        levels = {
            level: {slot: [phrase.replace("{name}", name) for phrase in row["named"][slot]] for slot in row["named"]}
            for level, name in row["names"].items()
        }
        return rest | {"levels": levels}

    @model_validator(mode="before")
    @classmethod
    def _deny_levels(cls, row: Any) -> Any:
        """Write out the broader levels that deny a level, and their words."""
        if not isinstance(row, dict) or "negated" not in row:
            return row
        negation = NegationRow.model_validate(row["negated"])
        levels = {name: LevelRow.model_validate(words) for name, words in row["levels"].items()}
        named = {*negation.words, *negation.unsaid, *(near for nears in negation.unsaid.values() for near in nears)}
        if unknown := sorted(named - levels.keys()):
            raise ValueError(f"negated names {', '.join(unknown)}; expected levels: {', '.join(levels)}")
        others = {f"{DENIED}{level}": [name for name in levels if name != level] for level in levels}
        denials = {f"{DENIED}{name}": negation.deny(name, words) for name, words in levels.items()}
        return row | {"broader": row.get("broader", {}) | others, "denials": denials}

    def words_of(self, level: str) -> LevelRow | None:
        """Return the words of a level, of a broader one, or of one that denies a level; None if it has none."""
        return self.levels.get(level) or self.broader_words.get(level) or self.denials.get(level)

    def may_deny(self, denial: str, possible: Collection[str]) -> bool:
        """Tell if a level is to be denied of a clip of which these levels remain possible: none is near to it."""
        unsaid = self.negated.unsaid if self.negated is not None else {}
        return not set(unsaid.get(denial.removeprefix(DENIED), ())) & set(possible)


class PersonRow(_Row):
    """Hold the words for a person with these facts."""

    gender: str | None = None
    age_group: str | None = None
    alone: tuple[str, ...] = ()
    words: tuple[str, ...]


class ContradictionRow(_Row):
    """Hold two lists of facts; none of the one is said together with one of the other."""

    one: dict[str, tuple[str, ...]]
    other: dict[str, tuple[str, ...]]


class CaptionTable(_Row):
    """Hold how facts become sentences."""

    num_facts: tuple[float, ...]
    templates: tuple[str, ...]
    persons: tuple[PersonRow, ...]
    pronouns: dict[str, dict[str, str]]  # gender -> slot -> word
    repeated: tuple[str, ...]
    speech_words: tuple[str, ...]
    strong_words: tuple[str, ...]
    alike: dict[str, tuple[str, ...]]
    no_speech: dict[str, tuple[str, ...]]
    contradictions: tuple[ContradictionRow, ...]
    variants: dict[str, tuple[str, ...]]


class CropRow(_Row):
    """Hold the shares of clips whose level a crop to so many seconds keeps, by attribute."""

    seconds: float
    kept: dict[str, float]


class BrokenTable(_Row):
    """Hold what disturbances do to facts; see data/broken.toml."""

    threshold: float
    always: dict[str, tuple[str, ...]]
    kept: dict[str, dict[str, float]]
    crops: tuple[CropRow, ...]


class LabelSetRow(_Row):
    """Hold a label set: its classes, with templates and the words of its own that fill them, or with prompts."""

    attribute: str | None = None
    classes: tuple[str, ...] = Field(min_length=1)
    templates: tuple[str, ...] = ()
    words: dict[str, dict[str, str]] = {}
    prompts: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"found the classes {', '.join(self.classes)}; expected each once")
        if bool(self.templates) == bool(self.prompts):
            raise ValueError("expected either templates, or prompts for each class")
        for template in self.templates:
            if not find_slots(template):
                raise ValueError(
                    f"template {template!r} has no slot; expected one, such as {{adjective}}, for each class"
                )
        if self.prompts and set(self.prompts) != set(self.classes):
            raise ValueError(f"prompts are for {', '.join(self.prompts)}; expected {', '.join(self.classes)}")
        if not all(self.prompts.values()):
            raise ValueError("a class has no prompt; expected one or more of each")
        return self


class HeldOutRow(_Row):
    """Hold a phrase that no caption says, and the facts that it states."""

    text: str
    facts: dict[str, str]


@cache
def read_attributes() -> Mapping[str, AttributeRow]:
    """Read the attributes, by name: those that corpora label, then those that are measured."""
    rows = _read("labelled") | {name: row | {"measured": True} for name, row in _read("measured").items()}
    return {name: AttributeRow.model_validate(row) for name, row in rows.items()}


@cache
def read_caption_table() -> CaptionTable:
    """Read how facts become sentences."""
    return CaptionTable.model_validate(_read("captions"))


@cache
def read_label_sets() -> Mapping[str, LabelSetRow]:
    """Read the label sets, by name."""
    return {name: LabelSetRow.model_validate(row) for name, row in _read("label_sets").items()}


@cache
def read_broken_table() -> BrokenTable:
    """Read what disturbances and crops break."""
    return BrokenTable.model_validate(_read("broken"))


@cache
def read_held_out() -> tuple[HeldOutRow, ...]:
    """Read the phrases that no caption says."""
    return tuple(HeldOutRow.model_validate(row) for row in _read("held_out")["phrases"])


def hash_tables() -> str:
    """Return a fingerprint of all tables: another one means other captions and prompts."""
    tables = sorted((files("paraclap.queries") / "data").iterdir(), key=lambda table: table.name)
    return hash_bytes(b"".join(table.read_bytes() for table in tables if table.name.endswith(".toml")))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("paraclap.queries") / "data" / f"{name}.toml").read_text(encoding="utf-8"))
