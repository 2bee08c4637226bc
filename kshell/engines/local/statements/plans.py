"""A SELECT without a sink as a continuous plan, and where its rows' errors go.

`foreground`, `settled` and EXPLAIN begin with it.  Topics of unlike partition counts may be joined,
which ksqlDB refuses: one process reads all of their partitions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from kshell.config import Properties
from kshell.sql import plan
from kshell.sql.bind.select import bind_query
from kshell.sql.statements import Query
from kshell.stream.evaluate import OnError

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["bound", "failures"]


def bound(context: Context, query: Query, properties: Properties) -> plan.Answer:
    """The plan; raises what binding refuses."""
    tree = query.tree.copy()
    for call in list(tree.find_all(exp.AnonymousAggFunc)):  # how DuckDB's trees mark them
        call.replace(exp.Anonymous(this=call.name, expressions=call.expressions))
    query = replace(query, tree=tree)
    catalog = context.catalog_for(tree, properties)
    node = bind_query(query, catalog, properties)
    assert isinstance(node, plan.Answer)  # what a query without a sink is
    return node


def failures(context: Context, query: str = "query") -> OnError:
    """A row on which an expression failed is a row of SHOW ERRORS, under the query's name."""

    def failed(row: dict[str, object], column: str, message: str) -> None:
        context.errors.evaluation(query, column, message)

    return failed
