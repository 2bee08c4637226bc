"""System tables to follow: the cluster is looked at every second, and what differs is passed on.

`lookup` makes one input for all system tables of a plan, so that a look is shared by them.  A row
that is new or has changed comes at +1, one that has gone at -1; `stream/ops/table` makes updates of
them, as it does of a topic's records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell.catalog.model import Kind
from kshell.changes import WEIGHT, Changes
from kshell.engines.local.sources.base import Piece
from kshell.engines.local.sources.system.asked import Asked
from kshell.engines.local.sources.system.faces import needed_columns
from kshell.engines.local.sources.system.tables import SCHEMA, TABLES
from kshell.errors import ConnectDown, Outage
from kshell.kafka.look import Look
from kshell.results import LeftOut, Notice
from kshell.sql import plan

__all__ = ["SystemInput"]

_EVERY = 1.0  # seconds from one look to the next
_LOOKS = 10  # looks back to the one that a rate is measured from

Values = tuple[Any, ...]


class _Followed:
    """One scan of a system table: the rows of its last look, by their keys."""

    def __init__(self, leaf: plan.Scan) -> None:
        self._table = TABLES[leaf.source.name.partition(".")[2].lower()]
        self._make = self._table.make()
        self._schema = leaf.output.schema()
        self._names = leaf.source_columns()
        self.columns = needed_columns(self._names, leaf.source)
        self._places = {column.name: n for n, column in enumerate(self._table.columns)}
        self._key = [n for n, column in enumerate(self._table.columns) if column.key]
        self._used = [self._places[name] for name in self._names if name in self._places]
        self._rows: Mapping[Values, Values] = {}
        self._stream = leaf.output.kind is Kind.STREAM

    def look(self, asked: Asked) -> Mapping[Values, Values]:
        """The rows of now, by their keys; asks the cluster."""
        key = self._key
        return {tuple(row[n] for n in key): row for row in self._make(asked)}

    def take(self, rows: Mapping[Values, Values], now: int) -> Changes:
        """What differs from the rows before; of a stream all rows."""
        used, before = self._used, self._rows
        changed = [
            row
            for at, row in rows.items()
            if (old := before.get(at)) is None or any(old[n] != row[n] for n in used)
        ]
        gone = [row for at, row in before.items() if at not in rows]
        if not self._stream:
            self._rows = rows
        both = [*gone, *changed]
        columns = [
            self._column(name, field.type, both, now)
            for name, field in zip(self._names, self._schema, strict=True)
        ]
        weights = pa.array([-1] * len(gone) + [1] * len(changed), WEIGHT)
        return Changes(pa.RecordBatch.from_arrays(columns, schema=self._schema), weights)

    def _column(self, name: str, type: pa.DataType, rows: Iterable[Values], now: int) -> pa.Array:
        if name in self._places:
            n = self._places[name]
            return pa.array([row[n] for row in rows], type)
        return pa.array([now if name == "ROWTIME" else None for _ in rows], type)


class SystemInput:
    """To follow: what changes in the cluster; if `bounded`, what is there now, and then the end."""

    constant = True  # what is there at the start is there before any record
    partitions: Collection[int] = (0,)
    starts: Mapping[tuple[int, int], int] = MappingProxyType({})
    paused: frozenset[int] = frozenset()
    notices: Sequence[Notice] = ()
    held_back = ""

    def __init__(
        self,
        scans: Mapping[int, plan.Scan],
        ask: Callable[..., Asked],
        connected: Any,
        bell: threading.Event,
        *,
        bounded: bool,
    ) -> None:
        self.name = SCHEMA
        self.scans: Sequence[int] = list(scans)
        self.note = ""
        self._followed = {scan: _Followed(leaf) for scan, leaf in scans.items()}
        self._ask, self._connected, self._bell, self._bounded = ask, connected, bell, bounded
        self._looks: list[Look] = []
        self._seen = 0
        self._piece: Piece | None = None
        self._error: BaseException | None = None
        self._over = False
        self._taken = threading.Event()  # the last piece was polled: another look may be made
        self._taken.set()
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="kshell-system", daemon=True).start()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._look()
                self.note = ""
            except (Outage, ConnectDown) as outage:
                if self._bounded:
                    self._fail(outage)
                    return
                self.note = str(outage)
            except BaseException as error:
                self._fail(error)
                return
            if self._over:
                return
            took = time.monotonic() - began
            self._stop.wait(max(_EVERY - took, took))
            while not self._stop.is_set() and not self._taken.wait(_EVERY):
                pass

    def _fail(self, error: BaseException) -> None:
        if not self._stop.is_set():
            self._error = error
            self._bell.set()

    def _look(self) -> None:
        look = self._looks[-1].again() if self._looks else Look(self._connected)
        now = int(time.time() * 1000)
        earlier = self._looks[0] if self._looks else None
        # An outage in between must not take a part of the rows.
        rows = {
            scan: followed.look(self._ask(followed.columns, None, look, earlier))
            for scan, followed in self._followed.items()
        }
        found = [
            (scan, followed.take(rows[scan], now), LeftOut())
            for scan, followed in self._followed.items()
        ]
        self._looks = [*self._looks[1 - _LOOKS :], look]
        self.notices = look.notices
        self._taken.clear()
        if any(len(changes) for _, changes, _ in found):
            self._piece = Piece(0, found)
        else:
            self._taken.set()
        self._seen += 1
        self._over = self._bounded
        self._bell.set()

    def poll(self) -> Piece | None:
        if self._error is not None:
            raise self._error
        piece, self._piece = self._piece, None
        if piece is not None:
            self._taken.set()
        return piece

    @property
    def lag(self) -> int | None:
        return None if self.note else 0

    def ended(self, partition: int) -> bool:
        return self._seen > 0 and self._piece is None

    @property
    def done(self) -> bool:
        return self._stop.is_set() or (self._over and self._piece is None)

    @property
    def reached(self) -> Mapping[int, int]:
        return {0: self._seen}

    def cancel(self) -> None:
        self._stop.set()
        self._taken.set()
