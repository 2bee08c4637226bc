"""Whole columns for patterns whose numbers and words vary in width: `d/M/yyyy h:mm a`.

Arrow's regular expressions find the parts; `layout` makes days and milliseconds of them.  It marks
rows that do not fit, and the caller does those one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.moments.elements import Element, Fraction, Literal, Number, Reduced, Text
from kshell.moments.layout import Bools, Ints, assembled, is_complete
from kshell.moments.names import texts
from kshell.moments.offsets import Offset
from kshell.moments.pattern import elements_of

__all__ = ["Lenient", "lenient_of"]

_NUMBERS = {
    "Year": "Year", "YearOfEra": "Year", "MonthOfYear": "MonthOfYear", "DayOfMonth": "DayOfMonth",
    "HourOfDay": "HourOfDay", "ClockHourOfAmPm": "ClockHourOfAmPm", "MinuteOfHour": "MinuteOfHour",
    "SecondOfMinute": "SecondOfMinute", "NanoOfSecond": "NanoOfSecond",
}  # fmt: skip
_WORDS = ("MonthOfYear", "AmPmOfDay")


@dataclass(frozen=True, slots=True)
class _Part:
    """A regular expression, the field of its text, and how to scale and shift the value."""

    regex: str
    field: str = ""
    scale: int = 1
    base: int = 0
    words: tuple[str, ...] = ()  # the value is the text's position among them


def _part(element: Element) -> _Part | None:
    match element:
        case Literal() if element.text.isascii():
            return _Part(re.escape(element.text))
        case Offset(zero="Z"):
            return _Part("Z")
        case Text() if element.field in _WORDS:
            pairs = sorted(texts(element.field, element.style)[0].items())
            words = tuple(word.lower() for _, word in pairs)
            if len(set(words)) < len(words):
                return None  # the first letter is the same for several months
            return _Part(f"({'|'.join(words)})", element.field, 1, pairs[0][0], words)
        case Number() if element.field not in _NUMBERS or element.fixed or element.following:
            return None
        case Reduced(field="Year" | "YearOfEra"):
            return _Part(r"(\d{2})", "Year", 1, 2000)
        case Fraction():
            return _Part(f"(\\d{{{element.least}}})", "NanoOfSecond", 10 ** (9 - element.least))
        case Number(field="Year" | "YearOfEra", least=4):
            return _Part(r"(\d{4})", "Year")
        case Number(least=2, most=2):
            return _Part(r"(\d{2})", _NUMBERS[element.field])
        case Number(least=1, most=19) if element.field != "NanoOfSecond":
            return _Part(r"(\d{1,6})", _NUMBERS[element.field])
    return None


@lru_cache(maxsize=256)
def lenient_of(pattern: str) -> Lenient | None:
    """The pattern's expression, or None if it has more than plain parts.

    >>> lenient_of("d/M/yyyy").fields == {"DayOfMonth", "MonthOfYear", "Year"}
    True
    """
    parts, after_number, utc = [], False, False
    for element in elements_of(pattern):
        part = _part(element)
        if part is None or (after_number and (part.regex[:2] == "(\\" or part.regex[0].isdigit())):
            return None
        after_number = part.regex.startswith("(\\")
        utc = utc or isinstance(element, Offset)
        parts.append(part)
    names = [p.field for p in parts if p.field]
    halves = {"ClockHourOfAmPm", "AmPmOfDay"} & set(names)
    fields = frozenset(n for n in names if n not in ("ClockHourOfAmPm", "AmPmOfDay"))
    if len(halves) == 2 and "HourOfDay" not in fields:
        fields |= {"HourOfDay"}
    elif halves:
        return None
    if len(set(names)) < len(names) or not is_complete(fields):
        return None
    return Lenient(tuple(parts), fields, utc)


@dataclass(frozen=True, slots=True)
class Lenient:
    """A pattern's parts; `utc` means that it has an offset, which must be Z."""

    parts: tuple[_Part, ...]
    fields: frozenset[str]
    utc: bool

    def read(self, column: pa.Array) -> tuple[Ints, Ints, Bools]:
        """(days, milliseconds of the day, whether the row was read) of strings without nulls."""
        taken = [part for part in self.parts if part.field]
        places = iter(range(len(taken)))
        regex = "".join(
            p.regex.replace("(", f"(?P<f{next(places)}>", 1) if p.field else p.regex
            for p in self.parts
        )
        found = pc.extract_regex(column, pattern=f"(?i)^(?:{regex})$")
        good = np.asarray(found.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        values = {
            part.field: _value(part, pc.struct_field(found, f"f{place}"))
            for place, part in enumerate(taken)
        }
        if "AmPmOfDay" in values:
            hour = values.pop("ClockHourOfAmPm")
            good &= (hour >= 1) & (hour <= 12)
            values["HourOfDay"] = hour % 12 + 12 * values.pop("AmPmOfDay")
        days, of_day = assembled(values, good)
        return days, of_day, good


def _value(part: _Part, column: pa.Array) -> Any:
    if part.words:
        lower = pc.utf8_lower(column.fill_null(""))
        number = pc.index_in(lower, value_set=pa.array(part.words)).fill_null(0)
    else:
        number = pc.cast(column.fill_null("0"), pa.int64())
    plain = np.asarray(number.to_numpy(zero_copy_only=False), np.int64)
    return plain * part.scale + part.base
