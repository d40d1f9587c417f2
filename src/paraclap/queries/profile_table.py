"""The data table of profiles: what is asked about a voice, and how the answers become a sentence."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Share = Annotated[float, Field(ge=0, le=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HedgeRow(_Row):
    """Hold a word that says how sure something is, and from which probability on it is used."""

    least: _Share
    word: str


class PieceRows(_Row):
    """Hold the templates of the pieces of a sentence, as captions have them."""

    person: str
    feeling: str
    voice: str
    feature: str


class PartRows(_Row):
    """Hold the templates of the parts of a sentence, and what is said where there are none, or no sound."""

    who: tuple[str, ...]
    how: tuple[str, ...]
    nothing: str
    silent: str


class ProfileTable(_Row):
    """Hold what is asked about a voice and how it is said; see profile.toml."""

    label_sets: tuple[str, ...]
    instead_of_measures: tuple[str, ...]
    above_chance: _Share
    hedges: tuple[HedgeRow, ...] = Field(min_length=1)  # the surest first
    together: _Share
    unknown_from: int = Field(ge=2)
    feelings: tuple[str, ...]
    manners: tuple[str, ...]
    max_manners: int = Field(ge=0)
    unsaid_levels: tuple[str, ...]
    pieces: PieceRows
    parts: PartRows

    @model_validator(mode="after")
    def _check(self) -> Self:
        least = [hedge.least for hedge in self.hedges]
        if least != sorted(set(least), reverse=True) or least[-1] != 0:
            raise ValueError(f"hedges begin at {least}; expected falling probabilities, the last one 0")
        return self

    def rank_hedge(self, probability: float) -> int:
        """Return the place of the hedge that fits a probability, 0 for the surest."""
        return next(place for place, hedge in enumerate(self.hedges) if probability >= hedge.least)


@cache
def read_profile_table() -> ProfileTable:
    """Read what is asked about a voice and how it is said."""
    text = (files("paraclap.queries") / "profile.toml").read_text(encoding="utf-8")
    return ProfileTable.model_validate(tomllib.loads(text))
