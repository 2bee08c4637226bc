"""Operators without state: filter, project, rekey, explode.

`graph` makes them.  Streams and tables alike: an update of a table goes through row by row, its old
row and its new one.  A touch (weight 0) is a record without a value: a projection passes it, a
filter drops it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind
from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.expressions import Call, Expression
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.rows import Layout, Row, batch_of

__all__ = ["Explode", "Project", "Rekey", "StreamFilter", "TableFilter"]


def _mask(evaluator: Evaluator, rows: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(evaluator(rows)[0], False)


class StreamFilter:
    """Keeps rows whose predicate is true."""

    def __init__(self, node: plan.Filter, on_error: OnError) -> None:
        self._predicate = Evaluator([("WHERE", node.predicate)], on_error)

    def step(self, batch: Changes) -> Changes:
        """The rows that pass."""
        there = batch.there()
        if there.false_count:
            batch = batch.filter(there)
        return batch.filter(_mask(self._predicate, batch.rows))


class TableFilter:
    """A row that passes no more is a deletion; one that never passed leaves no trace, as in ksqlDB
    (whose filters keep old values, where a bare KTable.filter sends a deletion of nothing)."""

    def __init__(self, node: plan.Filter, on_error: OnError) -> None:
        self._predicate = Evaluator([("HAVING", node.predicate)], on_error)
        self._layout = Layout(node.output)

    def step(self, batch: Changes) -> Changes:
        """Updates, each side of which is there only if it passes."""
        weights = np.asarray(batch.weights)
        keep = np.asarray(_mask(self._predicate, batch.rows)) & (weights != 0)
        if keep.all():
            return batch
        rows = batch.rows
        # A deletion's time is that of the update whose new row does not pass.
        lost = (weights[:-1] < 0) & keep[:-1] & (weights[1:] > 0) & ~keep[1:]
        if lost.any():
            rows = self._deleted(rows, np.flatnonzero(lost))
        return batch.holding(rows).filter(pa.array(keep))

    def _deleted(self, rows: pa.RecordBatch, olds: Any) -> pa.RecordBatch:
        layout = self._layout
        names = layout.names[: layout.width] + layout.names[layout.width + layout.values : -1]
        before, after = (
            rows.select(names).take(pa.array(places)).to_pylist() for places in (olds, olds + 1)
        )
        times = np.array(rows.column("ROWTIME"))
        for old, mine, others in zip(olds, before, after, strict=True):
            if mine == others:
                times[old] = times[old + 1]
        at = rows.schema.get_field_index("ROWTIME")
        return rows.set_column(at, rows.schema.field(at), pa.array(times, pa.int64()))


class Project:
    """SELECT: computes value columns, passes the key under new names, the window and the time."""

    def __init__(self, node: plan.Project, on_error: OnError) -> None:
        self._schema = node.output.schema()
        self._pass = self._schema.names[len(node.key) + len(node.value) :]
        self._evaluator = Evaluator(
            [(n.name, n.expression) for n in (*node.key, *node.value)], on_error
        )

    def step(self, batch: Changes) -> Changes:
        """A row for each row."""
        arrays = self._evaluator(batch.rows) + [batch.rows.column(n) for n in self._pass]
        rows = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return batch.holding(rows)


class Rekey:
    """PARTITION BY and the repartition before a join: new key columns, the rest passes."""

    def __init__(self, node: plan.Rekey, on_error: OnError) -> None:
        self._schema = node.output.schema()
        self._pass = self._schema.names[len(node.key) :]
        self._evaluator = Evaluator([(n.name, n.expression) for n in node.key], on_error)

    def step(self, batch: Changes) -> Changes:
        """A row for each row."""
        arrays = self._evaluator(batch.rows) + [batch.rows.column(n) for n in self._pass]
        rows = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return batch.holding(rows)


class Explode:
    """Table functions: one row per element, several zipped, short ones padded by NULL."""

    def __init__(self, node: plan.Explode, on_error: OnError) -> None:
        items = [(n.name, _list_of(n.expression)) for n in node.functions]
        self._evaluator = Evaluator(items, on_error)
        self._input, self._output = Layout(node.input.output), Layout(node.output)
        self._kind = node.output.kind

    def step(self, batch: Changes) -> Changes:
        """The rows of every row, one after the other; none for an empty or missing array."""
        lists = [a.to_pylist() for a in self._evaluator(batch.rows)]
        width = self._input.width
        end = width + self._input.values
        rows: list[Row] = []
        weights: list[int] = []
        made_of: list[int] = []
        columns = [c.to_pylist() for c in batch.rows.columns]
        for n, row in enumerate(zip(*columns, strict=True)):
            weight = batch.weights[n].as_py()
            if weight == 0 and self._kind is Kind.STREAM:
                continue
            found = [values[n] or () for values in lists]
            for i in range(max(map(len, found), default=0)):
                cells = tuple(f[i] if i < len(f) else None for f in found)
                rows.append((*row[:end], *cells, *row[end:]))
                weights.append(weight)
                made_of.append(n)
        made = batch_of(rows, self._output.schema)
        order = None if batch.order is None else batch.order.take(pa.array(made_of, pa.int64()))
        return Changes(made, pa.array(weights, pa.int64()), order)


def _list_of(expression: Expression) -> Expression:
    """The array that a table function walks: EXPLODE's is its argument."""
    if isinstance(expression, Call) and expression.function == "EXPLODE":
        return expression.args[0]
    if isinstance(expression, Call):
        return Call(
            expression.function, expression.args, pa.list_(expression.type), expression.variant
        )
    return expression
