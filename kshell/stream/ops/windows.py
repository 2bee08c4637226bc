"""TUMBLING and HOPPING: a row belongs to every window that its time falls into.

As KStreamWindowAggregate: windows in order of their start, each result's time the latest of its
rows; a window takes no row once stream time has reached its end and the grace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kshell.catalog.model import WindowType
from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.statements import WindowClause
from kshell.stream.evaluate import OnError
from kshell.stream.ops.grouping import Grouping
from kshell.stream.rows import Update, changes
from kshell.stream.state import Clock, States, Versions

__all__ = ["WindowAggregate", "close_after"]

# What a window is open for after its end without any grace: the ends of sessions and of sliding
# windows belong to them.
_OPEN: Mapping[WindowType, Callable[[int], int]] = {
    WindowType.TUMBLING: lambda size: 0,
    WindowType.HOPPING: lambda size: 0,
    WindowType.SESSION: lambda gap: gap + 1,
    WindowType.SLIDING: lambda difference: 1,
}


def close_after(window: WindowClause) -> int:
    """How long after its end a window's result is final, in ms."""
    return plan.grace_of(window) + _OPEN[window.type](window.size_ms)


class WindowAggregate:
    """Adds each row to its group in each of its windows."""

    def __init__(self, node: plan.Aggregate, states: States, name: str, on_error: OnError) -> None:
        assert node.window is not None
        self.grouping = Grouping(node, on_error)
        self._size = node.window.size_ms
        self._advance = node.window.advance_ms or self._size
        self._grace = plan.grace_of(node.window)
        keep = max(self._size + self._grace, node.window.retention_ms or 0)
        self.versions = Versions(states, name, keep)  # key → start → (states, row)
        self.late = 0
        self.clock = Clock(states.map(f"{name}.clock"))

    def step(self, batch: Changes) -> Changes:
        """A result for each row and window that is open."""
        out = [update for row in self.each(batch) for update in row]
        return changes(out, self.grouping.layout)

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """What each row makes, row by row: `suppress` looks at the time between them."""
        grouping, size, advance = self.grouping, self._size, self._advance
        for key, cells, args, at, _, _ in grouping.read(batch):
            if key is None:
                continue
            out = []
            closed = self.clock.advance(at) - self._grace
            start = max(0, at - size + advance) // advance * advance
            while start <= at:
                if start + size > closed:
                    had = self.versions.get(key, start)
                    state, old = had if had is not None else (grouping.initial(), None)
                    ts = at if old is None else max(at, old[-1])
                    state = grouping.add(state, args)
                    window = (*cells, start, start + size)
                    row = grouping.row(window, state, ts)
                    self.versions.put(key, start, (state, row))
                    out.append(Update((*key, start), old, row, ts, window))
                start += advance
            self.late += not out
            yield out
