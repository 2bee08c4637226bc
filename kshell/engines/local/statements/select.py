"""A bounded SELECT: run by DuckDB, or by a continuous plan if it has KSQL's own clauses.

`engine` dispatches here; EXPLAIN shares `planned`.  `sources.lookup` resolves the names in FROM.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from kshell.batch.plan import Planned, Read, prepare
from kshell.batch.rewrite import to_duckdb
from kshell.batch.tail import answer
from kshell.config import Properties
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.topic import TopicTable
from kshell.errors import Unsupported
from kshell.results import Answer, Notice, NoticeKind, Rows
from kshell.sql.macros import translated
from kshell.sql.statements import Emit, Query, Select

if TYPE_CHECKING:
    import duckdb

    from kshell.engines.local.context import Context

__all__ = ["evaluator", "needs_continuous", "planned", "select"]


def needs_continuous(query: Query) -> bool:
    """Whether only a continuous plan can answer: only KSQL has WINDOW, WITHIN, PARTITION BY."""
    within = any(join.args.get("within") for join in query.tree.find_all(exp.Join))
    return bool(query.window or query.partition_by or within)


def planned(
    query: Query, lookup: Lookup
) -> tuple[Planned, duckdb.DuckDBPyConnection]:
    """The query over DuckDB, ready to run."""
    from kshell.sql.duck import connect

    connection = connect()
    now_ms = int(time.time() * 1000)

    def ksql(tree: exp.Query) -> exp.Query:
        return translated(tree, connection)

    return prepare(query, lookup, connection, ksql, now_ms), connection


def select(context: Context, statement: Select, properties: Properties) -> Answer:
    """A bounded answer, or with EMIT a continuous one."""
    if statement.query.emit is Emit.BOUNDED:
        return _bounded(context, statement.query, properties)
    from kshell.engines.local.statements.live import continuous

    return continuous(context, statement.query, properties)


def _bounded(context: Context, query: Query, properties: Properties) -> Rows:
    """The answer over the records that the topics have now."""
    if needs_continuous(query):
        from kshell.engines.local.statements.bounded_continuous import bounded_continuous

        return bounded_continuous(context, query, properties)
    lookup = context.lookup(properties)
    plan, connection = planned(query, lookup)
    rows = answer(plan, connection)

    def notices() -> Sequence[Notice]:
        return (*rows.notices(), *_empty(plan.reads), *lookup.notices)

    return replace(rows, notices=notices)


def _empty(reads: Sequence[Read]) -> list[Notice]:
    """The notices for empty topics."""
    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        if isinstance(table, TopicTable) and all(f == end for f, end in table.offsets.values()):
            ends = ", ".join(f"{p}: {end}" for p, (_, end) in table.offsets.items())
            text = f"topic {table.source.topic} is empty; its partitions end at {ends}"
            told.append(Notice(NoticeKind.EMPTY, text))
    return told


def evaluator(connection: duckdb.DuckDBPyConnection) -> Callable[[exp.Expr], Any]:
    """Evaluates constant expressions, for INSERT."""

    def evaluate(node: exp.Expr) -> Any:
        if node.find(exp.Column) is not None:
            raise Unsupported("VALUES takes constants", hint="put text into 'single quotes'")
        return connection.sql(to_duckdb(exp.select(node.copy()))).to_arrow_table()[0][0].as_py()

    return evaluate
