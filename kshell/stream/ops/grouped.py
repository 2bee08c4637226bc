"""GROUP BY of a stream by whole columns: its rows read, and the results written as changes.

`columnar` and `spans` share it.  As in ksqlDB, a row is left out if any part of its group key is
NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import WEIGHT, Changes
from kshell.sql import plan
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.keys import all_valid

__all__ = ["SMALL", "Reader", "Rows", "written"]

SMALL = 16  # rows up to which each shows its result


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that have a group: key columns, the arguments of each aggregate, times.

    `signs` is -1 for rows to take back; None: none.
    """

    keys: list[pa.Array]
    args: list[list[pa.Array]]
    times: Any
    signs: Any = None

    def take(self, which: Any) -> Rows:
        """Some of the rows, or some more than once."""
        taken = pa.array(which)
        keys = [k.take(taken) for k in self.keys]
        return Rows(keys, [[a.take(taken) for a in some] for some in self.args], self.times[which])


class Reader:
    """An Aggregate's expressions."""

    def __init__(self, node: plan.Aggregate, on_error: OnError) -> None:
        self.types = [n.expression.type for n in node.group]
        self._arity = [len(call.args) for _, call in node.aggregates]
        items = [(n.name, n.expression) for n in node.group]
        items += [(name, a) for name, call in node.aggregates for a in call.args]
        self._evaluator = Evaluator(items, on_error)

    def read(self, batch: Changes) -> Rows:
        """The batch's rows, in order."""
        rows = batch.rows
        live = np.asarray(batch.weights) > 0
        if not live.all():
            rows = rows.filter(pa.array(live))
        return self.of(rows, rows.column("ROWTIME").to_numpy(zero_copy_only=False))

    def of(self, rows: pa.RecordBatch, times: Any, signs: Any = None) -> Rows:
        """The rows that have a group."""
        arrays = self._evaluator(rows)
        width = len(self.types)
        keyed = all_valid(arrays[:width])
        if keyed is not None:
            arrays = [a.filter(keyed) for a in arrays]
            there = np.asarray(keyed)
            times = times[there]
            signs = None if signs is None else signs[there]
        args, begin = [], width
        for arity in self._arity:
            args.append(arrays[begin : begin + arity])
            begin += arity
        return Rows(arrays[:width], args, times, signs)


def written(
    schema: pa.Schema,
    keys: Sequence[pa.Array],
    values: Sequence[pa.Array],
    bounds: Sequence[Any],
    times: Any,
    weights: Any,
) -> Changes:
    """Results as changes: keys, values, the bounds of their windows if they have any, times."""
    columns = [*keys, *values, *(pa.array(b, pa.int64()) for b in bounds), pa.array(times)]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    return Changes(batch, pa.array(weights, WEIGHT))
