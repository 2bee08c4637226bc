"""A declared stream or table as a bounded query's table: decoded as its declaration says.

`lookup` makes one for a name in FROM that CREATE declared.  A stream's rows are its records that
have a value; of a table the last record of each key counts, and deletes the row if it has no value.
Each query decodes records completely, so that a record that does not fit its declaration is an
error row for every query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from kshell.batch.tables import GONE, Bounds, Range, TableColumn
from kshell.catalog.model import RESERVED, WINDOW_COLUMNS, Kind
from kshell.engines.local.sources.chunks import Batch, Learns
from kshell.engines.local.sources.topic import TopicRead, TopicTable
from kshell.errors import Unsupported
from kshell.kafka.fetch import Chunk

__all__ = ["DeclaredTable"]


class DeclaredTable(TopicTable):
    """Its columns are the key's, the window's bounds where there is one, and the value's."""

    def __init__(self, read: TopicRead) -> None:
        source = read.source
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
        super().__init__(read)

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

    def _decode(self, chunk: Chunk, columns: Sequence[str], end: int) -> Batch:
        names = (*self._names, *(c for c in columns if c in self._headers))
        read = self._read(chunk, names, end, Learns.NOT)
        keep = self._kept(read)
        if self._table:
            read.columns[GONE] = read.tombstone
        if not columns:
            return replace(read, columns={}, rows=pc.sum(keep).as_py() or 0)
        if pc.all(keep).as_py():
            return read
        kept = {name: column.filter(keep) for name, column in read.columns.items()}
        return replace(read, columns=kept, rows=pc.sum(keep).as_py() or 0)

    def _kept(self, read: Batch) -> pa.Array:
        """Records that are rows: a stream's with a value, a table's with a key."""
        if not self._table:
            return pc.invert(read.tombstone)
        keyed = pa.repeat(pa.scalar(False), read.rows)
        for column in self.source.key:
            keyed = pc.or_(keyed, read.columns[column.name].is_valid())
        return keyed

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        if self.source.timestamp_column:  # the broker does not know this time: read all
            return {r.partition: r.first for r in ranges}
        return super().time_of_end(ranges, time)
