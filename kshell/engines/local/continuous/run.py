"""A plan that runs: its inputs are polled, and what comes is stepped through its operators.

`statements.live` shows what it gives, `bounded_continuous` sums it up, `background` writes it.
"""

from __future__ import annotations

from kshell.changes import Changes
from kshell.engines.local.continuous.feed import Feed, open_feed
from kshell.engines.local.sources.lookup import Lookup
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.graph import build

__all__ = ["Run"]


class Run:
    """One plan; one thread polls it, any may look at its feed's counters or cancel it."""

    def __init__(self, lookup: Lookup, node: plan.Node, name: str, *, bounded: bool) -> None:
        self._graph = build(node, on_error=_failures(lookup, name))
        self.feed: Feed = open_feed(lookup, node, bounded=bounded)

    def poll(self, seconds: float) -> list[Changes] | None:
        """What came of the next records; empty where none came in time, None at the end."""
        runs = self.feed.poll(seconds)
        if runs is None:
            return None
        return [self._graph.step(scan, changes) for scan, changes in runs]


def _failures(lookup: Lookup, name: str) -> OnError:
    """A row on which an expression failed is a row of SHOW ERRORS, under the query's name."""

    def failed(row: dict[str, object], column: str, message: str) -> None:
        lookup.errors.evaluation(name, column, message)

    return failed
