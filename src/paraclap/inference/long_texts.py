"""Texts of more tokens than a text tower takes: what is cut off them, and the warning that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SHOWN = 40  # characters of a text that a message quotes


class TextCutWarning(UserWarning):
    """Say that a text has more tokens than the text tower takes, so that a part of it is not read."""


@dataclass(frozen=True)
class CutText:
    """Hold a text that is cut: its tokens and those that the tower takes, special ones included, and what is lost."""

    text: str
    num_tokens: int
    max_tokens: int
    lost: str

    def describe(self) -> str:
        """Say it in one sentence."""
        return (
            f"the text {_shorten(self.text)!r} has {self.num_tokens} tokens, the text tower takes {self.max_tokens}: "
            f"{_shorten(self.lost)!r} is cut off (said once, also where more texts are too long)"
        )


def find_cut_text(tokenizer: Any, texts: Sequence[str], max_tokens: int | None) -> CutText | None:
    """Return the first text that is cut; None if there is none.

    Args:
        tokenizer: of transformers, fast or slow.
        texts: to be cut by it.
        max_tokens: that the text tower takes, special ones included; None if it takes any number.
    """
    if max_tokens is None:
        return None
    num_kept = max_tokens - tokenizer.num_special_tokens_to_add()
    all_ids = tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    for text, ids in zip(texts, all_ids, strict=True):
        if len(ids) > num_kept:
            lost = ids[:-num_kept] if tokenizer.truncation_side == "left" else ids[num_kept:]
            return CutText(text, max_tokens + len(lost), max_tokens, tokenizer.decode(lost))
    return None


def find_overflow(tokenizer: Any, texts: Sequence[str], max_tokens: int | None) -> CutText | None:
    """Do as `find_cut_text` with a tokenizer of the package tokenizers, which is set to cut."""
    if max_tokens is None:
        return None
    for text, encoding in zip(texts, tokenizer.encode_batch(list(texts)), strict=True):
        spans = [
            span
            for part in encoding.overflowing
            for span, is_special in zip(part.offsets, part.special_tokens_mask, strict=True)
            if not is_special
        ]
        if spans:
            lost = text[min(begin for begin, _ in spans) : max(end for _, end in spans)]
            return CutText(text, max_tokens + len(spans), max_tokens, lost)
    return None


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}..."
