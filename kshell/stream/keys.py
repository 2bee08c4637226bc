"""Numbers the keys of an operator's state, so that what belongs to a key stands in arrays.

Operators with state keep one `Keys` for each map; a key that is dropped gives its slot to the next
new one.  Keys are equal as in DuckDB: NULL is NULL, NaN is NaN, -0.0 is 0.0, a map's order is no
part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.stream.containers import KeyMap
from kshell.stream.rows import freeze

__all__ = ["Keys", "all_valid"]

Slots = Any  # numpy int64


class Keys:
    """Keys of several columns, each with a slot from 0 on.

    >>> keys = Keys([pa.string()])
    >>> keys.add([pa.array(["a", "b", "a"])])
    (array([0, 1, 0]), array([ True,  True, False]))
    >>> keys.find([pa.array(["b", "c"])])
    array([ 1, -1])
    """

    def __init__(self, types: Sequence[pa.DataType]) -> None:
        self._types = list(types)
        self._map = KeyMap([plain for t in self._types for plain in _plain_types(t)])
        # Values of lists and maps as they are: the map has their text.
        self._nested = [i for i, t in enumerate(self._types) if _holds_lists(t)]
        self._values: dict[int, tuple[Any, ...]] = {}

    def __len__(self) -> int:
        return len(self._map)

    @property
    def size(self) -> int:
        """One more than the largest slot so far."""
        return int(self._map.size)

    def add(self, columns: Sequence[pa.Array]) -> tuple[Slots, Any]:
        """The rows' slots, and at which rows a key is seen for the first time."""
        slots, fresh = self._map.add(self._plain(columns))
        if self._nested and fresh.any():
            new = pa.array(np.flatnonzero(fresh))
            lists = [columns[i].take(new).to_pylist() for i in self._nested]
            self._values.update(zip(slots[fresh].tolist(), zip(*lists, strict=True), strict=True))
        return slots, fresh

    def find(self, columns: Sequence[pa.Array]) -> Slots:
        """The rows' slots; -1 for a key that is not here."""
        return self._map.find(self._plain(columns))

    def values(self, slots: Slots) -> list[pa.Array]:
        """The keys of the slots, by column."""
        plain = iter(self._map.values(slots))
        columns = [_restored(t, plain) for t in self._types]
        for n, i in enumerate(self._nested):
            columns[i] = pa.array([self._values[s][n] for s in slots.tolist()], self._types[i])
        return columns

    def drop(self, slots: Slots) -> None:
        """Forget the keys of these slots."""
        self._map.drop(slots)
        if self._nested:
            for slot in slots.tolist():
                del self._values[slot]

    def _plain(self, columns: Sequence[pa.Array]) -> list[pa.Array]:
        return [
            plain
            for column, type in zip(columns, self._types, strict=True)
            for plain in _plain_of(column if column.type == type else column.cast(type))
        ]


def all_valid(columns: Sequence[pa.Array]) -> pa.Array | None:
    """Which rows have no NULL; None where all are so."""
    valid = None
    for column in columns:
        if column.null_count:
            mine = column.is_valid()
            valid = mine if valid is None else pc.and_(valid, mine)
    return valid


def _plain_types(type: pa.DataType) -> list[pa.DataType]:
    """Whole numbers and bytes that such a value is equal by."""
    if pa.types.is_struct(type):
        return [pa.int8(), *(plain for field in type for plain in _plain_types(field.type))]
    if _is_text(type) or pa.types.is_nested(type):
        return [pa.binary()]
    if pa.types.is_boolean(type) or pa.types.is_null(type):
        return [pa.int8()]
    if pa.types.is_decimal(type):
        return [type]
    return [_WHOLE[type.bit_width]]


def _plain_of(column: pa.Array) -> list[pa.Array]:
    type = column.type
    if pa.types.is_struct(type):
        there = column.is_valid().cast(pa.int8())
        return [there, *(plain for field in column.flatten() for plain in _plain_of(field))]
    (plain,) = _plain_types(type)
    if pa.types.is_nested(type):
        return [pa.array([None if v is None else _text(v) for v in column.to_pylist()], plain)]
    if pa.types.is_floating(type):
        zero = pa.scalar(0.0, type)
        column = pc.if_else(pc.is_nan(column), pa.scalar(float("nan"), type), column)
        column = pc.if_else(pc.equal(column, zero), zero, column)
    if type == plain:
        return [column]
    if pa.types.is_boolean(type) or pa.types.is_null(type) or _is_text(type):
        return [column.cast(plain)]
    return [column.view(plain)]


def _restored(type: pa.DataType, plain: Any) -> pa.Array:
    """The column of the plain ones that come next; NULL where it holds lists."""
    if pa.types.is_struct(type):
        there = next(plain).cast(pa.bool_())
        fields = [_restored(field.type, plain) for field in type]
        if not fields:
            return pa.array([{} if v else None for v in there.to_pylist()], type)
        return pa.StructArray.from_arrays(fields, fields=list(type), mask=pc.invert(there))
    column = next(plain)
    if pa.types.is_nested(type) or pa.types.is_null(type):
        return pa.nulls(len(column), type)
    if pa.types.is_boolean(type) or _is_text(type):
        return column.cast(type)
    return column if column.type == type else column.view(type)


_WHOLE = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_binary(type))


def _holds_lists(type: pa.DataType) -> bool:
    if pa.types.is_struct(type):
        return any(_holds_lists(field.type) for field in type)
    return bool(pa.types.is_nested(type))


def _text(value: Any) -> bytes:
    """Equal values have equal text."""
    return repr(freeze(_same(value))).encode("utf-8", "surrogatepass")


def _same(value: Any) -> Any:
    if isinstance(value, float):
        return value + 0.0  # -0.0 becomes 0.0
    if isinstance(value, list | tuple):
        return type(value)(map(_same, value))
    if isinstance(value, dict):
        return {name: _same(v) for name, v in value.items()}
    return value
