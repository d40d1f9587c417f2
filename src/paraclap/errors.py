"""The exceptions that paraclap raises on purpose: each message says what was found, what was expected, what to do.

ParaClapError
├── AudioError    a file or an array that cannot be read as speech
├── CorpusError   a folder, table or manifest that is not what its name says
├── QueryError    a query, label set or task that cannot be asked
├── ModelError    a model folder, checkpoint, tower or device that cannot be used
├── StoreError    an index of an archive that cannot be opened, written or asked
└── ConfigError   a recipe or a setting that does not exist or does not fit
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


class ParaClapError(Exception):
    """Stand at the root of every error that paraclap raises on purpose."""


class AudioError(ParaClapError):
    """Say that a file or an array cannot be read as speech."""


class CorpusError(ParaClapError):
    """Say that a folder, a table or a manifest is not what its name says."""


class QueryError(ParaClapError):
    """Say that a query, a label set or a task cannot be asked."""


class ModelError(ParaClapError):
    """Say that a model folder, a checkpoint, a tower or a device cannot be used."""


class StoreError(ParaClapError):
    """Say that the index of an archive cannot be opened, written or asked."""


class ConfigError(ParaClapError):
    """Say that a recipe or a setting does not exist or does not fit."""


def near_match(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest known name, or an empty string."""
    by_letters = {_letters(candidate): candidate for candidate in known}
    matches = get_close_matches(_letters(name), list(by_letters), n=1)
    return f"; did you mean {by_letters[matches[0]]!r}?" if matches else ""


def list_known(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, if any, and all of them."""
    return f"{near_match(name, known) or ';'} known: {', '.join(known)}"


def _letters(name: str) -> str:
    """Return a name as people remember it: without case, hyphens and the like."""
    return "".join(character for character in name.casefold() if character.isalnum()) or name
