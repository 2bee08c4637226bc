"""A table that a query of this shell keeps, as a bounded query's table: its rows at that moment.

`lookup` puts it in FROM for CREATE TABLE … AS SELECT; one with windows has WINDOWSTART, WINDOWEND.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.catalog.model import PSEUDO_COLUMNS, Source
from kshell.formats.source import rowkey_column
from kshell.results import Notice, Progress

__all__ = ["Keeper", "KeptTable"]

_DUMMY_PARTITION = 0


class Keeper(Protocol):
    """A query that keeps a table's current rows."""

    def kept(self, seconds: float) -> tuple[pa.RecordBatch, tuple[Notice, ...]]:
        """The rows, after so many seconds at the most, and why they may not be the newest."""


class KeptTable:
    """A snapshot of rows under the source's names: of the pseudo columns its key and their time."""

    def __init__(self, source: Source, rows: pa.RecordBatch) -> None:
        declared = [c.name for c in (*source.key, *source.value)]
        rest = rows.schema.names[len(declared) :]
        pseudo = source.pseudo_columns()
        made = dict(zip([*declared, *rest], rows.columns, strict=True))
        if "ROWKEY" in pseudo:
            made["ROWKEY"] = rowkey_column(source, [made[c.name] for c in source.key])
        log = (n for n in pseudo if PSEUDO_COLUMNS[n].log)
        made |= {n: pa.nulls(rows.num_rows, pseudo[n]) for n in log}
        self._rows = pa.RecordBatch.from_pydict(made)
        self._name = source.name
        bounds = [n for n in rest if n not in pseudo]
        order = [*(c.name for c in source.key), *bounds, *(c.name for c in source.value)]
        self._columns = (
            *(TableColumn(n, made[n].type) for n in order),
            *(TableColumn(n, t, hidden=True) for n, t in pseudo.items()),
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    @property
    def keys(self) -> tuple[str, ...]:
        return ()

    @property
    def latest(self) -> tuple[str, ...]:
        return ()

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """The rows, as EXPLAIN counts them."""
        return {_DUMMY_PARTITION: (0, self._rows.num_rows)}

    def ranges(self, bounds: Bounds) -> list[Range]:
        """All of it: nothing is read to answer."""
        n = self._rows.num_rows
        return [Range(_DUMMY_PARTITION, 0, n, 0, n, "kept by a query of this shell")]

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        """The rows, in one batch."""
        n = self._rows.num_rows
        if columns:
            batch = self._rows.select(list(columns))
        else:
            batch = pa.RecordBatch.from_struct_array(pa.repeat(pa.scalar({}, pa.struct([])), n))
        return Scan((b for b in [batch]), lambda: None, lambda: Progress(n, n, 0.0), lambda: 0)

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        """No offsets: the bounds that this serves never narrow it."""
        return {}
