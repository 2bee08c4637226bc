"""Compares the records that queries wrote with those that a case expects.

For each topic that the case names: the same number of records, in the same order, with the same
key, value, window, timestamp and headers.  JSON values are compared as values: 1.0 is 1, the order
of an object's fields does not matter.  A column that is NULL may be left out, as in ksqlDB's runner
(its readers see no difference; "post" checks which columns there are).  Inside a column's value, a
missing field differs from a field that is null.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kshell.cases.model import Record

__all__ = ["difference", "same"]


_LEAST_NORMAL = sys.float_info.min


def same(actual: Any, expected: Any) -> bool:
    """Whether two JSON values are the same value.

    >>> same({"a": 1.0, "b": [None]}, {"b": [None], "a": 1}), same("1", 1)
    (True, False)
    """
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, Mapping):
        return (
            isinstance(actual, Mapping)
            and actual.keys() == expected.keys()
            and all(same(actual[k], v) for k, v in expected.items())
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(expected)
            and all(same(a, e) for a, e in zip(actual, expected, strict=True))
        )
    if isinstance(expected, int | float | Decimal) and isinstance(actual, int | float | Decimal):
        return _same_number(actual, expected)
    return type(actual) is type(expected) and bool(actual == expected)


def _same_number(actual: float | Decimal, expected: float | Decimal) -> bool:
    if isinstance(actual, float) or isinstance(expected, float):
        a, b = float(actual), float(expected)
        return a == b or (math.isnan(a) and math.isnan(b))
    if actual == expected:
        return True
    if not (isinstance(actual, Decimal) and isinstance(expected, Decimal)):
        return False
    # A DOUBLE is written with the fewest digits that give it back, so both may name the same one:
    # 4.9E-324 and 5E-324 too, since there are few digits at that end of the range.
    digits = len(expected.as_tuple().digits)
    few = digits > 15 and len(actual.as_tuple().digits) <= 17
    return float(actual) == float(expected) and (few or 0 < abs(expected) < _LEAST_NORMAL)


def _same_columns(actual: Any, expected: Any) -> bool:
    if not isinstance(actual, Mapping) or not isinstance(expected, Mapping):
        return same(actual, expected)
    names = {*actual, *expected}
    return all(same(actual.get(n), expected.get(n)) for n in names)


def difference(actual: Sequence[Record], expected: Sequence[Record]) -> str:
    """How the records differ from the expected ones; empty if they do not.

    If the case expects no records, no topic may have any.
    """
    topics = dict.fromkeys(record.topic for record in expected or actual)
    for topic in topics:
        came = [r for r in actual if r.topic == topic]
        wanted = [r for r in expected if r.topic == topic]
        for number, (a, e) in enumerate(zip(came, wanted, strict=False), 1):
            wrong = _wrong_part(a, e)
            if wrong:
                return f"{topic}: record {number}: {wrong}"
        if len(came) != len(wanted):
            more = came[len(wanted) : len(wanted) + 1] or wanted[len(came) : len(came) + 1]
            which = "first extra" if len(came) > len(wanted) else "first missing"
            return (
                f"{topic}: expected {len(wanted)} records, got {len(came)}; "
                f"{which}: {_show(more[0])}"
            )
    return ""


def _wrong_part(actual: Record, expected: Record) -> str:
    if actual.window != expected.window:
        return f"window: expected {expected.window}, got {actual.window}"
    if not _same_columns(actual.key, expected.key):
        return f"key: expected {_cut(expected.key)}, got {_cut(actual.key)}"
    if not _same_columns(actual.value, expected.value):
        return f"value: expected {_cut(expected.value)}, got {_cut(actual.value)}"
    if expected.timestamp is not None and actual.timestamp != expected.timestamp:
        return f"timestamp: expected {expected.timestamp}, got {actual.timestamp}"
    if expected.headers is not None and (actual.headers or ()) != expected.headers:
        return f"headers: expected {expected.headers}, got {actual.headers}"
    return ""


def _show(record: Record) -> str:
    parts: Iterable[str] = (
        f"key {_cut(record.key)}",
        f"value {_cut(record.value)}",
        f"timestamp {record.timestamp}",
        *((f"window {record.window.start}–{record.window.end}",) if record.window else ()),
    )
    return ", ".join(parts)


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
