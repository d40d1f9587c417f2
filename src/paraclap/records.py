"""Frozen facts that cross module borders."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BadFile:
    """Name a file that could not be used and say why, in one sentence."""

    file: str
    reason: str
