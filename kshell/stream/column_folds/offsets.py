"""EARLIEST_BY_OFFSET and LATEST_BY_OFFSET of many groups.

`columns` makes them.  Each fold numbers the rows that it is given: the least or the greatest number
of a group says whose value it has, also when two sessions become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.sql.expressions import Call, Literal
from kshell.stream import windows
from kshell.stream.column_folds.base import ColumnFold, Grown, Numbers, each
from kshell.stream.plain import packed, unpacked
from kshell.stream.windows import MAXIMUM, MERGE, MINIMUM, Steps

__all__ = ["by_offset"]

_LAST = np.iinfo(np.int64).max


def by_offset(call: Call) -> ColumnFold:
    """One value, or the few that a constant asks for."""
    constants = [a.value for a in call.args[1:] if isinstance(a, Literal)]
    keeps_nulls = bool(constants) and constants[-1] is False
    if constants and not isinstance(constants[0], bool):
        return _Few(call, constants[0], keeps_nulls)
    return _One(call, keeps_nulls)


class _One:
    """The value of one row."""

    def __init__(self, call: Call, keeps_nulls: bool) -> None:
        self._earliest = call.function == "EARLIEST_BY_OFFSET"
        self._none = _LAST if self._earliest else -1
        self._type, self._keeps_nulls = call.type, keeps_nulls
        self._numbers = Grown(np.int64, self._none)
        self._values = Grown(object, None)
        self._next = 0

    def reach(self, size: int) -> None:
        self._numbers.reach(size)
        self._values.reach(size)

    def reset(self, groups: Numbers) -> None:
        self._numbers.reset(groups)
        self._values.reset(groups)

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        first = self._next
        self._next += len(args[0])
        rows = np.arange(first, self._next)
        if not self._keeps_nulls and args[0].null_count:
            rows[np.asarray(args[0].is_null())] = self._none
        numbers, values = self._numbers.data, self._values.data
        touched = np.unique(steps.into)
        if steps.merges:  # what the merged ones had, by number
            had = np.unique(np.concatenate([touched, steps.what[steps.kinds == MERGE]]))
            had = had[np.argsort(numbers[had])]
            had_numbers, had_values = numbers[had], values[had]
        was = numbers[touched]
        windows.run(
            MINIMUM if self._earliest else MAXIMUM,
            numbers, steps.kinds, steps.into, steps.what, rows,
        )  # fmt: skip
        now = numbers[touched]
        changed = now != was
        new = changed & (now >= first) & (now != self._none)
        values[touched[new]] = _objects(args[0].take(pa.array(now[new] - first)).to_pylist())
        if steps.merges:
            old = changed & ~new
            values[touched[old]] = had_values[np.searchsorted(had_numbers, now[old])]

    def result(self, groups: Numbers) -> pa.Array:
        return pa.array(self._values.data[groups].tolist(), self._type)

    def save(self, groups: Numbers) -> pa.Array:
        numbers = self._numbers.data[groups]
        none = numbers == self._none
        parts = [pa.array(numbers, pa.int64(), mask=none), self.result(groups)]
        return pa.StructArray.from_arrays(parts, names=["number", "value"])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        numbers = states.field("number")
        highest = max(filter(None, numbers.to_pylist()), default=0)
        self._numbers.data[groups] = numbers.fill_null(self._none).to_numpy()
        self._values.data[groups] = _objects(states.field("value").to_pylist())
        self._next = max(self._next, 1 + highest)


class _Few:
    """The values of the first or last n rows, earliest first: (number, value) of each."""

    def __init__(self, call: Call, n: int, keeps_nulls: bool) -> None:
        earliest = call.function == "EARLIEST_BY_OFFSET"
        self._cut = slice(None, n) if earliest else slice(-n, None)
        self._type, self._keeps_nulls = call.type, keeps_nulls
        self._states: list[tuple[tuple[int, Any], ...]] = []
        self._next = 0

    def reach(self, size: int) -> None:
        self._states += [()] * (size - len(self._states))

    def reset(self, groups: Numbers) -> None:
        for group in groups.tolist():
            self._states[group] = ()

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        states, cut, nulls = self._states, self._cut, self._keeps_nulls

        def add(group: int, row: tuple[int, Any]) -> None:
            if nulls or row[1] is not None:
                states[group] = (*states[group], row)[cut]

        def merge(group: int, other: int) -> None:
            states[group] = tuple(sorted((*states[group], *states[other]), key=_number))[cut]

        rows = list(enumerate(args[0].to_pylist(), self._next))
        self._next += len(rows)
        each(steps, rows, add, merge)

    def result(self, groups: Numbers) -> pa.Array:
        states = self._states
        return pa.array([[v for _, v in states[g]] for g in groups.tolist()], self._type)

    def save(self, groups: Numbers) -> pa.Array:
        return packed([self._states[group] for group in groups.tolist()])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        for group, state in zip(groups.tolist(), unpacked(states), strict=True):
            self._states[group] = state
            self._next = max(self._next, 1 + max((n for n, _ in state), default=-1))


def _number(entry: tuple[int, Any]) -> int:
    return entry[0]


def _objects(values: list[Any]) -> Any:
    """An array of them as they are: lists stay lists."""
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out
