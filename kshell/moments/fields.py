"""The fields of a date and a time, under Java's names, and their values for a moment.

`elements` print and parse them, `resolve` puts parsed ones together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kshell.moments.calendar import civil, day_of_week, day_of_year, week_of, week_of_month
from kshell.moments.zones import Zone

__all__ = ["DATE_FIELDS", "NANOS_OF_DAY", "RANGES", "TIME_FIELDS", "Moment", "Unsupported",
           "check"]  # fmt: skip

NANOS_OF_DAY = 86_400_000_000_000
_YEARS = 999_999_999

RANGES: dict[str, tuple[int, int]] = {
    "Era": (0, 1), "YearOfEra": (1, _YEARS + 1), "Year": (-_YEARS, _YEARS),
    "MonthOfYear": (1, 12), "DayOfMonth": (1, 31), "DayOfYear": (1, 366), "DayOfWeek": (1, 7),
    "AlignedDayOfWeekInMonth": (1, 7), "QuarterOfYear": (1, 4), "LocalDayOfWeek": (1, 7),
    "WeekOfMonth": (0, 6), "WeekOfWeekBasedYear": (1, 53), "WeekBasedYear": (-_YEARS, _YEARS),
    "AmPmOfDay": (0, 1), "HourOfDay": (0, 23), "ClockHourOfDay": (1, 24), "HourOfAmPm": (0, 11),
    "ClockHourOfAmPm": (1, 12), "MinuteOfHour": (0, 59), "SecondOfMinute": (0, 59),
    "NanoOfSecond": (0, 999_999_999), "MilliOfDay": (0, 86_399_999),
    "NanoOfDay": (0, NANOS_OF_DAY - 1),
}  # fmt: skip


class Unsupported(ValueError):
    """The moment does not have the field: a date has no hour."""


def check(field: str, value: int) -> int:
    """The value; ValueError if the field cannot have it."""
    low, high = RANGES[field]
    if not low <= value <= high:
        raise ValueError(f"Invalid value for {field} (valid values {low} - {high}): {value}")
    return value


def _alike(days: int) -> int:
    return (civil(days)[2] - 1) % 7 + 1


DATE_FIELDS: dict[str, Callable[[int], int]] = {
    "Era": lambda d: int(civil(d)[0] > 0),
    "YearOfEra": lambda d: civil(d)[0] if civil(d)[0] > 0 else 1 - civil(d)[0],
    "Year": lambda d: civil(d)[0],
    "MonthOfYear": lambda d: civil(d)[1],
    "DayOfMonth": lambda d: civil(d)[2],
    "DayOfYear": day_of_year,
    "DayOfWeek": day_of_week,
    "AlignedDayOfWeekInMonth": _alike,
    "QuarterOfYear": lambda d: (civil(d)[1] + 2) // 3,
    "LocalDayOfWeek": lambda d: day_of_week(d) % 7 + 1,
    "WeekOfMonth": week_of_month,
    "WeekOfWeekBasedYear": lambda d: week_of(d)[1],
    "WeekBasedYear": lambda d: week_of(d)[0],
}

_SECOND, _MINUTE, _HOUR = 10**9, 60 * 10**9, 3600 * 10**9

TIME_FIELDS: dict[str, Callable[[int], int]] = {
    "AmPmOfDay": lambda n: n // (12 * _HOUR),
    "HourOfDay": lambda n: n // _HOUR,
    "ClockHourOfDay": lambda n: n // _HOUR or 24,
    "HourOfAmPm": lambda n: n // _HOUR % 12,
    "ClockHourOfAmPm": lambda n: n // _HOUR % 12 or 12,
    "MinuteOfHour": lambda n: n // _MINUTE % 60,
    "SecondOfMinute": lambda n: n // _SECOND % 60,
    "NanoOfSecond": lambda n: n % _SECOND,
    "MilliOfDay": lambda n: n // 1_000_000,
    "NanoOfDay": lambda n: n,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment to print: a date (days), a time (nanoseconds of the day), or both in a zone."""

    days: int | None = None
    nanos: int | None = None
    zone: Zone | None = None
    offset: int = 0  # seconds, where there is a zone
    second: int = 0  # since 1970, where there is a zone

    def get(self, field: str) -> int:
        """The field's value; raises Unsupported."""
        if self.days is not None and field in DATE_FIELDS:
            return DATE_FIELDS[field](self.days)
        if self.nanos is not None and field in TIME_FIELDS:
            return TIME_FIELDS[field](self.nanos)
        raise Unsupported(f"Unsupported field: {field}")
