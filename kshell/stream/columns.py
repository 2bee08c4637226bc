"""The folds of many groups at once: each keeps the states of all groups in an array.

`ops.columnar` adds whole batches through them.  A group is a *slot*, a number.  Results equal those
of `folding`'s folds, row for row; an aggregate without a class here runs its fold for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from kshell.sql.expressions import Call
from kshell.stream.aggregates import fold_of

__all__ = ["Grown", "column_fold"]

Slots = Any  # numpy int64: one for each row, or one for each group asked about
_SAFE = 1 << 62  # a sum below this has not overflowed a BIGINT
_EXACT = 1 << 53  # whole numbers below this are exact as DOUBLE


class Grown:
    """An array with a value for every slot so far; new slots have `fill`."""

    def __init__(self, type: Any, fill: Any) -> None:
        self._fill = fill
        self.data = np.full(1024, fill, type)

    def reach(self, size: int) -> None:
        """Have at least that many slots."""
        if size > len(self.data):
            more = max(size, 2 * len(self.data)) - len(self.data)
            self.data = np.concatenate([self.data, np.full(more, self._fill, self.data.dtype)])

    def reset(self, slots: Slots) -> None:
        """Set slots back to `fill`."""
        self.data[slots] = self._fill


class ColumnFold(Protocol):
    """An aggregate of many groups."""

    def reach(self, size: int) -> None:
        """Have at least that many slots."""

    def reset(self, slots: Slots) -> None:
        """Clear these slots."""

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        """Add rows, in order; raises the fold's errors."""

    def result(self, slots: Slots) -> pa.Array:
        """The results for these slots."""


class _Count:
    def __init__(self) -> None:
        self._n = Grown(np.int64, 0)
        self.reach, self.reset = self._n.reach, self._n.reset

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        if args and args[0].null_count:
            slots = slots[np.asarray(args[0].is_valid())]
        np.add.at(self._n.data, slots, 1)

    def result(self, slots: Slots) -> pa.Array:
        return pa.array(self._n.data[slots])


def _valid(slots: Slots, array: pa.Array) -> tuple[Slots, Any]:
    """The slots and the values of rows that are not NULL."""
    if array.null_count:
        slots = slots[np.asarray(array.is_valid())]
        array = array.drop_null()
    return slots, array.to_numpy(zero_copy_only=False)


class _Sums:
    """Running sums; those of whole numbers are exact at any size."""

    def __init__(self, type: pa.DataType) -> None:
        floating = pa.types.is_floating(type)
        self.sums = Grown(np.float64 if floating else np.int64, 0)
        self._whole = not floating
        self._largest = 0  # no sum is larger, with either sign

    def add(self, slots: Slots, values: Any) -> None:
        if self._whole and len(values):
            values = values.astype(np.int64)
            self._make_room(len(values) * _furthest(values))
        if self.sums.data.dtype == object:
            values = values.astype(object)
        np.add.at(self.sums.data, slots, values)

    def _make_room(self, more: int) -> None:
        """Change to Python's integers if the new values might not fit into 64 bits."""
        if self._largest + more >= _SAFE and self.sums.data.dtype != object:
            self._largest = _furthest(self.sums.data)
            if self._largest + more >= _SAFE:
                self.sums.data = self.sums.data.astype(object)
        self._largest += more


def _furthest(values: Any) -> int:
    return max(abs(int(values.min())), abs(int(values.max())))


class _Sum(_Sums):
    """SUM; a sum that does not fit its type ends the query."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.type)
        self._type = call.type
        self._fold = fold_of(call)
        self.reach, self.reset = self.sums.reach, self.sums.reset

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        slots, values = _valid(slots, args[0])
        super().add(slots, values)
        if self._whole:
            edge = np.iinfo(np.int32 if pa.types.is_int32(self._type) else np.int64)
            sums = self.sums.data[slots]
            for out in sums[(sums < edge.min) | (sums > edge.max)][:1]:
                self._fold.add(out, 0)  # for its error message

    def result(self, slots: Slots) -> pa.Array:
        return pa.array(self.sums.data[slots], self._type)


class _Average(_Sums):
    def __init__(self, call: Call) -> None:
        super().__init__(call.args[0].type)
        self._n = Grown(np.int64, 0)

    def reach(self, size: int) -> None:
        self.sums.reach(size)
        self._n.reach(size)

    def reset(self, slots: Slots) -> None:
        self.sums.reset(slots)
        self._n.reset(slots)

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        slots, values = _valid(slots, args[0])
        super().add(slots, values)
        np.add.at(self._n.data, slots, 1)

    def result(self, slots: Slots) -> pa.Array:
        sums, n = self.sums.data[slots], self._n.data[slots]
        if sums.dtype == object or (self._whole and np.abs(sums).max(initial=0) >= _EXACT):
            pairs = zip(sums.tolist(), n.tolist(), strict=True)
            return pa.array([s / c if c else 0.0 for s, c in pairs], pa.float64())
        return pa.array(np.divide(sums, n, out=np.zeros(len(n)), where=n > 0))


class _Extreme:
    """MIN and MAX of numbers: NaN is above all, NULL is nothing."""

    def __init__(self, type: pa.DataType, pick: Any, fill: Any) -> None:
        self._type, self._pick = type, pick
        self._best = Grown(np.dtype(type.to_pandas_dtype()), fill)
        self._any = Grown(np.bool_, False)

    def reach(self, size: int) -> None:
        self._best.reach(size)
        self._any.reach(size)

    def reset(self, slots: Slots) -> None:
        self._best.reset(slots)
        self._any.reset(slots)

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        slots, values = _valid(slots, args[0])
        with np.errstate(invalid="ignore"):  # NaN is a normal value
            self._pick.at(self._best.data, slots, values)
        self._any.data[slots] = True

    def result(self, slots: Slots) -> pa.Array:
        return pa.array(self._best.data[slots], self._type, mask=~self._any.data[slots])


def _maximum(call: Call) -> ColumnFold:
    floating = pa.types.is_floating(call.type)
    return _Extreme(call.type, np.maximum, -np.inf if floating else _edge(call.type).min)


def _minimum(call: Call) -> ColumnFold:
    if pa.types.is_floating(call.type):
        return _Extreme(call.type, np.fmin, np.nan)
    return _Extreme(call.type, np.minimum, _edge(call.type).max)


def _edge(type: pa.DataType) -> Any:
    return np.iinfo(type.to_pandas_dtype())


class _EachRow:
    """Runs any fold, one row at a time."""

    def __init__(self, call: Call) -> None:
        self._fold, self._type = fold_of(call), call.type
        self._states: list[Any] = []

    def reach(self, size: int) -> None:
        fresh = self._fold.initial()
        self._states += [fresh] * (size - len(self._states))

    def reset(self, slots: Slots) -> None:
        for slot in slots.tolist():
            self._states[slot] = self._fold.initial()

    def add(self, slots: Slots, args: Sequence[pa.Array]) -> None:
        states, add = self._states, self._fold.add
        rows = zip(*(a.to_pylist() for a in args), strict=True) if args else [()] * len(slots)
        for slot, row in zip(slots.tolist(), rows, strict=True):
            states[slot] = add(states[slot], *row)

    def result(self, slots: Slots) -> pa.Array:
        states, result = self._states, self._fold.result
        return pa.array([result(states[slot]) for slot in slots.tolist()], self._type)


def _whole_or_double(type: pa.DataType) -> bool:
    return type in (pa.int32(), pa.int64(), pa.float64())


_COLUMNAR: Mapping[str, Callable[[Call], ColumnFold]] = MappingProxyType(
    {"AVG": _Average, "MAX": _maximum, "MIN": _minimum, "SUM": _Sum}
)


def column_fold(call: Call) -> ColumnFold:
    """The fold of that call over all groups; raises Unsupported if there is none."""
    if call.function == "COUNT":
        return _Count()
    make = _COLUMNAR.get(call.function)
    if make is not None and _whole_or_double(call.args[0].type):
        return make(call)
    return _EachRow(call)
