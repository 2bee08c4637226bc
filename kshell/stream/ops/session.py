"""SESSION windows: rows of a group closer than the gap are one session, merged as rows arrive.

As KStreamSessionWindowAggregate: what a row joins is deleted and comes back merged; a result's time
is its session's end; a session that ended more than gap and grace before stream time takes no row.
Under EMIT FINAL a session is kept until it closes, whatever its retention.
"""

from __future__ import annotations

from typing import Any

from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.spans import SpanAggregate
from kshell.stream.windows import Sessions

__all__ = ["SessionAggregate"]


class SessionAggregate(SpanAggregate):
    """A session's last moment is its end."""

    def __init__(self, node: plan.Aggregate, on_error: OnError, final: bool) -> None:
        assert node.window is not None
        gap = node.window.size_ms
        close = gap + plan.grace_of(node.window)
        # A session that was given out must not come back as part of another.
        self._keep = close + 1 if final else max(close, node.window.retention_ms or 0)
        super().__init__(node, on_error, Sessions(gap, close, self._keep), final)

    def _ends(self, starts: Any, lasts: Any) -> Any:
        return lasts

    def _expiry(self, starts: Any, lasts: Any) -> Any:
        return lasts

    def _expired(self) -> int:
        return self._windows.now - self._keep  # type: ignore[no-any-return]
