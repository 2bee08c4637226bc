"""A table over a topic: each record replaces what its key had.

`graph` puts it over a table's scan; a stream's scan needs no operator.  As KTableSource: a record
without a value deletes, also what is not there; a record without a key is skipped.
"""

from __future__ import annotations

import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.rows import Layout, Update, changes
from kshell.stream.state import States

__all__ = ["TableSource"]


class TableSource:
    """Rows at +1 and deletions at -1 (only the key is read) become updates with their old rows."""

    def __init__(self, node: plan.Scan, states: States, name: str) -> None:
        self._layout = Layout(node.output)
        self.rows = states.map(name)

    def step(self, batch: Changes) -> Changes:
        """An update for each record."""
        out, places = [], []
        width = self._layout.width
        weights = batch.weights.to_pylist()
        columns = (c.to_pylist() for c in batch.rows.columns)
        rows = zip(*columns, strict=True)
        for at, (row, weight) in enumerate(zip(rows, weights, strict=True)):
            if all(c is None for c in row[:width]):
                continue
            cells = self._layout.cells(row)
            key = self._layout.freeze(cells)
            old = self.rows.pop(key, None) if weight < 1 else self.rows.get(key)
            if weight > 0:
                self.rows[key] = row
            out.append(Update(key, old, row if weight > 0 else None, row[-1], cells))
            places.append(at)
        order = None if batch.order is None else batch.order.take(pa.array(places, pa.int64()))
        return changes(out, self._layout, order)

