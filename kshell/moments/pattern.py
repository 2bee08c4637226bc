"""Java's date-time patterns (`yyyy-MM-dd'T'HH:mm:ss[.SSS]X`) as elements.

Source of the letters, widths and adjacent numbers: the reference of java.time's DateTimeFormatter,
as Java 11 has it.  Locale en-US: English words, weeks from Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from kshell.moments.elements import Element, Fraction, Literal, Number, Optional, Pad, Reduced, Text
from kshell.moments.offsets import GenericName, LocalizedOffset, Offset, ZoneId, ZoneName

__all__ = ["elements_of"]

_FIXED, _EXCEEDS = "not negative", "exceeds pad"
_STYLES = {3: "short", 4: "full", 5: "narrow"}
_TOKEN = re.compile(r"(?P<run>([A-Za-z])\2*)|'(?P<quoted>(?:[^']|'')*)'|(?P<other>.)", re.DOTALL)

Make = Callable[[int], Element | None]


def _year(field: str) -> Make:
    def make(count: int) -> Element:
        if count == 2:
            return Reduced(field, 2, 2, _FIXED)
        return Number(field, count, 19, "normal" if count < 4 else _EXCEEDS)

    return make


def _words(field: str) -> Make:
    def make(count: int) -> Element | None:
        if count in _STYLES:
            return Text(field, _STYLES[count])
        return _number(2)(field)(count)

    return make


def _weekday(field: str, two: bool) -> Make:
    def make(count: int) -> Element | None:
        if count in _STYLES:
            return Text("DayOfWeek", _STYLES[count])
        if field == "DayOfWeek":
            return Text(field, "short") if count < 3 else None
        fits = count == 1 or (count == 2 and two)
        return Number(field, count, count, _FIXED) if fits else None

    return make


def _number(most: int) -> Callable[[str], Make]:
    def of(field: str) -> Make:
        def make(count: int) -> Element | None:
            if count > most:
                return None
            return Number(field) if count == 1 else Number(field, count, count, _FIXED)

        return make

    return of


def _era(count: int) -> Element | None:
    return Text("Era", _STYLES[max(count, 3)]) if count <= 5 else None


def _day_of_year(count: int) -> Element | None:
    if count == 1:
        return Number("DayOfYear")
    return Number("DayOfYear", count, 3, _FIXED) if count <= 3 else None


def _long(field: str) -> Make:
    return lambda count: Number(field, count, 19, _FIXED) if count <= 19 else None


def _week(field: str, most: int) -> Make:
    return lambda count: Number(field, count, most, _FIXED) if count <= most else None


def _week_year(count: int) -> Element:
    if count == 2:
        return Reduced("WeekBasedYear", 2, 2, _FIXED)
    return Number("WeekBasedYear", count, 19, "normal" if count < 4 else _EXCEEDS)


_ISO = {1: ("", "maybe", "no"), 2: ("", "yes", "no"), 3: (":", "yes", "no"),
        4: ("", "yes", "maybe"), 5: (":", "yes", "maybe")}  # fmt: skip


def _offset_x(count: int) -> Element | None:
    zero = "+00" if count == 1 else "+0000" if count % 2 == 0 else "+00:00"
    return Offset(zero, *_ISO[count]) if count <= 5 else None


def _offset_z(count: int) -> Element | None:
    if count < 4:
        return Offset("+0000", "", "yes", "no")
    if count == 4:
        return LocalizedOffset(full=True)
    return Offset("Z", ":", "yes", "maybe") if count == 5 else None


_LETTERS: dict[str, Make] = {
    "G": _era, "u": _year("Year"), "y": _year("YearOfEra"), "Y": _week_year,
    "Q": _words("QuarterOfYear"), "q": _words("QuarterOfYear"),
    "M": _words("MonthOfYear"), "L": _words("MonthOfYear"),
    "w": _week("WeekOfWeekBasedYear", 2), "W": _week("WeekOfMonth", 1),
    "D": _day_of_year, "d": _number(2)("DayOfMonth"), "F": _number(1)("AlignedDayOfWeekInMonth"),
    "E": _weekday("DayOfWeek", True), "e": _weekday("LocalDayOfWeek", True),
    "c": _weekday("LocalDayOfWeek", False),
    "a": lambda count: Text("AmPmOfDay", "short") if count == 1 else None,
    "H": _number(2)("HourOfDay"), "k": _number(2)("ClockHourOfDay"),
    "K": _number(2)("HourOfAmPm"), "h": _number(2)("ClockHourOfAmPm"),
    "m": _number(2)("MinuteOfHour"), "s": _number(2)("SecondOfMinute"),
    "S": lambda n: Fraction("NanoOfSecond", n, n, _FIXED) if n <= 9 else None,
    "A": _long("MilliOfDay"), "n": _long("NanoOfSecond"), "N": _long("NanoOfDay"),
    "V": lambda count: ZoneId() if count == 2 else None,
    "v": lambda count: GenericName({1: "short", 4: "long"}[count]) if count in (1, 4) else None,
    "z": lambda count: ZoneName("long" if count == 4 else "short") if count <= 4 else None,
    "O": lambda count: LocalizedOffset(full=count == 4) if count in (1, 4) else None,
    "X": lambda count: Offset("Z", *_ISO[count]) if count <= 5 else None,
    "x": _offset_x, "Z": _offset_z,
}  # fmt: skip


@dataclass(slots=True)
class _Group:
    """The elements of one […], and the place of a number that shares digits with the next."""

    parts: list[Element]
    open: int = -1

    def add(self, part: Element) -> None:
        self.parts.append(part)
        self.open = -1

    def add_number(self, part: Number) -> None:
        """Add a number; numbers with nothing between them share their digits: yyyyMMdd."""
        if self.open < 0:
            self.parts.append(part)
            self.open = len(self.parts) - 1
            return
        base = self.parts[self.open]
        assert isinstance(base, Number)
        if part.least == part.most and part.sign == _FIXED:
            self.parts[self.open] = base.widened(part.most)
            self.parts.append(replace(part, fixed=True))
        else:
            self.parts[self.open] = replace(base, fixed=True)
            self.parts.append(part)
            self.open = len(self.parts) - 1


@lru_cache(maxsize=512)
def elements_of(pattern: str) -> tuple[Element, ...]:
    """The pattern's elements; raises ValueError for a pattern that Java refuses.

    >>> [type(e).__name__ for e in elements_of("yyyy[-MM]")]
    ['Number', 'Optional']
    """
    groups = [_Group([])]
    at, pad = 0, 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None or match["other"] == "'":
            raise ValueError(f"Pattern ends with an incomplete string literal: {pattern}")
        at = match.end()
        run, quoted, other = match["run"], match["quoted"], match["other"]
        if run is not None and run[0] == "p":
            if at >= len(pattern) or not pattern[at].isalpha() or not pattern[at].isascii():
                raise ValueError(
                    f"Pad letter 'p' must be followed by valid pad pattern: {pattern}"
                )
            pad = len(run)
        elif run is not None:
            _add_field(groups[-1], _element(run), pad)
            pad = 0
        elif quoted is not None:
            groups[-1].add(Literal(quoted.replace("''", "'") or "'"))
        elif other == "[":
            groups[-1].open = -1
            groups.append(_Group([]))
        elif other == "]":
            if len(groups) == 1:
                raise ValueError(f"Pattern invalid as it contains ] without previous [: {pattern}")
            _close(groups)
        elif other in "{}#":
            raise ValueError(f"Pattern includes reserved character: '{other}'")
        else:
            groups[-1].add(Literal(other))
    while len(groups) > 1:
        _close(groups)
    return tuple(groups[0].parts)


def _close(groups: list[_Group]) -> None:
    group = groups.pop()
    if group.parts:
        groups[-1].add(Optional(tuple(group.parts)))


def _element(run: str) -> Element:
    make = _LETTERS.get(run[0])
    if make is None:
        raise ValueError(f"Unknown pattern letter: {run[0]}")
    found = make(len(run)) if len(run) <= 19 else None
    if found is None:
        raise ValueError(f"Too many pattern letters: {run[0]}")
    return found


def _add_field(group: _Group, element: Element, pad: int) -> None:
    if pad:
        group.add(Pad(element, pad))
    elif isinstance(element, Number):
        group.add_number(element)
    else:
        group.add(element)
