"""A bounded SELECT: run by DuckDB, or by a continuous plan if it has KSQL's own clauses.

`engine` dispatches here.  `sources.lookup` resolves the names in FROM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from kshell.config import Properties
from kshell.results import Answer, Rows
from kshell.sql.clauses import Emit, Query
from kshell.sql.statements import Select

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

_LIMIT = re.compile(r"\bLIMIT\b", re.IGNORECASE)

__all__ = ["needs_continuous", "select"]


def needs_continuous(query: Query) -> bool:
    """Whether only a continuous plan can answer: only KSQL has WINDOW, WITHIN, PARTITION BY."""
    within = any(join.args.get("within") for join in query.tree.find_all(exp.Join))
    return bool(query.window or query.partition_by or within)


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

        rows = bounded_continuous(context, query, properties)
    else:
        from kshell.engines.local.statements.attempts import attempted
        from kshell.engines.local.statements.over_duckdb import OverDuckDB

        lookup = context.lookup(properties)
        rows = attempted(query.tree, lookup, OverDuckDB(query, lookup).begin)
    rows.elides = not _limited(query)
    return rows


def _limited(query: Query) -> bool:
    """Whether the person said how many rows there are to be."""
    if query.unread is not None:
        return _LIMIT.search(query.text) is not None
    return any(query.tree.args.get(part) for part in ("limit", "fetch"))
