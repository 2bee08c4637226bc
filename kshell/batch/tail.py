"""ORDER BY ROWTIME|ROWOFFSET DESC LIMIT n read backwards from the tail, and still exact.

A part of the end of each partition is read, larger each time, until nothing unread could be among
the n.  For ROWOFFSET that is seen from the offsets; for ROWTIME the broker is asked for the first
offset at or after the n-th row's time, because producers' timestamps may be out of order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
from sqlglot import exp

from kshell.batch.plan import Planned, Read
from kshell.batch.run import run
from kshell.batch.tables import Range
from kshell.results import Notice, NoticeKind, Rows
from kshell.sql.dialect import aggregates
from kshell.types import quote_duckdb

__all__ = ["answer", "tail_of"]

_ROW_MAKERS = ("UNNEST", "EXPLODE", "GENERATE_SERIES", "CUBE_EXPLODE")
ORDER = "kshell:order"  # the column that carries the order out of DuckDB; never shown
_FIRST = 512  # offsets at the end of each partition that are read at first
_GROWTH = 8
_PLAIN = (
    "group", "having", "distinct", "joins", "laterals", "qualify", "offset", "windows", "with_",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tail:
    """The order's column, and how many rows."""

    column: str
    limit: int


def tail_of(tree: exp.Query) -> Tail | None:
    """What the query is as a read from the tail, or None where it must read forwards."""
    if not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in _PLAIN):
        return None
    order, limit = tree.args.get("order"), tree.args.get("limit")
    if order is None or limit is None or len(order.expressions) != 1:
        return None
    (ordered,) = order.expressions
    column, count = ordered.this, limit.expression
    if not isinstance(column, exp.Column) or column.name.upper() not in ("ROWTIME", "ROWOFFSET"):
        return None
    if column.this.args.get("quoted"):
        return None  # a field, maybe
    if not ordered.args.get("desc") or not isinstance(count, exp.Literal) or count.is_string:
        return None
    if any(query is not tree for query in tree.find_all(exp.Query)):
        return None
    if aggregates(tree) or tree.find(
        exp.Window, exp.Subquery, exp.Unnest, exp.Explode, exp.Columns
    ):
        return None
    if any(f.name.upper() in _ROW_MAKERS for f in tree.find_all(exp.Anonymous)):
        return None
    if any(item.alias_or_name.upper() == column.name.upper() and isinstance(item, exp.Alias)
           for item in tree.expressions):  # fmt: skip
        return None
    return Tail(column.name.upper(), int(count.name))


def _at_the_end(planned: Planned, length: int) -> Planned:
    (read,) = planned.reads
    ranges = tuple(replace(r, start=max(r.start, r.end - length)) for r in read.ranges)
    return replace(planned, reads=(replace(read, ranges=ranges),))


def _missed(
    planned: Planned, part: Planned, tail: Tail, last: int | None
) -> tuple[Range, ...] | None:
    """The ranges that must be read because of the n-th row's value `last`; None: it is exact."""
    (whole,), (read,) = planned.reads, part.reads
    if last is None:
        return None  # rows of a table that a query keeps: they have no offsets, and are all there
    if tail.column == "ROWOFFSET":
        if all(r.start <= w.start or last >= r.start
               for r, w in zip(read.ranges, whole.ranges, strict=True)):  # fmt: skip
            return None
        return tuple(
            replace(r, start=max(w.start, min(r.start, last)))
            for r, w in zip(read.ranges, whole.ranges, strict=True)
        )
    unread = [r for r, w in zip(read.ranges, whole.ranges, strict=True) if r.start > w.start]
    first = read.reference.table.time_of_end(unread, last)
    wider = tuple(
        replace(r, start=max(w.start, min(r.start, first.get(r.partition, r.start))))
        for r, w in zip(read.ranges, whole.ranges, strict=True)
    )
    return None if wider == read.ranges else wider


def _records(read: Read) -> int:
    return sum(r.end - r.start for r in read.ranges)


def answer(planned: Planned, connection: duckdb.DuckDBPyConnection) -> Rows:
    """The rows of a planned query, read from the tail where that is enough."""
    tail = tail_of(planned.query.tree)
    if tail is None or planned.schema is None:
        return run(planned, connection)
    made = [
        name
        for read in planned.reads
        for column, name in zip(read.reference.table.columns, read.reference.names, strict=True)
        if column.hidden and column.name == tail.column
    ]
    if len(made) != 1:  # a column of its own says nothing of offsets
        return run(planned, connection)
    sql = planned.carrying(f'{quote_duckdb(made[0])} AS "{ORDER}"')
    return _backwards(planned, planned.schema, tail, sql, connection)


def _backwards(
    planned: Planned, shown: pa.Schema, tail: Tail, sql: str,
    connection: duckdb.DuckDBPyConnection,
) -> Rows:  # fmt: skip
    current: list[Rows] = []
    cancelled: list[bool] = []

    def attempt(part: Planned) -> pa.Table:
        rows = run(part, connection)
        current[:] = [rows]
        return pa.Table.from_batches(list(rows.batches), rows.schema)

    schema = shown.append(pa.field(ORDER, pa.int64()))
    carried = replace(planned, sql=sql, schema=schema)
    (whole,) = planned.reads
    limits: list[Notice] = []

    def read(part: Planned) -> tuple[pa.Table, int | None]:
        """Its rows; and how many records a limit of the scan left unread, if it met one."""
        found = attempt(part)
        met = [n.count for n in current[0].notices() if n.kind is NoticeKind.PARTIAL]
        return found, sum(met) if met else None

    def exactly(part: Planned, found: pa.Table) -> pa.Table | None:
        """The answer, if the end that was read has it and no limit keeps it back."""
        if part.reads[0].ranges == whole.ranges or not tail.limit:
            return found
        if len(found) < tail.limit:
            return None
        wider = _missed(planned, part, tail, found.column(ORDER)[-1].as_py())
        if wider is None:
            return found
        found, left = read(replace(part, reads=(replace(part.reads[0], ranges=wider),)))
        return found if left is None else None

    def newest() -> pa.Table:
        """The answer; where the scan's limits let less be read, of the newest records alone."""
        length, longest, shortest = max(_FIRST, tail.limit), 0, 0  # read whole; met a limit
        best, unread = schema.empty_table(), 0
        while not cancelled:
            part = _at_the_end(carried, length)
            found, left = read(part)
            if left is None:
                longest = length
                if (exact := exactly(part, found)) is not None:
                    return exact
            if left is None or not (longest or shortest):
                best, unread = found, (left or 0) + _records(whole) - _records(part.reads[0])
            if left is not None:
                shortest = length
            length = (longest + shortest) // 2 if shortest else length * _GROWTH
            if shortest and length <= longest + longest // 4:
                text = f"{whole.reference.table.name}: read backwards up to a limit of"
                text += f" kshell.scan.max.*, up to {unread:,} records were not read"
                limits.append(Notice(NoticeKind.PARTIAL, text, unread))
                break
        return best

    def batches() -> Iterator[pa.RecordBatch]:
        found = newest()
        if not cancelled:
            yield from found.drop_columns([ORDER]).cast(shown).to_batches()

    def notices() -> list[Notice]:
        others = current[0].notices() if current else ()
        return [*(n for n in others if n.kind is not NoticeKind.PARTIAL), *limits]

    def cancel() -> None:
        cancelled.append(True)
        for rows in current:
            rows.cancel()

    return Rows(
        shown,
        batches(),
        cancel=cancel,
        progress=lambda: current[0].progress() if current else None,
        notices=notices,
    )
