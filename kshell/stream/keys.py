"""Numbers the keys of an operator's state, so that what belongs to a key stands in arrays.

Operators with state keep one `Keys` for each map; a key that is dropped gives its slot to the next
new one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.stream.rows import freeze

__all__ = ["Keys"]


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
        self._slots: dict[Hashable, int] = {}
        self._names: list[Any] = []  # by slot
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """One more than the largest slot so far."""
        return len(self._names)

    def add(self, columns: Sequence[pa.Array]) -> tuple[Any, Any]:
        """The rows' slots, and at which rows a key is seen for the first time."""
        values, names = self._read(columns)
        slots = np.empty(len(names), np.int64)
        fresh = np.zeros(len(names), np.bool_)
        for i, name in enumerate(names):
            slot = self._slots.get(name)
            if slot is None:
                fresh[i] = True
                slot = self._slots[name] = self._new(values[i])
            slots[i] = slot
        return slots, fresh

    def find(self, columns: Sequence[pa.Array]) -> Any:
        """The rows' slots; -1 for a key that is not here."""
        names = self._read(columns)[1]
        return np.array([self._slots.get(name, -1) for name in names], np.int64)

    def values(self, slots: Any) -> list[pa.Array]:
        """The keys of the slots, by column."""
        rows = [self._names[slot] for slot in slots]
        return [pa.array([r[i] for r in rows], t) for i, t in enumerate(self._types)]

    def drop(self, slots: Any) -> None:
        """Forget the keys of these slots."""
        for slot in slots.tolist():
            del self._slots[tuple(freeze(v) for v in self._names[slot])]
            self._names[slot] = None
            self._free.append(slot)

    def _new(self, value: Any) -> int:
        if self._free:
            slot = self._free.pop()
            self._names[slot] = value
            return slot
        self._names.append(value)
        return len(self._names) - 1

    def _read(self, columns: Sequence[pa.Array]) -> tuple[list[Any], list[Hashable]]:
        values: list[Any] = list(zip(*(c.to_pylist() for c in columns), strict=True))
        if any(pa.types.is_nested(t) for t in self._types):
            return values, [tuple(map(freeze, v)) for v in values]
        return values, values
