"""The faces of a system table: its source for continuous plans, and a table to scan.

`lookup` makes both; `following` makes the input to follow.  A row's ROWTIME is when the cluster was
looked at; it has no partition, no offset and no headers (NULL).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.catalog.model import Column, FormatSpec, Kind, Source, pseudo_type
from kshell.engines.local.sources.arrow_table import BATCH_ROWS
from kshell.engines.local.sources.system.asked import Asked
from kshell.engines.local.sources.system.tables import SCHEMA, TABLES, SystemTable
from kshell.errors import UnknownName
from kshell.formats.source_reader import rowkey_column
from kshell.results import Notice, Progress
from kshell.sql.clauses import Name

__all__ = ["SystemScan", "as_stream", "needed_columns", "rows_of", "system_named", "system_source"]


def system_named(name: Name, exists: Callable[[str], bool]) -> SystemTable | None:
    """The system table that a name means, if it is no topic's: bare, in any case.

    Raises UnknownName for a name with `kafka.` before it that neither is one nor a topic's.
    """
    schema, dot, last = name.text.partition(".")
    if name.quoted or not dot or schema.lower() != SCHEMA:
        return None
    found = TABLES.get(last.lower())
    if found is None and not exists(name.text):
        known = [table.full_name for table in TABLES.values()]
        raise UnknownName("system table", name.text, known, place=name.place)
    return found


def system_source(table: SystemTable) -> Source:
    """The table as continuous queries see it: a TABLE whose rows the shell keeps up to date."""
    key = tuple(Column(c.name, c.type) for c in table.columns if c.key)
    return Source(
        table.full_name, Kind.TABLE, "", key,
        tuple(Column(c.name, c.type) for c in table.columns if not c.key),
        # What a query that reads it writes by default.
        FormatSpec("KAFKA" if len(key) == 1 else "JSON"), FormatSpec("JSON"),
        declared=False, system=True,
        hidden=frozenset(c.name for c in table.columns if c.hidden),
    )  # fmt: skip


def as_stream(source: Source) -> Source:
    """The same as a STREAM, to which each look adds all rows: for windows over them."""
    key, value = (), (*source.key, *source.value)
    return replace(source, kind=Kind.STREAM, key=key, value=value)


def rows_of(table: SystemTable, asked: Asked, wanted: Sequence[str], now: int) -> pa.Table:
    """The wanted columns of the table's rows, pseudo columns too; asks the cluster."""
    rows = list(table.make()(asked))
    source = system_source(table)
    at = {column.name: n for n, column in enumerate(table.columns)}

    def column(name: str) -> pa.Array:
        if name in at:
            n = at[name]
            return pa.array([row[n] for row in rows], table.columns[n].type)
        if name == "ROWTIME":
            return pa.repeat(pa.scalar(now, pa.int64()), len(rows))
        if name == "ROWKEY":
            return rowkey_column(source, [column(c.name) for c in source.key])
        return pa.nulls(len(rows), pseudo_type(name, source.key))

    if not wanted:
        return pa.Table.from_struct_array(pa.repeat(pa.scalar({}, pa.struct([])), len(rows)))
    return pa.table([column(name) for name in wanted], names=list(wanted))


def needed_columns(wanted: Sequence[str], source: Source) -> frozenset[str]:
    """The columns that have to be known for the wanted ones."""
    keys = [c.name for c in source.key] if "ROWKEY" in wanted else ()
    return frozenset((*wanted, *keys))


@dataclass(frozen=True, slots=True)
class _Narrowed(Range):
    """All rows, or those with one of these values in a column that narrows the table."""

    only: frozenset[str] | None = None


class SystemScan:
    """To scan: the rows at the moment when they are read."""

    def __init__(self, table: SystemTable, ask: Callable[..., Asked]) -> None:
        self._table, self._ask = table, ask
        self._source = system_source(table)

    @property
    def name(self) -> str:
        return self._table.full_name

    @property
    def columns(self) -> Sequence[TableColumn]:
        pseudo = self._source.pseudo_columns()
        return (
            *(TableColumn(c.name, c.type, hidden=c.hidden) for c in self._table.columns),
            *(TableColumn(n, t, hidden=True) for n, t in pseudo.items()),
        )

    @property
    def declared(self) -> bool:
        return False

    @property
    def keys(self) -> tuple[str, ...]:
        return self._table.narrows

    @property
    def latest(self) -> tuple[str, ...]:
        return ()

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """Nothing: how many rows there are is known when they are read."""
        return {}

    def ranges(self, bounds: Bounds) -> list[Range]:
        """One part: what the cluster is asked for."""
        only = None if bounds.keys is None else frozenset(map(str, bounds.keys))
        why = "the cluster is asked for all"
        if only is not None:
            of = " or ".join(self._table.narrows)
            why = f"asked for {of} {', '.join(sorted(only)) or 'of no value'}"
        return [_Narrowed(0, 0, 0, 0, 0, why, only)]

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        """Ask the cluster, and give the rows."""
        only = next((r.only for r in ranges if isinstance(r, _Narrowed)), None)
        asked = self._ask(needed_columns(columns, self._source), only)
        began = time.monotonic()

        def pulled() -> Generator[pa.RecordBatch, None, None]:
            rows = rows_of(self._table, asked, columns, int(time.time() * 1000))
            yield from rows.to_batches(BATCH_ROWS)

        def progress() -> Progress:
            return Progress(0, 0, time.monotonic() - began)  # no record of a topic is read

        def notices() -> Sequence[Notice]:
            return asked.look.notices

        return Scan(pulled(), lambda: None, progress, notices=notices)

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        return {}
