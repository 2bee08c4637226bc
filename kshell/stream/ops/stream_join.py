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
from kshell.stream.ops.waiting import Waiting
from kshell.stream.rows import Row, Update, changes, updates
from kshell.stream.state import Clock, States, Versions

__all__ = ["StreamJoin"]

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
        self._grace = node.grace_ms if node.grace_ms is not None else plan.default_grace(size)
        self._waits = node.grace_ms is not None
        self.rows = tuple(
            Versions(states, f"{name}.{side}", size + self._grace) for side in ("left", "right")
        )
        self.clock = Clock(states.map(f"{name}.clock"))
        self.waiting = Waiting(states, f"{name}.waiting")

    def step(self, port: int, batch: Changes) -> Changes:
        """The joined rows, in the order in which Streams would forward them."""
        out: list[Update] = []
        for update in updates(batch, self._sides.right if port else self._sides.left):
            now = self.clock.advance(update.ts)
            if update.new is not None:
                self._row(port, update, update.new, now, out)
        return changes(out, self._sides.output)

    def _row(self, port: int, update: Update, row: Row, now: int, out: list[Update]) -> None:
        at, key = update.ts, update.key
        if None in key:
            if self._kept[port]:
                self._emit(port, update.cells, row, None, at, out)
            return
        self.rows[port].append(key, at, row)
        back, ahead = self._reach[port]
        if at == now:
            self._release(now - ahead - self._grace, now, out)
        first, last = max(0, at - back), at + ahead
        matched = False
        for time, others in self.rows[1 - port].between(key, first, last):
            for other in others:
                matched = True
                self.waiting.remove((time, 1 - port, key))
                self._emit(port, update.cells, row, other, max(at, time), out)
        if matched or not self._kept[port]:
            return
        if not self._waits or last < now:
            self._emit(port, update.cells, row, None, at, out)
        else:
            self.waiting.add((at, port, key), (update.cells, row))

    def _release(self, least: int, now: int, out: list[Update]) -> None:
        """Unmatched rows for which no match can come any more; none if all are from `least` on."""
        bounds = tuple(now - ahead - self._grace for _, ahead in self._reach)
        for (at, port, _), (cells, row) in self.waiting.take(least, bounds):
            self._emit(port, cells, row, None, at, out)

    def _emit(
        self, port: int, cells: Row, row: Row, other: Row | None, ts: int, out: list[Update]
    ) -> None:
        left, right = (other, row) if port else (row, other)
        new = self._sides.join(cells, left, right, ts)
        out.append(Update(self._sides.output.key(cells), None, new, ts, cells))
