"""English words for months, days, eras, quarters and halves of the day, in Java's lengths.

The elements of a pattern print and read them.
"""

from __future__ import annotations

from functools import cache

__all__ = ["texts"]

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
           "September", "October", "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _counted(words: tuple[str, ...]) -> dict[int, str]:
    return dict(enumerate(words, 1))


def _cut(words: tuple[str, ...], length: int) -> dict[int, str]:
    return _counted(tuple(w[:length] for w in words))


_WORDS: dict[str, dict[str, dict[int, str]]] = {
    "MonthOfYear": {
        "short": _cut(_MONTHS, 3), "full": _counted(_MONTHS), "narrow": _cut(_MONTHS, 1),
    },
    "DayOfWeek": {"short": _cut(_DAYS, 3), "full": _counted(_DAYS), "narrow": _cut(_DAYS, 1)},
    "Era": {
        "short": {0: "BC", 1: "AD"}, "full": {0: "Before Christ", 1: "Anno Domini"},
        "narrow": {0: "B", 1: "A"},
    },
    "AmPmOfDay": {"short": {0: "AM", 1: "PM"}},
    "QuarterOfYear": {
        "short": _counted(("Q1", "Q2", "Q3", "Q4")),
        "full": _counted(("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")),
        "narrow": _counted(("1", "2", "3", "4")),
    },
}  # fmt: skip


@cache
def texts(field: str, style: str) -> tuple[dict[int, str], list[tuple[str, int]]]:
    """(value → word, the words from long to short with their values).

    If two values have the same word, it means the later one, as in Java.
    """
    words = _WORDS[field][style]
    back = {word: value for value, word in words.items()}
    return words, sorted(back.items(), key=lambda pair: -len(pair[0]))
