"""SELECT here: bounded over DuckDB, continuous row by row, and EXPLAIN of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from kshell.batch.plan import Planned, Read, prepare
from kshell.batch.rewrite import to_duckdb
from kshell.batch.tail import answer, tail_of
from kshell.config import Properties
from kshell.engines.local import live
from kshell.engines.local.decode import Decoder
from kshell.engines.local.sample import sample
from kshell.engines.local.table import Budget, TopicTable
from kshell.errors import Unsupported
from kshell.results import Live, Message, Rows, Sections
from kshell.sql.macros import translated
from kshell.sql.statements import Emit, Name, Query

if TYPE_CHECKING:
    import duckdb

    from kshell.engines.local.engine import LocalEngine

__all__ = ["bounded", "continuous", "evaluator", "explain"]


def _plan(
    engine: LocalEngine, query: Query, properties: Properties
) -> tuple[Planned, duckdb.DuckDBPyConnection, Budget]:
    from kshell.sql.duck import connect

    if query.window is not None or query.partition_by:
        raise Unsupported(
            "WINDOW and PARTITION BY need a continuous query",
            hint="end the statement with EMIT CHANGES",
        )
    budget = Budget(
        properties.number("kshell.scan.max.records"),
        properties.number("kshell.scan.max.bytes"),
        properties.number("kshell.scan.max.seconds"),
    )
    tables: dict[str, TopicTable] = {}

    def lookup(name: Name) -> TopicTable:
        topic = engine.topic_named(name)
        if topic not in tables:
            source = engine.remember(sample(engine.client, topic)).source
            tables[topic] = TopicTable(engine.client, source, engine.errors, budget)
        return tables[topic]

    connection = connect()
    now_ms = int(time.time() * 1000)

    def ksql(tree: exp.Query) -> exp.Query:
        return translated(tree, connection)

    return prepare(query, lookup, connection, ksql, now_ms), connection, budget


def bounded(engine: LocalEngine, query: Query, properties: Properties) -> Rows:
    """The answer over what is in the topics now."""
    planned, connection, budget = _plan(engine, query, properties)
    rows = answer(planned, connection)
    notes = rows.notes

    def all_notes() -> Sequence[str]:
        told = [*notes(), *_empty(planned.reads)]
        if budget.spent:
            told.append(f"stopped at {budget.spent}: the answer is PARTIAL (kshell.scan.max.*)")
        return told

    return replace(rows, notes=all_notes)


def _empty(reads: Sequence[Read]) -> list[str]:
    """What to say of topics that hold nothing."""
    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        assert isinstance(table, TopicTable)
        if all(first == end for first, end in table.offsets.values()):
            ends = ", ".join(f"{p}: {end}" for p, (_, end) in table.offsets.items())
            told.append(f"topic {table.name} is empty; its partitions end at {ends}")
    return told


def evaluator(connection: duckdb.DuckDBPyConnection) -> Callable[[exp.Expr], Any]:
    """Values of constant expressions, for INSERT."""

    def evaluate(node: exp.Expr) -> Any:
        if node.find(exp.Column) is not None:
            raise Unsupported("VALUES takes constants", hint="put text into 'single quotes'")
        return connection.sql(to_duckdb(exp.select(node.copy()))).to_arrow_table()[0][0].as_py()

    return evaluate


def continuous(engine: LocalEngine, query: Query, properties: Properties) -> Live:
    """Rows of one topic as they arrive, filtered and projected."""
    live.only_rows(query.tree)
    tree, limit = live.take_limit(query.tree)
    planned, connection, _ = _plan(
        engine, replace(query, tree=tree, emit=Emit.BOUNDED), properties
    )
    if len(planned.reads) != 1:
        raise Unsupported("a continuous query reads one topic", hint="CREATE STREAM to join")
    (read,) = planned.reads
    table = read.reference.table
    assert isinstance(table, TopicTable)
    earliest = properties["auto.offset.reset"] == "earliest"
    starts = {r.partition: r.start if earliest else r.end for r in read.ranges}
    decoder = Decoder(table.source, tuple(c.name for c in read.columns), engine.errors)
    follower = live.Follower(
        engine.client,
        engine.client.topic(table.source.topic),
        starts,
        decoder,
        properties["ksql.fail.on.deserialization.error"],
    )
    run = live.transformer(planned, connection)
    return live.follow(follower, planned.schema, run, limit, table.name)


def _reads(reads: Sequence[Read]) -> Rows:
    rows = [
        {
            "table": read.reference.table.name,
            "partition": r.partition,
            "from": r.start,
            "to": r.end,
            "to read": r.end - r.start,
            "in topic": r.last - r.first,
            "because of": r.why or None,
        }
        for read in reads
        for r in read.ranges
    ]
    schema = pa.schema(
        [("table", pa.string()), ("partition", pa.int32()), ("from", pa.int64()),
         ("to", pa.int64()), ("to read", pa.int64()), ("in topic", pa.int64()),
         ("because of", pa.string())]
    )  # fmt: skip
    return Rows.of(pa.Table.from_pylist(rows, schema), "Offsets")


def explain(engine: LocalEngine, query: Query, properties: Properties) -> Sections:
    """What would be read, and the DuckDB SQL; nothing is."""
    tree, _ = live.take_limit(query.tree) if query.emit is not Emit.BOUNDED else (query.tree, None)
    planned, connection, _ = _plan(
        engine, replace(query, tree=tree, emit=Emit.BOUNDED), properties
    )
    try:
        reading = sum(r.end - r.start for read in planned.reads for r in read.ranges)
        held = sum(
            last - first
            for read in planned.reads
            for first, last in read.reference.table.offsets.values()  # type: ignore[attr-defined]
        )
        columns = "; ".join(
            f"{read.reference.table.name}: " + (", ".join(c.name for c in read.columns) or "none")
            for read in planned.reads
        )
        lines = [f"Reads {reading:,} of {held:,} offsets. Columns decoded: {columns}."]
        if tail_of(planned.tree):
            lines.append("Reads backwards from the tail, and stops when the answer is certain.")
        elif query.emit is not Emit.BOUNDED:
            lines.append("Continuous: goes on from there as records arrive.")
        parts = (Message(" ".join(lines)), _reads(planned.reads), Message(f"DuckDB: {planned.sql}"))
        return Sections(parts)
    finally:
        connection.close()
