"""Columns of moments: from Arrow to Arrow, with numpy if the pattern allows it.

KSQL's functions of time call these with one pattern and zone for a whole column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.durations import DAY_MS
from kshell.moments import format_date, format_time, format_timestamp, millis_of, millis_of_day
from kshell.moments.layout import (
    Bools,
    Ints,
    Layout,
    civil_columns,
    is_complete,
    layout_of,
)
from kshell.moments.lenient import Lenient, lenient_of
from kshell.moments.pattern import elements_of
from kshell.moments.zones import UTC_ZONE, Zone, year_offsets

__all__ = ["format_dates", "format_times", "format_timestamps", "millis_of_days", "millis_of_texts",
           "millis_or_null", "offsets_at"]  # fmt: skip


def _patched(fast: Any, column: Any, good: Bools, slow: Callable[[Any], Any]) -> pa.Array:
    """The fast result, with the rows that it lacks done one by one; nulls stay."""
    if bool(good.all()):
        return fast
    values = fast.to_pylist()
    for row in np.flatnonzero(~good).tolist():
        cell = column[row].as_py()
        values[row] = None if cell is None else slow(cell)
    return pa.array(values, fast.type)


def _each(column: pa.Array, slow: Callable[[Any], Any], type: pa.DataType) -> pa.Array:
    return pa.array([None if v is None else slow(v) for v in column.to_pylist()], type)


def _reader(pattern: str) -> Layout | Lenient | None:
    layout = layout_of(pattern)
    if layout is not None and is_complete(layout.fields):
        return layout
    return lenient_of(pattern)


def millis_of_texts(pattern: str, column: pa.Array, zone: Zone = UTC_ZONE) -> pa.Array:
    """`millis_of` for each text: int64.  Raises ValueError for the first text that does not fit."""
    return _millis(pattern, column, zone, lambda text: millis_of(pattern, text, zone))


def millis_or_null(pattern: str, column: pa.Array) -> pa.Array:
    """`millis_of` in UTC for each text that fits the pattern, NULL for the others: int64.

    Raises ValueError for a pattern that Java refuses.
    """
    elements_of(pattern)

    def slow(text: str) -> int | None:
        try:
            return millis_of(pattern, text)
        except ValueError:
            return None

    return _millis(pattern, column, UTC_ZONE, slow)


def _millis(
    pattern: str, column: pa.Array, zone: Zone, slow: Callable[[str], int | None]
) -> pa.Array:
    reader = _reader(pattern)
    if reader is None:
        return _each(column, slow, pa.int64())
    days, of_day, good = reader.read(column.fill_null(""))
    local = days * DAY_MS + of_day
    offsets, sure = _offsets_of_local(local // 1000, UTC_ZONE if reader.utc else zone)
    return _patched(pa.array(local - offsets * 1000, pa.int64()), column, good & sure, slow)


def millis_of_days(pattern: str, column: pa.Array) -> pa.Array:
    """`millis_of_day` for each text: int64."""

    def slow(text: str) -> int:
        return millis_of_day(pattern, text)

    reader = _reader(pattern)
    if reader is None or "Year" in reader.fields:
        return _each(column, slow, pa.int64())
    _, of_day, good = reader.read(column.fill_null(""))
    return _patched(pa.array(of_day, pa.int64()), column, good, slow)


def format_timestamps(pattern: str, column: pa.Array, zone: Zone = UTC_ZONE) -> pa.Array:
    """`format_timestamp` for each of int64 milliseconds."""

    def slow(millis: int) -> str:
        return format_timestamp(pattern, millis, zone)

    layout = layout_of(pattern)
    if layout is None or (layout.utc and zone.fixed != 0):
        return _each(column, slow, pa.string())
    millis = column.fill_null(0).to_numpy(zero_copy_only=False)
    days, of_day = np.divmod(millis + offsets_at(millis // 1000, zone) * 1000, DAY_MS)
    fast, written = layout.write(days, of_day)
    return _patched(fast, column, written & ~_nulls(column), slow)


def _nulls(column: pa.Array) -> Bools:
    return np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), np.bool_)


def offsets_at(seconds: Ints, zone: Zone) -> Ints:
    """The zone's offset, in seconds, at each of the instants (seconds since 1970)."""
    if zone.fixed is not None:
        return np.full(len(seconds), zone.fixed, np.int64)
    years = civil_columns(seconds // 86_400)[0]
    out = np.empty(len(seconds), np.int64)
    for year in np.unique(years).tolist():
        instants, offsets = year_offsets(zone, year)
        rows = np.flatnonzero(years == year)
        found = np.searchsorted(np.array(instants), seconds[rows], side="right") - 1
        out[rows] = np.array(offsets, np.int64)[found]
    return out


def _offsets_of_local(seconds: Ints, zone: Zone) -> tuple[Ints, Bools]:
    """The offsets of local times, and where they are certain: not within a day of a change."""
    before = offsets_at(seconds - 86_400, zone)
    return before, before == offsets_at(seconds + 86_400, zone)


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
