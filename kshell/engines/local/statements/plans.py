"""Continuous plans, with a sink and without.

Statements that run a plan begin here, and EXPLAIN shows this plan.  Topics with different numbers
of partitions may be joined, which ksqlDB refuses: one process reads all partitions.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from kshell.engines.local.sources.chunks import infer_columns
from kshell.engines.local.sources.lookup import Lookup
from kshell.sql import plan
from kshell.sql import statements as ast
from kshell.sql.bind.create import bind_create_as, bind_insert_select
from kshell.sql.bind.select import bind_query
from kshell.sql.statements import Query

__all__ = ["plan_query", "plan_sink"]


def plan_query(lookup: Lookup, query: Query) -> plan.Answer:
    """The plan; raises the errors of binding."""
    tree = query.tree.copy()
    for call in list(tree.find_all(exp.AnonymousAggFunc)):  # the mark of these in DuckDB's trees
        call.replace(exp.Anonymous(this=call.name, expressions=call.expressions))
    query = replace(query, tree=tree)
    node = bind_query(query, lookup.catalog_for(tree), lookup.properties)
    assert isinstance(node, plan.Answer)  # a query without a sink
    return node


def plan_sink(
    lookup: Lookup, statement: ast.CreateAsSelect | ast.InsertSelect
) -> plan.Sink:
    """The plan of CREATE … AS SELECT or INSERT INTO … SELECT; raises the errors of binding."""
    catalog, properties = lookup.catalog_for(statement.query.tree), lookup.properties
    if isinstance(statement, ast.CreateAsSelect):
        return bind_create_as(statement, catalog, properties, infer=infer_columns(properties))
    return bind_insert_select(statement, catalog, properties)
