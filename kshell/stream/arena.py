"""Rows that operators keep, as Arrow, by the numbers under which they came.

Memory follows the rows that live.  `KeyedRows` has one row of each key: a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.stream.columns import Grown
from kshell.stream.keys import Keys
from kshell.stream.state import Entries
from kshell.stream.updates import group_starts, last_rows, sorted_by, taken

__all__ = ["KeyedRows", "Rows"]

Ints = Any  # a numpy array of int64
_Part = tuple[Ints, pa.RecordBatch]
_FULL = 1 << 16  # rows from which on a chunk is not joined to its neighbour
_SPARSE = 4  # a chunk of more ids than that for each row is searched; so are
_FEW = 16  # fewer ids than a row in so many: else there is an index


class _Chunk:
    """Some rows, with their ids ascending, and which of them live."""

    def __init__(self, ids: Ints, rows: pa.RecordBatch, live: Any) -> None:
        self.ids, self.rows, self.live = ids, rows, live
        self.count = int(np.count_nonzero(live))
        self.first, self.last = int(ids[0]), int(ids[-1])
        self.span = self.last - self.first + 1
        self._places: Ints | None = None  # by id, above the first one

    def places(self, ids: Ints) -> Ints:
        if self.span == len(self.ids):
            return ids - self.first
        if self._places is None:
            if self.span > _SPARSE * len(self.ids) or len(ids) * _FEW < len(self.ids):
                return np.searchsorted(self.ids, ids)
            self._places = np.empty(self.span, np.int32)
            self._places[self.ids - self.first] = np.arange(len(self.ids))
        return self._places[ids - self.first].astype(np.int64)

    def take(self, ids: Ints, only: Sequence[int] | None) -> pa.RecordBatch:
        rows = self.rows if only is None else self.rows.select(only)
        return rows.take(pa.array(self.places(ids)))

    def compact(self) -> _Chunk:
        rows = self.rows.filter(pa.array(self.live))
        return _Chunk(self.ids[self.live], rows, np.ones(self.count, np.bool_))


class Rows:
    """Rows by ids that ascend as they come.

    >>> rows = Rows(pa.schema([("n", pa.int64())]))
    >>> ids = rows.add(pa.record_batch({"n": [10, 20, 30]}))
    >>> rows.drop(ids[:1])
    >>> rows.take(ids[[2, 1]]).to_pydict(), len(rows)
    ({'n': [30, 20]}, 2)
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.next = 0
        self._none = pa.RecordBatch.from_pylist([], schema=schema)
        self._chunks: list[_Chunk] = []
        self._mark: int | None = None  # rows from here on are new since the last `changed`
        self._shown = 0  # rows from here on nobody has seen
        self._gone: list[Ints] = []

    def __len__(self) -> int:
        return sum(chunk.count for chunk in self._chunks)

    @property
    def nbytes(self) -> int:
        """The bytes of all rows."""
        return sum(chunk.rows.nbytes for chunk in self._chunks)

    def add(self, rows: pa.RecordBatch) -> Ints:
        """Keep rows; gives their ids."""
        ids = np.arange(self.next, self.next + rows.num_rows)
        self.put(ids, rows)
        return ids

    def take(self, ids: Ints, only: Sequence[int] | None = None) -> pa.RecordBatch:
        """The rows of these ids, which must live; `only` some of the columns."""
        if not len(ids):
            return self._none if only is None else self._none.select(only)
        if len(self._chunks) == 1:
            return self._chunks[0].take(ids, only)
        which = self._of(ids)
        if (which == which[0]).all():
            return self._chunks[which[0]].take(ids, only)
        order = sorted_by(which)
        parts = [
            self._chunks[n].take(part, only)
            for n, part in _runs(which[order], ids[order])
        ]
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return taken(pa.concat_batches(parts), back)

    def drop(self, ids: Ints) -> None:
        """Forget these rows, which must live."""
        if not len(ids):
            return
        if self._mark is not None:
            self._gone.append(ids[ids < self._shown])
        ids = np.sort(ids)
        emptied = False
        for n, part in _runs(self._of(ids), ids):
            chunk = self._chunks[n]
            chunk.live[chunk.places(part)] = False
            chunk.count -= len(part)
            emptied = emptied or not chunk.count
            if chunk.count and chunk.count * 2 < len(chunk.ids):
                self._chunks[n] = chunk.compact()
        if emptied:
            self._chunks = [chunk for chunk in self._chunks if chunk.count]
        self._join()

    def all(self) -> _Part:
        """The ids and the rows of all that live."""
        return self.since(0)

    def snapshot(self) -> Entries:
        """All rows by their ids."""
        if self._mark is None:
            self._mark = self.next
        self._shown = self.next
        return _entries(*self.since(0), np.empty(0, np.int64))

    def changed(self) -> Entries:
        """The rows that came or went since the last time; at first all."""
        since = 0 if self._mark is None else self._mark
        gone = np.concatenate(self._gone) if self._gone else np.empty(0, np.int64)
        self._mark, self._shown, self._gone = self.next, self.next, []
        return _entries(*self.since(since), gone)

    def load(self, entries: Entries) -> tuple[_Part, _Part]:
        """Takes entries in; gives what left and what came, as ids and rows."""
        ids = entries.keys.column(0).to_numpy()
        gone = np.asarray(entries.gone)
        mine = self.all()[0]
        old = np.intersect1d(ids, mine)
        left = (old, self.take(old))
        self.drop(old)
        came = (ids[~gone], entries.values.filter(pa.array(~gone)))
        order = np.argsort(came[0])
        came = (came[0][order], came[1].take(pa.array(order)))
        if len(order) and self._chunks and came[0][0] <= self._chunks[-1].last:
            mine, rows = self.all()
            ids = np.concatenate([mine, came[0]])
            order = np.argsort(ids)
            self._chunks = []
            self.put(ids[order], pa.concat_batches([rows, came[1]]).take(pa.array(order)))
        else:
            self.put(*came)
        self._mark, self._shown, self._gone = self.next, self.next, []
        return left, came

    def put(self, ids: Ints, rows: pa.RecordBatch) -> None:
        """Keep rows under ids of the caller's, all above those so far."""
        if len(ids):
            self._chunks.append(_Chunk(ids, rows, np.ones(len(ids), np.bool_)))
            self.next = max(self.next, int(ids[-1]) + 1)
            self._join()

    def since(self, first: int) -> _Part:
        """The ids, from `first` on, and the rows of those that live."""
        parts = []
        for chunk in self._chunks:
            if chunk.last >= first:
                live = chunk.live & (chunk.ids >= first)
                parts.append((chunk.ids[live], chunk.rows.filter(pa.array(live))))
        if not parts:
            return np.empty(0, np.int64), self._none
        return np.concatenate([i for i, _ in parts]), pa.concat_batches([r for _, r in parts])

    def _of(self, ids: Ints) -> Ints:
        """The number of each id's chunk."""
        return np.searchsorted([chunk.last for chunk in self._chunks], ids)

    def _join(self) -> None:
        """Joins the last chunks while they are of like size, so that there are few."""
        chunks = self._chunks
        while len(chunks) > 1:
            a, b = chunks[-2:]
            if len(a.ids) >= _FULL or len(a.ids) > 2 * len(b.ids):
                return
            chunks[-2:] = [
                _Chunk(
                    np.concatenate([a.ids, b.ids]),
                    pa.concat_batches([a.rows, b.rows]),
                    np.concatenate([a.live, b.live]),
                )
            ]


class KeyedRows:
    """The row of each key, which is some of the row's columns: a table.

    >>> rows = KeyedRows(pa.schema([("k", pa.string()), ("n", pa.int64())]), ["k"])
    >>> batch = pa.record_batch({"k": ["a", "b", "a"], "n": [1, 2, 3]})
    >>> slots = rows.slots(batch)
    >>> rows.put(slots[1:], batch.slice(1))
    >>> rows.take(rows.ids(slots)).column("n").to_pylist()
    [3, 2, 3]
    """

    def __init__(self, schema: pa.Schema, key: Sequence[str]) -> None:
        self._key = list(key)
        self._places = [schema.get_field_index(name) for name in key]
        self.keys = Keys([schema.field(i).type for i in self._places])
        self.rows = Rows(schema)
        self._ids = Grown(np.int64, -1)
        self._mark: int | None = None
        self._gone: list[pa.RecordBatch] = []

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The key's columns of such a batch."""
        return [batch.column(i) for i in self._places]

    def slots(self, batch: pa.RecordBatch) -> Ints:
        """A slot for each row's key; those that get no row are to be given to `drop`."""
        slots, _ = self.keys.add(self.columns(batch))
        self._ids.reach(self.keys.size)
        return slots

    def find(self, columns: Sequence[pa.Array]) -> Ints:
        """The id of the row of each of these keys; -1 where there is none."""
        slots = self.keys.find(columns)
        out = np.full(len(slots), -1)
        found = slots >= 0
        out[found] = self._ids.data[slots[found]]
        return out

    def ids(self, slots: Ints) -> Ints:
        """The id of the row in each slot; -1 where there is none."""
        return self._ids.data[slots]

    def take(self, ids: Ints) -> pa.RecordBatch:
        """The rows of these ids."""
        return self.rows.take(ids)

    def put(self, slots: Ints, batch: pa.RecordBatch) -> None:
        """The rows replace what their slots had; of the rows of one slot the last counts."""
        last = last_rows(slots)
        if len(last) < len(slots):
            slots, batch = slots[last], batch.take(pa.array(last))
        self._replace(slots, batch)

    def _replace(self, slots: Ints, batch: pa.RecordBatch) -> None:
        """Puts one row in each slot."""
        old = self._ids.data[slots]
        self._ids.data[slots] = self.rows.add(batch)
        self.rows.drop(old[old >= 0])

    def change(self, slots: Ints, batch: pa.RecordBatch, there: Any) -> None:
        """Each slot's last row decides: the slot has it, or nothing where it is not `there`."""
        last = last_rows(slots)
        stays = last[there[last]]
        self._replace(slots[stays], taken(batch, stays))
        self.drop(slots[last[~there[last]]])

    def drop(self, slots: Ints) -> None:
        """The slots have no row any more, and their keys are gone."""
        slots = np.unique(slots)
        old = self._ids.data[slots]
        self._ids.data[slots] = -1
        self.rows.drop(old[old >= 0])
        if self._mark is not None and len(slots):
            self._gone.append(pa.RecordBatch.from_arrays(self.keys.values(slots), names=self._key))
        self.keys.drop(slots)

    def snapshot(self) -> Entries:
        """The rows by their keys."""
        if self._mark is None:
            self._mark = self.rows.next
        return self._entries(self.rows.all()[1], [])

    def changed(self) -> Entries:
        """The rows that came, and the keys that went, since the last time; at first all."""
        rows = self.rows.since(self._mark or 0)[1]
        gone, self._gone, self._mark = self._gone, [], self.rows.next
        return self._entries(rows, gone)

    def load(self, entries: Entries) -> None:
        """Takes entries in."""
        keys = entries.keys.filter(entries.gone)
        slots = self.keys.find(keys.columns)
        self.drop(slots[slots >= 0])
        rows = entries.values.filter(pa.array(~np.asarray(entries.gone)))
        self.put(self.slots(rows), rows)
        self._mark, self._gone = self.rows.next, []

    def _entries(self, rows: pa.RecordBatch, gone: list[pa.RecordBatch]) -> Entries:
        keys = pa.RecordBatch.from_arrays(self.columns(rows), names=self._key)
        if gone:
            # Only keys that did not come back: of several times that one went, once.
            lost = pa.concat_batches(gone)
            away = self.keys.find(lost.columns) < 0
            slots, _ = Keys(lost.schema.types).add(lost.columns)
            lost = lost.take(pa.array(np.intersect1d(last_rows(slots), np.flatnonzero(away))))
            gone = [lost]
        return Entries.of(keys, rows, *gone)


def _entries(ids: Ints, rows: pa.RecordBatch, gone: Ints) -> Entries:
    def keyed(ids: Ints) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays([pa.array(ids, pa.int64())], names=["n"])

    return Entries.of(keyed(ids), rows, keyed(gone))


def _runs(numbers: Ints, ids: Ints) -> list[tuple[int, Ints]]:
    """The ids of each number; equal numbers stand together."""
    starts = np.flatnonzero(group_starts(numbers))
    ends = np.append(starts[1:], len(numbers))
    return [(int(numbers[s]), ids[s:e]) for s, e in zip(starts, ends, strict=True)]
