"""Runs a plan: polls its inputs and passes their rows through its operators.

`statements.live` shows the results, `bounded_continuous` collects them, `background` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from kshell.changes import Changes
from kshell.engines.local.continuous.feed import Feed, open_feed
from kshell.engines.local.continuous.time_order import cut
from kshell.engines.local.sources.lookup import Lookup
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.graph import build

__all__ = ["Run"]

_STEP_ROWS = 1 << 15


class Run:
    """One plan; one thread polls it, any thread may read its feed's counters or cancel it."""

    def __init__(self, lookup: Lookup, node: plan.Node, name: str, *, bounded: bool) -> None:
        self._graph = build(node, on_error=_failures(lookup, name))
        self.feed: Feed = open_feed(lookup, node, bounded=bounded)

    @property
    def late(self) -> int:
        """How many rows came after all their windows had closed."""
        return self._graph.late

    def poll(self, seconds: float) -> Iterator[Changes] | None:
        """The results of the next records, made as the caller pulls them; None at the end.

        Empty if no records came in time.  A step takes at most some ten thousand rows.
        """
        steps = self.feed.poll(seconds)
        if steps is None:
            return None
        return (self._graph.step(part) for step in steps for part in cut(step, _STEP_ROWS))


def _failures(lookup: Lookup, name: str) -> OnError:
    """Adds rows on which an expression failed to SHOW ERRORS, under the query's name."""

    def failed(row: dict[str, object], column: str, message: str) -> None:
        lookup.errors.evaluation(name, column, message)

    return failed
