"""Aggregates that order values: MIN, MAX, TOPK and TOPKDISTINCT.

`stream.aggregates` makes them.  They cannot undo a row, because they do not keep the values that it
removed: `sql.bind` refuses them on tables.  NULLs do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from kshell.errors import Unsupported
from kshell.stream.rows import freeze

__all__ = ["Maximum", "Minimum", "Top", "TopDistinct", "TopRows"]

Order = Callable[[Any], Any]


def _plain(value: Any) -> Any:
    return value


def _number(value: float) -> tuple[bool, float]:
    return (value != value, value)  # NaN is above all, as in Java and in DuckDB


def _order(type: pa.DataType) -> Order:
    return _number if pa.types.is_floating(type) else _plain


def _no_undo(name: str) -> Unsupported:
    return Unsupported(f"{name} cannot take a row back, which a table's changes need")


class Maximum:
    """The largest value; NULL without values."""

    def __init__(self, type: pa.DataType) -> None:
        self._order = _order(type)

    def initial(self) -> Any:
        return None

    def add(self, state: Any, *args: Any) -> Any:
        return self.merge(state, args[0])

    def undo(self, state: Any, *args: Any) -> Any:
        raise _no_undo("MAX")

    def merge(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return left if right is None else right
        return max(left, right, key=self._order)

    def result(self, state: Any) -> Any:
        return state


class Minimum(Maximum):
    """The smallest value; NULL without values."""

    def undo(self, state: Any, *args: Any) -> Any:
        raise _no_undo("MIN")

    def merge(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return left if right is None else right
        return min(left, right, key=self._order)


class Top:
    """The k largest values, largest first; of equal values, the earlier is first.

    >>> top = Top(2, pa.int32())
    >>> top.add(top.add(top.add((), 1), 3), 2)
    (3, 2)
    """

    name = "TOPK"

    def __init__(self, k: int, type: pa.DataType) -> None:
        self._k = k
        self._order = _order(type)

    def initial(self) -> tuple[Any, ...]:
        return ()

    def add(self, state: tuple[Any, ...], *args: Any) -> tuple[Any, ...]:
        return state if args[0] is None else self._with(state, self._entry(args))

    def undo(self, state: tuple[Any, ...], *args: Any) -> tuple[Any, ...]:
        raise _no_undo(self.name)

    def merge(self, left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
        for entry in right:
            left = self._with(left, entry)
        return left

    def result(self, state: tuple[Any, ...]) -> list[Any]:
        return list(state)

    def _entry(self, args: tuple[Any, ...]) -> Any:
        return args[0]

    def _rank(self, entry: Any) -> Any:
        return self._order(entry)

    def _with(self, state: tuple[Any, ...], entry: Any) -> tuple[Any, ...]:
        rank = self._rank(entry)
        if len(state) == self._k and not rank > self._rank(state[-1]):
            return state
        at = len(state)
        while at and rank > self._rank(state[at - 1]):
            at -= 1
        return (*state[:at], entry, *state[at:])[: self._k]


class TopDistinct(Top):
    """The k largest different values."""

    name = "TOPKDISTINCT"

    def _with(self, state: tuple[Any, ...], entry: Any) -> tuple[Any, ...]:
        seen = [freeze(value) for value in state]
        return state if freeze(entry) in seen else super()._with(state, entry)


class TopRows(Top):
    """TOPK with other columns: structures of the value and the other columns."""

    def __init__(self, k: int, type: pa.DataType, fields: list[str]) -> None:
        super().__init__(k, type)
        self._fields = fields

    def result(self, state: tuple[Any, ...]) -> list[Any]:
        return [dict(zip(self._fields, entry, strict=True)) for entry in state]

    def _entry(self, args: tuple[Any, ...]) -> Any:
        return args[: len(self._fields)]

    def _rank(self, entry: Any) -> Any:
        return self._order(entry[0])
