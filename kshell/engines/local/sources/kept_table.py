"""A table that a query of this shell keeps, as a bounded query's table: its rows at that moment.

`lookup` puts it in FROM for CREATE TABLE … AS SELECT; one with windows has WINDOWSTART, WINDOWEND.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from kshell.batch.tables import TableColumn
from kshell.catalog.model import PSEUDO_COLUMNS, Source
from kshell.engines.local.sources.arrow_table import ArrowTable
from kshell.formats.source_reader import rowkey_column
from kshell.results import Notice

__all__ = ["Keeper", "KeptTable"]


class Keeper(Protocol):
    """A query that keeps a table's current rows."""

    def kept(self, seconds: float) -> tuple[pa.RecordBatch, tuple[Notice, ...]]:
        """The rows, after so many seconds at the most, and why they may not be the newest."""


class KeptTable(ArrowTable):
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
        bounds = [n for n in rest if n not in pseudo]
        order = [*(c.name for c in source.key), *bounds, *(c.name for c in source.value)]
        columns = (
            *(TableColumn(n, made[n].type) for n in order),
            *(TableColumn(n, t, hidden=True) for n, t in pseudo.items()),
        )
        why = "kept by a query of this shell"
        super().__init__(
            source.name, columns, rows.num_rows, made.__getitem__, why, declared=True
        )
