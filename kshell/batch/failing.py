"""Where a bounded query fails while it runs: the words, and a record that makes it fail.

`run` asks after the failure.  The last records that DuckDB pulled are read once more (all records,
where it reads several tables or one of them twice), halved until one of each table is left, and
tried with TRY(…) around each part of the query.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from kshell.batch.plan import Planned, Read, raw_schema, view
from kshell.batch.tables import Range, Recent
from kshell.errors import Place
from kshell.field_names import relabelled
from kshell.sql.complaints import complaint_of
from kshell.sql.spans import Draft
from kshell.sql.words import DUCKDB_AGGREGATES, casts

__all__ = ["Failing", "failing"]

_SECONDS = 2.0  # to look for the record, for each table
_AT = ("ROWPARTITION", "ROWOFFSET")
# By its name in the error: an operator, and a value that changes nothing but the type to DOUBLE,
# which does not overflow.
_SIGNS = {"addition": ("+", 0), "subtraction": ("-", 0), "multiplication": ("*", 1)}
_OVERFLOW = re.compile(rf"Overflow in ({'|'.join(_SIGNS)})(?: of \w+ \(-?\d+)?")
# What is refused of a text with TRY in it says nothing of the rows.
_REFUSED = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)


@dataclass(frozen=True, slots=True)
class Failing:
    """The error as the record gives it, which record that is (or ""), and the place."""

    error: duckdb.Error
    record: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the query that may fail, and the query with it made safe."""

    place: Place
    safe: str


def failing(
    planned: Planned, connection: duckdb.DuckDBPyConnection, recent: Sequence[Recent | None],
    error: duckdb.Error,
) -> Failing:  # fmt: skip
    """What can be found out about the error, within two seconds for each table."""
    found, parts = Failing(error), list(_parts(planned, complaint_of(error).text))
    if recent and len(recent) == len(planned.reads):
        trial = _Trial(planned, connection)
        row = trial.search(recent, type(error))
        if row is not None:
            found = Failing(row.error, row.at)
            parts = trial.culprits(row, parts) or parts
    return Failing(found.error, found.record, parts[0].place if len(parts) == 1 else None)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of each table that counts, the error of these alone, and which records they are."""

    values: Sequence[pa.RecordBatch]
    error: duckdb.Error
    at: str


class _Trial:
    """Runs the query over few of its rows."""

    def __init__(self, planned: Planned, connection: duckdb.DuckDBPyConnection) -> None:
        self._planned, self._connection = planned, connection
        self._reads = planned.reads
        self._until = time.monotonic() + _SECONDS * len(planned.reads)

    def search(self, recent: Sequence[Recent | None], kind: type[duckdb.Error]) -> _Row | None:
        """Rows of the tables, one of each, that fail together with an error of this kind."""
        topics = ["" if part is None else part.topic for part in recent]
        # A table that is joined, or kept, was pulled to its end long before.
        whole = len(self._reads) > 1 or self._reads[0].again
        if not whole and recent[0] is None:
            return None
        ranges = [
            read.ranges if part is None or whole else part.ranges
            for read, part in zip(self._reads, recent, strict=True)
        ]
        with contextlib.ExitStack() as open:
            tables = [
                open.enter_context(contextlib.closing(self._batches(read, part, topic)))
                for read, part, topic in zip(self._reads, ranges, topics, strict=True)
            ]
            for rows in self._tried(tables, whole):
                if time.monotonic() > self._until:
                    break
                if isinstance(self._error(rows, self._planned.sql), kind):
                    return self._alone(rows, topics)
        return None

    def _batches(
        self, read: Read, ranges: Sequence[Range], topic: str
    ) -> Generator[pa.RecordBatch, None, None]:
        """A table's raw columns, and of a topic where each row is from."""
        scan = read.reference.table.open(_names(read, topic), ranges)
        try:
            yield from scan.batches
        finally:
            scan.cancel()
            scan.batches.close()

    def _tried(
        self, tables: Sequence[Generator[pa.RecordBatch, None, None]], whole: bool
    ) -> Iterator[Sequence[pa.RecordBatch]]:
        """Rows to run the query over: all of each table, or those of the only one part by part."""
        if whole:
            yield [self._joined(*both) for both in zip(self._reads, tables, strict=True)]
        else:
            yield from ([batch] for batch in tables[0])

    def _joined(self, read: Read, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch:
        """All rows, or those that came in time."""
        parts = []
        while time.monotonic() < self._until and (batch := next(batches, None)) is not None:
            parts.append(batch)
        if parts:
            return pa.concat_batches(parts)
        return pa.RecordBatch.from_pylist([], pa.schema([(c.name, c.raw) for c in read.columns]))

    def culprits(self, row: _Row, parts: Sequence[_Part]) -> list[_Part]:
        """The innermost and last part without which the row does not fail, or fails otherwise."""
        said = _said(row.error)
        for part in sorted(parts, key=lambda p: p.place.length):
            other = self._error(row.values, part.safe)
            if other is None:
                return [part]
            if not isinstance(other, _REFUSED) and _said(other) != said:
                return [part]
        return []

    def _alone(
        self, rows: Sequence[pa.RecordBatch], topics: Sequence[str]
    ) -> _Row | None:
        """Halves of halves of each table in turn; None where only several rows of one fail."""
        rows, where = list(rows), list[str]()
        for number, topic in enumerate(topics):
            if self._fails(rows, number, rows[number].slice(0, 0)):
                continue  # its rows do not count
            while rows[number].num_rows > 1 and time.monotonic() < self._until:
                batch = rows[number]
                half = batch.num_rows // 2
                if not self._fails(rows, number, batch.slice(0, half)):
                    rows[number] = batch.slice(half)
            if rows[number].num_rows != 1:
                return None
            if topic:
                partition, offset = (rows[number].column(n)[0].as_py() for n in _AT)
                where.append(f"topic {topic}, partition {partition}, offset {offset}")
        error = self._error(rows, self._planned.sql)
        return None if error is None else _Row(rows, error, "; ".join(where))

    def _fails(self, rows: list[pa.RecordBatch], number: int, part: pa.RecordBatch) -> bool:
        """Whether it fails with this part of a table alone, which then stands for the table."""
        tried = [*rows[:number], part, *rows[number + 1 :]]
        if self._error(tried, self._planned.sql) is None:
            return False
        rows[number] = part
        return True

    def _error(self, tables: Sequence[pa.RecordBatch], sql: str) -> duckdb.Error | None:
        try:
            for number, (read, batch) in enumerate(zip(self._reads, tables, strict=True)):
                schema = raw_schema(number, read.reference.table, read.columns)
                columns = [batch.column(c.name) for c in read.columns]
                made = [
                    relabelled(c, t) for c, t in zip(columns, schema.types[1:], strict=True)
                ]
                nulls = pa.nulls(batch.num_rows, pa.bool_())
                rows = pa.Table.from_arrays([nulls, *made], schema=schema)
                self._connection.register(f"raw_{number}", rows)
                names = {c.name for c in read.columns}
                self._connection.execute(view(number, read.reference, names))
            self._connection.sql(sql).fetchall()
        except duckdb.Error as error:
            return error
        return None


def _names(read: Read, topic: str) -> list[str]:
    names = [c.name for c in read.columns]
    known = {c.name for c in read.reference.table.columns}
    return [*names, *(n for n in _AT if topic and n in known and n not in names)]


def _said(error: duckdb.Error) -> str:
    """What it says; of an overflow without the right operand: DuckDB adds up constants there."""
    text = complaint_of(error).text
    return found[0] if (found := _OVERFLOW.search(text)) is not None else text


def _parts(planned: Planned, said: str) -> Iterator[_Part]:
    """Operators of the kind that the error speaks of; else calls and casts.  The last is first."""
    draft = planned.draft
    overflow = _OVERFLOW.search(said)
    spans = _casts_and_calls(draft) if overflow is None else _operators(draft, overflow[1])
    for start, end in reversed([*spans]):
        safe = draft.copy()
        if overflow is None:
            safe.insert(start, "TRY(")
            safe.append(end, ")")
        else:
            sign, nothing = _SIGNS[overflow[1]]
            safe.append(end, f" {nothing}::DOUBLE {sign} ")
        yield _Part(planned.place(start, end), safe.text())


def _operators(draft: Draft, kind: str) -> Iterator[tuple[int, int]]:
    """Signs between two operands."""
    for n, token in enumerate(draft.tokens[1:], 1):
        if draft.is_sign(n, _SIGNS[kind][0]) and draft.ends_operand(n - 1):
            yield token.start, token.end


def _casts_and_calls(draft: Draft) -> Iterator[tuple[int, int]]:
    for call in draft.calls():
        if call.name not in DUCKDB_AGGREGATES:
            yield draft.tokens[call.token].start, draft.tokens[call.close].end
    for _, n, _, last in casts(draft):
        if draft.is_sign(n, "::"):
            yield draft.tokens[draft.operand(n - 1)].start, draft.tokens[last].end
