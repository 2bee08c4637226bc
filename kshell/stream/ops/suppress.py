"""EMIT FINAL: a window's last result, once, when stream time has passed its end and grace.

As Streams' suppress until a window closes, without a bound: after each row, windows that closed
leave in order of their end, then of their key, however far time has jumped.  A session and a
sliding window still take rows at their last moment, so they close 1 ms later than in Streams, which
may give one out twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, Protocol

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.ops.windows import close_after
from kshell.stream.rows import Key, Layout, Update, changes
from kshell.stream.state import Clock, States

__all__ = ["Suppress", "Windowed"]


class Windowed(Protocol):
    """A windowed aggregate, as `suppress` sees it; `clock` is its stream time."""

    clock: Clock
    late: int  # rows that no window took

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """The updates that each row of the batch makes."""


class Suppress:
    """Runs the aggregate below it, and holds the newest row of each of its windows."""

    def __init__(
        self, node: plan.Suppress, aggregate: Windowed, states: States, name: str
    ) -> None:
        assert isinstance(node.input, plan.Aggregate)
        assert node.input.window is not None
        self._layout = Layout(node.output)
        self._aggregate = aggregate
        self._after = close_after(node.input.window)
        self.held = states.map(name)  # key → Update
        # What is held by the windows' ends, earliest first: only what closes is looked at.
        self._ending: dict[int, dict[Key, None]] = {}
        self._ends: list[int] = []
        for update in self.held.values():
            self._note(update)

    @property
    def late(self) -> int:
        """Rows that came after all their windows had closed."""
        return self._aggregate.late

    def step(self, batch: Changes) -> Changes:
        """The results of the windows that close."""
        out: list[Update] = []
        for row in self._aggregate.each(batch):
            for update in row:
                if update.new is None:
                    self.held.pop(update.key, None)
                else:
                    self.held[update.key] = update
                    self._note(update)
            self._release(out)
        return changes(out, self._layout)

    def _note(self, update: Update) -> None:
        end = update.cells[-1]
        keys = self._ending.get(end)
        if keys is None:
            keys = self._ending[end] = {}
            heapq.heappush(self._ends, end)
        keys[update.key] = None

    def _release(self, out: list[Update]) -> None:
        bound = self._aggregate.clock.now - self._after
        while self._ends and self._ends[0] <= bound:
            keys = self._ending.pop(heapq.heappop(self._ends))
            closed = [self.held.pop(key) for key in keys if key in self.held]
            closed.sort(key=lambda update: [_order(c) for c in update.cells])
            out += [update._replace(old=None) for update in closed]


def _order(value: Any) -> bytes:
    """As the key's bytes sort: whole numbers big-endian, text as UTF-8."""
    if isinstance(value, int):
        return (value % (1 << 64)).to_bytes(8, "big")
    return value if isinstance(value, bytes) else str(value).encode()
