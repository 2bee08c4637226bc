"""SESSION windows: rows of a group closer than the gap are one session, merged as rows arrive.

As KStreamSessionWindowAggregate: what a row joins is deleted and comes back merged; a result's time
is its session's end; a session that ended more than gap and grace before stream time takes no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.grouping import Grouped, Grouping
from kshell.stream.rows import Key, Update, changes
from kshell.stream.state import Clock, States, Versions

__all__ = ["SessionAggregate"]

_EVER = 1 << 63


class SessionAggregate:
    """Keeps each group's sessions by their end."""

    def __init__(self, node: plan.Aggregate, states: States, name: str, on_error: OnError) -> None:
        assert node.window is not None
        self.grouping = Grouping(node, on_error)
        self._gap = node.window.size_ms
        self._close = self._gap + plan.grace_of(node.window)
        keep = max(self._close, node.window.retention_ms or 0)
        self.sessions = Versions(states, name, keep)  # key → end → start → (states, row)
        self.late = 0
        self.clock = Clock(states.map(f"{name}.clock"))

    def step(self, batch: Changes) -> Changes:
        """For each row: deletions of the sessions it merges, then the session."""
        out = [update for row in self.each(batch) for update in row]
        return changes(out, self.grouping.layout)

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """What each row makes, row by row: `suppress` looks at the time between them."""
        for row in self.grouping.read(batch):
            if row.key is None:
                continue
            out: list[Update] = []
            closed = self.clock.advance(row.ts) - self._close
            found = list(self._near(row.key, row.ts))
            start = min([row.ts, *(s for _, s, _ in found)])
            end = max([row.ts, *(e for e, _, _ in found)])
            if end >= closed:
                self._merge(row, found, start, end, out)
            self.late += not out
            yield out

    def _near(self, key: Key, at: int) -> Iterator[tuple[int, int, Any]]:
        """End, start, state and row of the sessions that a row at that time joins."""
        for end, starts in self.sessions.between(key, at - self._gap, _EVER):
            for start in sorted(starts):
                if start <= at + self._gap:
                    yield end, start, starts[start]

    def _merge(
        self,
        row: Grouped,
        found: list[tuple[int, int, Any]],
        start: int,
        end: int,
        out: list[Update],
    ) -> None:
        grouping, key, cells = self.grouping, row.key, row.cells
        assert key is not None
        state, old = grouping.initial(), None
        for was_end, was_start, (part, was) in found:
            state = grouping.merge(state, part)
            self.sessions.remove(key, was_end, was_start)
            if start == end:
                old = was
            else:
                window = (*cells, was_start, was_end)
                out.append(Update((*key, was_start, was_end), was, None, was_end, window))
        state = grouping.add(state, row.args)
        window = (*cells, start, end)
        new = grouping.row(window, state, end)
        self.sessions.put_at(key, end, start, (state, new))
        out.append(Update((*key, start, end), old, new, end, window))
