"""Columns of moments: Arrow in, Arrow out, with numpy where the pattern allows.

KSQL's functions of time call these with one pattern and zone for a whole column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.moments import format_date, format_time, format_timestamp, millis_of, millis_of_day
from kshell.moments.layout import Bools, Ints, layout_of
from kshell.moments.zones import UTC_ZONE, Zone

__all__ = ["format_dates", "format_times", "format_timestamps", "millis_of_days", "millis_of_texts"]

_DAY = 86_400_000
_HOUR = 3_600_000


def _patched(fast: Any, column: Any, good: Bools, slow: Callable[[Any], Any]) -> pa.Array:
    """The fast answer with the rows that it could not do done one by one; nulls stay."""
    if bool(good.all()):
        return fast
    values = fast.to_pylist()
    for row in np.flatnonzero(~good).tolist():
        cell = column[row].as_py()
        values[row] = None if cell is None else slow(cell)
    return pa.array(values, fast.type)


def _each(column: pa.Array, slow: Callable[[Any], Any], type: pa.DataType) -> pa.Array:
    return pa.array([None if v is None else slow(v) for v in column.to_pylist()], type)


def millis_of_texts(pattern: str, column: pa.Array, zone: Zone = UTC_ZONE) -> pa.Array:
    """`millis_of` for each text: int64.  Raises ValueError for the first that does not fit."""

    def slow(text: str) -> int:
        return millis_of(pattern, text, zone)

    layout = layout_of(pattern)
    if layout is None or not layout.has_date or (zone.fixed is None and not layout.utc):
        return _each(column, slow, pa.int64())
    days, of_day, good = layout.read(column.fill_null(""))
    shift = 0 if layout.utc else (zone.fixed or 0) * 1000
    fast = pa.array(days * _DAY + of_day - shift, pa.int64())
    return _patched(fast, column, good, slow)


def millis_of_days(pattern: str, column: pa.Array) -> pa.Array:
    """`millis_of_day` for each text: int64."""

    def slow(text: str) -> int:
        return millis_of_day(pattern, text)

    layout = layout_of(pattern)
    if layout is None or layout.fields & {"Year", "MonthOfYear", "DayOfMonth"}:
        return _each(column, slow, pa.int64())
    _, of_day, good = layout.read(column.fill_null(""))
    return _patched(pa.array(of_day, pa.int64()), column, good, slow)


def format_timestamps(pattern: str, column: pa.Array, zone: Zone = UTC_ZONE) -> pa.Array:
    """`format_timestamp` for each of int64 milliseconds."""

    def slow(millis: int) -> str:
        return format_timestamp(pattern, millis, zone)

    layout = layout_of(pattern)
    if layout is None or (layout.utc and zone.fixed != 0):
        return _each(column, slow, pa.string())
    millis = column.fill_null(0).to_numpy(zero_copy_only=False)
    shift, good = _shifts(millis, zone)
    days, of_day = np.divmod(millis + shift, _DAY)
    fast, written = layout.write(days, of_day)
    return _patched(fast, column, good & written & ~_nulls(column), slow)


def _nulls(column: pa.Array) -> Bools:
    return np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), np.bool_)


def _shifts(millis: Ints, zone: Zone) -> tuple[Any, Bools]:
    """Milliseconds to add for the zone's clock, and where they are known.

    Offsets are looked up by hours: an hour that begins and ends with the same one has it all along.
    """
    everywhere = np.ones(len(millis), np.bool_)
    if zone.fixed is not None:
        return zone.fixed * 1000, everywhere
    hours, places = np.unique(millis // _HOUR, return_inverse=True)
    pairs = [(zone.offset_at(h * 3600), zone.offset_at(h * 3600 + 3599)) for h in hours.tolist()]
    first, last = np.array(pairs, np.int64).reshape(-1, 2).T
    return first[places] * 1000, (first == last)[places]


def format_dates(pattern: str, column: pa.Array) -> pa.Array:
    """`format_date` for each of date32."""

    def slow(days: int) -> str:
        return format_date(pattern, days)

    numbers = column.cast(pa.int32())
    layout = layout_of(pattern)
    if layout is None or layout.has_time or layout.utc:
        return _each(numbers, slow, pa.string())
    days = numbers.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    fast, written = layout.write(days, np.zeros(len(days), np.int64))
    return _patched(fast, numbers, written & ~_nulls(column), slow)


def format_times(pattern: str, column: pa.Array) -> pa.Array:
    """`format_time` for each of int64 milliseconds of the day."""

    def slow(millis: int) -> str:
        return format_time(pattern, millis)

    layout = layout_of(pattern)
    if layout is None or layout.utc or layout.fields & {"Year", "MonthOfYear", "DayOfMonth"}:
        return _each(column, slow, pa.string())
    of_day = column.fill_null(0).to_numpy(zero_copy_only=False)
    fast, _ = layout.write(np.zeros(len(of_day), np.int64), of_day)
    return _patched(fast, column, ~_nulls(column), slow)
