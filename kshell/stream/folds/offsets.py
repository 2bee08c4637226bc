"""EARLIEST_BY_OFFSET and LATEST_BY_OFFSET: values by the order in which their rows were read.

`stream.aggregates` makes them.  Each value is kept with a number that only grows, so that two
sessions that become one know whose value came first.  They cannot undo a row.
"""

from __future__ import annotations

import itertools
from typing import Any

from kshell.errors import Unsupported

__all__ = ["Earliest", "EarliestFew", "Latest", "LatestFew"]

Numbered = tuple[int, Any]
_numbers = itertools.count()


class Earliest:
    """The first value that the group saw.

    >>> e = Earliest(lambda value: value is not None)
    >>> e.result(e.add(e.add(e.add(None, None), 1), 2))
    1
    """

    name = "EARLIEST_BY_OFFSET"

    def __init__(self, counts: Any) -> None:
        self._counts = counts

    def initial(self) -> Numbered | None:
        return None

    def add(self, state: Numbered | None, *args: Any) -> Numbered | None:
        if state is not None or not self._counts(args[0]):
            return state
        return (next(_numbers), args[0])

    def undo(self, state: Any, *args: Any) -> Any:
        raise Unsupported(f"{self.name} cannot take a row back, which a table's changes need")

    def merge(self, left: Numbered | None, right: Numbered | None) -> Numbered | None:
        if left is None or right is None:
            return left if right is None else right
        return min(left, right, key=_number)

    def result(self, state: Numbered | None) -> Any:
        return None if state is None else state[1]


class Latest(Earliest):
    """The last value that the group saw."""

    name = "LATEST_BY_OFFSET"

    def add(self, state: Numbered | None, *args: Any) -> Numbered | None:
        return (next(_numbers), args[0]) if self._counts(args[0]) else state

    def merge(self, left: Numbered | None, right: Numbered | None) -> Numbered | None:
        if left is None or right is None:
            return left if right is None else right
        return max(left, right, key=_number)


Few = tuple[Numbered, ...]


class EarliestFew:
    """The first n values, earliest first."""

    name = "EARLIEST_BY_OFFSET"

    def __init__(self, n: int, counts: Any) -> None:
        self._n = n
        self._counts = counts

    def initial(self) -> Few:
        return ()

    def add(self, state: Few, *args: Any) -> Few:
        if not self._counts(args[0]):
            return state
        return self._cut((*state, (next(_numbers), args[0])))

    def undo(self, state: Few, *args: Any) -> Few:
        raise Unsupported(f"{self.name} cannot take a row back, which a table's changes need")

    def merge(self, left: Few, right: Few) -> Few:
        return self._cut(tuple(sorted((*left, *right), key=_number)))

    def result(self, state: Few) -> list[Any]:
        return [value for _, value in state]

    def _cut(self, values: Few) -> Few:
        return values[: self._n]


class LatestFew(EarliestFew):
    """The last n values, earliest first."""

    name = "LATEST_BY_OFFSET"

    def _cut(self, values: Few) -> Few:
        return values[-self._n :]


def _number(entry: Numbered) -> int:
    return entry[0]
