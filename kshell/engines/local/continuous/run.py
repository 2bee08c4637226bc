"""Runs a plan: polls its inputs and passes their rows through its operators.

`statements.live` shows the results, `bounded_continuous` collects them, `background` writes them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa

from kshell.catalog.model import Kind
from kshell.changes import Changes
from kshell.engines.local.continuous.feed import Feed, open_feed
from kshell.engines.local.continuous.time_order import cut
from kshell.engines.local.sources.lookup import Lookup
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.graph import build
from kshell.stream.rows import Layout, at_once

__all__ = ["Run"]

_STEP_ROWS = 1 << 15


class Run:
    """One plan; one thread polls it, any thread may read its feed's counters or cancel it."""

    def __init__(self, lookup: Lookup, node: plan.Node, name: str, *, bounded: bool) -> None:
        keeps = bounded or isinstance(node, plan.Sink)
        # A bounded answer has all windows: the shell has no later question to it.
        self._graph = build(
            node, on_error=_failures(lookup, name), keeps=keeps, every_window=bounded
        )
        self._waits = bounded
        self._step = threading.Lock()  # held by a step, and by who reads the rows
        self.feed: Feed = open_feed(lookup, node, bounded=bounded)
        # What one look at the cluster shows is of one moment.
        top = node.input if isinstance(node, plan.Answer | plan.Sink) else node
        table = top.output.kind is Kind.TABLE
        looks = table and all(leaf.source.system for leaf in plan.scans(node))
        self._moment = Layout(top.output) if looks else None

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
            return self._rest()
        parts = (part for step in steps for part in cut(step, _STEP_ROWS))
        made = (changes for part in parts for changes in self._pulled(self._graph.steps(part)))
        if self._moment is None:
            return made
        return iter((at_once(Changes.concat(made, self._moment.schema), self._moment),))

    def _rest(self) -> Iterator[Changes] | None:
        """Once, at the ends of a bounded read: the rows that waited for others to come."""
        if not self._waits or self.feed.cancelled:
            return None
        self._waits = False
        return self._pulled(self._graph.rest())

    def _pulled(self, parts: Iterator[Changes]) -> Iterator[Changes]:
        while True:
            with self._step:
                part = next(parts, None)
            if part is None:
                return
            yield part

    @property
    def keeps(self) -> bool:
        """Whether it keeps a table's rows."""
        return self._graph.kept is not None

    def rows(self) -> pa.RecordBatch:
        """The rows that it keeps, as they are between two steps; any thread may ask."""
        with self._step:
            return self._graph.rows()


def _failures(lookup: Lookup, name: str) -> OnError:
    """Adds rows on which an expression failed to SHOW ERRORS, under the query's name."""

    def failed(row: dict[str, object], column: str, message: str) -> None:
        lookup.errors.evaluation(name, column, message)

    return failed
