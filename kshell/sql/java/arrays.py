"""Arrays and maps as Java's collections: in order of first appearance, NULLs like other values.

The rows of `library/collections.toml` and `tables.toml` name these.  Arrow gives a map as a list of
pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kshell.sql.java.text import takes_nulls, text

__all__ = ["as_map", "cube", "difference", "distinct", "intersection", "join", "join_by_comma",
           "part", "union"]  # fmt: skip


def _key(value: Any) -> Any:
    """Something equal exactly where Java's equals says so."""
    if isinstance(value, dict):
        return tuple((k, _key(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return value


def _firsts(values: Iterable[Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault(_key(value), value)
    return found


def distinct(values: list[Any]) -> list[Any]:
    """Each value once."""
    return list(_firsts(values).values())


def difference(left: list[Any], right: list[Any]) -> list[Any]:
    """Each value of the left one that is not in the right one, once."""
    other = _firsts(right)
    return [value for key, value in _firsts(left).items() if key not in other]


def intersection(left: list[Any], right: list[Any]) -> list[Any]:
    """Each value of the left one that is in the right one too, once."""
    other = _firsts(right)
    return [value for key, value in _firsts(left).items() if key in other]


def union(left: list[Any], right: list[Any]) -> list[Any]:
    """Each value of both, once."""
    return distinct([*left, *right])


@takes_nulls
def part(values: list[Any] | None, first: int | None, last: int | None) -> list[Any] | None:
    """From the first to the last one, from 1 on; None where that reaches outside."""
    if values is None:
        return None
    start = 0 if first is None else first - 1
    end = len(values) if last is None else last
    if start < 0 or end > len(values):
        return None
    if start > end:
        raise ValueError(f"fromIndex({start}) > toIndex({end})")
    return values[start:end]


def join_by_comma(values: list[Any]) -> str:
    """The elements as text with commas between."""
    return ",".join(map(text, values))


@takes_nulls
def join(values: list[Any] | None, delimiter: str | None) -> str | None:
    """The elements as text with the delimiter between.

    >>> join([True, None, 1.0], "-")
    'true-null-1.0'
    """
    return None if values is None else (delimiter or "").join(map(text, values))


def as_map(keys: list[str], values: list[Any]) -> dict[str, Any]:
    """Keys with the values at the same places; NULL where there is none."""
    rest = [None] * (len(keys) - len(values))
    return dict(zip((text(k) for k in keys), [*values, *rest], strict=False))


@takes_nulls
def cube(values: list[Any] | None) -> list[list[Any]]:
    """The values with every choice of them set to NULL; the last one changes fastest.

    >>> cube([1, 2])
    [[None, None], [None, 2], [1, None], [1, 2]]
    """
    rows: list[list[Any]] = [[]]
    for value in values or ():
        choices = [None] if value is None else [None, value]
        rows = [[*row, choice] for row in rows for choice in choices]
    return rows if values is not None else []

