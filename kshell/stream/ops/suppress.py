"""EMIT FINAL: a window's last result, once, when stream time has passed its end and grace.

As Streams' EmitStrategy.onWindowClose, which ksqlDB uses: after each row, windows that closed leave
in order of their end, then of their key.  One that the store has lost by then (time jumped by more
than what it retains: size and grace, unless RETENTION says more) never leaves: Streams surprises
here, and so do we.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.ops.windows import close_after
from kshell.stream.rows import Key, Layout, Update, changes
from kshell.stream.state import Clock, States

__all__ = ["Suppress"]


class Windowed(Protocol):
    """A windowed aggregate, as `suppress` sees it; `clock` is its stream time."""

    clock: Clock

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """The updates that each row of the batch makes."""

    def expired(self, update: Update) -> bool:
        """Whether the update's window is lost."""


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
        # The earliest end of what is held: nothing can leave before it.
        self._next: int | None = min((u.cells[-1] for u in self.held.values()), default=None)

    def step(self, port: int, batch: Changes) -> Changes:
        """The results of the windows that close."""
        out: list[Update] = []
        for row in self._aggregate.each(batch):
            for update in row:
                if update.new is None:
                    self.held.pop(update.key, None)
                    continue
                self.held[update.key] = update
                end = update.cells[-1]
                self._next = end if self._next is None else min(self._next, end)
            if self._next is not None and self._next <= self._aggregate.clock.now - self._after:
                self._release(out)
        return changes(out, self._layout)

    def _release(self, out: list[Update]) -> None:
        bound = self._aggregate.clock.now - self._after
        closed: list[tuple[Key, Update]] = [
            (k, u) for k, u in self.held.items() if u.cells[-1] <= bound
        ]
        closed.sort(key=lambda pair: (pair[1].cells[-1], [_order(c) for c in pair[1].cells]))
        for key, update in closed:
            del self.held[key]
            if not self._aggregate.expired(update):
                out.append(update._replace(old=None))
        self._next = min((u.cells[-1] for u in self.held.values()), default=None)


def _order(value: Any) -> bytes:
    """As the key's bytes sort: whole numbers big-endian, text as UTF-8."""
    if isinstance(value, int):
        return (value % (1 << 64)).to_bytes(8, "big")
    return value if isinstance(value, bytes) else str(value).encode()
