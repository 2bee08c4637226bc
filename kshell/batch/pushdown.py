"""From a WHERE to the part of a topic that can match: seeks, stops and partition pruning.

`rewrite` hands the tests that hold for every row of one reference; what is understood here narrows
its `Bounds`.  The query keeps the whole predicate, so a bound may be too wide, never too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kshell.batch.tables import Bounds

__all__ = ["Narrowing", "bounds_of"]

_LAST = 2**63 - 1  # no offset and no timestamp is beyond it


@dataclass(frozen=True, slots=True)
class Narrowing:
    """`column op values`, the constants evaluated: of a pseudo column, or of a key."""

    column: str
    pseudo: bool
    op: str
    values: tuple[Any, ...]


def _highest(old: int | None, new: int) -> int:
    return new if old is None else max(old, new)


def _lowest(old: int | None, new: int) -> int:
    return new if old is None else min(old, new)


def _whole(value: Any, up: bool) -> int:
    """The number rounded up or down, and brought near enough to be an offset or a timestamp.

    >>> _whole(1.5, True), _whole(Decimal("1e40"), False) == _LAST + 1
    (2, True)
    """
    if value > _LAST:
        return _LAST + 1
    if value < -_LAST - 1:
        return -_LAST - 2
    return int(math.ceil(value) if up else math.floor(value))


def _interval(test: Narrowing) -> tuple[int | None, int | None] | None:
    """[from, to) of whole numbers that pass; None where the constants do not say."""
    for value in test.values:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | Decimal)
            or value != value
        ):
            return None
    low, high = min(test.values), max(test.values)
    match test.op:
        case ">":
            return _whole(low, False) + 1, None
        case ">=":
            return _whole(low, True), None
        case "<":
            return None, _whole(high, True)
        case "<=":
            return None, _whole(high, False) + 1
        case "=" | "IN":
            return _whole(low, True), _whole(high, False) + 1
    return None


def _narrow(bounds: Bounds, test: Narrowing, keys: Sequence[str]) -> Bounds:
    if test.column in keys and test.op in ("=", "IN"):
        values = tuple(v for v in test.values if v is not None)
        if bounds.keys is not None:
            values = tuple(v for v in values if v in bounds.keys)
        return replace(bounds, keys=values)
    if not test.pseudo or test.column not in ("ROWTIME", "ROWOFFSET", "ROWPARTITION"):
        return bounds
    known = [v for v in test.values if v is not None]
    if not known or (test.op != "IN" and len(known) < len(test.values)):
        return bounds  # a comparison with NULL passes nothing, and the query will see that
    interval = _interval(replace(test, values=tuple(known)))
    if interval is None:
        return bounds
    low, high = interval
    low = None if low is None or low < -_LAST else min(low, _LAST)
    high = None if high is None or high > _LAST else max(high, -_LAST)
    if test.column == "ROWPARTITION":
        if test.op not in ("=", "IN"):
            return bounds
        wanted = frozenset(int(v) for v in known if abs(v) < _LAST and v == int(v))
        return replace(
            bounds, partitions=wanted if bounds.partitions is None else wanted & bounds.partitions
        )
    name = "time" if test.column == "ROWTIME" else "offset"
    changes: dict[str, Any] = {}
    if low is not None:
        changes[f"{name}_from"] = _highest(getattr(bounds, f"{name}_from"), low)
    if high is not None:
        changes[f"{name}_to"] = _lowest(getattr(bounds, f"{name}_to"), high)
    return replace(bounds, **changes)


def bounds_of(tests: Iterable[Narrowing], keys: Sequence[str]) -> Bounds:
    """What the tests leave of a table whose keys are those columns, each alone."""
    bounds = Bounds()
    for test in tests:
        bounds = _narrow(bounds, test, keys)
    return bounds
