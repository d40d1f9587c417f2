"""Templates to sentences: slots are filled with words, and "a(n)" becomes "a" or "an" by the word that follows."""

import re
from collections.abc import Mapping, Sequence

from paraclap.errors import QueryError

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"a\(n\) (?=(\S+))")
_VOWEL_SOUND = re.compile(r"(?!uk|uni[cfqstv]|union|use|usu|eu|one)[aeiou]|hour|honest|heir", re.IGNORECASE)
_WITH = "with "


def find_slots(template: str) -> frozenset[str]:
    """Return the names of a template's slots."""
    return frozenset(_SLOT.findall(template))


def fill_template(template: str, words: Mapping[str, str]) -> str:
    """Fill the slots of a template, settle its articles, and begin with a capital if it ends in a full stop.

    Raises:
        QueryError: if there is no word for a slot.
    """
    missing = find_slots(template) - words.keys()
    if missing:
        raise QueryError(f"template {template!r} has slots without a word: {', '.join(sorted(missing))}")
    filled = _SLOT.sub(lambda slot: words[slot[1]], template)
    settled = _ARTICLE.sub(lambda article: "an " if _VOWEL_SOUND.match(article[1]) else "a ", filled)
    return settled[0].upper() + settled[1:] if settled.endswith(".") else settled


def join_phrases(phrases: Sequence[str]) -> str:
    """Join phrases by commas and a last "and", the short ones first, those with "with" last and under one "with"."""
    ordered = sorted(phrases, key=lambda phrase: (phrase.startswith(_WITH), phrase.count(" ")))
    first = next((i for i, phrase in enumerate(ordered) if phrase.startswith(_WITH)), len(ordered))
    ordered[first + 1 :] = [phrase.removeprefix(_WITH) for phrase in ordered[first + 1 :]]
    return " and ".join([", ".join(ordered[:-1]), ordered[-1]] if len(ordered) > 1 else ordered)
