"""From a KSQL tree to the DuckDB SQL of a bounded query.

Called by `plan`.  Each name in FROM becomes a numbered reference to a `Table`; `*` loses the pseudo
columns; times written by people become milliseconds; KSQL's functions become DuckDB's; and the
conjuncts that speak of one reference are collected for `pushdown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from kshell.batch.pseudo import (
    hidden_names,
    hide,
    is_columns,
    resolve_last,
    result_names,
    visible_names,
)
from kshell.batch.pushdown import PushdownNames, bounds_of, conjuncts
from kshell.batch.tables import Bounds, Table, view_names
from kshell.batch.times import parse_moment
from kshell.errors import BindError
from kshell.sql.as_written import place_of
from kshell.sql.dialect import KSQL
from kshell.sql.macros import ROW_ORDER
from kshell.sql.statements import Name

__all__ = ["Reference", "rewrite", "to_duckdb"]

Lookup = Callable[[Name], Table]
Evaluate = Callable[[exp.Expr], Any]

_TIME_COLUMNS = frozenset({"ROWTIME", "WINDOWSTART", "WINDOWEND"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_TABLE_FUNCTIONS = frozenset({"UNNEST", "RANGE", "GENERATE_SERIES", "EXPLODE"})


@dataclass(frozen=True, slots=True)
class Reference:
    """One appearance of a table in FROM, under the name `view` in the SQL."""

    view: str
    table: Table
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A tree that reads only references, and those references."""

    tree: exp.Query
    references: tuple[Reference, ...]


def to_duckdb(tree: exp.Expr) -> str:
    """The tree as DuckDB's SQL."""
    return tree.sql(dialect=KSQL)


def _name_of(table: exp.Table) -> Name:
    quoted = any(bool(p.args.get("quoted")) for p in table.parts if isinstance(p, exp.Identifier))
    return Name(".".join(p.name for p in table.parts), quoted, place_of(table))


def _no_files(table: exp.Table) -> None:
    function = table.this
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    if name.upper() not in _TABLE_FUNCTIONS:
        raise BindError(
            f"{name} cannot stand in FROM",
            hint="FROM takes topics, streams, tables, subqueries and UNNEST(…)",
            place=place_of(table),
        )


def _note_order(select: exp.Select, scope: Scope, tables: dict[str, Table]) -> None:
    """What orders the records of a SELECT: the offsets of its first topic."""
    for alias in scope.selected_sources:
        table = tables.get(alias.casefold())
        columns = table.columns if table is not None else ()
        for column, name in zip(columns, view_names(columns), strict=True):
            if column.name == "ROWOFFSET":
                select.meta[ROW_ORDER] = exp.column(name, table=alias, quoted=True)
                return


def _mentions_time_column(node: exp.Expr) -> bool:
    return any(c.name.upper() in _TIME_COLUMNS for c in node.find_all(exp.Column))


def _moments(tree: exp.Expr, now_ms: int, evaluate: Evaluate) -> None:
    """Strings and timestamps that are compared with a time column become milliseconds."""

    def as_ms(side: exp.Expr) -> None:
        if side.find(exp.Column, exp.Subquery, exp.Select) is not None:
            return
        value = side.name if isinstance(side, exp.Literal) and side.is_string else evaluate(side)
        if isinstance(value, str):
            moment = parse_moment(value, now_ms)
            if moment is None:
                raise BindError(
                    f"'{value}' is no time",
                    hint="try '10 minutes ago', 'yesterday' or '2026-01-31T10:00:00Z'",
                    place=place_of(side),
                )
            side.replace(exp.Literal.number(moment))
        elif isinstance(value, date):  # a datetime too
            side.replace(exp.Literal.number(parse_moment(value.isoformat(), now_ms)))

    for node in list(tree.find_all(*_COMPARISONS, exp.Between, exp.In)):
        subject = node.this
        if isinstance(node, exp.Between) and _mentions_time_column(subject):
            as_ms(node.args["low"])
            as_ms(node.args["high"])
        elif isinstance(node, exp.In) and _mentions_time_column(subject):
            for item in node.expressions:
                as_ms(item)
        elif isinstance(node, _COMPARISONS):
            if _mentions_time_column(node.left):
                as_ms(node.right)
            elif _mentions_time_column(node.right):
                as_ms(node.left)


def _conjuncts_of(alias: str, scope: Scope, alone: bool) -> Iterable[exp.Expr]:
    """The conjuncts of the scope's WHERE whose columns are all of the source `alias`."""
    where = scope.expression.args.get("where")
    for part in conjuncts(where.this if where is not None else None):
        columns = list(part.find_all(exp.Column))
        mine = (c.table.casefold() == alias if c.table else alone for c in columns)
        if columns and all(mine):
            yield part


def _names(table: Table) -> PushdownNames:
    names = zip(table.columns, view_names(table.columns), strict=True)
    keys = frozenset(name.upper() for column, name in names if column.name in table.keys)
    return PushdownNames(keys, frozenset(hidden_names(table)))


def _name_results(tree: exp.Query) -> None:
    """An expression without an alias is shown as it was written: COUNT(*), not count_star()."""
    select = tree
    while isinstance(select, exp.SetOperation):
        select = select.left
    if isinstance(select, exp.Select):
        for item in list(select.expressions):
            named = isinstance(item, exp.Alias | exp.Column | exp.Dot | exp.Star | exp.Columns)
            if not named and not is_columns(item):
                item.replace(exp.alias_(item.copy(), to_duckdb(item), quoted=True))


def rewrite(
    query: exp.Query,
    lookup: Lookup,
    evaluate: Evaluate,
    now_ms: int,
    functions: Callable[[exp.Query], exp.Query],
) -> Rewritten:
    """The query over numbered references; raises BindError and what `lookup` raises."""
    tree = query.copy()
    scopes = list(traverse_scope(tree))
    found: list[tuple[Scope, str, exp.Table, Table]] = []
    results: dict[int, frozenset[str]] = {}  # the names of each SELECT's columns
    for scope in scopes:
        tables: dict[str, Table] = {}
        for alias, (node, source) in scope.selected_sources.items():
            if not isinstance(source, exp.Table) or not isinstance(node, exp.Table):
                continue
            if not isinstance(node.this, exp.Identifier):
                _no_files(node)
                continue
            table = lookup(_name_of(node))
            tables[alias.casefold()] = table
            found.append((scope, alias.casefold(), node, table))
        if isinstance(scope.expression, exp.Select):
            visible = visible_names(scope, tables, results)
            results[id(scope.expression)] = result_names(scope.expression, visible)
            resolve_last(scope.expression, scope, visible)
            hide(scope.expression, tables)
            _note_order(scope.expression, scope, tables)
    _name_results(tree)
    _moments(tree, now_ms, evaluate)
    references = []
    for number, (scope, alias, node, table) in enumerate(found):
        view = f"ref_{number}"
        alone = len(scope.selected_sources) == 1
        parts = list(_conjuncts_of(alias, scope, alone))
        references.append(Reference(view, table, bounds_of(parts, _names(table), evaluate)))
        named = node.alias or node.name
        node.set("this", exp.to_identifier(view))
        node.set("db", None)
        node.set("catalog", None)
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(named, quoted=True)))
    return Rewritten(functions(tree), tuple(references))
