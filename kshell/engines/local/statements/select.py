"""A bounded SELECT here: over DuckDB, or, where only KSQL has its clauses, a continuous plan.

`engine` dispatches here; EXPLAIN shares `planned`.  `sources.lookup` says what a name in FROM is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from kshell.batch.plan import Planned, Read, prepare
from kshell.batch.rewrite import to_duckdb
from kshell.batch.tail import answer
from kshell.config import Properties
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.topic import TopicTable
from kshell.errors import EvaluationError, Misfit, Unsupported
from kshell.results import Answer, Notice, NoticeKind, Rows
from kshell.sql.macros import translated
from kshell.sql.statements import Emit, Query, Select

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from kshell.engines.local.context import Context

_ATTEMPTS = 12  # each has some type wider than the last
_FEW = 5

__all__ = ["evaluator", "needs_continuous", "planned", "select"]


def needs_continuous(query: Query) -> bool:
    """Whether only a continuous plan can answer: WINDOW, WITHIN, PARTITION BY are KSQL's alone."""
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
    """The answer over what is in the topics now."""
    if needs_continuous(query):
        from kshell.engines.local.statements.bounded_continuous import settled

        return settled(context, query, properties)
    return _Attempts(query, context.lookup(properties)).rows


class _Attempts:
    """A query that starts again with wider types, over the same offsets, while no row is out."""

    def __init__(self, query: Query, lookup: Lookup) -> None:
        self._query, self._lookup = query, lookup
        lookup.widening.whole = _shows_whole_rows(query.tree)
        self._cancelled = False
        self._begin()
        self.rows = Rows(
            self._current.schema,
            self._batches(),
            cancel=self._cancel,
            progress=lambda: self._current.progress(),
            notices=self._notices,
        )

    def _begin(self) -> None:
        self._plan, connection = planned(self._query, self._lookup)
        self._current = answer(self._plan, connection)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        widening = self._lookup.widening
        for _ in range(_ATTEMPTS):
            try:
                for batch in self._current.batches:
                    widening.rows_out = widening.rows_out or batch.num_rows > 0
                    yield batch
                return
            except Misfit as misfit:
                if widening.rows_out:
                    raise EvaluationError(
                        f"{misfit.what}; rows are out already, so it cannot start again",
                        hint="run it once more: the wider type is known now",
                    ) from None
                if self._cancelled:
                    return
                last = misfit
            self._lookup.again()
            self._begin()
            self.rows.schema = self._current.schema
        raise EvaluationError(last.what)

    def _cancel(self) -> None:
        self._cancelled = True
        self._current.cancel()

    def _notices(self) -> Sequence[Notice]:
        others = [_others(*found) for found in self._lookup.widening.others.items()]
        return (
            *self._current.notices(), *_empty(self._plan.reads), *others, *self._lookup.notices
        )  # fmt: skip


def _shows_whole_rows(tree: exp.Query) -> bool:
    """Whether all columns of something are shown: SELECT *, t.*."""
    return any(
        isinstance(item, exp.Star) or (isinstance(item, exp.Column) and item.is_star)
        for select in tree.find_all(exp.Select)
        for item in select.expressions
    )


def _others(topic: str, fields: Counter[str]) -> Notice:
    few = ", ".join(f"{name} ({count:,})" for name, count in fields.most_common(_FEW))
    more = f" and {len(fields) - _FEW:,} more" if len(fields) > _FEW else ""
    text = (
        f"{topic} has fields that no sample had and that are not shown (in so many records):"
        f" {few}{more}; name them, or DESCRIBE {topic} FULL"
    )
    return Notice(NoticeKind.FIELDS, text, max(fields.values()))


def _empty(reads: Sequence[Read]) -> list[Notice]:
    """What to say of topics that hold nothing."""
    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        if isinstance(table, TopicTable) and all(f == end for f, end in table.offsets.values()):
            ends = ", ".join(f"{p}: {end}" for p, (_, end) in table.offsets.items())
            text = f"topic {table.source.topic} is empty; its partitions end at {ends}"
            told.append(Notice(NoticeKind.EMPTY, text))
    return told


def evaluator(connection: duckdb.DuckDBPyConnection) -> Callable[[exp.Expr], Any]:
    """Values of constant expressions, for INSERT."""

    def evaluate(node: exp.Expr) -> Any:
        if node.find(exp.Column) is not None:
            raise Unsupported("VALUES takes constants", hint="put text into 'single quotes'")
        return connection.sql(to_duckdb(exp.select(node.copy()))).to_arrow_table()[0][0].as_py()

    return evaluate
