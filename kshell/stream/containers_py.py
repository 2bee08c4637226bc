"""The containers of operators' state, in Python: `containers` takes them where C was not built.

`_containers.pyx` has the same classes; tests hold the two to the same answers.  Times, slots and
ids are arrays of int64.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Heap", "KeyMap", "Times", "Waiting"]

Ints = Any  # a numpy array of int64
_NEVER = (1 << 63) - 1
_Entry = tuple[int, int]


class KeyMap:
    """Slots, from 0 on, for rows of whole numbers and bytes; a dropped slot is given again."""

    def __init__(self, types: Sequence[pa.DataType]) -> None:
        self._types = list(types)
        self._slots: dict[tuple[Any, ...], int] = {}
        self._rows: list[tuple[Any, ...] | None] = []
        self._spare: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """One more than the largest slot so far."""
        return len(self._rows)

    def add(self, arrays: Sequence[pa.Array]) -> tuple[Ints, Any]:
        """The rows' slots, and at which rows a slot is new."""
        rows = _rows(arrays)
        fresh = np.zeros(len(rows), np.bool_)
        slots = np.empty(len(rows), np.int64)
        for i, row in enumerate(rows):
            slot = self._slots.get(row)
            if slot is None:
                fresh[i] = True
                slot = self._slots[row] = self._new(row)
            slots[i] = slot
        return slots, fresh

    def find(self, arrays: Sequence[pa.Array]) -> Ints:
        """The rows' slots, -1 for a row that has none."""
        return np.array([self._slots.get(row, -1) for row in _rows(arrays)], np.int64)

    def drop(self, slots: Ints) -> None:
        """Forget these slots' rows."""
        for slot in slots.tolist():
            row = self._rows[slot]
            assert row is not None
            del self._slots[row]
            self._rows[slot] = None
            self._spare.append(slot)

    def values(self, slots: Ints) -> list[pa.Array]:
        """The slots' rows, by column."""
        rows: Any = [self._rows[slot] for slot in slots.tolist()]
        return [pa.array([row[i] for row in rows], t) for i, t in enumerate(self._types)]

    def _new(self, row: tuple[Any, ...]) -> int:
        if self._spare:
            slot = self._spare.pop()
            self._rows[slot] = row
            return slot
        self._rows.append(row)
        return len(self._rows) - 1


def _rows(arrays: Sequence[pa.Array]) -> list[tuple[Any, ...]]:
    return list(zip(*(a.to_pylist() for a in arrays), strict=True))


class Heap:
    """Items by time.

    >>> heap = Heap()
    >>> heap.push(np.array([5, 3, 9]), np.array([0, 1, 2]))
    >>> heap.pop(5)
    (array([3, 5]), array([1, 0]))
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, times: Ints, items: Ints) -> None:
        """Put items in; one may be there more than once."""
        for entry in zip(times.tolist(), items.tolist(), strict=True):
            heapq.heappush(self._entries, entry)

    def pop(self, until: int) -> tuple[Ints, Ints]:
        """Takes out the times up to `until` and their items, by time and then by item."""
        out = []
        while self._entries and self._entries[0][0] <= until:
            out.append(heapq.heappop(self._entries))
        pairs = np.array(out, np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


class Times:
    """Of each slot ids in order of a time; those of one time in the order in which they came.

    >>> times = Times()
    >>> times.add(np.array([0, 0, 1]), np.array([20, 10, 15]), np.array([7, 8, 9]))
    >>> times.between(np.array([1, 0]), np.array([0, 10]), np.array([14, 20]))
    (array([1, 1]), array([8, 7]), array([10, 20]))
    >>> times.expire(15)
    (array([8, 9]), array([1]))
    """

    def __init__(self) -> None:
        self._entries: dict[int, list[_Entry]] = {}
        self._queued: dict[int, int] = {}
        self._first: list[_Entry] = []  # when slots have something to expire

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def add(self, slots: Ints, times: Ints, ids: Ints) -> None:
        """Put ids in."""
        for slot, time, item in zip(slots.tolist(), times.tolist(), ids.tolist(), strict=True):
            insort(self._entries.setdefault(slot, []), (time, item), key=_time)
            self._queue(slot)

    def counts(self, slots: Ints, first: Ints, last: Ints) -> Ints:
        """How many ids `between` gives for each slot."""
        return np.array([len(found) for found in self._found(slots, first, last)], np.int64)

    def between(self, slots: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints, Ints]:
        """The ids from `first` to `last`, both included: which of the slots asked, id, time.

        A slot of -1 has none.
        """
        found = self._found(slots, first, last)
        out = [(i, item, time) for i, entries in enumerate(found) for time, item in entries]
        rows = np.array(out, np.int64).reshape(-1, 3)
        return rows[:, 0], rows[:, 1], rows[:, 2]

    def remove(self, slots: Ints, times: Ints, ids: Ints) -> None:
        """Take these out, if they are there."""
        for slot, time, item in zip(slots.tolist(), times.tolist(), ids.tolist(), strict=True):
            entries = self._entries.get(slot, [])
            if (time, item) in entries:
                entries.remove((time, item))
                if not entries:
                    del self._entries[slot]

    def expire(self, until: int) -> tuple[Ints, Ints]:
        """Takes out what has a time up to `until`: the ids, and the slots that are empty now."""
        ids: list[int] = []
        empty = []
        while self._first and self._first[0][0] <= until:
            time, slot = heapq.heappop(self._first)
            if self._queued.get(slot, _NEVER) != time:
                continue
            del self._queued[slot]
            entries = self._entries.get(slot)
            if not entries:
                continue
            count = bisect_right(entries, until, key=_time)
            ids += [item for _, item in entries[:count]]
            del entries[:count]
            if entries:
                self._queue(slot)
            else:
                del self._entries[slot]
                empty.append(slot)
        return np.array(ids, np.int64), np.array(empty, np.int64)

    def held(self, slots: Ints) -> Ints:
        """How many ids the slots have."""
        return np.array([len(self._entries.get(s, ())) for s in slots.tolist()], np.int64)

    def _found(self, slots: Ints, first: Ints, last: Ints) -> list[list[_Entry]]:
        found = []
        for slot, low, high in zip(slots.tolist(), first.tolist(), last.tolist(), strict=True):
            entries = self._entries.get(slot, [])
            begin = bisect_left(entries, low, key=_time)
            found.append(entries[begin : bisect_right(entries, high, key=_time)])
        return found

    def _queue(self, slot: int) -> None:
        time = self._entries[slot][0][0]
        if time < self._queued.get(slot, _NEVER):
            self._queued[slot] = time
            heapq.heappush(self._first, (time, slot))


class Waiting:
    """The outer rows of a stream–stream join that wait for a match, in order of time and side.

    `ahead` is how far a row of each side looks ahead.  Rows are released only after the latest row
    seen at the previous check (`least`) has expired, unless an earlier one arrived since, as in
    Streams.
    """

    def __init__(self, left_ahead: int, right_ahead: int, grace: int) -> None:
        self._ahead, self._grace = (left_ahead, right_ahead), grace
        self._order: list[tuple[int, int, int]] = []  # time, side, id
        self.least = _NEVER

    def __len__(self) -> int:
        return len(self._order)

    def load(self, side: int, times: Ints, ids: Ints) -> None:
        """Rows of a side that wait."""
        for time, item in zip(times.tolist(), ids.tolist(), strict=True):
            insort(self._order, (time, side, item))

    def remove(self, side: int, times: Ints, ids: Ints) -> None:
        """Rows of a side that wait no longer."""
        for time, item in zip(times.tolist(), ids.tolist(), strict=True):
            self._remove((time, side, item))

    def step(
        self, sides: Ints, times: Ints, nows: Ints, ids: Ints, waits: Any, matching: Ints,
        other_times: Ints, other_ids: Ints,
    ) -> tuple[Ints, Ints, Ints, Any]:  # fmt: skip
        """Rows in order: each releases what has expired, ends what it matches, and may wait.

        `matching` has the number of the row for each match, ascending.  Gives the releasing row,
        the side and the id of each row released, and which matches ended a wait.
        """
        made = []
        ended = np.zeros(len(matching), np.bool_)
        k = 0
        rows = zip(*(a.tolist() for a in (sides, times, nows, ids, waits)), strict=True)
        for i, (side, at, now, item, stays) in enumerate(rows):
            if at == now and self.least < now - self._ahead[side] - self._grace:
                made += [(i, *released) for released in self._release(now)]
            while k < len(matching) and matching[k] == i:
                ended[k] = self._remove((int(other_times[k]), 1 - side, int(other_ids[k])))
                k += 1
            if stays:
                insort(self._order, (at, side, item))
                self.least = min(self.least, at)
        out = np.array(made, np.int64).reshape(-1, 3)
        return out[:, 0], out[:, 1], out[:, 2], ended

    def _release(self, now: int) -> list[tuple[int, int]]:
        """Takes out the rows of which each is from before its side's bound."""
        bounds = tuple(now - ahead - self._grace for ahead in self._ahead)
        out = []
        kept = []
        still: set[int] = set()
        self.least = _NEVER
        for n, (time, side, item) in enumerate(self._order):
            self.least = time
            if len(still) == 2:
                kept += self._order[n:]
                break
            if time >= bounds[side]:
                still.add(side)
                kept.append((time, side, item))
            else:
                out.append((side, item))
        self._order = kept
        return out

    def _remove(self, place: tuple[int, int, int]) -> bool:
        at = bisect_left(self._order, place)
        found = at < len(self._order) and self._order[at] == place
        if found:
            del self._order[at]
        return found


def _time(entry: _Entry) -> int:
    return entry[0]
