"""Keys with a few whole numbers each, in arrays by the key's slot, such as the ids of its rows.

Operators keep it beside `arena.Rows`, which has the rows themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.stream.columns import Grown
from kshell.stream.keys import Keys
from kshell.stream.state import Entries
from kshell.stream.updates import distinct

__all__ = ["KeyedNumbers"]

Slots = Any  # a numpy array of int64


class KeyedNumbers:
    """Each key's numbers, by name; a name's fill is what a key without that number has.

    >>> keyed = KeyedNumbers(pa.schema([("k", pa.string())]), id=-1)
    >>> slots = keyed.slots([pa.array(["a", "b"])])
    >>> keyed.put(slots[:1], id=np.array([7]))
    >>> keyed.tidy(slots)
    >>> keyed["id"][keyed.live()], len(keyed)
    (array([7]), 1)
    """

    def __init__(self, key: pa.Schema, **fills: int) -> None:
        self._schema = key
        self._keys = Keys(key.types)
        self._numbers = {name: Grown(np.int64, fill) for name, fill in fills.items()}
        self._live = Grown(np.bool_, False)
        self._touched: Keys | None = None  # keys that changed since the last look

    def __len__(self) -> int:
        return int(np.count_nonzero(self._live.data))

    def __getitem__(self, name: str) -> Any:
        """The number of that name in every slot."""
        return self._numbers[name].data

    def slots(self, columns: Sequence[pa.Array]) -> Slots:
        """A slot for each key; `tidy` takes back those that then get no numbers."""
        slots, _ = self._keys.add(columns)
        self._live.reach(self._keys.size)
        for numbers in self._numbers.values():
            numbers.reach(self._keys.size)
        return slots

    def find(self, columns: Sequence[pa.Array]) -> Slots:
        """The slots of the keys; -1 for a key that is not here."""
        return self._keys.find(columns)

    def keys(self, slots: Slots) -> list[pa.Array]:
        """The keys of the slots, by column."""
        return self._keys.values(slots)

    def live(self) -> Slots:
        """The slots of all keys that have numbers."""
        return np.flatnonzero(self._live.data)

    def put(self, slots: Slots, **numbers: Any) -> None:
        """Set numbers of different slots."""
        for name, values in numbers.items():
            self._numbers[name].data[slots] = values
        self._live.data[slots] = True
        self._touch(slots)

    def drop(self, slots: Slots) -> None:
        """Take the numbers of different slots away; `tidy` then forgets their keys."""
        self._touch(slots)
        self._live.reset(slots)
        for numbers in self._numbers.values():
            numbers.reset(slots)

    def tidy(self, slots: Slots) -> None:
        """Forget those of the keys that have no numbers."""
        dead = slots[~self._live.data[slots]]
        if len(dead):
            self._keys.drop(distinct(dead))

    def snapshot(self) -> Entries:
        """All keys and their numbers."""
        if self._touched is None:
            self._touched = Keys(self._schema.types)
        return self._entries(self.live(), None)

    def changed(self) -> Entries:
        """What differs since the last time; all the first time."""
        touched, self._touched = self._touched, Keys(self._schema.types)
        if touched is None:
            return self._entries(self.live(), None)
        columns = touched.values(np.arange(touched.size))
        slots = self._keys.find(columns)
        there = (slots >= 0) & self._live.data[slots]
        gone = [c.filter(pa.array(~there)) for c in columns]
        return self._entries(slots[there], pa.RecordBatch.from_arrays(gone, schema=self._schema))

    def load(self, entries: Entries) -> Slots:
        """Takes entries in; gives the slots of the keys that have numbers."""
        slots = self.slots(entries.keys.columns)
        gone = np.asarray(entries.gone)
        self.drop(slots[gone])
        came = entries.values.filter(pa.array(~gone))
        numbers = {n: came.column(n).to_numpy() for n in came.schema.names}
        self.put(slots[~gone], **numbers)
        self.tidy(slots[gone])
        self.begin()
        return slots[~gone]

    def begin(self) -> None:
        """From now on note what changes: what is here now, somebody has."""
        self._touched = Keys(self._schema.types)

    def _touch(self, slots: Slots) -> None:
        if self._touched is not None and len(slots):
            self._touched.add(self._keys.values(slots))

    def _entries(self, slots: Slots, gone: pa.RecordBatch | None) -> Entries:
        keys = pa.RecordBatch.from_arrays(self._keys.values(slots), schema=self._schema)
        numbers = {n: pa.array(g.data[slots], pa.int64()) for n, g in self._numbers.items()}
        return Entries.of(keys, pa.record_batch(numbers), gone)
