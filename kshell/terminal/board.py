"""The rows of a live view: a table's current row for each key, and the last changes as they came.

`live` gives it changes; `live_view` asks for the rows that fit on the screen, and only those become
text.  Of a query with a LIMIT it keeps every row, in a file where they are many.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.spill import Spill
from kshell.stream.arena import KeyedRows
from kshell.stream.column_folds.base import Grown
from kshell.terminal.cells import cells_of, to_right
from kshell.terminal.times import Times, is_time

__all__ = ["COMING", "KEPT", "OPS", "Board", "Ints", "Mode", "Row"]

KEPT = 1_000  # changes that are kept
_KEYS = 100_000  # keys of a table that are kept: those that changed last
_SPARE = 10_000  # so many more may come before the oldest leave
OPS = ("+I", "-U", "+U", "-D")  # a new row, an update's old and new row, a deleted row
_NEW, _OLD, _UPDATED, _GONE = range(4)

Ints = Any  # a numpy array of int64


class Mode(Enum):
    """What a live view shows."""

    APPEND = "append"  # rows as they come
    TABLE = "table"  # the current row of each key, in its place
    CHANGELOG = "changelog"  # each change, with its sign
    WATCH = "watch"  # the rows of a bounded query's last run


COMING = (Mode.APPEND, Mode.CHANGELOG)  # rows are added at the end


@dataclass(frozen=True, slots=True)
class Row:
    """A row to draw: its number, clean texts (NULL is None), its sign; `born` and `changed` are
    numbers of changes."""

    id: int
    texts: tuple[str | None, ...]
    op: str = ""
    born: int = 0
    changed: int = 0


class _Log:
    """The last lines of the changelog, as Arrow; a line's id is its number.

    `places` are those of the lines' records, where rows are of one record each.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.lines = 0
        self._parts: deque[tuple[Changes, Ints]] = deque()
        self._kept = 0

    def add(self, changes: Changes, ops: Ints) -> None:
        self.lines += len(ops)
        if len(ops) > KEPT:
            # A slice would hold all that it is of.
            changes = changes.take(pa.array(np.arange(len(ops) - KEPT, len(ops))))
            ops = ops[-KEPT:]
        self._parts.append((changes, ops))
        self._kept += len(ops)
        while self._kept - len(self._parts[0][1]) >= KEPT:
            self._kept -= len(self._parts.popleft()[1])

    def whole(self) -> tuple[Changes, Ints]:
        """The kept lines and their signs."""
        if len(self._parts) > 1:
            changes = Changes.concat([part for part, _ in self._parts], self.schema)
            ops = np.concatenate([ops for _, ops in self._parts])
            self._parts = deque([(changes.slice(max(len(ops) - KEPT, 0)), ops[-KEPT:])])
            self._kept = len(self._parts[0][1])
        if not self._parts:
            return Changes.none(self.schema), np.empty(0, np.int64)
        return self._parts[0]


class Board:
    """The rows to show.

    `rows` counts the rows that came, `changes` what changed: a row that came, was replaced, or
    left.  `version` is another one after each `add`.
    """

    def __init__(
        self,
        schema: pa.Schema,
        key: tuple[str, ...],
        times: Times = Times.NUMBER,
        limited: bool = False,
    ) -> None:
        self.key, self.times = key, times
        self.lay_out(schema)
        self.every = 0.0  # seconds between two runs of a query that is watched
        self.modes: tuple[Mode, ...] = (Mode.TABLE if key else Mode.APPEND, Mode.CHANGELOG)
        self.rows = self.changes = self.version = 0
        self.left = 0  # keys that left because there were too many
        self.spill = Spill(schema) if limited else None
        self._log = _Log(schema)
        self._table = KeyedRows(schema, key) if key else None
        self._reused = False  # a new key may have the slot of one that has gone
        # Of each slot: the change that made it, the last one, how many there were, and when.
        self._born, self._changed = Grown(np.int64, 0), Grown(np.int64, 0)
        self._count, self._when = Grown(np.int64, 0), Grown(np.float64, 0)

    def lay_out(self, schema: pa.Schema) -> None:
        """Take the columns: which stand at the right, and which do not get narrower."""
        self.schema = schema
        self.right = frozenset(i for i, f in enumerate(schema) if to_right(f, self.times))
        moments = (i for i, f in enumerate(schema) if is_time(f, self.times))
        self.rigid = self.right.union(moments)

    def add(self, changes: Changes) -> None:
        """Add changes; none of them becomes text."""
        weights = np.asarray(changes.weights)
        if not weights.all():
            changes = changes.filter(pa.array(weights != 0))
            weights = weights[weights != 0]
        if not len(weights):
            return
        there = weights > 0
        if self.spill is not None:
            self.spill.add(changes.rows.filter(pa.array(there)))
        self.rows += int(np.count_nonzero(there))
        slots = None if self._table is None else self._table.slots(changes.rows)
        had = None if slots is None or self._table is None else self._table.ids(slots) >= 0
        ops = _signs(there, slots, had)
        self.changes += int(np.count_nonzero(ops != _OLD))
        self._log.add(changes, ops)
        if slots is not None and had is not None:
            self._update(changes.rows, slots, there, had, ops)
        self.version += 1

    def _update(self, rows: pa.RecordBatch, slots: Ints, there: Any, had: Any, ops: Ints) -> None:
        """Each key's last change decides."""
        assert self._table is not None
        size = self._table.keys.size
        for grown in (self._born, self._changed, self._count, self._when):
            grown.reach(size)
        every, first = np.unique(slots, return_index=True)
        if self.left:  # a key that left comes back with its old row
            self.left -= min(int(np.count_nonzero(~there[first] & ~had[first])), self.left)
        fresh = every[~had[first]]
        self._born.data[fresh] = self.changes
        self._count.data[fresh] = 0
        self._changed.data[every] = self.changes
        self._when.data[every] = time.time()
        counted, times = np.unique(slots[ops != _OLD], return_counts=True)
        self._count.data[counted] += times
        self._table.change(slots, rows, there)
        self._reused = self._reused or bool((self._table.ids(every) < 0).any())
        if len(self._table) > _KEYS + _SPARE:
            live = self._slots()
            spare = len(live) - _KEYS
            oldest = np.argpartition(self._changed.data[live], spare)[:spare]
            self._table.drop(live[oldest])
            self._reused = True
            self.left += spare

    def _slots(self) -> Ints:
        """Of the keys, the oldest first."""
        assert self._table is not None
        slots = np.flatnonzero(self._table.ids(np.arange(self._table.keys.size)) >= 0)
        if self._reused:
            slots = slots[np.argsort(self._born.data[slots], kind="stable")]
        return slots

    @property
    def keys(self) -> int:
        """How many keys there are, those that left too."""
        return 0 if self._table is None else len(self._table) + self.left

    @property
    def lines(self) -> int:
        """How many lines the changelog has had."""
        return self._log.lines

    def ids(self, mode: Mode) -> Ints:
        """The numbers of the kept rows, in the order in which they are shown.

        A row of a table keeps its place.
        """
        if mode is Mode.TABLE:
            return self._slots()
        ops = self._log.whole()[1]
        ids = np.arange(self._log.lines - len(ops), self._log.lines)
        return ids if mode is Mode.CHANGELOG else ids[(ops == _NEW) | (ops == _UPDATED)]

    def take(self, mode: Mode, ids: Ints, only: Sequence[int] | None = None) -> pa.RecordBatch:
        """The rows of these numbers, which are kept; `only` some of the columns."""
        if mode is Mode.TABLE:
            assert self._table is not None
            return self._table.rows.take(self._table.ids(ids), only)
        changes, ops = self._log.whole()
        rows = changes.rows if only is None else changes.rows.select(only)
        return rows.take(pa.array(ids - (self._log.lines - len(ops)), pa.int64()))

    def last_changes(self, ids: Ints) -> Ints:
        """Of each of a table's rows a number, which is another one after a change."""
        return self._changed.data[ids]

    def place(self, mode: Mode, id: int) -> tuple[int, int] | None:
        """The partition and the offset of the record of a row that is kept, if it has one."""
        changes, ops = self._log.whole()
        if mode is Mode.TABLE or changes.places is None:
            return None
        at = id - (self._log.lines - len(ops))
        partition, offset = (column[at].as_py() for column in changes.places.columns)
        return partition, offset

    def drawn(self, mode: Mode, ids: Ints) -> list[Row]:
        """The same as text."""
        texts: Iterator[Sequence[str | None]]
        texts = zip(*self.texts(self.take(mode, ids)), strict=True)
        if mode is Mode.TABLE:
            born, changed = self._born.data[ids].tolist(), self._changed.data[ids].tolist()
            made = zip(ids.tolist(), texts, born, changed, strict=True)
            return [Row(i, tuple(t), "", b, c) for i, t, b, c in made]
        whole = self._log.whole()[1]
        ops = whole[ids - (self._log.lines - len(whole))].tolist()
        signed = mode is Mode.CHANGELOG
        made_of = zip(ids.tolist(), texts, ops, strict=True)
        return [Row(i, tuple(t), OPS[op] if signed else "") for i, t, op in made_of]

    def texts(self, rows: pa.RecordBatch) -> list[list[str | None]]:
        """Columns as clean text."""
        columns = zip(rows.columns, self.schema, strict=True)
        return [cells_of(column, field, self.times).texts for column, field in columns]

    def searched(self, rows: pa.RecordBatch, sought: str) -> list[pa.Array]:
        """Columns as clean text to look for `sought` in; Arrow makes it where it can."""
        made = []
        for column, field in zip(rows.columns, self.schema, strict=True):
            time = is_time(field, self.times)
            # A backslash may be that of a control character, which only clean text has.
            if pa.types.is_string(column.type) and "\\" not in sought:
                made.append(column)
            elif pa.types.is_integer(column.type) and not time:
                made.append(column.cast(pa.string()))
            else:
                made.append(pa.array(cells_of(column, field, self.times).texts, pa.string()))
        return made

    def changed(self, slot: int) -> tuple[int, float]:
        """How often the row in a table's slot changed, and when the last time."""
        return int(self._count.data[slot]), float(self._when.data[slot])


def _signs(there: Any, slots: Ints | None, had: Any) -> Ints:
    """The sign of each change: the old row of an update is followed by the new row of its key."""
    size = len(there)
    order = np.arange(size) if slots is None else np.argsort(slots, kind="stable")
    sorted_there = there[order]
    pair = ~sorted_there[:-1] & sorted_there[1:]
    if slots is not None:
        same = slots[order][:-1] == slots[order][1:]
        pair &= same
    sorted_ops = np.where(sorted_there, _NEW, _GONE)
    sorted_ops[:-1][pair] = _OLD
    sorted_ops[1:][pair] = _UPDATED
    if slots is not None:
        # A table's new row without the old one: its key has a row, here or before.
        before = had[order].copy()
        before[1:][same] = sorted_there[:-1][same]
        sorted_ops[(sorted_ops == _NEW) & before] = _UPDATED
    ops = np.empty(size, np.int64)
    ops[order] = sorted_ops
    return ops
