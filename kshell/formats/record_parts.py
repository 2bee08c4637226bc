"""Parts of a record that are made of others: a windowed key's bounds, and a time in a column.

`source_reader` loads it for sources that have these: others do not wait for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Source, WindowType
from kshell.formats.primitive import numbers_of, numbers_to

__all__ = ["no_times", "split_window", "time_of", "with_window"]

_TIME = 8  # bytes behind a key: a window's start; a session's has its end before it


def no_times(made: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the milliseconds are no time."""
    return np.asarray(pc.less(made, pa.scalar(0, pa.int64())).fill_null(True))


def time_of(source: Source) -> Callable[[pa.Array], pa.Array] | None:
    """How the source's time column gives milliseconds, NULL where it gives none."""
    if not source.timestamp_column:
        return None
    if not source.timestamp_format:
        return lambda column: column.cast(pa.int64())
    from kshell.moments.columns import millis_or_null

    pattern = source.timestamp_format
    return lambda column: millis_or_null(pattern, column)


def split_window(
    keys: pa.Array, source: Source
) -> tuple[pa.Array, tuple[pa.Array, pa.Array], list[int]]:
    """Keys without their windows, the windows' (starts, ends), and the rows too short for one."""
    assert source.window is not None
    session = source.window.type is WindowType.SESSION
    tail = 2 * _TIME if session else _TIME
    long = pc.greater_equal(pc.binary_length(keys), tail)
    short = np.flatnonzero(np.asarray(pc.invert(long).fill_null(False))).tolist()
    keys = pc.if_else(long, keys, pa.scalar(None, pa.binary()))
    starts = numbers_of(pc.binary_slice(keys, -_TIME, None), pa.int64())
    if session:
        ends = numbers_of(pc.binary_slice(keys, -2 * _TIME, -_TIME), pa.int64())
    else:
        ends = pc.add(starts, source.window.size_ms or 0)
    return pc.binary_slice(keys, 0, -tail), (starts, ends), short


def with_window(
    keys: pa.Array, window: tuple[pa.Array, pa.Array], source: Source
) -> pa.Array:
    """Keys with their windows behind them."""
    session = source.window is not None and source.window.type is WindowType.SESSION
    start, end = map(numbers_to, window)
    parts = [keys.fill_null(b""), *([end] if session else []), start]
    return pc.binary_join_element_wise(*parts, b"")
