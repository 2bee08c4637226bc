"""KSQL's functions of time over columns; the patterns and zones are Java's.

The rows of `library/times.toml` name these.  NULL in any argument gives NULL; a text that does not
fit its pattern, or a pattern with an hour for a date, raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from kshell.durations import DAY_MS
from kshell.moments import columns as moments
from kshell.moments import days_of_date
from kshell.moments.zones import zone_of
from kshell.sql.java.columns import by_constants, over_columns
from kshell.types import DATE, INTEGER, STRING, TIME, TIMESTAMP

__all__ = ["convert_tz", "date_to_string", "format_date", "format_millis", "format_millis_in",
           "format_time", "format_timestamp", "format_timestamp_in", "parse_date",
           "parse_millis", "parse_millis_in", "parse_time", "parse_timestamp",
           "parse_timestamp_in", "string_to_date"]  # fmt: skip

_GMT = "GMT"  # the zone in which ksqlDB prints a TIMESTAMP if none is given
_BIGINT = pa.int64()


def _explained(what: str, call: Callable[[], pa.Array]) -> pa.Array:
    try:
        return call()
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def _parse(texts: pa.Array, patterns: pa.Array, zones: pa.Array | None) -> pa.Array:
    zone_column = [] if zones is None else [zones]

    def done(column: pa.Array, pattern: str, zone: str = "UTC") -> pa.Array:
        what = f"Failed to parse timestamp at timezone '{zone}' with formatter '{pattern}'"
        return _explained(
            what, lambda: moments.millis_of_texts(pattern, column, zone_of(zone))
        )

    return by_constants(done, texts, patterns, *zone_column, type=_BIGINT)


def _format(millis: pa.Array, patterns: pa.Array, zones: pa.Array | None, zone: str) -> pa.Array:
    zone_column = [] if zones is None else [zones]

    def done(column: pa.Array, pattern: str, zone: str = zone) -> pa.Array:
        what = f"Failed to format timestamp with formatter '{pattern}'"
        return _explained(
            what, lambda: moments.format_timestamps(pattern, column, zone_of(zone))
        )

    return by_constants(done, millis, patterns, *zone_column, type=STRING)


@over_columns
def parse_timestamp(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    """PARSE_TIMESTAMP in UTC."""
    return _parse(texts, patterns, None).cast(TIMESTAMP)


@over_columns
def parse_timestamp_in(texts: pa.Array, patterns: pa.Array, zones: pa.Array) -> pa.Array:
    """PARSE_TIMESTAMP in a zone, if the text has none."""
    return _parse(texts, patterns, zones).cast(TIMESTAMP)


@over_columns
def parse_millis(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    """STRINGTOTIMESTAMP."""
    return _parse(texts, patterns, None)


@over_columns
def parse_millis_in(texts: pa.Array, patterns: pa.Array, zones: pa.Array) -> pa.Array:
    """STRINGTOTIMESTAMP in a zone."""
    return _parse(texts, patterns, zones)


@over_columns
def format_timestamp(values: pa.Array, patterns: pa.Array) -> pa.Array:
    """FORMAT_TIMESTAMP in GMT."""
    return _format(values.cast(_BIGINT), patterns, None, _GMT)


@over_columns
def format_timestamp_in(values: pa.Array, patterns: pa.Array, zones: pa.Array) -> pa.Array:
    """FORMAT_TIMESTAMP in a zone."""
    return _format(values.cast(_BIGINT), patterns, zones, _GMT)


@over_columns
def format_millis(values: pa.Array, patterns: pa.Array) -> pa.Array:
    """TIMESTAMPTOSTRING in UTC."""
    return _format(values, patterns, None, "UTC")


@over_columns
def format_millis_in(values: pa.Array, patterns: pa.Array, zones: pa.Array) -> pa.Array:
    """TIMESTAMPTOSTRING in a zone."""
    return _format(values, patterns, zones, "UTC")


@over_columns
def parse_date(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    """PARSE_DATE: missing parts are those of 1970-01-01; a time of day is an error."""

    def done(column: pa.Array, pattern: str) -> pa.Array:
        what = f"Failed to parse date with formatter '{pattern}'"
        millis = _explained(what, lambda: moments.millis_of_texts(pattern, column))
        days = pc.cast(pc.floor(pc.divide(pc.cast(millis, pa.float64()), float(DAY_MS))), _BIGINT)
        if not pc.all(pc.equal(pc.multiply(days, DAY_MS), millis), min_count=0).as_py():
            raise ValueError(f"{what}: Date format contains time field.")
        return days.cast(INTEGER).cast(DATE)

    return by_constants(done, texts, patterns, type=DATE)


@over_columns
def format_date(values: pa.Array, patterns: pa.Array) -> pa.Array:
    """FORMAT_DATE."""

    def done(column: pa.Array, pattern: str) -> pa.Array:
        what = f"Failed to format date with formatter '{pattern}'"
        return _explained(what, lambda: moments.format_dates(pattern, column))

    return by_constants(done, values, patterns, type=STRING)


@over_columns
def date_to_string(days: pa.Array, patterns: pa.Array) -> pa.Array:
    """DATETOSTRING: days since 1970."""
    return format_date(days.cast(DATE), patterns)


@over_columns
def string_to_date(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    """STRINGTODATE: days since 1970 of a text with a complete date."""

    def done(column: pa.Array, pattern: str) -> pa.Array:
        cells = column.to_pylist()
        what = f"Failed to parse date with formatter '{pattern}'"
        return _explained(
            what,
            lambda: pa.array(
                [None if c is None else days_of_date(pattern, c) for c in cells], INTEGER
            ),
        )

    return by_constants(done, texts, patterns, type=INTEGER)


@over_columns
def parse_time(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    """PARSE_TIME: a date in the text is an error."""

    def done(column: pa.Array, pattern: str) -> pa.Array:
        what = f"Failed to parse time with formatter '{pattern}'"
        millis = _explained(what, lambda: moments.millis_of_days(pattern, column))
        return millis.cast(pa.int32()).cast(TIME)

    return by_constants(done, texts, patterns, type=TIME)


@over_columns
def format_time(values: pa.Array, patterns: pa.Array) -> pa.Array:
    """FORMAT_TIME."""

    def done(column: pa.Array, pattern: str) -> pa.Array:
        millis = column.cast(TIME).cast(pa.int32()).cast(_BIGINT)
        what = f"Failed to format time with formatter '{pattern}'"
        return _explained(what, lambda: moments.format_times(pattern, millis))

    return by_constants(done, values, patterns, type=STRING)


@over_columns
def convert_tz(values: pa.Array, sources: pa.Array, targets: pa.Array) -> pa.Array:
    """CONVERT_TZ: moves a timestamp by the difference of the two zones at that instant."""

    def done(column: pa.Array, source: str, target: str) -> pa.Array:
        seconds = column.fill_null(0).to_numpy(zero_copy_only=False) // 1000
        before = moments.offsets_at(seconds, zone_of(source))
        apart = moments.offsets_at(seconds, zone_of(target)) - before
        return pc.add(column, pa.array(apart * 1000, _BIGINT))

    return by_constants(
        done, values.cast(_BIGINT), sources, targets, type=_BIGINT
    ).cast(TIMESTAMP)
