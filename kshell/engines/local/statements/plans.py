"""Continuous plans, with a sink and without.

The statements that run a plan begin here, and EXPLAIN too: it shows the plan
that would run.  Topics of unlike partition counts may be joined, which ksqlDB refuses: one process
reads all of their partitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sqlglot import exp

from kshell.engines.local.sources.chunks import infer_columns
from kshell.engines.local.sources.field_search import (
    all_sampled,
    looked_at,
    searches,
    wanted_names,
)
from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import BindError
from kshell.sql import plan
from kshell.sql import statements as ast
from kshell.sql.bind.create import bind_create_as, bind_insert_select
from kshell.sql.bind.select import bind_query
from kshell.sql.clauses import Query

__all__ = ["bound_query", "plan_query", "plan_sink"]

T = TypeVar("T")


def plan_query(lookup: Lookup, query: Query) -> plan.Answer:
    """The plan; raises the errors of binding."""
    return _searched(lookup, query.tree, lambda: bound_query(lookup, query))


def bound_query(lookup: Lookup, query: Query) -> plan.Answer:
    """The plan by what is known now: no field is looked for."""
    node = bind_query(query, lookup.catalog_for(query), lookup.properties)
    assert isinstance(node, plan.Answer)  # a query without a sink
    return node


def plan_sink(
    lookup: Lookup, statement: ast.CreateAsSelect | ast.InsertSelect
) -> plan.Sink:
    """The plan of CREATE … AS SELECT or INSERT INTO … SELECT; raises the errors of binding."""
    query, properties = statement.query, lookup.properties

    def bind() -> plan.Sink:
        catalog = lookup.catalog_for(query)
        if isinstance(statement, ast.CreateAsSelect):
            return bind_create_as(statement, catalog, properties, infer=infer_columns(properties))
        return bind_insert_select(statement, catalog, properties)

    return replace(_searched(lookup, query.tree, bind), text=statement.text)


def _searched(lookup: Lookup, tree: exp.Expr, bind: Callable[[], T]) -> T:
    """What binding gives; fields that no sample had are looked for in the records."""
    try:
        return bind()
    except BindError as error:
        found = searches(lookup, tree, error)
        if not found:
            raise all_sampled(lookup, error) from None
    for search in found:
        search.run(wanted_names(tree))
    lookup.again()
    try:
        return bind()
    except BindError as error:
        raise looked_at(error, found) from None
