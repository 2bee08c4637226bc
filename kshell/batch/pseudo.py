"""Pseudo columns in a bounded query: never part of `*`, and ROWKEY and ROWHEADERS after all else.

Called by `rewrite` for each SELECT.  DuckDB would take a topic's ROWKEY before an alias, and would
find it ambiguous beside a column of that name in another source; here the others win.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from kshell.batch.tables import Table, view_names
from kshell.catalog.model import PSEUDO_COLUMNS

__all__ = ["hidden_names", "hide", "is_columns", "resolve_last", "result_names", "visible_names"]

_LAST = frozenset(n for n, column in PSEUDO_COLUMNS.items() if not column.reserved)
_CLAUSES = ("where", "group", "having", "qualify", "order")

Visible = dict[str, frozenset[str]]
"""The names, in upper case, that each source in FROM shows under `*`, by its alias."""


def hidden_names(table: Table) -> list[str]:
    """What a query calls the table's pseudo columns."""
    names = zip(table.columns, view_names(table.columns), strict=True)
    return [name for column, name in names if column.hidden]


def hide(select: exp.Select, tables: Mapping[str, Table]) -> None:
    """Take the pseudo columns out of `*`, `alias.*` and `COLUMNS(*)`."""
    for item in select.expressions:
        for star in list(item.find_all(exp.Star)):
            if isinstance(star.parent, exp.Column) and star.parent.parent is select:
                table = tables.get(star.parent.table.casefold())
                hidden = [] if table is None else [_named(n) for n in hidden_names(table)]
            elif star.parent is select or is_columns(star.parent):
                hidden = [_named(n, a) for a, t in tables.items() for n in hidden_names(t)]
            else:
                continue
            given = star.args.get("except_") or []
            taken = {column.name.casefold() for column in given}
            hidden = [column for column in hidden if column.name.casefold() not in taken]
            if hidden:
                star.set("except_", [*given, *hidden])


def _named(name: str, alias: str | None = None) -> exp.Column:
    return exp.column(name, table=alias, quoted=True)


def is_columns(node: exp.Expr | None) -> bool:
    """Whether it is DuckDB's COLUMNS(…), which stands for several columns."""
    return isinstance(node, exp.Anonymous) and node.name.upper() == "COLUMNS"


def resolve_last(select: exp.Select, scope: Scope, visible: Visible) -> None:
    """Give a bare ROWKEY or ROWHEADERS to the source that has such a column, else to the alias."""
    aliased = {i.alias.upper(): i.this for i in select.expressions if isinstance(i, exp.Alias)}
    for column in list(scope.find_all(exp.Column)):
        name = column.name.upper()
        if column.table or name not in _LAST:
            continue
        own = [alias for alias, names in visible.items() if name in names]
        if len(own) == 1 and len(visible) > 1:
            column.set("table", exp.to_identifier(own[0], quoted=True))
        elif not own and name in aliased and _refers_to_alias(column, select):
            column.replace(exp.paren(aliased[name].copy()))


def _refers_to_alias(column: exp.Column, select: exp.Select) -> bool:
    """Whether it stands where an alias may, and DuckDB would not take the alias itself."""
    if isinstance(column.parent, exp.Ordered):
        return False
    node: exp.Expr = column
    while node.parent is not None and node.parent is not select:
        node = node.parent
    return node.arg_key in _CLAUSES


def visible_names(
    scope: Scope, tables: Mapping[str, Table], results: Mapping[int, frozenset[str]]
) -> Visible:
    """What the sources of a SELECT show; `results` are those of the queries inside it."""
    found: Visible = {}
    for alias, (node, source) in scope.selected_sources.items():
        table = tables.get(alias.casefold())
        if table is not None:
            hidden = set(hidden_names(table))
            names = [n for n in view_names(table.columns) if n not in hidden]
        elif node.alias_column_names:
            names = node.alias_column_names
        else:
            inner = source.expression if isinstance(source, Scope) else None
            while isinstance(inner, exp.SetOperation):
                inner = inner.left.unnest()
            names = list(results.get(id(inner), ()))
        found[alias] = frozenset(n.upper() for n in names)
    return found


def result_names(select: exp.Select, visible: Visible) -> frozenset[str]:
    """The names of a query's columns, in upper case."""
    names: set[str] = set()
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if not isinstance(star, exp.Star):
            names.add(item.alias_or_name.upper())
            continue
        left_out = {c.name.upper() for c in star.args.get("except_") or ()}
        for alias, shown in visible.items():
            if star is item or alias.casefold() == item.table.casefold():
                names |= shown - left_out
    return frozenset(names)
