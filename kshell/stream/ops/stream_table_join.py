"""Stream–table join: each stream row with what the table has for its key at that moment.

As KStreamKTableJoin: the table's changes make nothing, the result's time is the stream row's; a row
without a value is dropped, one without a key too unless the join is LEFT.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.ops.sides import Sides
from kshell.stream.rows import Row, batch_of, updates
from kshell.stream.state import States

__all__ = ["StreamTableJoin"]


class StreamTableJoin:
    """Port 0 is the stream, port 1 the table."""

    def __init__(self, node: plan.StreamTableJoin, states: States, name: str) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        self._keeps = node.kind is not plan.JoinKind.INNER
        self.table = states.map(name)

    def step(self, port: int, batch: Changes) -> Changes:
        """The joined rows."""
        if port == 0:
            return self._joined(batch)
        for update in updates(batch, self._sides.right):
            if update.new is None:
                self.table.pop(update.key, None)
            else:
                self.table[update.key] = update.new
        return Changes.none(self._sides.output.schema)

    def _joined(self, batch: Changes) -> Changes:
        live = pc.greater(batch.weights, 0)
        if live.false_count:
            batch = batch.filter(live)
        left = batch.rows
        found, which = self._found(left)
        if not self._keeps:
            matched = which >= 0
            if not matched.all():
                left = left.filter(pa.array(matched))
                which = which[matched]
        if not left.num_rows:
            return Changes.none(self._sides.output.schema)
        right = batch_of(found, self._sides.right.schema)
        place = pa.array(which, pa.int64(), mask=which < 0)
        key, names = self._sides.output.width, self._sides.output.names
        columns = [left.column(i) for i in range(key)]
        columns += [
            left.column(i) if side == 0 else right.column(i).take(place)
            for side, i in self._sides.columns
        ]
        columns += [left.column(n) for n in names[len(columns) :]]  # the window, the time
        return Changes.of(pa.RecordBatch.from_arrays(columns, schema=self._sides.output.schema))

    def _found(self, left: pa.RecordBatch) -> tuple[list[Row], np.ndarray]:
        """The table's rows that are needed, and which of them each left row has; -1: none."""
        layout = self._sides.left
        columns = [left.column(i).to_pylist() for i in range(layout.width)]
        if layout.windowed:
            columns += [left.column(n).to_pylist() for n in ("WINDOWSTART", "WINDOWEND")]
        keys = [layout.freeze(cells) for cells in zip(*columns, strict=True)]
        rows: list[Row] = []
        places: dict[object, int] = {}
        for key in set(keys):
            row = None if None in key else self.table.get(key)
            places[key] = -1 if row is None else len(rows)
            if row is not None:
                rows.append(row)
        return rows, np.fromiter(map(places.__getitem__, keys), np.int64, len(keys))
