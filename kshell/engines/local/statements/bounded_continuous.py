"""Runs a continuous plan up to the end offsets taken at the start and returns the final rows.

`select` calls it for WINDOW, WITHIN and PARTITION BY without EMIT.  A stream's rows come in the
order in which they are made; a table's are those that remain when all records have been read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.continuous.run import Run
from kshell.engines.local.sources.cut_times import cut_in_plan
from kshell.engines.local.sources.learned import Widening
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.statements.attempts import attempted
from kshell.engines.local.statements.plans import bound_query
from kshell.results import Notice, Progress, Rows, late, undecodable
from kshell.sql import plan
from kshell.sql.clauses import Query
from kshell.sql.moment_columns import answer_schema

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["bounded_continuous"]


def bounded_continuous(context: Context, query: Query, properties: Properties) -> Rows:
    """The answer over the records that the topics have now."""
    lookup = context.lookup(properties)
    return attempted(query.tree, lookup, lambda: _begun(lookup, query))


def _begun(lookup: Lookup, query: Query) -> Rows:
    node = bound_query(lookup, query)
    running = Run(lookup, node, "query", bounded=True)
    feed = running.feed
    total, began = feed.lag or 0, time.monotonic()
    schema = answer_schema(node)

    def progress() -> Progress:
        return Progress(total - min(feed.lag or 0, total), total, time.monotonic() - began)

    def notices() -> Sequence[Notice]:
        missing = (*undecodable(feed.bad), *late(running.late))
        return (*missing, *feed.notices, *cut_in_plan(node), *lookup.notices)

    rows = _run(node, running, lookup.widening, schema)
    return Rows(schema, rows, cancel=feed.cancel, progress=progress, notices=notices)


def _run(
    node: plan.Answer, running: Run, widening: Widening, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    names = [name for _, name in node.columns]
    left = node.limit if node.limit is not None else 1 << 62
    for batch in _batches(running, widening):
        rows = pa.RecordBatch.from_arrays([batch.column(n) for n in names], schema=schema)
        yield rows.slice(0, left)
        left -= min(rows.num_rows, left)
        if not left:
            running.feed.cancel()
            return


def _batches(running: Run, widening: Widening) -> Iterator[pa.RecordBatch]:
    """The rows; after a value that does not fit the rest is read for such values alone."""
    while (made := running.poll(0.2)) is not None:
        for changes in () if widening.met else made:
            if not running.keeps:
                yield changes.rows.filter(changes.there())
        if widening.met and widening.rows_out:
            break
    if widening.met:
        running.feed.cancel()
        raise widening.misfit()
    if running.keeps:
        yield running.rows()
