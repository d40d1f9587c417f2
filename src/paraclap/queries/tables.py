"""The data tables of this package, checked when they are read."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from paraclap.storage import hash_bytes


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRow(_Row):
    """Name a manifest column and how its values become levels."""

    column: str
    values: dict[str, tuple[str, ...]] | None = None
    intervals: dict[str, tuple[float, float]] | None = None


class LevelRow(_Row):
    """Hold the words of one level."""

    adjectives: tuple[str, ...] = ()
    predicatives: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()

    def words(self, slot: str) -> tuple[str, ...]:
        """Return the words that fit a template's slot, the plainest first."""
        by_slot = {
            "adjective": self.adjectives,
            "predicative": self.adjectives + self.predicatives,
            "noun": self.nouns,
            "verb": self.verbs,
        }
        return by_slot[slot]


class AttributeRow(_Row):
    """Hold one attribute: where it is read from, its levels, and broader levels that cover several."""

    sources: tuple[SourceRow, ...]
    levels: dict[str, LevelRow]
    broader: dict[str, tuple[str, ...]] = {}


class PersonRow(_Row):
    """Hold the words for a person with these facts."""

    gender: str | None = None
    age_group: str | None = None
    words: tuple[str, ...]


class CaptionTable(_Row):
    """Hold the shares of captions by number of facts, the templates and the words for persons."""

    num_facts: tuple[float, ...]
    templates: tuple[str, ...]
    persons: tuple[PersonRow, ...]


class LabelSetRow(_Row):
    """Hold a label set: its attribute, classes, templates, and the words that fill them where they are its own."""

    attribute: str
    classes: tuple[str, ...]
    templates: tuple[str, ...]
    words: dict[str, dict[str, str]] = {}


@cache
def read_attributes() -> dict[str, AttributeRow]:
    """Read the attributes, by name."""
    return {name: AttributeRow.model_validate(row) for name, row in _read("attributes").items()}


@cache
def read_caption_table() -> CaptionTable:
    """Read how facts become sentences."""
    return CaptionTable.model_validate(_read("captions"))


@cache
def read_label_sets() -> dict[str, LabelSetRow]:
    """Read the label sets, by name."""
    return {name: LabelSetRow.model_validate(row) for name, row in _read("label_sets").items()}


def hash_tables() -> str:
    """Return a fingerprint of all tables: another one means other captions and prompts."""
    tables = sorted((files("paraclap.queries") / "data").iterdir(), key=lambda table: table.name)
    return hash_bytes(b"".join(table.read_bytes() for table in tables if table.name.endswith(".toml")))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("paraclap.queries") / "data" / f"{name}.toml").read_text(encoding="utf-8"))
