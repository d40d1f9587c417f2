"""How numbers and names of a result are written on a page."""

import math
from typing import Protocol
from unicodedata import category

MISSING = "n/a"
_NAMES = {
    "uar": "UAR",
    "wa": "WA",
    "macro_f1": "macro-F1",
    "largest_share": "largest predicted share",
    "auroc": "AUROC",
    "spearman": "Spearman's rho",
}
_UNITS = {"spearman": "-1 to 1"}
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # of Unicode: control, format, half a pair, breaks of lines and paragraphs
_KEPT = "\n\u200c\u200d"  # the last two join letters or part them, as scripts need it


class Bounded(Protocol):
    """Have a value and an interval."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""


def name_metric(key: str) -> str:
    """Return how people call a metric."""
    return _NAMES.get(key, key.replace("_", " "))


def name_axis(key: str) -> str:
    """Return the name of a metric with the range that its values are in."""
    return f"{name_metric(key)} ({_UNITS.get(key, '0 to 1')})"


def format_number(value: float | None, *, digits: int = 3) -> str:
    """Return a number with so many decimals; an empty text for None, and `MISSING` for what is no number."""
    if value is None:
        return ""
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else MISSING  # no minus before a zero


def format_metric(metric: Bounded | None, *, digits: int = 3) -> str:
    """Return a value with its interval; an empty text for None."""
    if metric is None:
        return ""
    low, high = (format_number(bound, digits=digits) for bound in (metric.low, metric.high))
    return f"{format_number(metric.value, digits=digits)} ({low}{' to ' if '-' in low + high else '-'}{high})"


def format_certain(metric: Bounded | None, *, digits: int = 3) -> str:
    """Return a value, with its interval unless it is a point: what guessing reaches is known."""
    if metric is not None and metric.low == metric.high == metric.value:
        return format_number(metric.value, digits=digits)
    return format_metric(metric, digits=digits)


def format_change(change: Bounded | None) -> str:
    """Return a difference with its sign and its interval; an empty text for None."""
    if change is None:
        return ""
    low, high = format_number(change.low), format_number(change.high)
    sign = "+" if change.value > 0 and format_number(change.value) != format_number(0.0) else ""
    return f"{sign}{format_number(change.value)} ({low} to {high})"


def format_count(number: int | None) -> str:
    """Return a count; a question mark where nobody knows it."""
    return "?" if number is None else str(number)


def shorten(text: str, length: int) -> str:
    """Return a text of at most so many characters, with dots where it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def clean(text: str) -> str:
    """Return a text that shows all it holds: control characters, those of direction too, as codes; line breaks stay."""
    return "".join(ascii(one)[1:-1] if category(one) in _HIDDEN and one not in _KEPT else one for one in text)
