"""Pseudo columns in a bounded query: never part of `*`, and ROWKEY and ROWHEADERS after all else.

Called by `rewrite` for each SELECT.  DuckDB would take a topic's ROWKEY before an alias, and would
find it ambiguous beside a column of that name in another source; here the others win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from kshell.batch.tables import Table, view_names
from kshell.catalog.model import PSEUDO_COLUMNS

__all__ = ["hidden_names", "hide", "resolve_last"]

_LAST = frozenset(n for n, column in PSEUDO_COLUMNS.items() if not column.reserved)
_CLAUSES = ("where", "group", "having", "qualify", "order")

Tables = Mapping[int, Mapping[str, Table]]
"""The tables of each scope (its id) by their aliases in lower case."""


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
            elif star.parent is select or _is_columns(star.parent):
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


def _is_columns(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == "COLUMNS"


def resolve_last(select: exp.Select, scope: Scope, tables: Tables) -> None:
    """Give a bare ROWKEY or ROWHEADERS to the source that has such a column, else to the alias."""
    found = [c for c in scope.find_all(exp.Column) if not c.table and c.name.upper() in _LAST]
    if not found or not tables[id(scope)]:
        return
    visible = {alias: set(_visible(scope, alias, tables)) for alias in scope.selected_sources}
    aliased = {i.alias.upper(): i.this for i in select.expressions if isinstance(i, exp.Alias)}
    for column in found:
        name = column.name.upper()
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


def _visible(scope: Scope, alias: str, tables: Tables) -> Iterator[str]:
    """The names, in upper case, that a source in FROM shows under `*`."""
    node, source = scope.selected_sources[alias]
    table = tables.get(id(scope), {}).get(alias.casefold())
    if table is not None:
        hidden = set(hidden_names(table))
        yield from (n.upper() for n in view_names(table.columns) if n not in hidden)
    elif node.alias_column_names:
        yield from (n.upper() for n in node.alias_column_names)
    elif isinstance(source, Scope):
        yield from _results(source, tables)


def _results(scope: Scope, tables: Tables) -> Iterator[str]:
    """The names of a subquery's columns, in upper case."""
    if scope.union_scopes:
        yield from _results(scope.union_scopes[0], tables)
        return
    select = scope.expression
    for item in select.expressions if isinstance(select, exp.Select) else ():
        star = item.this if isinstance(item, exp.Column) else item
        if not isinstance(star, exp.Star):
            yield item.alias_or_name.upper()
            continue
        left_out = {c.name.upper() for c in star.args.get("except_") or () if not c.args.get("table")}
        for alias in scope.selected_sources:
            if star is item or alias.casefold() == item.table.casefold():
                yield from (n for n in _visible(scope, alias, tables) if n not in left_out)
