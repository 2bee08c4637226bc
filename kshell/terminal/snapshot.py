"""The rows of a bounded query's last run, and which of them are others than in the run before.

`\\watch` shows one in the live view.  A row is the same as one before if a column that names rows
says so, else if all its cells are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import repeat

import numpy as np
import pyarrow as pa

from kshell.terminal.board import Board, Ints, Mode, Row
from kshell.terminal.times import Times
from kshell.value_texts import raw_texts

__all__ = ["MOST", "Snapshot", "names_of_rows"]

MOST = 10_000  # rows that are kept: the first ones

Columns = Sequence[Sequence[str | None]]


class Snapshot(Board):
    """`rows` counts those of the last run, `changes` the runs; `when` was the last, and `differing`
    is how many rows it has, lacks, or has with other cells than the run before."""

    def __init__(self, times: Times, every: float) -> None:
        super().__init__(pa.schema([]), (), times)
        self.modes = (Mode.WATCH,)
        self.every = every
        self.when = 0.0
        self.differing = 0
        self._rows = pa.RecordBatch.from_pylist([], self.schema)
        self._cells: Columns = []
        self._ids = self._since = np.empty(0, np.int64)  # since: the run that had a row first
        self._next = 0

    def replace(self, rows: pa.RecordBatch, count: int) -> None:
        """Take the first rows of the next run, which had so many."""
        first = not self.when
        run = 0 if first else self.changes + 1
        cells = [raw_texts(column) for column in rows.columns]
        if rows.schema.names != self.schema.names:
            self._cells, self._ids, self._since = [], self._ids[:0], self._since[:0]
        before, now = names_of_rows(self._cells, cells)
        old = zip(*self._cells, strict=True)
        had = zip(self._ids.tolist(), self._since.tolist(), old, strict=True)
        known: dict[Hashable, tuple[int, int, object]] = dict(zip(before, had, strict=True))
        ids, since, differing = [], [], 0
        for name, texts in zip(now, zip(*cells, strict=True), strict=True):
            id, began, was = known.pop(name, (self._next, run, None))
            self._next += was is None
            differing += was != texts
            ids.append(id)
            since.append(began)
        self.differing = 0 if first else differing + len(known)
        self.lay_out(rows.schema)
        self._rows, self._cells = rows, cells
        self._ids, self._since = np.array(ids, np.int64), np.array(since, np.int64)
        self.rows, self.changes, self.when = count, run, time.time()
        self.version += 1

    def ids(self, mode: Mode) -> Ints:
        return self._ids

    def _places(self, ids: Ints) -> Ints:
        order = np.argsort(self._ids)
        return order[np.searchsorted(self._ids, ids, sorter=order)]

    def take(self, mode: Mode, ids: Ints, only: Sequence[int] | None = None) -> pa.RecordBatch:
        rows = self._rows if only is None else self._rows.select(only)
        return rows.take(pa.array(self._places(ids)))

    def last_changes(self, ids: Ints) -> Ints:
        return np.full(len(ids), self.version)

    def drawn(self, mode: Mode, ids: Ints) -> list[Row]:
        places = self._places(ids)
        texts = zip(*self.texts(self._rows.take(pa.array(places))), strict=True)
        made = zip(ids.tolist(), texts, self._since[places].tolist(), strict=True)
        return [Row(id, tuple(t), "", born) for id, t, born in made]


def names_of_rows(before: Columns, now: Columns) -> tuple[list[Hashable], list[Hashable]]:
    """What tells the rows of two runs apart: a column without equal cells, if there is one.

    Of several the one that has most cells in both.  Else all cells, and of equal rows which it is.

    >>> names_of_rows([["3", "4"], ["a", "b"]], [["4", "5"], ["a", "b"]])
    (['a', 'b'], ['a', 'b'])
    >>> names_of_rows([["a", "a"]], [["b", "a"]])
    ([(('a',), 0), (('a',), 1)], [(('b',), 0), (('a',), 0)])
    """
    if [len(column) for column in (*before[:1], *now[:1])] == [1, 1]:
        return [0], [0]  # a query with one row has the same one each time
    best, found = -1, None
    for old, new in zip(before or repeat([]), now, strict=False):
        both = set(old), set(new)
        if len(both[0]) == len(old) and len(both[1]) == len(new) and len(both[0] & both[1]) > best:
            best, found = len(both[0] & both[1]), (list(old), list(new))
    if found is not None:
        return found  # type: ignore[return-value]
    return _numbered(before), _numbered(now)


def _numbered(columns: Columns) -> list[Hashable]:
    seen: Counter[tuple[str | None, ...]] = Counter()
    names: list[Hashable] = []
    for row in zip(*columns, strict=True):
        names.append((row, seen[row]))
        seen[row] += 1
    return names
