"""GROUP BY of a table: its old rows taken back, its new ones added.

As KTableAggregate: a result's time is the latest seen for its key.  An update whose group stays the
same is taken back and added as one, and gives one result; where the group changes, the old group's
result comes first.  `columnar` has the GROUP BY of a stream.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.grouping import Grouped, Grouping
from kshell.stream.rows import Update, changes
from kshell.stream.state import States

__all__ = ["TableAggregate"]


class TableAggregate:
    """Takes the old row back and adds the new one."""

    def __init__(self, node: plan.Aggregate, states: States, name: str, on_error: OnError) -> None:
        self.grouping = Grouping(node, on_error)
        self.rows = states.map(name)  # key → (states, the result's row)

    def step(self, batch: Changes) -> Changes:
        """One result for an update within a group, two for one that changes its group."""
        out: list[Update] = []
        pending: Grouped | None = None
        for row in self.grouping.read(batch):
            if pending is not None:
                pair = row.weight > 0 and row.source == pending.source
                if pair and row.key == pending.key:
                    self._change(pending, row, out)
                    pending = None
                    continue
                self._change(pending, None, out, row.ts if pair else pending.ts)
                pending = None
            if row.weight < 0:
                pending = row
            elif row.weight > 0:
                self._change(None, row, out)
        if pending is not None:
            self._change(pending, None, out)
        return changes(out, self.grouping.layout)

    def _change(
        self, less: Grouped | None, more: Grouped | None, out: list[Update], at: int | None = None
    ) -> None:
        row = more or less
        assert row is not None
        if row.key is None:
            return
        had = self.rows.get(row.key)
        state, old = had if had is not None else (None, None)
        ts = row.ts if at is None else at
        if old is not None:
            ts = max(ts, old[-1])
        if less is not None and state is not None:
            state = self.grouping.undo(state, less.args)
        if more is not None:
            state = self.grouping.add(
                self.grouping.initial() if state is None else state, more.args
            )
        new = None
        if state is not None:
            new = self.grouping.row(row.cells, state, ts)
            self.rows[row.key] = (state, new)
        out.append(Update(row.key, old, new, ts, row.cells))
