"""Time zones by Java's identifiers: their offsets, and their English names.

`offsets` prints and parses them; `resolve` asks for the offset of a local time.  The rules are
those of Python's `zoneinfo`, the names of `zone_names.toml`.
"""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources

from kshell.moments.calendar import days_of

__all__ = ["UTC_ZONE", "Names", "Zone", "fixed_zone", "offset_id", "year_offsets", "zone_ids",
           "zone_names", "zone_of", "zones_by_name"]  # fmt: skip

_CYCLE = 12_622_780_800  # seconds in 400 years, after which the calendar repeats
_FIRST, _LAST = -62_135_510_400, 253_402_214_400  # one day inside the range of datetime
_EPOCH = datetime(1970, 1, 1)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d\d)(?::?(\d\d))?)?")
_PREFIXED = re.compile(r"(UTC|GMT|UT)([+-].+)")
_NOT_JAVA = frozenset(("EST", "MST", "HST", "ROC", "localtime", "Factory", "posixrules"))
# For tzdata, these zones have "daylight saving" of -1 h in winter; Java has it in summer.
_REVERSED = frozenset(("Europe/Dublin", "Eire", "Africa/Casablanca", "Africa/El_Aaiun"))


def offset_id(seconds: int) -> str:
    """An offset's name in Java.

    >>> offset_id(0), offset_id(19800), offset_id(-3661)
    ('Z', '+05:30', '-01:01:01')
    """
    if seconds == 0:
        return "Z"
    rest = abs(seconds)
    text = f"{'-' if seconds < 0 else '+'}{rest // 3600:02}:{rest // 60 % 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone with rules, or with one `fixed` offset in seconds."""

    id: str
    fixed: int | None = None
    is_offset: bool = False  # +01:00 itself, not a region with a fixed offset

    def offset_at(self, second: int) -> int:
        """Seconds east of UTC at the instant (seconds since 1970)."""
        if self.fixed is not None:
            return self.fixed
        moment = (_EPOCH + timedelta(seconds=_held(second))).replace(tzinfo=UTC)
        return _seconds(moment.astimezone(_rules(self.id)).utcoffset())

    def is_daylight_at(self, second: int) -> bool:
        """Whether the zone has daylight saving at the instant."""
        if self.fixed is not None:
            return False
        if self.id in _REVERSED:
            return self.offset_at(second) == 3600
        moment = (_EPOCH + timedelta(seconds=_held(second))).replace(tzinfo=UTC)
        return bool(moment.astimezone(_rules(self.id)).dst())

    def offset_of_local(self, second: int, preferred: int | None = None) -> int:
        """The offset of a local time (seconds since 1970 on the wall's clock).

        In a gap, the offset before it, because Java moves such a time forward; in an overlap, the
        preferred offset if it is one of the two, else the earlier.
        """
        if self.fixed is not None:
            return self.fixed
        local = (_EPOCH + timedelta(seconds=_held(second))).replace(tzinfo=_rules(self.id))
        before = _seconds(local.utcoffset())
        after = _seconds(local.replace(fold=1).utcoffset())
        return after if after < before and preferred == after else before


def _held(second: int) -> int:
    """The second, moved by whole cycles of the calendar into the range of datetime."""
    if second < _FIRST:
        return _FIRST
    return second if second <= _LAST else _LAST - _CYCLE + (second - _LAST) % _CYCLE


def _seconds(offset: timedelta | None) -> int:
    assert offset is not None
    return offset.days * 86_400 + offset.seconds


@cache
def _rules(id: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(id)


@cache
def zone_ids() -> frozenset[str]:
    """The regions that Java knows."""
    return frozenset(zoneinfo.available_timezones() - _NOT_JAVA)


def fixed_zone(prefix: str, seconds: int) -> Zone:
    """`UTC+01:00` and the like; without a prefix, the offset itself."""
    if not prefix:
        return Zone(offset_id(seconds), seconds, is_offset=True)
    return Zone(prefix + (offset_id(seconds) if seconds else ""), seconds)


UTC_ZONE = fixed_zone("", 0)


@cache
def zone_of(id: str) -> Zone:
    """The zone of an identifier: `Europe/London`, `Z`, `+01:00`, `UTC`, `GMT+2`.

    Raises ValueError for one that Java does not have.

    >>> zone_of("GMT+2").id, zone_of("+0530").fixed
    ('GMT+02:00', 19800)
    """
    if id in ("Z", "z"):
        return UTC_ZONE
    if id in ("UTC", "GMT", "UT"):
        return Zone(id, 0)
    prefixed = _PREFIXED.fullmatch(id)
    prefix, text = (prefixed[1], prefixed[2]) if prefixed else ("", id)
    match = _OFFSET.fullmatch(text)
    if match is not None:
        hours, minutes, seconds = (int(g or 0) for g in match.groups()[1:])
        total = hours * 3600 + minutes * 60 + seconds
        if total > 18 * 3600 or minutes > 59 or seconds > 59:
            raise ValueError(f"Zone offset not in valid range: {id}")
        return fixed_zone(prefix, -total if match[1] == "-" else total)
    if id not in zone_ids():
        raise ValueError(f"Unknown time-zone ID: {id}")
    return Zone(id)


@dataclass(frozen=True, slots=True)
class Names:
    """A zone's names: (standard, daylight, generic), short and long."""

    short: tuple[str, str, str]
    long: tuple[str, str, str]


@cache
def _table() -> dict[str, list[list[str]]]:
    text = resources.files("kshell.moments").joinpath("zone_names.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _names() -> dict[str, Names]:
    found = {}
    for *names, ids in _table()["zones"]:
        entry = Names((names[0], names[1], names[2]), (names[3], names[4], names[5]))
        found.update(dict.fromkeys(ids.split(), entry))
    return found


@lru_cache(maxsize=4096)
def year_offsets(zone: Zone, year: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(instants, offsets from each of them on) of a year in UTC; the first instant is its start.

    It looks up offsets day by day, and finds the time of a change by halving the day.
    """
    start, stop = days_of(year, 1, 1) * 86_400, days_of(year + 1, 1, 1) * 86_400
    instants, offsets = [start], [zone.offset_at(start)]
    for day in range(start, stop, 86_400):
        low, high, after = day, day + 86_400, zone.offset_at(day + 86_400)
        if after == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if zone.offset_at(middle) == after else (middle, high)
        if high < stop:
            instants.append(high)
            offsets.append(after)
    return tuple(instants), tuple(offsets)


def zone_names(id: str) -> Names | None:
    """The zone's names, or None if it has no own names."""
    return _names().get(id)


@cache
def zones_by_name(length: str) -> dict[str, str]:
    """Lower-case name → zone, of the `short` or `long` names; also identifiers of named zones."""
    found = {id.lower(): id for id in _names()}
    for id, names in _table()[length]:
        found.update(dict.fromkeys(names.lower().split("|"), id))
    return found
