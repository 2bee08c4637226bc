"""A bounded SELECT here: over DuckDB, or, where only KSQL has its clauses, a continuous plan.

`engine` calls `bounded`; EXPLAIN shares `planned`.  A name in FROM is a table that a query of this
shell keeps, a declared stream or table, or a topic as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from kshell.batch.plan import Planned, Read, prepare
from kshell.batch.rewrite import to_duckdb
from kshell.batch.tables import Table
from kshell.batch.tail import answer
from kshell.config import Properties
from kshell.engines.local.declared import DeclaredTable
from kshell.engines.local.kept import KeptTable
from kshell.engines.local.table import Budget, TopicTable
from kshell.errors import Unsupported
from kshell.results import Rows
from kshell.sql.macros import translated
from kshell.sql.statements import Name, Query

if TYPE_CHECKING:
    import duckdb

    from kshell.engines.local.engine import LocalEngine

__all__ = ["Lookup", "bounded", "evaluator", "needs_continuous", "planned"]

_PATIENCE = 5.0  # seconds that a bounded query waits for a kept table to have read what was there


def needs_continuous(query: Query) -> bool:
    """Whether only a continuous plan can answer: WINDOW, WITHIN, PARTITION BY are KSQL's alone."""
    within = any(join.args.get("within") for join in query.tree.find_all(exp.Join))
    return bool(query.window or query.partition_by or within)


@dataclass
class Lookup:
    """Names in FROM as tables, each opened once; `remarks` are to stand below the answer."""

    engine: LocalEngine
    properties: Properties

    def __post_init__(self) -> None:
        number = self.properties.number
        self.budget = Budget(
            number("kshell.scan.max.records"),
            number("kshell.scan.max.bytes"),
            number("kshell.scan.max.seconds"),
        )
        self.remarks: list[str] = []
        self._tables: dict[str, Table] = {}

    def __call__(self, name: Name) -> Table:
        declared = self.engine.catalog.find(name.text, name.quoted)
        identity = declared.name if declared else f"topic {self.engine.topic_named(name)}"
        if identity not in self._tables:
            self._tables[identity] = self._declared(name) or self._topic(name)
        return self._tables[identity]

    def _topic(self, name: Name) -> Table:
        engine = self.engine
        source = engine.sample(name, self.properties).source
        return TopicTable(engine.client, source, engine.errors, self.budget, self.properties)

    def _declared(self, name: Name) -> Table | None:
        engine = self.engine
        source = engine.catalog.find(name.text, name.quoted)
        if source is None:
            return None
        keeper = engine.keeper_of(source)
        if keeper is None:
            return DeclaredTable(
                engine.client, source, engine.errors, self.budget, self.properties
            )
        whole = keeper.catch_up(_PATIENCE)
        if keeper.error is not None:
            self.remarks.append(
                f"query {keeper.id} failed, {source.name} is as it was then: {keeper.error.what}"
            )
        elif keeper.feed.note or keeper.feed.lag or not whole:
            behind = keeper.feed.note or "has not read yet what was there when it began"
            if keeper.feed.lag and not keeper.feed.note:
                behind = f"{keeper.feed.lag:,} records behind"
            self.remarks.append(f"query {keeper.id}, which keeps {source.name}: {behind}")
        rows = keeper.outlet.rows
        assert rows is not None  # what makes it a keeper
        return KeptTable(source, rows.snapshot())


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


def bounded(engine: LocalEngine, query: Query, properties: Properties) -> Rows:
    """The answer over what is in the topics now."""
    if needs_continuous(query):
        from kshell.engines.local.continuous.settled import settled

        return settled(engine, query, properties)
    lookup = Lookup(engine, properties)
    plan, connection = planned(query, lookup)
    rows = answer(plan, connection)

    def all_notes() -> Sequence[str]:
        told = [*rows.notes(), *_empty(plan.reads), *lookup.remarks]
        if lookup.budget.spent:
            told.append(
                f"stopped at {lookup.budget.spent}: the answer is PARTIAL (kshell.scan.max.*)"
            )
        return told

    return replace(rows, notes=all_notes)


def _empty(reads: Sequence[Read]) -> list[str]:
    """What to say of topics that hold nothing."""
    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        if isinstance(table, TopicTable) and all(f == end for f, end in table.offsets.values()):
            ends = ", ".join(f"{p}: {end}" for p, (_, end) in table.offsets.items())
            told.append(f"topic {table.source.topic} is empty; its partitions end at {ends}")
    return told


def evaluator(connection: duckdb.DuckDBPyConnection) -> Callable[[exp.Expr], Any]:
    """Values of constant expressions, for INSERT."""

    def evaluate(node: exp.Expr) -> Any:
        if node.find(exp.Column) is not None:
            raise Unsupported("VALUES takes constants", hint="put text into 'single quotes'")
        return connection.sql(to_duckdb(exp.select(node.copy()))).to_arrow_table()[0][0].as_py()

    return evaluate
