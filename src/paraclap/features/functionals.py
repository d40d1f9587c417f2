"""The names of the eGeMAPS functionals, and when a zero of openSMILE means that there was nothing to measure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FEATURE_SET = "eGeMAPSv02"


@dataclass(frozen=True)
class MissingRule:
    """Say which functionals are missing where one of them is exactly 0, and why."""

    reason: str
    when_zero: str
    names: tuple[str, ...]


def feature_names() -> tuple[str, ...]:
    """Return openSMILE's names of the 88 functionals, in its order."""
    return tuple(_read()["names"])


def voiced_only_names() -> tuple[str, ...]:
    """Return the functionals that need voiced frames, and are missing where nothing is voiced."""
    return missing_rules()[0].names


@cache
def missing_rules() -> tuple[MissingRule, ...]:
    """Return the rules of what is missing, in the order in which they apply."""
    return tuple(MissingRule(rule["reason"], rule["when_zero"], tuple(rule["names"])) for rule in _read()["missing"])


def rules_revision() -> int:
    """Return the number that changes when the same audio would get other values."""
    return int(_read()["revision"])


@cache
def _read() -> Mapping[str, Any]:
    return tomllib.loads((files("paraclap.features") / "data" / "egemaps.toml").read_text(encoding="utf-8"))
