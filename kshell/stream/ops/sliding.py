"""SLIDING windows: every set of a group's rows that lie within a time difference of one another.

As KStreamSlidingWindowAggregate, step for step (`windows` has them).  A window exists for a row's
left side (it ends at the row) and its right side (it begins 1 ms after it, if rows are there); rows
earlier than the difference share the window from 0.
"""

from __future__ import annotations

from typing import Any

from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.spans import SpanAggregate
from kshell.stream.windows import Sliding

__all__ = ["SlidingAggregate"]


class SlidingAggregate(SpanAggregate):
    """A window's last moment is that of its latest row."""

    def __init__(self, node: plan.Aggregate, on_error: OnError, final: bool) -> None:
        assert node.window is not None
        self._span = node.window.size_ms
        grace = plan.grace_of(node.window)
        # One ms less, as in Streams' store, loses a row now and then that is just in time.
        keep = 2 * self._span + grace + final
        self._keep = max(keep, node.window.retention_ms or 0)
        super().__init__(node, on_error, Sliding(self._span, grace, self._keep), final)

    def _ends(self, starts: Any, lasts: Any) -> Any:
        return starts + self._span

    def _expiry(self, starts: Any, lasts: Any) -> Any:
        return starts

    def _expired(self) -> int:
        return self._windows.newest - self._keep  # type: ignore[no-any-return]

    def _newest(self) -> int:
        return self._windows.newest  # type: ignore[no-any-return]

    def _set_newest(self, newest: int) -> None:
        self._windows.newest = newest
