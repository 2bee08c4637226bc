"""GROUP BY: the rows of a batch with their group keys and the arguments of the aggregates.

`aggregate`, `session` and `sliding` share it.  As in ksqlDB, a row is left out if any part of its
group key is NULL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow.compute as pc

from kshell.catalog.model import Kind
from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.aggregates import fold_of
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.rows import Key, Layout, Row

__all__ = ["Grouped", "Grouping"]


class Grouped(NamedTuple):
    """One input row for its group; None for `key` is a row without a group."""

    key: Key | None
    cells: Row
    args: tuple[tuple[Any, ...], ...]
    ts: int
    weight: int
    source: Row  # the key of the row it came from


class Grouping:
    """An Aggregate's expressions and folds."""

    def __init__(self, node: plan.Aggregate, on_error: OnError) -> None:
        self.layout = Layout(node.output)
        self._input = Layout(node.input.output)
        self._stream = node.input.output.kind is Kind.STREAM
        self.folds = [fold_of(call) for _, call in node.aggregates]
        self._width = len(node.group)
        self._arity = [len(call.args) for _, call in node.aggregates]
        items = [(n.name, n.expression) for n in node.group]
        items += [(name, a) for name, call in node.aggregates for a in call.args]
        self._evaluator = Evaluator(items, on_error)

    def read(self, batch: Changes) -> Iterator[Grouped]:
        """The batch's rows, in order."""
        if self._stream:
            live = pc.greater(batch.weights, 0)
            if live.false_count:
                batch = batch.filter(live)
        arrays = self._evaluator(batch.rows)
        n, width = batch.rows.num_rows, self._width
        keys = zip(*(a.to_pylist() for a in arrays[:width]), strict=True) if width else [()] * n
        arguments: list[Any] = []
        at = width
        for arity in self._arity:
            columns = [a.to_pylist() for a in arrays[at : at + arity]]
            arguments.append(list(zip(*columns, strict=True)) if arity else [()] * n)
            at += arity
        rows = zip(*arguments, strict=True) if arguments else [()] * n
        times = batch.rows.column("ROWTIME").to_pylist()
        sources = self._sources(batch)
        freeze = self.layout.freeze
        for cells, args, ts, weight, source in zip(
            keys, rows, times, batch.weights.to_pylist(), sources, strict=True
        ):
            key = None if None in cells else freeze(cells)
            yield Grouped(key, cells, args, ts, weight, source)

    def _sources(self, batch: Changes) -> list[Row]:
        if self._stream:
            return [()] * batch.rows.num_rows
        columns = [batch.rows.column(i).to_pylist() for i in range(self._input.width)]
        return list(zip(*columns, strict=True))

    def initial(self) -> list[Any]:
        """A state for each aggregate."""
        return [f.initial() for f in self.folds]

    def add(self, state: list[Any], args: tuple[tuple[Any, ...], ...]) -> list[Any]:
        """The states with one more row."""
        return [f.add(s, *a) for f, s, a in zip(self.folds, state, args, strict=True)]

    def undo(self, state: list[Any], args: tuple[tuple[Any, ...], ...]) -> list[Any]:
        """The states without one row."""
        return [f.undo(s, *a) for f, s, a in zip(self.folds, state, args, strict=True)]

    def merge(self, left: list[Any], right: list[Any]) -> list[Any]:
        """The states of two sessions that became one."""
        return [f.merge(a, b) for f, a, b in zip(self.folds, left, right, strict=True)]

    def row(self, cells: Row, state: list[Any], ts: int) -> Row:
        """The result."""
        values = [f.result(s) for f, s in zip(self.folds, state, strict=True)]
        return self.layout.row(cells, values, ts)
