"""Makes a date, a time and a zone from parsed fields, as Java's smart resolver does.

Days after a month's end become its last day, 24:00 is the next midnight, and fields that contradict
each other are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kshell.moments.calendar import (
    civil,
    day_of_week,
    day_of_year,
    days_of,
    is_leap,
    month_length,
    week_of_month,
    week_start_offset,
)
from kshell.moments.elements import Reading
from kshell.moments.fields import DATE_FIELDS, NANOS_OF_DAY, TIME_FIELDS, check
from kshell.moments.offsets import OFFSET
from kshell.moments.zones import Zone

__all__ = ["Resolved", "local_seconds", "resolve"]


@dataclass(slots=True)
class Resolved:
    """A date (days), a time (nanoseconds of the day), the fields left over, and the zone."""

    days: int | None
    nanos: int | None
    rest: dict[str, int]
    zone: Zone | None
    offset: int | None


class _Fields(dict[str, int]):
    def derive(self, name: str, value: int) -> None:
        if self.setdefault(name, value) != value:
            raise ValueError(f"Conflict found: {name} {self[name]} differs from {name} {value}")


def resolve(reading: Reading) -> Resolved:
    """Raises ValueError for fields that are impossible or contradict each other."""
    fields = _Fields(reading.fields)
    offset = fields.pop(OFFSET, None)
    if offset is not None and abs(offset) > 18 * 3600:
        raise ValueError("Zone offset not in valid range: -18:00 to +18:00")
    days = _date(fields)
    nanos, excess = _time(fields)
    if days is not None:
        _agree(fields, DATE_FIELDS, days)
        if nanos is not None:
            days += excess
    if nanos is not None:
        _agree(fields, TIME_FIELDS, nanos)
    return Resolved(days, nanos, fields, reading.zone, offset)


def _agree(fields: _Fields, table: Mapping[str, Callable[[int], int]], value: int) -> None:
    for name in [n for n in fields if n in table]:
        found = table[name](value)
        if found != fields[name]:
            raise ValueError(f"Conflict found: {name} {found} differs from {name} {fields[name]}")
        del fields[name]


def _date(fields: _Fields) -> int | None:
    if "YearOfEra" in fields:
        year = check("YearOfEra", fields.pop("YearOfEra"))
        era = fields.pop("Era", None)
        if era is None:
            era = 0 if fields.get("Year", 1) <= 0 else 1
        fields.derive("Year", year if era else 1 - year)
    if "Year" in fields and "MonthOfYear" in fields and "DayOfMonth" in fields:
        year = check("Year", fields.pop("Year"))
        month = check("MonthOfYear", fields.pop("MonthOfYear"))
        day = check("DayOfMonth", fields.pop("DayOfMonth"))
        return days_of(year, month, min(day, month_length(year, month)))
    if "Year" in fields and "DayOfYear" in fields:
        year = check("Year", fields.pop("Year"))
        day = check("DayOfYear", fields.pop("DayOfYear"))
        if day == 366 and not is_leap(year):
            raise ValueError(f"Invalid date 'DayOfYear 366' as '{year}' is not a leap year")
        return days_of(year, 1, 1) + day - 1
    return _week_date(fields)


def _week_date(fields: _Fields) -> int | None:
    if "LocalDayOfWeek" in fields:
        local = check("LocalDayOfWeek", fields.pop("LocalDayOfWeek"))
        fields["DayOfWeek"] = (local + 5) % 7 + 1
    if "DayOfWeek" not in fields:
        return None
    weekday = check("DayOfWeek", fields["DayOfWeek"]) % 7 + 1
    if {"Year", "MonthOfYear", "WeekOfMonth"} <= fields.keys():
        month = check("MonthOfYear", fields.pop("MonthOfYear"))
        first = days_of(check("Year", fields.pop("Year")), month, 1)
        week = check("WeekOfMonth", fields.pop("WeekOfMonth")) - week_of_month(first)
        del fields["DayOfWeek"]
        return first + week * 7 + weekday - (day_of_week(first) % 7 + 1)
    if {"WeekBasedYear", "WeekOfWeekBasedYear"} <= fields.keys():
        year = check("WeekBasedYear", fields.pop("WeekBasedYear"))
        week = check("WeekOfWeekBasedYear", fields.pop("WeekOfWeekBasedYear"))
        del fields["DayOfWeek"]
        first = days_of(year, 1, 1)
        offset = week_start_offset(1, day_of_week(first) % 7 + 1)
        after = (7 + offset + 365 + is_leap(year)) // 7
        return first - offset + weekday - 1 + (min(week, after - 1) - 1) * 7
    return None


_CLOCK = (("ClockHourOfDay", "HourOfDay", 24), ("ClockHourOfAmPm", "HourOfAmPm", 12))
_UNITS = (("HourOfDay", 3600 * 10**9), ("MinuteOfHour", 60 * 10**9), ("SecondOfMinute", 10**9),
          ("NanoOfSecond", 1))  # fmt: skip


def _time(fields: _Fields) -> tuple[int | None, int]:
    """(nanoseconds of the day, days that 24:00 adds)."""
    for clock, hour, top in _CLOCK:
        if clock in fields:
            value = fields.pop(clock)
            if value:
                check(clock, value)
            fields.derive(hour, 0 if value == top else value)
    if "AmPmOfDay" in fields and "HourOfAmPm" in fields:
        half = check("AmPmOfDay", fields.pop("AmPmOfDay"))
        fields.derive("HourOfDay", half * 12 + check("HourOfAmPm", fields.pop("HourOfAmPm")))
    for whole, nanos in (("NanoOfDay", 1), ("MilliOfDay", 1_000_000)):
        if whole in fields:
            value = check(whole, fields.pop(whole)) * nanos
            for name, unit in _UNITS:
                fields.derive(name, value // unit)
                value %= unit
    parts = [fields.get(name) for name, _ in _UNITS]
    if "AmPmOfDay" in fields and parts == [None] * 4:  # the middle of the half
        parts[0] = check("AmPmOfDay", fields.pop("AmPmOfDay")) * 12 + 6
    # Smaller parts may be missing at the end, not in the middle.
    known = [p is not None for p in parts]
    if not known[0] or known != sorted(known, reverse=True):
        for name in fields.keys() & TIME_FIELDS.keys():
            check(name, fields[name])
        return None, 0
    values = [p or 0 for p in parts]
    for name, _ in _UNITS:
        fields.pop(name, None)
    if values == [24, 0, 0, 0]:
        return 0, 1
    pairs = zip(_UNITS, values, strict=True)
    return sum(check(name, value) * unit for (name, unit), value in pairs), 0


def local_seconds(found: Resolved) -> tuple[int, int]:
    """(seconds since 1970 on the local clock, nanoseconds); missing parts are those of 1970-01-01.

    Raises ValueError for day 366 without a year.
    """
    days = _default_date(found.rest) if found.days is None else found.days
    nanos = _default_time(found.rest) if found.nanos is None else found.nanos
    return days * 86_400 + nanos // 10**9, nanos % 10**9


def _default_date(rest: dict[str, int]) -> int:
    """1970-01-01 with the given fields put in one after the other."""
    days = 0
    if "DayOfWeek" in rest:
        days += check("DayOfWeek", rest["DayOfWeek"]) - day_of_week(days)
    if "AlignedDayOfWeekInMonth" in rest:
        days += check("AlignedDayOfWeekInMonth", rest["AlignedDayOfWeekInMonth"]) - (
            DATE_FIELDS["AlignedDayOfWeekInMonth"](days)
        )
    if "DayOfMonth" in rest:
        year, month, _ = civil(days)
        day = check("DayOfMonth", rest["DayOfMonth"])
        if day > month_length(year, month):
            raise ValueError(f"Invalid date: {year}-{month}-{day}")
        days = days_of(year, month, day)
    if "DayOfYear" in rest:
        day = check("DayOfYear", rest["DayOfYear"])
        if day == 366:
            raise ValueError("Leap day cannot be parsed without supplying the year field")
        days += day - day_of_year(days)
    year, month, day = civil(days)
    month = check("MonthOfYear", rest.get("MonthOfYear", month))
    day = min(day, month_length(year, month))
    year = check("Year", rest.get("Year", year))
    if rest.get("Era", int(year > 0)) != int(year > 0):
        check("Era", rest["Era"])
        year = 1 - year
    return days_of(year, month, min(day, month_length(year, month)))


def _default_time(rest: dict[str, int]) -> int:
    """Midnight with the given fields."""
    hour = rest.get("HourOfDay", rest.get("HourOfAmPm", 0))
    hour = hour % 12 + 12 * rest["AmPmOfDay"] if "AmPmOfDay" in rest else hour
    total = hour * 3600 * 10**9
    for name, unit in _UNITS[1:]:
        total += rest.get(name, 0) * unit
    return total % NANOS_OF_DAY
