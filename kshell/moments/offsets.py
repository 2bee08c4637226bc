"""Offsets and zones in a pattern: X x Z O z V v.

`pattern` makes these elements from its letters; `layout`, `lenient` and `resolve` check their
types.
"""

from __future__ import annotations

from dataclasses import dataclass

from kshell.moments.elements import Reading, same_text
from kshell.moments.fields import Moment, Unsupported
from kshell.moments.zones import (
    UTC_ZONE,
    Zone,
    fixed_zone,
    offset_id,
    zone_ids,
    zone_names,
    zone_of,
    zones_by_name,
)

__all__ = ["OFFSET", "GenericName", "LocalizedOffset", "Offset", "ZoneId", "ZoneName"]

OFFSET = "OffsetSeconds"


def _zone_of(moment: Moment) -> Zone:
    if moment.zone is None:
        raise Unsupported("Unable to extract ZoneId from temporal")
    return moment.zone


def _two(text: str, at: int, colon: str, most: int = 59) -> tuple[int, int]:
    """(number, position after it) of a colon and two digits; -1 if they are not there."""
    if colon:
        if text[at : at + 1] != colon:
            return 0, -1
        at += 1
    part = text[at : at + 2]
    if len(part) < 2 or not part.isascii() or not part.isdigit() or int(part) > most:
        return 0, -1
    return int(part), at + 2


@dataclass(frozen=True, slots=True)
class Offset:
    """+HH, then minutes and seconds: each `no`, `maybe` (if not zero) or `yes`."""

    zero: str
    colon: str
    minutes: str
    seconds: str

    def show(self, moment: Moment) -> str:
        _zone_of(moment)
        total = abs(moment.offset)
        hours, minutes, seconds = total // 3600 % 100, total // 60 % 60, total % 60
        if total == 0:
            return self.zero
        text, shown = f"{'-' if moment.offset < 0 else '+'}{hours:02}", hours
        if self.minutes == "yes" or (self.minutes == "maybe" and minutes):
            text += f"{self.colon}{minutes:02}"
            shown += minutes
            if self.seconds == "maybe" and seconds:
                text += f"{self.colon}{seconds:02}"
                shown += seconds
        return text if shown else self.zero

    def parse(self, text: str, at: int, reading: Reading) -> int:
        if at >= len(text):
            return ~at
        if same_text(text, at, self.zero):
            return reading.put(OFFSET, 0, at, at + len(self.zero))
        sign = text[at]
        if sign not in "+-":
            return ~at
        hours, end = _two(text, at + 1, "")
        if end < 0:
            return ~at
        minutes = seconds = 0
        if self.minutes != "no":
            minutes, after = _two(text, end, self.colon)
            if after < 0 and self.minutes == "yes":
                return ~at
            end = after if after > 0 else end
            if self.seconds != "no":
                seconds, last = _two(text, end, self.colon)
                end = last if last > 0 else end
        if hours > 23:
            raise ValueError("Value out of range: Hour[0-23], Minute[0-59], Second[0-59]")
        total = hours * 3600 + minutes * 60 + seconds
        return reading.put(OFFSET, -total if sign == "-" else total, at, end)


@dataclass(frozen=True, slots=True)
class LocalizedOffset:
    """GMT+8, or GMT+08:00 if `full`."""

    full: bool

    def show(self, moment: Moment) -> str:
        _zone_of(moment)
        total = abs(moment.offset)
        if total == 0:
            return "GMT"
        sign = "-" if moment.offset < 0 else "+"
        hours, minutes, seconds = total // 3600 % 100, total // 60 % 60, total % 60
        text = f"GMT{sign}{hours:02}:{minutes:02}" if self.full else f"GMT{sign}{hours}"
        if not self.full and (minutes or seconds):
            text += f":{minutes:02}"
        return f"{text}:{seconds:02}" if seconds else text

    def parse(self, text: str, at: int, reading: Reading) -> int:
        if not same_text(text, at, "GMT"):
            return ~at
        start, at = at, at + 3
        sign = text[at : at + 1]
        if sign not in ("+", "-"):
            return reading.put(OFFSET, 0, start, at)
        at += 1
        digits = text[at : at + (2 if self.full else 1)]
        if not digits or not (digits.isascii() and digits.isdigit()):
            return ~start
        if self.full and len(digits) < 2:
            return ~start
        if not self.full and text[at + 1 : at + 2] in tuple("0123456789"):
            digits += text[at + 1]
        hours, at = int(digits), at + len(digits)
        minutes = seconds = 0
        if self.full or text[at : at + 1] == ":":
            minutes, after = _two(text, at, ":", 99)
            if after < 0 and self.full:
                return ~start
            at = after if after > 0 else at
            seconds, after = _two(text, at, ":", 99)
            at = after if after > 0 else at
        total = hours * 3600 + minutes * 60 + seconds
        return reading.put(OFFSET, -total if sign == "-" else total, start, at)


def _parse_zone(text: str, at: int, reading: Reading, names: dict[str, str], longest: int) -> int:
    """A zone by offset, by prefix and offset, or by the longest name that stands there."""
    if at >= len(text):
        return ~at
    upper = text[at : at + 4].upper()
    if upper[0] in "+-":
        return _prefixed(text, at, at, reading)
    if upper.startswith("UT"):
        return _prefixed(text, at, at + (3 if upper.startswith("UTC") else 2), reading)
    if upper == "GMT0":
        reading.zone = Zone("GMT0", 0)
        return at + 4
    if upper.startswith("GMT"):
        return _prefixed(text, at, at + 3, reading)
    part = text[at : at + longest].lower()
    for length in range(len(part), 0, -1):
        id = names.get(part[:length])
        if id is not None:
            reading.zone = zone_of(id)
            return at + length
    if upper[0] == "Z":
        reading.zone = UTC_ZONE
        return at + 1
    return ~at


def _prefixed(text: str, start: int, at: int, reading: Reading) -> int:
    prefix = text[start:at].upper()
    bare = fixed_zone(prefix, 0) if prefix else None
    if bare is not None and text[at : at + 1].upper() in ("", "0", "Z"):
        reading.zone = bare
        return at
    inner = Reading()
    end = Offset("Z" if bare is None else "0", ":", "yes", "maybe").parse(text, at, inner)
    if end < 0:
        if bare is None:
            return ~start
        reading.zone = bare
        return at
    total = inner.fields[OFFSET]
    if abs(total) > 18 * 3600:
        raise ValueError("Zone offset not in valid range: -18:00 to +18:00")
    reading.zone = fixed_zone(prefix, total)
    return end


def _name(moment: Moment, length: str, which: int) -> str:
    """The zone's name: `which` is 0 for standard, 1 for daylight saving, 2 for both."""
    zone = _zone_of(moment)
    names = None if zone.is_offset else zone_names(zone.id)
    if names is not None:
        return (names.short if length == "short" else names.long)[which]
    if zone.id not in zone_ids():
        return zone.id
    return "GMT" + (offset_id(moment.offset) if moment.offset else "")


@dataclass(frozen=True, slots=True)
class ZoneId:
    """VV: Europe/London."""

    def show(self, moment: Moment) -> str:
        return _zone_of(moment).id

    def parse(self, text: str, at: int, reading: Reading) -> int:
        ids = {id.lower(): id for id in zone_ids()}
        return _parse_zone(text, at, reading, ids, 40)


@dataclass(frozen=True, slots=True)
class ZoneName:
    """z: PDT; zzzz: Pacific Daylight Time."""

    length: str

    def show(self, moment: Moment) -> str:
        daylight = _zone_of(moment).is_daylight_at(moment.second)
        return _name(moment, self.length, int(daylight))

    def parse(self, text: str, at: int, reading: Reading) -> int:
        return _parse_zone(text, at, reading, zones_by_name(self.length), 60)


@dataclass(frozen=True, slots=True)
class GenericName:
    """v: PT; vvvv: Pacific Time."""

    length: str

    def show(self, moment: Moment) -> str:
        return _name(moment, self.length, 2)

    def parse(self, text: str, at: int, reading: Reading) -> int:
        return _parse_zone(text, at, reading, zones_by_name(self.length), 60)
