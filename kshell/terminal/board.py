"""The rows of a live view: a stream's latest rows, or a table's current row for each key.

`live` gives it changes, and asks for the rows that fit on the screen.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from kshell.changes import Changes
from kshell.terminal.cells import cells_of, to_right
from kshell.terminal.times import Times, is_time
from kshell.value_texts import raw_texts

__all__ = ["Board", "Row"]

_STREAM = 500  # rows of a stream that are kept
_TABLE = 5000  # keys of a table that are kept: those that changed last


@dataclass(frozen=True, slots=True)
class Row:
    """Clean text, NULL as None, and the number of the change that made the row."""

    texts: tuple[str | None, ...]
    change: int


class Board:
    """The rows to show; `changes` counts all changes."""

    def __init__(
        self, schema: pa.Schema, key: tuple[str, ...], times: Times = Times.NUMBER
    ) -> None:
        self.schema = schema
        self._times = times
        self.right = frozenset(i for i, f in enumerate(schema) if to_right(f, times))
        moments = (i for i, f in enumerate(schema) if is_time(f, times))
        self.rigid = self.right.union(moments)  # columns that do not get narrower
        self.key = key
        self.changes = 0
        self._stream: deque[Row] = deque(maxlen=_STREAM)
        self._table: dict[tuple[str | None, ...], Row] = {}

    def add(self, changes: Changes) -> None:
        """Add changes; turns only rows that may be shown into text."""
        if self.key:
            self._update(changes)
        else:
            # Without a key, rows are only added: the row that one replaces cannot be found.
            rows = changes.rows.filter(changes.there())
            rows = rows.slice(max(rows.num_rows - _STREAM, 0))
            first = self.changes + len(changes) - rows.num_rows
            for i, texts in enumerate(self._texts(rows), first + 1):
                self._stream.append(Row(texts, i))
        self.changes += len(changes)

    def _update(self, changes: Changes) -> None:
        """Each key's last change decides: its new row stays where the old one was."""
        rows = changes.rows
        keys = zip(*(raw_texts(rows.column(name)) for name in self.key), strict=True)
        last = {key: i for i, key in enumerate(keys)}
        weights = changes.weights.to_pylist()
        gone = [key for key, i in last.items() if weights[i] < 0]
        for key in gone:
            self._table.pop(key, None)
        stay = [(key, i) for key, i in last.items() if weights[i] > 0]
        texts = self._texts(rows.take(pa.array([i for _, i in stay], pa.int64())))
        for (key, i), row in zip(stay, texts, strict=True):
            self._table[key] = Row(row, self.changes + i + 1)
        spare = len(self._table) - _TABLE
        if spare > 0:
            oldest = heapq.nsmallest(spare, self._table, key=lambda k: self._table[k].change)
            for key in oldest:
                del self._table[key]

    def __len__(self) -> int:
        return len(self._table) if self.key else len(self._stream)

    def rows(self, count: int, back: int = 0) -> list[Row]:
        """`count` rows, `back` rows before the end; if a table does not fit, the last changed.

        A table's rows keep their places while they all fit, so that a number changes in its place.
        """
        if count <= 0:
            return []
        if self.key and not back and len(self._table) > count:
            latest = heapq.nlargest(count, self._table.values(), key=lambda row: row.change)
            return latest[::-1]
        every = self._table.values() if self.key else self._stream
        end = max(len(every) - back, min(count, len(every)))
        return list(islice(every, max(end - count, 0), end))

    def _texts(self, rows: pa.RecordBatch) -> list[tuple[str | None, ...]]:
        columns = zip(rows.columns, self.schema, strict=True)
        return list(zip(*(cells_of(c, f, self._times).texts for c, f in columns), strict=True))
