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
from kshell.results import Live, LiveStats, Printed
from kshell.sql import plan
from kshell.sql.clauses import Query
from kshell.sql.expressions import Column
from kshell.sql.moment_columns import answer_schema
from kshell.sql.row_places import PLACES, with_places

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.engines.local.sources.lookup import Lookup

__all__ = ["continuous", "cut", "key_headings"]


class _Answer:
    """The columns of the answer, until its limit."""

    def __init__(self, node: plan.Answer, placed: bool) -> None:
        self._placed = placed
        self.columns = [name for _, name in node.columns]
        self.schema = answer_schema(node)
        self.limit = node.limit
        self.rows = 0
        self._table = node.output.kind is Kind.TABLE

    def of(self, changes: Changes) -> Changes:
        """The changes with the answer's columns."""
        arrays = [changes.rows.column(name) for name in self.columns]
        rows = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        places = changes.rows.select(PLACES) if self._placed else None
        changes = Changes(rows, changes.weights, places=places)
        there = changes.there()
        if not self._table and there.false_count:  # a touch shows nothing
            changes = changes.filter(there)
        if self.limit is not None:
            changes = changes.slice(0, cut(changes.weights, self.limit - self.rows))
        self.rows += changes.there().true_count
        return changes

    @property
    def full(self) -> bool:
        """Whether LIMIT is reached."""
        return self.limit is not None and self.rows >= self.limit


def cut(weights: pa.Array, more: int) -> int:
    """How many changes are needed for `more` rows."""
    for i, weight in enumerate(weights.to_pylist()):
        if more <= 0:
            return i
        more -= weight > 0
    return len(weights)


def key_headings(node: plan.Answer) -> tuple[str, ...]:
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


def _with_places(context: Context, lookup: Lookup, node: plan.Answer) -> plan.Answer | None:
    """The plan with the places of records, if a person may open them and rows have them."""
    in_memory = any(lookup.held(leaf.source) is not None for leaf in plan.scans(node))
    return with_places(node) if context.opens_records and not in_memory else None


def _hints(lookup: Lookup, node: plan.Node) -> tuple[str, ...]:
    """Why there may be no row for long."""
    hints = []
    tables = plan.looked_up(node)
    passed = {
        leaf.source.topic: sum(end - first for first, end in lookup.offsets(leaf.source).values())
        for scan, leaf in enumerate(plan.scans(node))
        if scan not in tables and lookup.held(leaf.source) is None
        and lookup.standing(leaf.source.topic) is None
    }
    count = sum(passed.values())
    if count and lookup.properties["auto.offset.reset"] != "earliest":
        are = "record that is" if count == 1 else "records that are"
        hints.append(
            f"It begins with what comes next: {count:,} {are} there already"
            f" {'is' if count == 1 else 'are'} not read."
            " SET 'auto.offset.reset'='earliest'; reads them, too."
        )
    if plan.closes(node):
        hints.append(
            "A window's row comes when the window has closed: when a later record comes, after its"
            " end and grace."
        )
    return tuple(hints)


def continuous(context: Context, query: Query, properties: Properties) -> Live:
    """Rows as they change."""
    lookup = context.lookup(properties)
    node = plan_query(lookup, query)
    placed = _with_places(context, lookup, node)
    node = placed or node
    running = Run(lookup, node, "query", bounded=False)
    feed, answer = running.feed, _Answer(node, placed is not None)

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
            answer.rows, feed.scanned, feed.rate(), feed.lag, feed.bad, feed.waits, running.late
        )

    def record(partition: int, offset: int) -> Printed:
        from kshell.engines.local.statements.print_topic import record_at

        (leaf,) = plan.scans(node)
        return record_at(context, leaf.source.topic, partition, offset, properties)

    title = ", ".join(leaf.source.name for leaf in plan.scans(node))
    return Live(
        answer.schema, poll, feed.cancel, stats, title, key_headings(node),
        (*lookup.notices, *cut_in_plan(node)), node.limit is not None,
        None if placed is None else record, _hints(lookup, node),
    )  # fmt: skip
