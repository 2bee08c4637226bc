"""What the folds of many groups share: arrays by group number, and the fold that goes row by row.

A group is a number; `windows.Steps` says what becomes of the groups' states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from kshell.sql.expressions import Call
from kshell.stream.aggregates import fold_of
from kshell.stream.plain import packed, unpacked
from kshell.stream.windows import ADD, MERGE, Steps

__all__ = ["ColumnFold", "EachRow", "Grown", "Numbers", "each"]

Numbers = Any  # numpy int64


class Grown:
    """An array with a value for every group so far; new groups have `fill`."""

    def __init__(self, type: Any, fill: Any) -> None:
        self._fill = fill
        self.data = np.full(1024, fill, type)

    def reach(self, size: int) -> None:
        """Have at least that many groups."""
        if size > len(self.data):
            more = max(size, 2 * len(self.data)) - len(self.data)
            self.data = np.concatenate([self.data, np.full(more, self._fill, self.data.dtype)])

    def reset(self, groups: Numbers) -> None:
        """Set groups back to `fill`."""
        self.data[groups] = self._fill


class ColumnFold(Protocol):
    """An aggregate of many groups."""

    def reach(self, size: int) -> None:
        """Have at least that many groups."""

    def reset(self, groups: Numbers) -> None:
        """Clear these groups."""

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        """Take the steps, in order; raises the fold's errors."""

    def result(self, groups: Numbers) -> pa.Array:
        """The results of these groups."""

    def save(self, groups: Numbers) -> pa.Array:
        """The states of these groups."""

    def load(self, groups: Numbers, states: pa.Array) -> None:
        """Set the states of these groups to what was saved."""


def each(
    steps: Steps, rows: Sequence[Any], add: Callable[[int, Any], None],
    merge: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Takes the steps one by one: `add` is handed a group and a row, `merge` two groups."""
    into = steps.into.tolist()
    if steps.kinds is None:
        for group, row in zip(into, rows, strict=True):
            add(group, row)
        return
    for kind, group, what in zip(steps.kinds.tolist(), into, steps.what.tolist(), strict=True):
        if kind == ADD:
            add(group, rows[what])
        elif kind == MERGE:
            merge(group, what)


class EachRow:
    """Runs any fold, one row at a time."""

    def __init__(self, call: Call) -> None:
        self._fold, self._type = fold_of(call), call.type
        self._states: list[Any] = []

    def reach(self, size: int) -> None:
        fresh = self._fold.initial()
        self._states += [fresh] * (size - len(self._states))

    def reset(self, groups: Numbers) -> None:
        for group in groups.tolist():
            self._states[group] = self._fold.initial()

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        states, fold = self._states, self._fold
        if steps.signs is not None:
            self._take_back(steps, args)
            return

        def add(group: int, row: tuple[Any, ...]) -> None:
            states[group] = fold.add(states[group], *row)

        def merge(group: int, other: int) -> None:
            states[group] = fold.merge(states[group], states[other])

        each(steps, list(zip(*(a.to_pylist() for a in args), strict=True)), add, merge)

    def _take_back(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        """Adds rows and takes others back."""
        states, fold = self._states, self._fold
        rows = zip(*(a.to_pylist() for a in args), strict=True)
        for group, sign, row in zip(steps.into.tolist(), steps.signs.tolist(), rows, strict=True):
            change = fold.add if sign > 0 else fold.undo
            states[group] = change(states[group], *row)

    def result(self, groups: Numbers) -> pa.Array:
        states, result = self._states, self._fold.result
        return pa.array([result(states[group]) for group in groups.tolist()], self._type)

    def save(self, groups: Numbers) -> pa.Array:
        return packed([self._states[group] for group in groups.tolist()])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        for group, state in zip(groups.tolist(), unpacked(states), strict=True):
            self._states[group] = state
