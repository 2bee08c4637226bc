"""A bounded SELECT run by DuckDB, and what its answer lacks.

`select` begins here; EXPLAIN and INSERT share `planned` and `evaluator`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from kshell.batch.plan import Planned, Read, prepare
from kshell.batch.tail import answer
from kshell.batch.translate_error import translate_error
from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import KshellError
from kshell.results import Notice, NoticeKind, Rows
from kshell.sql.as_written import place_of
from kshell.sql.bind.literals import check_constant
from kshell.sql.clauses import Query
from kshell.sql.dialect import to_duckdb

if TYPE_CHECKING:
    import duckdb

__all__ = ["OverDuckDB", "evaluator", "not_evaluated", "planned"]

_FEW = 5

_ONLY_DUCKDB = Notice(
    NoticeKind.DIALECT, "only DuckDB's grammar has this query: all of it means what DuckDB means"
)


def planned(
    query: Query, lookup: Lookup
) -> tuple[Planned, duckdb.DuckDBPyConnection]:
    """The query over DuckDB, ready to run."""
    from kshell.sql.duck import plain

    lookup.read_at(query.groups)
    connection = plain()
    now_ms = int(time.time() * 1000)
    ksql = lookup.properties["kshell.dialect"] == "ksql"
    return prepare(query, lookup, connection, ksql, now_ms), connection


class OverDuckDB:
    """Runs it by DuckDB, and says what its answer lacks."""

    def __init__(self, query: Query, lookup: Lookup) -> None:
        self._query, self._lookup = query, lookup
        self._reads: Sequence[Read] = ()
        lookup.widening.whole = _shows_whole_rows(query.tree)

    def begin(self) -> Rows:
        """Plan it with all that is known by now."""
        plan, connection = planned(self._query, self._lookup)
        self._reads, rows = plan.reads, answer(plan, connection)
        return replace(rows, notices=lambda: self._notices(rows.notices()))

    def _notices(self, of_rows: Sequence[Notice]) -> Sequence[Notice]:
        reads = self._reads
        others = [_others(*found) for found in self._lookup.widening.others.items()]
        unread = (_ONLY_DUCKDB,) if self._query.unread is not None and reads else ()
        return (
            *of_rows, *_unread(reads), *_undecided(reads), *_empty(reads), *others, *unread,
            *_cut(reads), *self._lookup.notices,
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


def _cut(reads: Sequence[Read]) -> Sequence[Notice]:
    from kshell.engines.local.sources.topic import TopicTable

    read = [(r.reference.table, [c.name for c in r.columns]) for r in reads]
    of_topics = [(t.source, names) for t, names in read if isinstance(t, TopicTable)]
    if not any(source.cut for source, _ in of_topics):
        return ()
    from kshell.engines.local.sources.cut_times import cut_notices

    return cut_notices(of_topics)


def _unread(reads: Sequence[Read]) -> list[Notice]:
    """The notices for partitions that have no leader."""
    from kshell.engines.local.sources.topic import TopicTable, unread_notices

    tables = {id(r.reference.table): r.reference.table for r in reads}.values()
    found = [t for t in tables if isinstance(t, TopicTable)]
    return [n for t in found for n in unread_notices(t.source.topic, t.unread)]


def _undecided(reads: Sequence[Read]) -> list[Notice]:
    """The notices for records whose transaction is open."""
    from kshell.engines.local.sources.topic import TopicTable

    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        if isinstance(table, TopicTable) and (count := table.undecided):
            many = f"up to {count:,} records" if count > 1 else "1 record"
            text = f"topic {table.source.topic}: {many} behind an open transaction"
            text += f" {'are' if count > 1 else 'is'} not in the answer"
            told.append(Notice(NoticeKind.OPEN, text, count))
    return told


def _empty(reads: Sequence[Read]) -> list[Notice]:
    """The notices for empty topics."""
    from kshell.engines.local.sources.topic import TopicTable

    told = []
    for table in {id(read.reference.table): read.reference.table for read in reads}.values():
        if isinstance(table, TopicTable) and all(f == end for f, end in table.offsets.values()):
            ends = ", ".join(f"{p}: {end}" for p, (_, end) in table.offsets.items())
            text = f"topic {table.source.topic} is empty; its partitions end at {ends}"
            told.append(Notice(NoticeKind.EMPTY, text))
    return told


def evaluator(connection: duckdb.DuckDBPyConnection) -> Callable[[exp.Expr], Any]:
    """Evaluates constant expressions, for INSERT; raises KshellError."""
    import duckdb

    def evaluate(node: exp.Expr) -> Any:
        check_constant(node)
        text = to_duckdb(exp.select(node.copy()))
        try:
            return connection.sql(text).to_arrow_table()[0][0].as_py()
        except duckdb.Error as error:
            raise not_evaluated(node, text, error) from error

    return evaluate


def not_evaluated(node: exp.Expr, text: str, error: duckdb.Error) -> KshellError:
    """The error of an expression of VALUES, at its place in the script."""
    place = place_of(node)
    query = Query(exp.select(node.copy()), text=text)
    made = translate_error(error, query, [], text, lambda *_: place)
    made.place = place  # of the script; the query's text is another
    return made
