"""A bounded SELECT that only a continuous plan can answer: run to the ends of now, and summed up.

`query` calls it for WINDOW, WITHIN and PARTITION BY without EMIT.  A stream's rows come in the
order in which they are made; a table's are those that are left when all has been read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.local.continuous.feed import Feed, open_feed
from kshell.engines.local.continuous.sink_writer import TableRows, latest
from kshell.engines.local.statements.plans import bound, failures
from kshell.results import Notice, Progress, Rows, undecodable
from kshell.sql import plan
from kshell.sql.bind.select import output_columns
from kshell.sql.statements import Query
from kshell.stream.graph import Graph, build

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["settled"]


def settled(context: Context, query: Query, properties: Properties) -> Rows:
    """The answer over what is in the topics now."""
    lookup = context.lookup(properties)
    node = bound(lookup, query)
    graph = build(node, on_error=failures(context))
    feed = open_feed(lookup, node, bounded=True)
    total, began = feed.lag, time.monotonic()
    schema = pa.schema([(c.name, c.type) for c in output_columns(node)])

    def progress() -> Progress:
        return Progress(total - min(feed.lag, total), total, time.monotonic() - began)

    rows = _run(node, graph, feed, schema)
    def notices() -> Sequence[Notice]:
        return (*undecodable(feed.bad), *lookup.notices)

    return Rows(schema, rows, cancel=feed.cancel, progress=progress, notices=notices)


def _run(
    node: plan.Answer, graph: Graph, feed: Feed, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    names = [name for _, name in node.columns]
    left = node.limit if node.limit is not None else 1 << 62
    for batch in _batches(node, graph, feed):
        rows = pa.RecordBatch.from_arrays([batch.column(n) for n in names], schema=schema)
        yield rows.slice(0, left)
        left -= min(rows.num_rows, left)
        if not left:
            feed.cancel()
            return


def _batches(node: plan.Answer, graph: Graph, feed: Feed) -> Iterator[pa.RecordBatch]:
    table = node.output.kind is Kind.TABLE
    rows = TableRows(node.output)
    while (runs := feed.poll(0.2)) is not None:
        for scan, changes in runs:
            records, gone = latest(graph.step(scan, changes), node.output)
            if table:
                rows.put(records, gone)
            else:
                yield records.filter(pa.array([not g for g in gone], pa.bool_()))
    if table:
        yield rows.snapshot()
