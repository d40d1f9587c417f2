"""Templates to sentences: slots are filled with words, and "a(n)" becomes "a" or "an" by the word that follows."""

import re
from collections.abc import Mapping

from paraclap.errors import QueryError

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"a\(n\) (?=(\S+))")
_VOWEL_SOUND = re.compile(r"(?!uni[cfqstv]|union|use|usu|eu|one)[aeiou]|hour|honest|heir", re.IGNORECASE)


def find_slots(template: str) -> frozenset[str]:
    """Return the names of a template's slots."""
    return frozenset(_SLOT.findall(template))


def fill_template(template: str, words: Mapping[str, str]) -> str:
    """Fill the slots of a template and settle its articles.

    Raises:
        QueryError: if there is no word for a slot.
    """
    missing = find_slots(template) - words.keys()
    if missing:
        raise QueryError(f"template {template!r} has slots without a word: {', '.join(sorted(missing))}")
    filled = _SLOT.sub(lambda slot: words[slot[1]], template)
    return _ARTICLE.sub(lambda article: "an " if _VOWEL_SOUND.match(article[1]) else "a ", filled)
