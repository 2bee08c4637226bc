"""Expressions over a batch: one prepared DuckDB statement whose source is swapped.

Operators evaluate through here.  A plain column costs nothing; everything else goes into a single
statement.  Where a row makes it fail, the batch is halved until the row is alone: its column is
NULL, and the error goes to the callback, as ksqlDB's processing log has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from kshell.sql.expressions import Column, Expression, Literal, columns_of

__all__ = ["Evaluator", "OnError", "ignore_errors"]

# (the row's columns, the column that was being made, what went wrong)
OnError = Callable[[dict[str, Any], str, str], None]

_ROW = "kshell row"


def ignore_errors(row: dict[str, Any], column: str, message: str) -> None:
    """An error callback that does nothing."""


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Evaluator:
    """Named expressions over batches of one schema.

    >>> from kshell.sql.expressions import Column
    >>> e = Evaluator([("B", Column("A", pa.int32()))], ignore_errors)
    >>> e(pa.record_batch({"A": pa.array([1, 2], pa.int32())}))[0].to_pylist()
    [1, 2]
    """

    def __init__(self, items: Sequence[tuple[str, Expression]], on_error: OnError) -> None:
        self._items = list(items)
        self._on_error = on_error
        self._hard = [i for i, (_, e) in enumerate(items) if not isinstance(e, Column | Literal)]
        self._reads = list(
            dict.fromkeys(c for i in self._hard for c in columns_of(self._items[i][1]))
        )
        self._connection: Any = None
        self._sql: list[str] = []

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
        if self._hard:
            for i, array in zip(self._hard, self._compute(batch), strict=True):
                out[i] = array
        return out

    def _compute(self, batch: pa.RecordBatch) -> list[pa.Array]:
        if not batch.num_rows:
            return [pa.array([], self._items[i][1].type) for i in self._hard]
        if self._connection is None:
            self._open()
        import duckdb

        try:
            return self._run(batch, self._sql)
        except (duckdb.Error, ArithmeticError, ValueError):
            return [self._one(batch, n) for n in range(len(self._hard))]

    def _one(self, batch: pa.RecordBatch, n: int) -> pa.Array:
        """One column, with NULL for the rows that fail."""
        import duckdb

        try:
            return self._run(batch, [self._sql[n]], [self._hard[n]])[0]
        except (duckdb.Error, ArithmeticError, ValueError) as error:
            name, expression = self._items[self._hard[n]]
            if batch.num_rows == 1:
                self._on_error(batch.to_pylist()[0], name, _first_line(error))
                return pa.nulls(1, expression.type)
            half = batch.num_rows // 2
            return pa.concat_arrays(
                [self._one(batch.slice(0, half), n), self._one(batch.slice(half), n)]
            )

    def _run(
        self, batch: pa.RecordBatch, columns: Sequence[str], which: Sequence[int] | None = None
    ) -> list[pa.Array]:
        arrays = [batch.column(name) for name in self._reads]
        source = pa.table(
            [*arrays, pa.nulls(batch.num_rows, pa.bool_())], names=[*self._reads, _ROW]
        )
        self._connection.register("batch", source)
        table = self._connection.execute(f"SELECT {', '.join(columns)} FROM batch").to_arrow_table()
        out = []
        for i, column in zip(which or self._hard, table.columns, strict=True):
            array = column.combine_chunks()
            if isinstance(array, pa.ChunkedArray):
                array = pa.concat_arrays(array.chunks) if array.num_chunks else array.chunk(0)
            wanted = self._items[i][1].type
            out.append(array if array.type == wanted else array.cast(wanted))
        return out

    def _open(self) -> None:
        from kshell.sql import duck
        from kshell.sql.render import render

        expressions = [self._items[i][1] for i in self._hard]
        self._connection = duck.connect()
        duck.use(self._connection, expressions)
        self._sql = [f"{render(e)} AS {_quote(f'c{n}')}" for n, e in enumerate(expressions)]


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
