"""GROUP BY of a table: its old rows taken back, its new ones added.

As KTableAggregate: a result's time is the latest seen for its key.  An update whose group stays the
same is taken back and added as one, and gives one result; where the group changes, the old group's
result comes first.  Of a large step only each group's last result is emitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.columnar import ColumnarAggregate
from kshell.stream.ops.grouped import SMALL, Reader, Rows
from kshell.stream.rows import Layout
from kshell.stream.updates import updates_of

__all__ = ["TableAggregate"]


class _Reader(Reader):
    """Reads the rows of a table's changes; an update's old row has the time of its new one."""

    def __init__(self, node: plan.Aggregate, on_error: OnError) -> None:
        super().__init__(node, on_error)
        self._input = Layout(node.input.output)

    def read(self, batch: Changes) -> Rows:
        """The batch's rows, in order, with their signs."""
        updates = updates_of(batch, self._input)
        signs = np.asarray(batch.weights)
        times = np.array(batch.rows.column("ROWTIME"))
        both = (updates.old >= 0) & (updates.new >= 0)
        times[updates.old[both]] = times[updates.new[both]]
        rows, there = batch.rows, signs != 0
        if not there.all():
            rows, times, signs = rows.filter(pa.array(there)), times[there], signs[there]
        return self.of(rows, times, signs)


class TableAggregate(ColumnarAggregate):
    """Takes the old row back and adds the new one."""

    _reads = _Reader
    _reversible = True

    def __init__(self, node: plan.Aggregate, on_error: OnError) -> None:
        super().__init__(node, on_error)
        self._input = Layout(node.input.output)

    def step(self, batch: Changes) -> Changes:
        """One result for an update within a group, two for one that changes its group."""
        if len(batch) > 2 * SMALL:  # an update has two rows at most
            return self._step(batch)
        updates = updates_of(batch, self._input)
        if len(updates) > SMALL or len(updates) == 1:
            return self._step(batch)
        first: Any = np.where(updates.old >= 0, updates.old, updates.at)
        bounds = zip(first, updates.at, strict=True)
        each = (self._step(batch.slice(int(start), int(end + 1 - start))) for start, end in bounds)
        return Changes.concat(each, self._schema)
