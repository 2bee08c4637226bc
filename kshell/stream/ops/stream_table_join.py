"""Stream–table join: each stream row with what the table has for its key at that moment.

As KStreamKTableJoin: the table's changes make nothing, the result's time is the stream row's; a row
without a value is dropped, one without a key too unless the join is LEFT.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.ops.sides import Sides
from kshell.stream.rows import Update, changes, updates
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
        out: list[Update] = []
        if port == 1:
            for update in updates(batch, self._sides.right):
                if update.new is None:
                    self.table.pop(update.key, None)
                else:
                    self.table[update.key] = update.new
            return Changes.none(self._sides.output.schema)
        for update in updates(batch, self._sides.left):
            if update.new is None:
                continue
            right = None if None in update.key else self.table.get(update.key)
            if right is not None or self._keeps:
                row = self._sides.join(update.cells, update.new, right, update.ts)
                out.append(update._replace(new=row))
        return changes(out, self._sides.output)
