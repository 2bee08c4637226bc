"""Stream–stream join: rows of one key whose times are WITHIN of one another.

As KStreamKStreamJoin.  With GRACE, unmatched rows of an outer side wait until no match can come,
and leave when the next row moves stream time; one whose window has passed already leaves at once,
though its grace is open.  Without GRACE (ksqlDB's default, 24 hours) unmatched rows leave at once.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.plan import JoinKind
from kshell.stream.ops.sides import Sides
from kshell.stream.rows import Row, Update, changes, updates
from kshell.stream.state import States, Versions

__all__ = ["StreamJoin"]

_DAY = 86_400_000
_KEPT = {
    JoinKind.INNER: (False, False),
    JoinKind.LEFT: (True, False),
    JoinKind.RIGHT: (False, True),
    JoinKind.FULL: (True, True),
}


class StreamJoin:
    """Keeps both sides' rows by key and time, and the outer rows that wait."""

    def __init__(self, node: plan.StreamJoin, states: States, name: str) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        self._kept = _KEPT[node.kind]
        # What a row looks back and ahead for on the other side, by the side it is on.
        self._reach = (
            (node.before_ms, node.after_ms),
            (node.after_ms, node.before_ms),
        )
        size = node.before_ms + node.after_ms
        self._grace = node.grace_ms if node.grace_ms is not None else max(_DAY - size, 0)
        self._waits = node.grace_ms is not None
        self.rows = tuple(
            Versions(states.map(f"{name}.{side}"), size + self._grace) for side in ("left", "right")
        )
        self.waiting = states.map(f"{name}.waiting")  # (time, side, key) → [row, …]
        self._time = -1

    def step(self, port: int, batch: Changes) -> Changes:
        """The joined rows, in the order in which Streams would forward them."""
        out: list[Update] = []
        for update in updates(batch, self._sides.right if port else self._sides.left):
            if update.new is not None:
                self._row(port, update, out)
        return changes(out, self._sides.output)

    def _row(self, port: int, update: Update, out: list[Update]) -> None:
        row, at = update.new, update.ts
        assert row is not None
        if None in update.key:
            if self._kept[port]:
                self._emit(port, update, row, None, at, out)
            return
        self.rows[port].append(update.key, at, row)
        self._time = max(self._time, at)
        if at == self._time:
            self._release(out)
        back, ahead = self._reach[port]
        first, last = max(0, at - back), max(0, at + ahead)
        matched = False
        for time, others in self.rows[1 - port].between(update.key, first, last):
            for other in others:
                matched = True
                self.waiting.pop((time, 1 - port, update.key), None)
                self._emit(port, update, row, other, max(at, time), out)
        if matched or not self._kept[port]:
            return
        if not self._waits or last < self._time:
            self._emit(port, update, row, None, at, out)
        else:
            self.waiting.setdefault((at, port, update.key), []).append((update, row))

    def _release(self, out: list[Update]) -> None:
        """Unmatched rows for which no match can come any more, by time, left before right."""
        done = [
            place
            for place in self.waiting
            if place[0] + self._reach[place[1]][1] + self._grace < self._time
        ]
        for place in sorted(done, key=lambda p: (p[0], p[1], [str(c) for c in p[2]])):
            for update, row in self.waiting.pop(place):
                self._emit(place[1], update, row, None, place[0], out)

    def _emit(
        self, port: int, update: Update, row: Row, other: Row | None, ts: int, out: list[Update]
    ) -> None:
        left, right = (other, row) if port else (row, other)
        new = self._sides.join(update.cells, left, right, ts)
        out.append(Update(update.key, None, new, ts, update.cells))
