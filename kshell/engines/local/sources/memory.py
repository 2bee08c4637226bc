"""The last result, which is a table named `_`: kept while it is read, so that it is read once.

`engine` wraps the answers of SELECT with it, and `context` puts `_` among the tables that the
lookup knows.  What is larger than a cap goes to a file without a name, which nobody else can open
and which is gone with the process.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

import pyarrow as pa

from kshell.changes import Changes
from kshell.config import Properties
from kshell.errors import UsageError
from kshell.results import LAST, Live, Notice, NoticeKind, Rows
from kshell.spill import Spill

__all__ = ["Memory"]

_MOST_KEYS = 1_000_000  # rows of a live view's table that are kept


class _Store(Protocol):
    why: str  # it keeps nothing any more; empty if it does

    def table(self) -> pa.Table:
        """The rows."""


class _Batches:
    """The rows of a bounded answer: in memory, then in a file; over the second cap nothing."""

    def __init__(self, schema: pa.Schema, memory: int, disk: int) -> None:
        self._rows = Spill(schema, memory)
        self._disk = disk
        self._table: pa.Table | None = None
        self._lock = threading.Lock()  # an answer that was stopped may still be pulled
        self.why = ""

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep rows, until the table was asked for."""
        with self._lock:
            if not self.why and self._table is None:
                self._add(batch)

    def _add(self, batch: pa.RecordBatch) -> None:
        rows = self._rows
        try:
            rows.add(pa.RecordBatch.from_arrays(batch.columns, schema=rows.schema))
        except OSError as error:
            self._give_up(f"it cannot be written to a temporary file: {error.strerror}")
        if rows.written > self._disk:
            self._give_up(
                f"it is larger than {self._disk:,} bytes (kshell.result.disk.bytes)"
            )

    def _give_up(self, why: str) -> None:
        self.why = why
        self._rows.drop()

    def table(self) -> pa.Table:
        with self._lock:
            if self._table is None:
                try:
                    self._table = self._rows.table()
                except OSError as error:
                    why = f"the last result cannot be written to a temporary file: {error.strerror}"
                    raise UsageError(why) from None
                self._rows.drop()
            return self._table


class _Stream:
    """The newest rows of a live view without a key."""

    def __init__(self, schema: pa.Schema, most: int) -> None:
        self._schema, self._most = schema, most
        self._rows: deque[pa.RecordBatch] = deque()
        self._bytes = 0
        self.why = ""

    def add(self, changes: Changes) -> None:
        """Keep rows; the oldest make room."""
        rows = changes.rows.filter(changes.there())
        self._rows.append(rows)
        self._bytes += rows.nbytes
        while self._bytes > self._most and len(self._rows) > 1:
            self._bytes -= self._rows.popleft().nbytes

    def table(self) -> pa.Table:
        return pa.Table.from_batches(list(self._rows), self._schema)


class _Keyed:
    """The current rows of a live view with a key."""

    def __init__(self, schema: pa.Schema, key: Sequence[str]) -> None:
        from kshell.stream.arena import KeyedRows

        self._schema = schema
        self._rows: KeyedRows | None = KeyedRows(schema, key)
        self.why = ""

    def add(self, changes: Changes) -> None:
        """Each key's last change decides."""
        import numpy as np

        weights = np.asarray(changes.weights)
        if self._rows is None or not (weights != 0).any():
            return
        rows = changes.rows.filter(pa.array(weights != 0))
        self._rows.change(self._rows.slots(rows), rows, weights[weights != 0] > 0)
        if len(self._rows) > _MOST_KEYS:
            self._rows = None
            self.why = f"it has more than {_MOST_KEYS:,} keys"

    def table(self) -> pa.Table:
        if self._rows is None:
            return self._schema.empty_table()
        return pa.Table.from_batches([self._rows.rows.all()[1]]).cast(self._schema)


@dataclass(frozen=True, slots=True)
class _Last:
    number: int
    text: str  # of the SELECT
    store: _Store
    notices: tuple[Notice, ...]


class _Beside(Mapping[str, pa.Table]):
    """Tables by name with the last result, which is made when it is asked for."""

    def __init__(self, given: Mapping[str, pa.Table], store: _Store) -> None:
        self._given, self._store = given, store
        self._made: pa.Table | None = None

    def __getitem__(self, name: str) -> pa.Table:
        if name != LAST:
            return self._given[name]
        if self._made is None:
            from kshell.engines.local.sources.given import given_table

            self._made = given_table(LAST, self._store.table())
        return self._made

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._given if name != LAST)
        yield LAST

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Memory:
    """Keeps the newest result that was read; any thread may read the answers it wraps."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._last: _Last | None = None
        self._lock = threading.Lock()

    @property
    def there(self) -> bool:
        """Whether there is a last result."""
        return self._last is not None and not self._last.store.why

    @property
    def missing(self) -> tuple[str, str]:
        """Why there is none, and what helps."""
        if self._last is None:
            return "there is no last result yet", "run a SELECT first"
        why = f"the last result was not kept: {self._last.store.why}"
        return why, "SELECT less, or SET 'kshell.result.disk.bytes' to more"

    def table(self) -> pa.Table:
        """The last result; only where there is one."""
        assert self._last is not None
        with self._lock:
            return self._last.store.table()

    def beside(self, given: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
        """The given tables, and the last result if there is one."""
        return _Beside(given, self._last.store) if self._last and self.there else given

    @property
    def text(self) -> str:
        """The statement of the last result."""
        return "" if self._last is None else self._last.text

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the last result lacks."""
        return () if self._last is None else self._last.notices

    def forget(self) -> None:
        """Let go of it."""
        self._last = None

    def _set(self, last: _Last) -> None:
        with self._lock:
            if self._last is None or self._last.number <= last.number:
                self._last = last

    def keep_rows(self, rows: Rows, properties: Properties, text: str) -> None:
        """Let the rows be kept while they are pulled; those of an answer that fails are not."""
        number, source, stop, noticed = next(self._numbers), rows.batches, rows.cancel, rows.notices
        memory = properties.number("kshell.result.memory.bytes") or 0
        disk = properties.number("kshell.result.disk.bytes") or 0
        stores: list[_Batches] = []
        over = False

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal over
            try:
                for batch in source:
                    if not stores:
                        stores.append(_Batches(rows.schema, memory, disk))
                    stores[0].add(batch)
                    yield batch
                if not over:
                    done(())
            finally:
                over = True

        def done(lacks: Sequence[Notice]) -> None:
            store = stores[0] if stores else _Batches(rows.schema, memory, disk)
            partial = (n for n in noticed() if n.kind is NoticeKind.PARTIAL)
            self._set(_Last(number, text, store, (*partial, *lacks)))

        def cancel() -> None:
            nonlocal over
            stop()
            if not over and stores:
                over = True
                what = f"the last result was stopped: {LAST} has the rows that came by then"
                done((Notice(NoticeKind.PARTIAL, what),))

        def notices() -> Sequence[Notice]:
            why = stores[0].why if stores else ""
            return (*noticed(), *((_not_kept(why),) if why else ()))

        rows.batches, rows.cancel, rows.notices = batches(), cancel, notices

    def keep_live(self, live: Live, properties: Properties, text: str) -> Live:
        """The same view, whose rows at its end are the last result."""
        most = properties.number("kshell.result.memory.bytes") or 0
        store = _Keyed(live.schema, live.key) if live.key else _Stream(live.schema, most)
        last = _Last(next(self._numbers), text, store, ())
        poll, stop = live.poll, live.cancel

        def polled(seconds: float) -> Changes | None:
            changes = poll(seconds)
            if changes is None:
                self._set(last)
            elif len(changes):
                with self._lock:
                    store.add(changes)
            return changes

        def cancel() -> None:
            stop()
            self._set(last)

        return replace(live, poll=polled, cancel=cancel)


def _not_kept(why: str) -> Notice:
    return Notice(NoticeKind.KEPT, f"this result is not kept as {LAST}: {why}")
