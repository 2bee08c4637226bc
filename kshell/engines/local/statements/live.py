"""A continuous SELECT on the screen: the terminal pulls the plan's changes.

`select` calls it for EMIT CHANGES and EMIT FINAL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Kind
from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.local.continuous.run import Run
from kshell.engines.local.sources.cut_times import cut_in_plan
from kshell.engines.local.statements.plans import plan_query
from kshell.results import Live, LiveStats
from kshell.sql import plan
from kshell.sql.clauses import Query
from kshell.sql.expressions import Column
from kshell.sql.moment_columns import answer_schema

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["continuous"]


class _Answer:
    """The columns of the answer, until its limit."""

    def __init__(self, node: plan.Answer) -> None:
        self.columns = [name for _, name in node.columns]
        self.schema = answer_schema(node)
        self.limit = node.limit
        self.rows = 0
        self._table = node.output.kind is Kind.TABLE

    def of(self, changes: Changes) -> Changes:
        """The changes with the answer's columns."""
        arrays = [changes.rows.column(name) for name in self.columns]
        rows = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        changes = Changes(rows, changes.weights)
        there = changes.there()
        if not self._table and there.false_count:  # a touch shows nothing
            changes = changes.filter(there)
        if self.limit is not None:
            changes = changes.slice(0, _cut(changes.weights, self.limit - self.rows))
        self.rows += changes.there().true_count
        return changes

    @property
    def full(self) -> bool:
        """Whether LIMIT is reached."""
        return self.limit is not None and self.rows >= self.limit


def _cut(weights: pa.Array, more: int) -> int:
    """How many changes are needed for `more` rows."""
    for i, weight in enumerate(weights.to_pylist()):
        if more <= 0:
            return i
        more -= weight > 0
    return len(weights)


def _key(node: plan.Answer) -> tuple[str, ...]:
    """The headings that identify a table's rows; empty for a stream, or if one is missing."""
    if node.output.kind is Kind.STREAM:
        return ()
    window = node.output.window
    names = [c.name for c in node.output.key]
    if window is not None:
        # Either end identifies a window of known size; a session needs both ends.
        names += ["WINDOWSTART", *(["WINDOWEND"] if window.size_ms is None else [])]
    headings = {name: heading for heading, name in node.columns}
    if isinstance(node.input, plan.Project):
        for item in node.input.value:
            if isinstance(item.expression, Column) and item.name in headings:
                headings.setdefault(item.expression.name, headings[item.name])
    if not names or not set(names) <= set(headings):
        return ()
    return tuple(headings[n] for n in names)


def continuous(context: Context, query: Query, properties: Properties) -> Live:
    """Rows as they change."""
    lookup = context.lookup(properties)
    node = plan_query(lookup, query)
    running = Run(lookup, node, "query", bounded=False)
    feed, answer = running.feed, _Answer(node)

    def poll(seconds: float) -> Changes | None:
        if answer.full:
            feed.cancel()
            return None
        made = running.poll(seconds)
        if made is None:
            return None
        return Changes.concat([answer.of(changes) for changes in made], answer.schema)

    def stats() -> LiveStats:
        return LiveStats(
            answer.rows, feed.scanned, feed.rate(), feed.lag, feed.bad, feed.note, running.late
        )

    title = ", ".join(leaf.source.name for leaf in plan.scans(node))
    return Live(
        answer.schema, poll, feed.cancel, stats, title, _key(node),
        (*lookup.notices, *cut_in_plan(node)), node.limit is not None,
    )  # fmt: skip
