"""A declared stream or table as a bounded query's table: decoded as its declaration says.

`lookup` makes one for a name in FROM that CREATE declared.  A stream's rows are its records that
have a value; of a table the last record of each key counts, and deletes the row if it has no value.
Each query decodes records completely, so that a record that does not fit its declaration is an
error row for every query.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from kshell.batch.tables import GONE, Bounds, Range, TableColumn
from kshell.catalog.model import RESERVED, WINDOW_COLUMNS, Kind, Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.chunks import Batch, Reading, reader_of
from kshell.engines.local.sources.decode import Made
from kshell.engines.local.sources.learned import Widening
from kshell.engines.local.sources.topic import Budget, TopicTable
from kshell.errors import Unsupported
from kshell.kafka.client import Client
from kshell.kafka.fetch import Chunk
from kshell.kafka.metadata import Snapshot

__all__ = ["DeclaredTable"]


class _Codecs(threading.local):
    """A thread's readers by the columns that they make: codecs keep what they learn of schemas."""

    def __init__(self) -> None:
        self.readers: dict[tuple[str, ...], Reading] = {}


class DeclaredTable(TopicTable):
    """Its columns are the key's, the window's bounds where there is one, and the value's."""

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        source: Source,
        errors: ErrorLog,
        budget: Budget,
        properties: Properties,
        widening: Widening,
    ) -> None:
        bounds = WINDOW_COLUMNS if source.window is not None else ()
        # Headers that are not declared are decoded where a query names them.
        self._headers = {"ROWHEADERS"} & source.pseudo_columns().keys()
        pseudo = [n for n in source.pseudo_columns() if n not in self._headers]
        self._names = (*(c.name for c in source.columns()), *bounds, *pseudo)
        self._table = source.kind is Kind.TABLE
        hidden = [n for n in RESERVED if n not in source.pseudo_columns()]
        if self._table and hidden:
            raise Unsupported(
                f"the column {hidden[0]} of table {source.name} hides where its records are, and a "
                "bounded query takes the last of each key",
                hint="with EMIT CHANGES it can be read",
            )
        self._codecs = _Codecs()
        super().__init__(client, snapshot, source, errors, budget, properties, widening)

    def _made(self) -> tuple[TableColumn, ...]:
        source = self.source
        bounds = WINDOW_COLUMNS if source.window is not None else ()
        made = [TableColumn(c.name, c.type) for c in source.key]
        made += [TableColumn(n, pa.int64()) for n in bounds]
        made += [TableColumn(c.name, c.type) for c in source.value]
        made += [TableColumn(h.name, h.type) for h in source.headers]
        made += [TableColumn(n, t, hidden=True) for n, t in source.pseudo_columns().items()]
        if self._table:
            made.append(TableColumn(GONE, pa.bool_(), hidden=True))
        return tuple(made)

    @property
    def keys(self) -> tuple[str, ...]:
        primitive = self.source.key_format.name == "KAFKA" and self.source.window is None
        return super().keys if primitive else ()

    @property
    def latest(self) -> tuple[str, ...]:
        if not self._table:
            return ()
        bounds = WINDOW_COLUMNS if self.source.window is not None else ()
        return (*(c.name for c in self.source.key), *bounds)

    def ranges(self, bounds: Bounds) -> list[Range]:
        """A table can be narrowed by key only: skipping newer records would show old values. A time
        column cannot be used to seek."""
        if self._table:
            bounds = Bounds(keys=bounds.keys)
        elif self.source.timestamp_column:
            bounds = replace(bounds, time_from=None, time_to=None)
        return super().ranges(bounds)

    def _decode(
        self, chunk: Chunk, columns: Sequence[str], end: int
    ) -> Made:
        names = (*self._names, *(c for c in columns if c in self._headers))
        readers = self._codecs.readers
        if names not in readers:
            readers[names] = reader_of(self.source, names, self._properties)
        read = readers[names](chunk.partition, chunk.records, chunk.start, end, chunk.aborted)
        self._errors.add(read.bad)
        keep = self._kept(read)
        if not columns:
            n = pc.sum(keep).as_py() or 0
            rows = pa.repeat(pa.scalar({}, pa.struct([])), n)
            return Made(pa.RecordBatch.from_struct_array(rows), len(read.bad))
        made = {**read.columns, GONE: read.tombstone}
        batch = pa.RecordBatch.from_arrays([made[c] for c in columns], names=list(columns))
        return Made(batch if pc.all(keep).as_py() else batch.filter(keep), len(read.bad))

    def _kept(self, read: Batch) -> pa.Array:
        """Records that are rows: a stream's with a value, a table's with a key."""
        if not self._table:
            return pc.invert(read.tombstone)
        keyed = pa.repeat(pa.scalar(False), len(read.tombstone))
        for column in self.source.key:
            keyed = pc.or_(keyed, read.columns[column.name].is_valid())
        return keyed

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        if self.source.timestamp_column:  # the broker does not know this time: read all
            return {r.partition: r.first for r in ranges}
        return super().time_of_end(ranges, time)
