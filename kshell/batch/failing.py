"""Where a bounded query fails while it runs: the words, and a record that makes it fail.

`run` asks after the failure.  The last records that DuckDB pulled are read once more, halved until
one is left that fails alone, and tried with TRY(…) around each part of the query.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from kshell.batch.plan import Planned, raw_schema, view
from kshell.batch.tables import Recent
from kshell.errors import Place
from kshell.field_names import relabelled
from kshell.sql.complaints import complaint_of
from kshell.sql.spans import Draft
from kshell.sql.words import DUCKDB_AGGREGATES, casts

__all__ = ["Failing", "failing"]

_SECONDS = 2.0  # to look for the record
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
    planned: Planned, connection: duckdb.DuckDBPyConnection, recent: Recent | None,
    error: duckdb.Error,
) -> Failing:  # fmt: skip
    """What can be found out about the error, within two seconds."""
    found, parts = Failing(error), list(_parts(planned, complaint_of(error).text))
    if recent is not None and len(planned.reads) == 1 and not planned.reads[0].again:
        trial = _Trial(planned, connection)
        row = trial.search(recent, type(error))
        if row is not None:
            found = Failing(row.error, row.at)
            parts = trial.culprits(row, parts) or parts
    return Failing(found.error, found.record, parts[0].place if len(parts) == 1 else None)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that fails alone: its raw values, the error, and which record it is."""

    values: pa.RecordBatch
    error: duckdb.Error
    at: str


class _Trial:
    """Runs the query over few of its rows."""

    def __init__(self, planned: Planned, connection: duckdb.DuckDBPyConnection) -> None:
        self._planned, self._connection = planned, connection
        (self._read,) = planned.reads
        self._until = time.monotonic() + _SECONDS

    def search(self, recent: Recent, kind: type[duckdb.Error]) -> _Row | None:
        """The first row that fails alone, with an error of this kind."""
        table = self._read.reference.table
        known = {c.name for c in table.columns}
        names = [c.name for c in self._read.columns]
        at = [n for n in _AT if recent.topic and n in known]
        scan = table.open([*names, *(n for n in at if n not in names)], recent.ranges)
        try:
            for batch in scan.batches:
                if time.monotonic() > self._until:
                    break
                if isinstance(self._error(batch, self._planned.sql), kind):
                    return self._alone(batch, recent.topic, at)
        finally:
            scan.cancel()
            scan.batches.close()
        return None

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

    def _alone(self, batch: pa.RecordBatch, topic: str, at: Sequence[str]) -> _Row | None:
        """Halves of halves; None where only several rows together fail."""
        while batch.num_rows > 1 and time.monotonic() < self._until:
            half = batch.num_rows // 2
            halves = (batch.slice(0, half), batch.slice(half))
            failed = (part for part in halves if self._error(part, self._planned.sql) is not None)
            if (part := next(failed, None)) is None:
                return None
            batch = part
        error = self._error(batch, self._planned.sql)
        if batch.num_rows != 1 or error is None:
            return None
        where = ""
        if at:
            partition, offset = (batch.column(n)[0].as_py() for n in at)
            where = f"topic {topic}, partition {partition}, offset {offset}"
        return _Row(batch, error, where)

    def _error(self, batch: pa.RecordBatch, sql: str) -> duckdb.Error | None:
        read, table = self._read, self._read.reference.table
        schema = raw_schema(0, table, read.columns)
        columns = [batch.column(c.name) for c in read.columns]
        made = [relabelled(c, t) for c, t in zip(columns, schema.types[1:], strict=True)]
        rows = pa.Table.from_arrays([pa.nulls(batch.num_rows, pa.bool_()), *made], schema=schema)
        try:
            self._connection.register("raw_0", rows)
            self._connection.execute(view(0, read.reference, {c.name for c in read.columns}))
            self._connection.sql(sql).fetchall()
        except duckdb.Error as error:
            return error
        return None


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
