"""Table–table join by a foreign key: an expression over the left row names the right's key.

As Streams' subscriptions: a left change answers for itself, a right change for every left row that
names it; the result keeps the left's key, its time is the later of the two rows.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.ops.sides import Sides
from kshell.stream.rows import Key, Row, Update, changes, freeze, updates
from kshell.stream.state import States

__all__ = ["ForeignKeyJoin"]


class ForeignKeyJoin:
    """Keeps left rows, right rows, which left rows name which right row, and the joined rows."""

    def __init__(
        self, node: plan.ForeignKeyJoin, states: States, name: str, on_error: OnError
    ) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        self._keeps = node.kind is not plan.JoinKind.INNER
        self._foreign = Evaluator([("ON", node.foreign_key)], on_error)
        self.left = states.map(f"{name}.left")  # key → (row, cells, foreign key)
        self.right = states.map(f"{name}.right")
        self.named = states.map(f"{name}.named")  # foreign key → {left key: None}
        self.given = states.map(f"{name}.given")  # left key → joined row

    def step(self, port: int, batch: Changes) -> Changes:
        """Updates of the joined table."""
        out: list[Update] = []
        if port == 0:
            foreign = self._foreign(batch.rows)[0].to_pylist()
            at = 0
            for update in updates(batch, self._sides.left):
                at += (update.old is not None) + (update.new is not None)
                if update.old is None and update.new is None:
                    at += 1
                value = None if update.new is None else foreign[at - 1]
                self._left(update, value, out)
        else:
            for update in updates(batch, self._sides.right):
                self._right(update, out)
        return changes(out, self._sides.output)

    def _left(self, update: Update, value: object, out: list[Update]) -> None:
        had = self.left.get(update.key)
        before = None if had is None else had[2]
        foreign = None if value is None else (freeze(value),)
        self._name(update, before, foreign)
        if had is None and update.new is None:
            return
        # An inner join is answered by the right key that had the row where the new one has none.
        asked = before if foreign is None and not self._keeps else foreign
        if asked is None and not self._keeps:
            return
        right = None if asked is None else self.right.get(asked)
        if right is None and not self._keeps and before in (None, foreign):
            return
        ts = update.ts if right is None else max(update.ts, right[-1])
        if asked != foreign:
            right = None
        self._give(update.key, update.cells, update.new, right, ts, out)

    def _name(self, update: Update, before: Key | None, foreign: Key | None) -> None:
        """Keep the row, and that it names the right row, no longer that of before."""
        if before is not None and before != foreign:
            named = self.named[before]
            del named[update.key]
            if named:
                self.named[before] = named
            else:
                del self.named[before]
        if update.new is None:
            self.left.pop(update.key, None)
            return
        self.left[update.key] = (update.new, update.cells, foreign)
        if foreign is not None:
            named = self.named.get(foreign) or {}
            named[update.key] = None
            self.named[foreign] = named

    def _right(self, update: Update, out: list[Update]) -> None:
        key = update.key
        if update.new is None:
            self.right.pop(key, None)
        else:
            self.right[key] = update.new
        for name in list(self.named.get(key, ())):
            row, cells, _ = self.left[name]
            self._give(name, cells, row, update.new, update.ts, out)

    def _give(
        self, key: Key, cells: Row, left: Row | None, right: Row | None, ts: int, out: list[Update]
    ) -> None:
        old = self.given.pop(key, None)
        new = None
        if left is not None and (right is not None or self._keeps):
            new = self._sides.join(cells, left, right, ts)
            self.given[key] = new
        out.append(Update(key, old, new, ts, cells))
