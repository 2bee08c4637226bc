"""COUNT, SUM, AVG, MIN and MAX of many groups: each is one or two arrays of numbers.

`columns` makes them.  A NULL adds what changes nothing.  DECIMAL up to 18 digits, dates and times
are whole numbers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.sql.expressions import Call
from kshell.stream import windows, windows_py
from kshell.stream.aggregates import fold_of
from kshell.stream.column_folds.base import ColumnFold, Grown, Numbers
from kshell.stream.windows import MAXIMUM, MINIMUM, SUM, Steps

__all__ = ["Average", "Count", "Sum", "array_of", "is_number", "is_whole", "maximum", "minimum"]

_SAFE = 1 << 62  # a sum below this has not overflowed a BIGINT
_EXACT = 1 << 53  # whole numbers below this are exact as DOUBLE
_DIGITS = 18  # of a DECIMAL that fits 64 bits
_WIDEST = pa.decimal128(38, 0)


def is_whole(type: pa.DataType) -> bool:
    """Whether such values are whole numbers of 64 bits underneath."""
    if pa.types.is_decimal(type):
        return bool(type.precision <= _DIGITS)
    return bool(pa.types.is_signed_integer(type) or pa.types.is_temporal(type))


def is_number(type: pa.DataType) -> bool:
    """Whether `values_of` can read such values."""
    return type == pa.float64() or is_whole(type)


def values_of(array: pa.Array, null: Any) -> Any:
    """The values as int64 or float64, with `null` where there is none."""
    type = array.type
    if pa.types.is_decimal(type):
        words = np.frombuffer(array.buffers()[1], np.int64)
        values = words[2 * array.offset :: 2][: len(array)].copy()
        if array.null_count:
            values[np.asarray(array.is_null())] = null
        return values
    if pa.types.is_temporal(type):
        array = array.view(pa.int32() if type.bit_width == 32 else pa.int64())
    if not pa.types.is_floating(type) and type != pa.int64():
        array = array.cast(pa.int64())
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(null, array.type))
    return array.to_numpy(zero_copy_only=False)


def array_of(values: Any, type: pa.DataType, missing: Any = None) -> pa.Array:
    """The opposite of `values_of`; NULL where `missing`."""
    if pa.types.is_decimal(type):
        if values.dtype == object:
            scaled = [_decimal(v, type) for v in values.tolist()]
            return pa.array(scaled, type, mask=missing)
        words = np.empty((len(values), 2), np.int64)
        words[:, 0], words[:, 1] = values, values >> 63
        valid = None
        if missing is not None and missing.any():
            valid = pa.array(~missing).buffers()[1]
        return pa.Array.from_buffers(type, len(values), [valid, pa.py_buffer(words)])
    if pa.types.is_temporal(type):
        plain = pa.int32() if type.bit_width == 32 else pa.int64()
        return pa.array(values, plain, mask=missing).view(type)
    return pa.array(values, type, mask=missing)


def _decimal(value: int, type: pa.DataType) -> Decimal:
    return Decimal(value).scaleb(-type.scale)


def _whole(states: pa.Array) -> Any:
    """DECIMALs as the whole numbers under them: Python's, if they do not fit 64 bits."""
    words = np.frombuffer(states.buffers()[1], np.int64)[2 * states.offset :][: 2 * len(states)]
    low, high = words[::2], words[1::2]
    if (low >> 63 == high).all():
        return low.copy()
    scale = states.type.scale
    return np.array([int(s.scaleb(scale)) for s in states.to_pylist()], object)


def _put(column: Grown, groups: Numbers, values: Any) -> None:
    """Set whole numbers, in Python's integers if they do not fit."""
    if values.dtype == object and column.data.dtype != object:
        if any(abs(v) >= _SAFE for v in values.tolist()):
            column.data = column.data.astype(object)
        else:
            values = values.astype(np.int64)
    column.data[groups] = values


def _run(op: int, column: Grown, steps: Steps, values: Any) -> None:
    way = windows_py if column.data.dtype == object else windows
    way.run(op, column.data, steps.kinds, steps.into, steps.what, values)


def _signed(values: Any, steps: Steps) -> Any:
    """The values, negative where rows are taken back."""
    return values if steps.signs is None else values * steps.signs


class Count:
    """COUNT of rows, or of values that are not NULL."""

    def __init__(self, call: Call) -> None:
        self._n = Grown(np.int64, 0)
        self.reach, self.reset = self._n.reach, self._n.reset

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        if args:
            ones = np.asarray(args[0].is_valid()).astype(np.int64)
        else:
            ones = np.ones(steps.rows, np.int64)
        _run(SUM, self._n, steps, _signed(ones, steps))

    def result(self, groups: Numbers) -> pa.Array:
        return pa.array(self._n.data[groups])

    def save(self, groups: Numbers) -> pa.Array:
        return pa.array(self._n.data[groups])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        self._n.data[groups] = states.to_numpy()


class _Sums:
    """Running sums; those of whole numbers are exact at any size."""

    def __init__(self, type: pa.DataType) -> None:
        self.type = type
        self.whole = not pa.types.is_floating(type)
        self.sums = Grown(np.int64 if self.whole else np.float64, 0)
        self._largest = 0  # no sum is larger, with either sign

    def add(self, steps: Steps, array: pa.Array) -> None:
        values = _signed(values_of(array, 0), steps)
        if self.whole and len(values):
            self._make_room(steps, _furthest(values))
        if self.sums.data.dtype == object:
            values = values.astype(object)
        _run(SUM, self.sums, steps, values)
        self._note(steps.into)

    def save(self, groups: Numbers) -> pa.Array:
        """The sums, at any size."""
        return array_of(self.sums.data[groups], _WIDEST if self.whole else self.type)

    def put(self, groups: Numbers, states: pa.Array) -> None:
        """Set the sums of these groups to what was saved."""
        _put(self.sums, groups, _whole(states) if self.whole else states.to_numpy())
        self._note(groups)

    def _note(self, groups: Numbers) -> None:
        if self.whole and len(groups):
            self._largest = max(self._largest, _furthest(self.sums.data[groups]))

    def _make_room(self, steps: Steps, value: int) -> None:
        """Change to Python's integers if the new sums might not fit into 64 bits."""
        if self.sums.data.dtype == object:
            return
        merges, more = steps.merges + 1, len(steps.into) * value
        if self._largest * merges + more >= _SAFE:
            self._largest = _furthest(self.sums.data)
            if self._largest * merges + more >= _SAFE:
                self.sums.data = self.sums.data.astype(object)


def _furthest(values: Any) -> int:
    return max(abs(int(values.min())), abs(int(values.max())))


class Sum:
    """SUM; a sum that does not fit its type ends the query."""

    def __init__(self, call: Call) -> None:
        self._sums = _Sums(call.type)
        self._fold = fold_of(call)
        self.reach, self.reset = self._sums.sums.reach, self._sums.sums.reset
        self._most = _most(call.type)

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        self._sums.add(steps, args[0])
        if self._sums.whole:
            sums = self._sums.sums.data[steps.into]
            least, most = self._most
            for out in sums[(sums < least) | (sums > most)][:1].tolist():
                decimal = pa.types.is_decimal(self._sums.type)
                self._fold.add(_decimal(out, self._sums.type) if decimal else out, 0)  # its error

    def result(self, groups: Numbers) -> pa.Array:
        return array_of(self._sums.sums.data[groups], self._sums.type)

    def save(self, groups: Numbers) -> pa.Array:
        return self._sums.save(groups)

    def load(self, groups: Numbers, states: pa.Array) -> None:
        self._sums.put(groups, states)


def _most(type: pa.DataType) -> tuple[int, int]:
    """The least and the greatest sum that the type holds."""
    if pa.types.is_decimal(type):
        most = 10**type.precision - 1
        return -most, most
    edge = np.iinfo(np.int32 if pa.types.is_int32(type) else np.int64)
    return edge.min, edge.max


class Average:
    """AVG: a sum and a count."""

    def __init__(self, call: Call) -> None:
        self._sums = _Sums(call.args[0].type)
        self._n = Grown(np.int64, 0)

    def reach(self, size: int) -> None:
        self._sums.sums.reach(size)
        self._n.reach(size)

    def reset(self, groups: Numbers) -> None:
        self._sums.sums.reset(groups)
        self._n.reset(groups)

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        self._sums.add(steps, args[0])
        ones = np.asarray(args[0].is_valid()).astype(np.int64)
        _run(SUM, self._n, steps, _signed(ones, steps))

    def result(self, groups: Numbers) -> pa.Array:
        sums, n = self._sums.sums.data[groups], self._n.data[groups]
        whole = self._sums.whole
        if sums.dtype == object or (whole and np.abs(sums).max(initial=0) >= _EXACT):
            pairs = zip(sums.tolist(), n.tolist(), strict=True)
            return pa.array([s / c if c else 0.0 for s, c in pairs], pa.float64())
        return pa.array(np.divide(sums, n, out=np.zeros(len(n)), where=n > 0))

    def save(self, groups: Numbers) -> pa.Array:
        parts = [self._sums.save(groups), pa.array(self._n.data[groups])]
        return pa.StructArray.from_arrays(parts, names=["sum", "count"])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        self._sums.put(groups, states.field("sum"))
        self._n.data[groups] = states.field("count").to_numpy()


class _Extreme:
    """MIN and MAX: NaN is above all, NULL is nothing."""

    def __init__(self, type: pa.DataType, op: int, fill: Any) -> None:
        self._type, self._op, self._fill = type, op, fill
        floating = pa.types.is_floating(type)
        self._best = Grown(np.float64 if floating else np.int64, fill)
        self._any = Grown(np.int64, 0)

    def reach(self, size: int) -> None:
        self._best.reach(size)
        self._any.reach(size)

    def reset(self, groups: Numbers) -> None:
        self._best.reset(groups)
        self._any.reset(groups)

    def run(self, steps: Steps, args: Sequence[pa.Array]) -> None:
        _run(self._op, self._best, steps, values_of(args[0], self._fill))
        _run(MAXIMUM, self._any, steps, np.asarray(args[0].is_valid()).astype(np.int64))

    def result(self, groups: Numbers) -> pa.Array:
        missing = self._any.data[groups] == 0
        values = self._best.data[groups]
        values[missing] = 0  # what stands under a NULL must fit the type
        return array_of(values, self._type, missing)

    def save(self, groups: Numbers) -> pa.Array:
        return self.result(groups)

    def load(self, groups: Numbers, states: pa.Array) -> None:
        self._best.data[groups] = values_of(states, self._fill)
        self._any.data[groups] = np.asarray(states.is_valid())


_INT64 = np.iinfo(np.int64)


def maximum(call: Call) -> ColumnFold:
    """MAX."""
    floating = pa.types.is_floating(call.type)
    return _Extreme(call.type, MAXIMUM, -np.inf if floating else _INT64.min)


def minimum(call: Call) -> ColumnFold:
    """MIN."""
    floating = pa.types.is_floating(call.type)
    return _Extreme(call.type, MINIMUM, np.nan if floating else _INT64.max)
