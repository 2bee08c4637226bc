"""Days and their fields in the proleptic Gregorian calendar, for any year.

Python's datetime has only the years 1 to 9999; Java's dates have more.  Days are counted from
1970-01-01, months from 1, days of the week from Monday = 1.
"""

from __future__ import annotations

__all__ = ["civil", "day_of_week", "day_of_year", "days_of", "is_leap", "month_length",
           "week_of", "week_of_month", "week_start_offset"]  # fmt: skip

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_of(year: int, month: int, day: int) -> int:
    """The day's number.

    >>> days_of(1970, 1, 1), days_of(2000, 2, 29), days_of(0, 1, 1)
    (0, 11016, -719528)
    """
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def civil(days: int) -> tuple[int, int, int]:
    """(year, month, day).

    >>> civil(-719528), civil(11016)
    ((0, 1, 1), (2000, 2, 29))
    """
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def is_leap(year: int) -> bool:
    """Whether the year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """How many days the month has."""
    return 29 if month == 2 and is_leap(year) else _LENGTHS[month - 1]


def day_of_week(days: int) -> int:
    """Monday is 1, Sunday is 7."""
    return (days + 3) % 7 + 1


def day_of_year(days: int) -> int:
    """The day of the year, from 1."""
    return days - days_of(civil(days)[0], 1, 1) + 1


def week_start_offset(day: int, weekday: int) -> int:
    """The distance of the first complete week from the start, if `day` falls on `weekday` (Sunday =
    1).

    Weeks are as in the United States: they begin on Sunday, and a week of one day counts.
    """
    start = (day - weekday) % 7
    return 7 - start if start else 0


def _week(offset: int, day: int) -> int:
    return (7 + offset + day - 1) // 7


def week_of_month(days: int) -> int:
    """The week of the month, from 1."""
    day = civil(days)[2]
    return _week(week_start_offset(day, day_of_week(days) % 7 + 1), day)


def week_of(days: int) -> tuple[int, int]:
    """(week-based year, week of it)."""
    year = civil(days)[0]
    day = day_of_year(days)
    offset = week_start_offset(day, day_of_week(days) % 7 + 1)
    week, after = _week(offset, day), _week(offset, 366 + is_leap(year))
    return (year + 1, week - after + 1) if week >= after else (year, week)
