"""Evaluates expressions over a batch, with one prepared DuckDB statement whose source changes.

Operators use it.  A plain column costs nothing, `direct` does plain expressions; a single statement
does all others.  If a row makes it fail, the statement runs again with NULL for parts that fail.
Failing rows are found by bisecting the rows whose result is NULL, and each error goes to the
callback, as to ksqlDB's processing log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

import pyarrow as pa

from kshell.errors import EvaluationError
from kshell.field_names import escaped_type, relabelled
from kshell.sql import duck
from kshell.sql.case_clashes import apart
from kshell.sql.complaints import failure
from kshell.sql.expressions import Column, Expression, Literal, columns_of
from kshell.stream.direct import Direct, Indirect, direct

__all__ = ["Evaluator", "OnError", "ignore_errors", "values_of"]

# (the row's columns, the name of the result's column, the error)
OnError = Callable[[dict[str, Any], str, str], None]

_ROW = "kshell row"


def ignore_errors(row: dict[str, Any], column: str, message: str) -> None:
    """An error callback that does nothing."""


@cache
def _errors() -> tuple[type[Exception], ...]:
    import duckdb  # a query that needs no DuckDB does not wait for it

    return duckdb.Error, ArithmeticError, ValueError


class Evaluator:
    """Named expressions over batches of one schema.

    >>> from kshell.sql.expressions import Column
    >>> e = Evaluator([("B", Column("A", pa.int32()))], ignore_errors)
    >>> e(pa.record_batch({"A": pa.array([1, 2], pa.int32())}))[0].to_pylist()
    [1, 2]
    """

    def __init__(
        self,
        items: Sequence[tuple[str, Expression]],
        on_error: OnError,
        database: duck.Database | None = None,
    ) -> None:
        # The session's database: a query on its own thread could not get it later.
        self._database = database or duck.current()
        self._items = list(items)
        self._on_error = on_error
        hard = [i for i, (_, e) in enumerate(items) if not isinstance(e, Column | Literal)]
        self._direct = {i: d for i in hard if (d := self._way(items[i][1])) is not None}
        self._hard = [i for i in hard if i not in self._direct]
        self._indirect: dict[int, Evaluator] = {}
        self._reads = list(
            dict.fromkeys(c for i in self._hard for c in columns_of(self._items[i][1]))
        )
        self._types = [self._items[i][1].type for i in self._hard]
        # Numbered: DuckDB does not tell "a" from "A".
        self._names = {name: f"in{n}" for n, name in enumerate(self._reads)}
        self._connection: Any = None
        self._sql: list[str] = []
        self._tolerant: list[str] = []

    def _way(self, expression: Expression) -> Direct | None:
        return direct(expression)

    def __call__(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """One array for each expression, as long as the batch."""
        out: list[Any] = [None] * len(self._items)
        for i, (_, expression) in enumerate(self._items):
            if isinstance(expression, Column):
                out[i] = batch.column(expression.name)
            elif isinstance(expression, Literal):
                out[i] = pa.array([expression.value], expression.type).take(
                    pa.repeat(pa.scalar(0, pa.int32()), batch.num_rows)
                )
        for i, run in self._direct.items():
            try:
                out[i] = run(batch)
            except Indirect:
                out[i] = self._by_duckdb(i)(batch)[0]
        if self._hard:
            for i, array in zip(self._hard, self._compute(batch), strict=True):
                out[i] = array
        return out

    def _by_duckdb(self, i: int) -> Evaluator:
        """Evaluate one of the expressions by DuckDB."""
        if i not in self._indirect:
            self._indirect[i] = _Indirectly(
                [self._items[i]], self._on_error, self._database
            )
        return self._indirect[i]

    def _compute(self, batch: pa.RecordBatch) -> list[pa.Array]:
        if not batch.num_rows:
            return [pa.array([], self._items[i][1].type) for i in self._hard]
        if self._connection is None:
            self._open()
        try:
            return self._run(batch, self._sql, self._types)
        except _errors():
            return [self._one(batch, n) for n in range(len(self._hard))]

    def _one(self, batch: pa.RecordBatch, n: int) -> pa.Array:
        """One column; rows that fail are NULL, except for the parts that did not fail."""
        type = self._types[n]
        try:
            return self._run(batch, [self._sql[n]], [type])[0]
        except _errors():
            pass
        try:
            tried, parts = self._run(
                batch, [f"TRY({self._sql[n]})", self._tolerant[n]], [type, type]
            )
        except _errors():  # TRY does not allow functions that give a new result at every call
            return self._each(batch, n)
        return self._failed(batch, n, tried, parts)

    def _each(self, batch: pa.RecordBatch, n: int) -> pa.Array:
        """One column, bisected until each failing row is alone."""
        try:
            return self._run(batch, [self._sql[n]], [self._types[n]])[0]
        except _errors() as error:
            if batch.num_rows == 1:
                self._on_error(batch.to_pylist()[0], self._items[self._hard[n]][0], failure(error))
                return pa.nulls(1, self._types[n])
            half = batch.num_rows // 2
            halves = (batch.slice(0, half), batch.slice(half))
            return pa.concat_arrays([self._each(part, n) for part in halves])

    def _failed(
        self, batch: pa.RecordBatch, n: int, tried: pa.Array, parts: pa.Array
    ) -> pa.Array:
        """`tried`, but `parts` for the failing rows, which are among those that are NULL."""
        suspects = [row for row, null in enumerate(tried.is_null().to_pylist()) if null]
        alike = self._alike(batch, n, suspects)
        reasons = self._reasons(batch, n, [rows[0] for rows in alike])
        failing = {row: reasons[rows[0]] for rows in alike if rows[0] in reasons for row in rows}
        if not failing:
            return tried
        name = self._items[self._hard[n]][0]
        for row in sorted(failing):
            self._on_error(batch.slice(row, 1).to_pylist()[0], name, failing[row])
        picked = [row + batch.num_rows if row in failing else row for row in range(batch.num_rows)]
        return pa.concat_arrays([tried, parts]).take(pa.array(picked, pa.int64()))

    def _alike(self, batch: pa.RecordBatch, n: int, rows: list[int]) -> list[list[int]]:
        """Groups of rows that have the same values for the expression."""
        reads = columns_of(self._items[self._hard[n]][1])
        values = batch.select(reads).take(pa.array(rows, pa.int64())).to_pylist()
        groups: dict[str, list[int]] = {}
        for row, value in zip(rows, values, strict=True):
            groups.setdefault(repr(value), []).append(row)
        return list(groups.values())

    def _reasons(self, batch: pa.RecordBatch, n: int, rows: list[int]) -> dict[int, str]:
        """The error of each failing row, found by bisecting."""
        if not rows:
            return {}
        try:
            self._run(batch.take(pa.array(rows, pa.int64())), [self._sql[n]], [self._types[n]])
        except _errors() as error:
            if len(rows) == 1:
                return {rows[0]: failure(error)}
            half = len(rows) // 2
            return self._reasons(batch, n, rows[:half]) | self._reasons(batch, n, rows[half:])
        return {}

    def _run(
        self, batch: pa.RecordBatch, columns: Sequence[str], types: Sequence[pa.DataType]
    ) -> list[pa.Array]:
        arrays = [relabelled(a, escaped_type(a.type)) for a in map(batch.column, self._reads)]
        source = pa.table(
            [*arrays, pa.nulls(batch.num_rows, pa.bool_())], names=[*self._names.values(), _ROW]
        )
        self._connection.register("batch", source)
        table = self._connection.sql(f"SELECT {', '.join(columns)} FROM batch").to_arrow_table()
        out = []
        for wanted, column in zip(types, table.columns, strict=True):
            array = column.combine_chunks()
            if isinstance(array, pa.ChunkedArray):
                array = pa.concat_arrays(array.chunks) if array.num_chunks else array.chunk(0)
            bare = escaped_type(wanted)
            out.append(relabelled(array if array.type == bare else array.cast(bare), wanted))
        return out

    def _open(self) -> None:
        from kshell.sql.render import render, tolerant

        expressions = [apart(self._items[i][1]) for i in self._hard]
        self._connection = self._database.connect()
        self._database.use(expressions)
        self._sql = [render(e, self._names) for e in expressions]
        self._tolerant = [tolerant(e, self._names) for e in expressions]


class _Indirectly(Evaluator):
    """By DuckDB only."""

    def _way(self, expression: Expression) -> Direct | None:
        return None


def values_of(expressions: Sequence[Expression]) -> list[pa.Array]:
    """Expressions without columns as arrays of one value; raises EvaluationError."""

    def failed(row: dict[str, Any], column: str, message: str) -> NoReturn:
        raise EvaluationError(f"VALUES: {message}")

    items = [(f"value {i}", e) for i, e in enumerate(expressions, 1)]
    return Evaluator(items, failed)(pa.record_batch({"one": [1]}))
