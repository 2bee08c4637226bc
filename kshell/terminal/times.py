"""Moments as text for people: in local time, in UTC, or as the numbers that they are.

`cells` asks for columns of TIMESTAMP and for BIGINT columns that `types.is_moment` knows.  Each
text ends in its offset from UTC, so that it means one moment, also when pasted into a statement.
"""

from __future__ import annotations

import time
from enum import Enum

import numpy as np
import pyarrow as pa

from kshell.types import is_moment
from kshell.value_texts import raw_texts

__all__ = ["Times", "is_time", "time_texts"]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_STEP = 900  # seconds: offsets from UTC change at such times only
_NONE = -1  # the timestamp of a record that has none


class Times(Enum):
    """The values of `kshell.times`."""

    LOCAL = "local"
    UTC = "utc"
    NUMBER = "number"


def is_time(field: pa.Field, times: Times) -> bool:
    """Whether a column's values are shown as moments."""
    return times is not Times.NUMBER and (is_moment(field) or pa.types.is_timestamp(field.type))


def _offset(second: int) -> int:
    """The local offset from UTC, in seconds; 0 beyond the system's calendar."""
    try:
        return time.localtime(second).tm_gmtoff
    except (OverflowError, OSError, ValueError):
        return 0


def _sign(offset: int) -> str:
    """The offset as in ISO 8601, as short as it can be.

    >>> _sign(3600), _sign(-12600)
    ('+01', '-03:30')
    """
    minutes, seconds = divmod(abs(offset), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{'-' if offset < 0 else '+'}{hours:02d}"
    return text + (f":{minutes:02d}" if minutes or seconds else "") + (
        f":{seconds:02d}" if seconds else ""
    )  # fmt: skip


def time_texts(column: pa.Array, times: Times) -> list[str | None]:
    """A column of moments as text: BIGINT in milliseconds, or TIMESTAMP.

    >>> time_texts(pa.array([0, None, -1]), Times.UTC)
    ['1970-01-01 00:00:00.000Z', None, '-1']
    """
    unit = column.type.unit if pa.types.is_timestamp(column.type) else "ms"
    numbers = column.cast(pa.int64())
    values = np.asarray(numbers.fill_null(0))
    per = _PER_SECOND[unit]
    if times is Times.UTC:
        shifted, signs = values, ["Z"] * len(values)
    else:
        steps, at = np.unique(values // (per * _STEP), return_inverse=True)
        offsets = [_offset(int(step) * _STEP) for step in steps]
        shifted = values + np.asarray(offsets, np.int64)[at] * per
        named = [_sign(offset) for offset in offsets]
        signs = [named[n] for n in at]
    made = pa.array(shifted).cast(pa.timestamp(unit)).cast(pa.string()).to_pylist()
    texts: list[str | None] = [text + sign for text, sign in zip(made, signs, strict=True)]
    odd = column.null_count or any(text[0] == "<" for text in made)
    if odd or (values == _NONE).any():
        plain = raw_texts(column)
        keep = {None} | ({str(_NONE)} if pa.types.is_int64(column.type) else set())
        texts = [
            p if p in keep or m[0] == "<" else t
            for t, m, p in zip(texts, made, plain, strict=True)
        ]
    return texts
