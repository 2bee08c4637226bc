"""Table–table join on the keys of both: each change of a side against the other's row.

As KTableKTableInnerJoin, LeftJoin, RightJoin and OuterJoin; the result's time is the later of both.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.plan import JoinKind
from kshell.stream.ops.sides import Sides
from kshell.stream.rows import Row, Update, changes, updates
from kshell.stream.state import States

__all__ = ["TableJoin"]

_KEPT = {
    JoinKind.INNER: (False, False),
    JoinKind.LEFT: (True, False),
    JoinKind.RIGHT: (False, True),
    JoinKind.FULL: (True, True),
}


class TableJoin:
    """Keeps both sides' rows."""

    def __init__(self, node: plan.TableJoin, states: States, name: str) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        self._kept = _KEPT[node.kind]
        self.rows = (states.map(f"{name}.left"), states.map(f"{name}.right"))

    def step(self, port: int, batch: Changes) -> Changes:
        """An update of the joined table for each change that can show in it."""
        sides = self._sides
        mine, others = self.rows[port], self.rows[1 - port]
        out: list[Update] = []
        for update in updates(batch, sides.right if port else sides.left):
            if update.new is None:
                mine.pop(update.key, None)
            else:
                mine[update.key] = update.new
            other = others.get(update.key)
            if other is None and (
                not self._kept[port] or (update.old is None and update.new is None)
            ):
                continue
            old = self._join(port, update.cells, update.old, other)
            new = self._join(port, update.cells, update.new, other, update.ts)
            ts = update.ts if other is None else max(update.ts, other[-1])
            out.append(Update(update.key, old, new, ts, update.cells))
        return changes(out, sides.output)

    def _join(
        self, port: int, cells: Row, mine: Row | None, other: Row | None, ts: int | None = None
    ) -> Row | None:
        if mine is None and (other is None or not self._kept[1 - port]):
            return None
        times = [r[-1] for r in (mine, other) if r is not None]
        at = max(times if ts is None else [*times, ts])
        left, right = (other, mine) if port else (mine, other)
        return self._sides.join(cells, left, right, at)
