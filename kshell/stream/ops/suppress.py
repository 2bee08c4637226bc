"""EMIT FINAL: a window's last result, once, when stream time has passed its end and grace.

As Streams' suppress(untilWindowCloses): stream time is that of the results that come by; closed
windows leave in order of their end, then of their key.
"""

from __future__ import annotations

from typing import Any

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.ops.windows import close_after
from kshell.stream.rows import Layout, Update, changes, updates
from kshell.stream.state import States

__all__ = ["Suppress"]


class Suppress:
    """Holds the newest row of each windowed key."""

    def __init__(self, node: plan.Suppress, states: States, name: str) -> None:
        self._layout = Layout(node.output)
        self._after = close_after(_window_of(node.input))
        self.held = states.map(name)  # key → Update
        self._time = -1
        self._next: int | None = None

    def step(self, port: int, batch: Changes) -> Changes:
        """The results of the windows that close."""
        out: list[Update] = []
        for update in updates(batch, self._layout):
            self._time = max(self._time, update.ts)
            self.held[update.key] = update
            end = update.cells[-1]
            self._next = end if self._next is None else min(self._next, end)
            if self._next <= self._time - self._after:
                self._release(out)
        return changes(out, self._layout)

    def _release(self, out: list[Update]) -> None:
        bound = self._time - self._after
        closed = [u for u in self.held.values() if u.cells[-1] <= bound]
        closed.sort(key=lambda u: (u.cells[-1], [_order(c) for c in u.cells]))
        for update in closed:
            del self.held[update.key]
            if update.new is not None:
                out.append(update._replace(old=None))
        self._next = min((u.cells[-1] for u in self.held.values()), default=None)


def _order(value: Any) -> bytes:
    """As the key's bytes sort: whole numbers big-endian, text as UTF-8."""
    if isinstance(value, int):
        return (value % (1 << 64)).to_bytes(8, "big")
    return value if isinstance(value, bytes) else str(value).encode()


def _window_of(node: plan.Node) -> Any:
    while not isinstance(node, plan.Aggregate):
        (node,) = plan.children(node)
    return node.window
