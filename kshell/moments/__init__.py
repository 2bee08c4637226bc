"""Parses and prints moments by the patterns of Java's DateTimeFormatter.

This module handles one moment at a time, `moments.columns` whole columns.  `formats.source` reads
TIMESTAMP_FORMAT with it, and KSQL's functions of time use it.  A text that does not fit its pattern
raises a ValueError that says where.
"""

from __future__ import annotations

from kshell.durations import DAY_MS
from kshell.moments.elements import Reading
from kshell.moments.fields import Moment
from kshell.moments.pattern import elements_of
from kshell.moments.resolve import Resolved, local_seconds, resolve
from kshell.moments.zones import UTC_ZONE, Zone, zone_of

__all__ = ["days_of_date", "format_date", "format_time", "format_timestamp", "millis_of",
           "millis_of_day", "zone_of"]  # fmt: skip

_OF_DATES = frozenset(("Era", "Year", "MonthOfYear", "DayOfMonth", "DayOfYear", "DayOfWeek",
                       "AlignedDayOfWeekInMonth"))  # fmt: skip


def _parse(pattern: str, text: str) -> Resolved:
    reading, at = Reading(), 0
    for element in elements_of(pattern):
        end = element.parse(text, at, reading)
        if end < 0:
            raise ValueError(f"Text '{text}' could not be parsed at index {~end}")
        at = end
    if at < len(text):
        raise ValueError(
            f"Text '{text}' could not be parsed, unparsed text found at index {at}"
        )
    try:
        return resolve(reading)
    except ValueError as error:
        raise ValueError(f"Text '{text}' could not be parsed: {error}") from None


def millis_of(pattern: str, text: str, zone: Zone = UTC_ZONE) -> int:
    """Milliseconds since 1970 of a text; missing parts are those of 1970-01-01 00:00.

    `zone` is used if the text names none.  Raises ValueError.

    >>> millis_of("yyyy-MM-dd'T'HH:mm:ssX", "1970-01-02T00:00:00+01")
    82800000
    >>> millis_of("MMM-yyyy", "jan-1971")
    31536000000
    """
    found = _parse(pattern, text)
    second, nanos = local_seconds(found)
    whole = found.days is not None and found.nanos is not None
    if found.offset is not None and (whole or found.zone is None):
        offset = found.offset
    elif found.zone is not None:
        offset = found.zone.offset_of_local(second, None if whole else _first_offset(found.zone))
    else:
        offset = zone.offset_of_local(second, _first_offset(zone))
    millis = (second - offset) * 1000 + nanos // 1_000_000
    if not -(2**63) <= millis < 2**63:
        raise ValueError(f"Text '{text}' is too far from 1970")
    return millis


def _first_offset(zone: Zone) -> int:
    """The zone's offset at 1970-01-01, which a moment keeps if its local time has two."""
    return zone.offset_of_local(0)


def days_of_date(pattern: str, text: str) -> int:
    """Days since 1970 of a text with a complete date.  Raises ValueError."""
    found = _parse(pattern, text)
    if found.days is None:
        raise ValueError(f"Text '{text}' could not be parsed: it has no whole date")
    return found.days


def millis_of_day(pattern: str, text: str) -> int:
    """Milliseconds of the day of a text with a time and without a date.  Raises ValueError.

    >>> millis_of_day("hh:mm a", "01:00 Pm")
    46800000
    """
    found = _parse(pattern, text)
    if found.days is not None or found.rest.keys() & _OF_DATES:
        raise ValueError("Time format contains date field.")
    if found.nanos is None:
        raise ValueError(f"Text '{text}' could not be parsed: it has no time")
    return found.nanos // 1_000_000


def _show(pattern: str, moment: Moment) -> str:
    return "".join(element.show(moment) for element in elements_of(pattern))


def format_date(pattern: str, days: int) -> str:
    """A date, days since 1970, as text.  Raises ValueError for a pattern that needs more.

    >>> format_date("dd-MMM-yyyy", 18993)
    '01-Jan-2022'
    """
    return _show(pattern, Moment(days=days))


def format_time(pattern: str, millis: int) -> str:
    """A time, milliseconds of the day, as text."""
    return _show(pattern, Moment(nanos=millis * 1_000_000))


def format_timestamp(pattern: str, millis: int, zone: Zone = UTC_ZONE) -> str:
    """A moment, milliseconds since 1970, as text in a zone.

    >>> format_timestamp("HH:mm zzz", 1526075913000, zone_of("America/Los_Angeles"))
    '14:58 PDT'
    """
    second = millis // 1000
    offset = zone.offset_at(second)
    days, of_day = divmod(millis + offset * 1000, DAY_MS)
    return _show(pattern, Moment(days, of_day * 1_000_000, zone, offset, second))
