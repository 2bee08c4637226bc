"""SESSION windows: rows of a group closer than the gap are one session, merged as rows arrive.

As KStreamSessionWindowAggregate: what a row joins is deleted and comes back merged; a result's time
is its session's end; a session that ended more than gap and grace before stream time takes no row.
"""

from __future__ import annotations

from collections.abc import Iterator

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.grouping import Grouping
from kshell.stream.ops.windows import grace_of
from kshell.stream.rows import Update, changes
from kshell.stream.state import States

__all__ = ["SessionAggregate"]


class SessionAggregate:
    """Keeps each group's sessions by their end."""

    def __init__(self, node: plan.Aggregate, states: States, name: str, on_error: OnError) -> None:
        assert node.window is not None
        self.grouping = Grouping(node, on_error)
        self._gap = node.window.size_ms
        self._keep = self._gap + grace_of(node.window)
        self.sessions = states.map(name)  # key → {(end, start): (states, row)}
        self.time = self._newest = -1

    def step(self, port: int, batch: Changes) -> Changes:
        """For each row: deletions of the sessions it merges, then the session."""
        out = [update for row in self.each(batch) for update in row]
        return changes(out, self.grouping.layout)

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """What each row makes, row by row: `suppress` looks at the time between them."""
        grouping, gap = self.grouping, self._gap
        for key, cells, args, at, _, _ in grouping.read(batch):
            if key is None:
                continue
            out: list[Update] = []
            self.time = max(self.time, at)
            mine = self.sessions.get(key, {})
            # The store shows no session that ended before what it retains.
            first = max(at - gap, self._newest - self._keep + 1)
            found = sorted(s for s in mine if s[0] >= first and s[1] <= at + gap)
            state, start, end = grouping.initial(), at, at
            for session in found:
                state = grouping.merge(state, mine[session][0])
                start, end = min(start, session[1]), max(end, session[0])
            if end < self.time - self._keep:
                yield out
                continue
            old = None
            for session in found:
                row = mine.pop(session)[1]
                if (start, end) == (at, at):
                    old = row
                else:
                    window = (*cells, session[1], session[0])
                    out.append(Update((*key, *session), row, None, session[0], window))
            state = grouping.add(state, args)
            window = (*cells, start, end)
            row = grouping.row(window, state, end)
            self.sessions.setdefault(key, mine)[(end, start)] = (state, row)
            self._newest = max(self._newest, end)
            out.append(Update((*key, end, start), old, row, end, window))
            yield out

    def expired(self, update: Update) -> bool:
        """Whether the store has lost the session that the update is of."""
        return bool(update.cells[-1] <= self._newest - self._keep)
