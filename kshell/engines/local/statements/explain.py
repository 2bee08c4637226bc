"""EXPLAIN: for a statement, what it would read and how; for a running query, its plan and state.

`engine` dispatches here.  It reads no records and creates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.batch.plan import Read
from kshell.batch.tail import tail_of
from kshell.config import Properties
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.system.faces import SystemScan
from kshell.engines.local.statements.copy_from import explain_copy_from
from kshell.engines.local.statements.copy_to import explain_copy_to
from kshell.engines.local.statements.over_duckdb import planned
from kshell.engines.local.statements.plans import plan_query, plan_sink
from kshell.engines.local.statements.select import needs_continuous
from kshell.errors import KshellError, UnknownName, Unsupported
from kshell.results import Answer, Message, Rows, Sections
from kshell.sql import plan
from kshell.sql import statements as ast
from kshell.sql.bind.outline import outline
from kshell.sql.clauses import Emit, Query
from kshell.sql.producing import CopyFrom, CopyTo

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["explain"]


def explain(context: Context, statement: ast.Explain, properties: Properties) -> Answer:
    """EXPLAIN statement | id of a query."""
    inner = statement.statement
    if inner is None:
        return _running(context, statement)
    lookup = context.lookup(properties)
    if isinstance(inner, ast.Select):
        return _of_query(lookup, inner.query)
    if isinstance(inner, ast.CreateAsSelect | ast.InsertSelect):
        return _continuous(lookup, plan_sink(lookup, inner), Emit.CHANGES)
    if isinstance(inner, CopyFrom):
        return Sections((Message(explain_copy_from(context, inner, properties)),))
    if isinstance(inner, CopyTo):
        copied, where = explain_copy_to(context, inner, properties)
        try:
            parts = () if copied is None else _of_query(lookup, copied).parts
        except KshellError as error:
            if inner.name is not None:  # the query was made of it
                error.place = inner.name.place
            raise
        return Sections((*parts, Message(where)))
    raise Unsupported(
        "EXPLAIN takes a SELECT, a CREATE … AS SELECT, an INSERT … SELECT, a COPY, a change of the"
        " cluster or the id of a query",
        hint="SHOW QUERIES lists ids",
        place=inner.place,
    )


def _of_query(lookup: Lookup, query: Query) -> Sections:
    if query.emit is Emit.BOUNDED and not needs_continuous(query):
        return _bounded(lookup, query)
    return _continuous(lookup, plan_query(lookup, query), query.emit)


def _running(context: Context, statement: ast.Explain) -> Answer:
    id = statement.query_id.upper()
    query = context.queries.get(id)
    if query is None:
        raise UnknownName("query", statement.query_id, context.queries)
    state = f"Query {id} is {query.state.value}. It writes {query.sink.target.name}"
    told = f"{state} to topic {query.sink.target.topic}: {query.written:,} records so far."
    parts = [Message(told)]
    if query.sink.target.sql:
        parts.append(Message(query.sink.target.sql.strip()))
    if query.error is not None:
        parts.append(Message(f"It failed: {query.error.what}"))
    return Sections((*parts, Message(outline(query.sink))))


def _continuous(lookup: Lookup, node: plan.Node, emit: Emit) -> Sections:
    topics = {leaf.source.read_from: leaf.source for leaf in plan.scans(node)}
    held = {t: lookup.offsets(source) for t, source in topics.items()}
    from_start = emit is Emit.BOUNDED or lookup.properties["auto.offset.reset"] == "earliest"
    count = sum(end - first for o in held.values() for first, end in o.values())
    system = [source.name for source in topics.values() if source.system]
    looks = f"looks at the cluster every second for {', '.join(system)}."
    topics = {name: source for name, source in topics.items() if not source.system}
    if not topics:
        once = f"Looks at the cluster once for {', '.join(system)}."
        how = once if emit is Emit.BOUNDED else f"Continuous: {looks}"
        return Sections((Message(how), Message(outline(node))))
    if emit is Emit.BOUNDED:
        how = f"Runs the plan over the {count:,} offsets that are there now."
    elif from_start:
        how = f"Continuous: starts with the {count:,} offsets that are there, then goes on."
    else:
        how = "Continuous: starts at the end ('auto.offset.reset' is latest)."
        tables = plan.looked_up(node)
        whole = [leaf.source.name for n, leaf in enumerate(plan.scans(node)) if n in tables]
        if whole:
            how += f" {', '.join(whole)}, which it looks up, is read from its first record."
    read = f"{', '.join(topics)}{f', and {looks}' if system else '.'}"
    for topic in topics:
        if (standing := lookup.standing(topic)) is not None:
            read += f" {topic} is read from where group {standing.group} stands: {standing}."
    return Sections((Message(f"{how} Reads {read}"), Message(outline(node))))


def _bounded(lookup: Lookup, query: Query) -> Sections:
    prepared, connection = planned(query, lookup)
    try:
        system = [r for r in prepared.reads if isinstance(r.reference.table, SystemScan)]
        of_topics = [r for r in prepared.reads if not isinstance(r.reference.table, SystemScan)]
        ranges = [r for read in of_topics for r in read.ranges]
        reading = sum(r.end - r.start for r in ranges)
        # Pruned partitions have no range, so ask the table for its partitions.
        held = sum(_held(read) for read in prepared.reads)
        columns = "; ".join(
            f"{read.reference.table.name}: " + (", ".join(c.name for c in read.columns) or "none")
            for read in prepared.reads
        )
        looks = [f"{r.reference.table.name} ({r.ranges[0].why})" for r in system]
        lines = [f"Looks at the cluster for {', '.join(looks)}."] if looks else []
        if of_topics or not system:
            lines.append(f"Reads {reading:,} of {held:,} offsets.")
        lines.append(f"Columns decoded: {columns}.")
        if tail_of(prepared.query.tree):
            lines.append("Reads backwards from the tail, and stops when the answer is certain.")
        return Sections(
            (
                Message(" ".join(lines)),
                *((_reads(of_topics),) if of_topics or not system else ()),
                Message(f"DuckDB: {prepared.sql}"),
            )
        )
    finally:
        connection.close()


def _held(read: Read) -> int:
    offsets = read.reference.table.offsets
    return sum(last - first for first, last in offsets.values())


_MANY = 100  # ranges of one table that are listed


def _reads(reads: Sequence[Read]) -> Rows:
    """What is read of each partition, or of very many of them together."""
    rows = []
    for read in reads:
        name = read.reference.table.name
        rows += [
            {
                "table": name,
                "partition": r.partition,
                "from": r.start,
                "to": r.end,
                "to read": r.end - r.start,
                "in topic": r.last - r.first,
                "because of": r.why or None,
            }
            for r in read.ranges[:_MANY]
        ]
        if rest := read.ranges[_MANY:]:
            rows.append(
                {
                    "table": name,
                    "to read": sum(r.end - r.start for r in rest),
                    "in topic": sum(r.last - r.first for r in rest),
                    "because of": f"{len(rest):,} more partitions",
                }
            )
    schema = pa.schema(
        [("table", pa.string()), ("partition", pa.int32()), ("from", pa.int64()),
         ("to", pa.int64()), ("to read", pa.int64()), ("in topic", pa.int64()),
         ("because of", pa.string())]
    )  # fmt: skip
    return Rows.of(pa.Table.from_pylist(rows, schema), "Offsets")
