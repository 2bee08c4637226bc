"""A continuous query, bound: `bind_query` makes a plan of a KSQL SELECT, or says why it cannot.

`engines` call it for EMIT CHANGES queries and, through `bind.create`, for those with a sink.
Everything is bound first (FROM, the SELECT list, every clause) and the plan built after, because a
join's key is named by what is selected.  The order of steps is ksqlDB's: WHERE, PARTITION BY, table
functions, GROUP BY with HAVING, projection, EMIT FINAL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind
from kshell.errors import BindError, KshellError, Unsupported
from kshell.sql import plan
from kshell.sql.as_written import place_of
from kshell.sql.bind.advice import advised
from kshell.sql.bind.aggregate import (
    Grouping,
    aggregates_in,
    build_aggregate,
    check_aggregated,
    check_bounds,
    check_no_group,
)  # fmt: skip
from kshell.sql.bind.checks import in_clause
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.joins import Joined, Partitions, build_joins, synthetic_key, unknown_partitions
from kshell.sql.bind.names import Aliases
from kshell.sql.bind.projection import Item, Reader, keys_missing, project, read_items
from kshell.sql.bind.repartition import Repartition, build_explode, rekey
from kshell.sql.bind.scope import Scope, reserved_columns
from kshell.sql.bind.sinks import SinkSpec, build_sink, check_apart
from kshell.sql.bind.sources import From, read_from, scan
from kshell.sql.bind.text import text_of
from kshell.sql.clauses import Emit, Query
from kshell.sql.expressions import Column as Bound
from kshell.sql.expressions import Expression, columns_of
from kshell.types import quote_ksql

__all__ = ["bind_query"]

_CLAUSES = {
    "with_": "WITH", "with": "WITH", "distinct": "DISTINCT", "order": "ORDER BY",
    "offset": "OFFSET", "qualify": "QUALIFY", "windows": "WINDOW", "sample": "TABLESAMPLE",
    "laterals": "LATERAL", "pivots": "PIVOT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Bound:
    """All of a query, bound: what the plan is built from."""

    read: From
    items: tuple[Item, ...]
    where: Expression | None
    partition: Repartition | None
    grouping: Grouping | None

    def needed(self) -> set[str]:
        """The columns that it reads."""
        expressions = [i.expression for i in self.items]
        expressions += [e for c in self.read.criteria for e in (c.left, c.right)]
        if self.where is not None:
            expressions.append(self.where)
        if self.partition is not None:
            expressions += [i.expression for i in self.partition.items]
        if self.grouping is not None:
            expressions += [i.expression for i in self.grouping.items]
            if self.grouping.having is not None:
                expressions.append(self.grouping.having)
        return {name for e in expressions for name in columns_of(e)}


def bind_query(
    query: Query,
    catalog: Catalog,
    properties: Mapping[str, str] = MappingProxyType({}),
    sink: SinkSpec | None = None,
    partitions: Partitions = unknown_partitions,
) -> plan.Node:
    """The plan of a continuous query: an `Answer`, or with a sink a `Sink`, at the root.

    `partitions` gives the number of a topic's partitions, for the check that ksqlDB makes on joins.
    BindError, UnknownName and Unsupported have ksqlDB's messages, with a place.
    """
    try:
        return _bind_query(query, catalog, properties, sink, partitions)
    except KshellError as error:
        # Checks of a query as a whole point at what makes it: its sink, else its first column.
        place = sink.place if sink is not None and sink.place else place_of(query.tree)
        raise advised(error, place) from error.__cause__


def _bind_query(
    query: Query,
    catalog: Catalog,
    properties: Mapping[str, str],
    sink: SinkSpec | None,
    partitions: Partitions,
) -> plan.Node:
    tree = _plain_select(query)
    persistent = sink is not None
    bound, aliases = _bind(tree, query, catalog, sink, reserved_columns(properties))
    _check_sources(bound.read.scope, persistent)
    node, joined = _source_node(bound, partitions)
    if bound.where is not None:
        node = plan.Filter(node, bound.where, node.output)
    items = bound.items
    if bound.partition is not None:
        node, items = rekey(node, items, bound.partition)
    node, items = build_explode(node, items)
    if bound.grouping is not None:
        missing = _missing_groups(items, bound.grouping) if persistent else []
        if persistent:
            check_aggregated(items, bound.grouping)
        grouped = build_aggregate(node, items, bound.grouping, query, aliases, properties)
        if persistent and missing and sink is not None:
            raise keys_missing(sink.name, "grouping expression", missing, "and")
        node, items = grouped.node, grouped.items
    elif _drops_keys(properties, items, node):
        node, items = rekey(node, items, Repartition(()))
    elif persistent and joined is None and bound.partition is None:
        items = _with_inferred_key(bound.read.scope, items)
    node, shape = project(node, items, persistent)
    if query.emit is Emit.FINAL:
        _check_final(bound, query)
    first = bound.read.scope.origins[0].source
    if sink is not None and _limit(tree) is not None:
        raise Unsupported(
            "LIMIT ends a query, and one with a sink goes on",
            hint="SELECT … EMIT CHANGES LIMIT n shows so many rows",
            place=place_of(tree.args["limit"]),
        )
    if sink is not None:
        keyed = bound.partition is not None or bound.grouping is not None
        if joined is not None and joined.of_several and not keyed:
            sink = replace(sink, key_format="JSON")  # KAFKA, the usual one, holds no STRUCT
        target = build_sink(node, shape, sink, first, properties)
        if bound.grouping is None and not _new_planner(properties):
            _check_keys(bound, joined, sink)
        check_apart(shape, sink.place)
        return target
    return plan.Answer(node, shape.columns, _limit(tree), node.output)


def _plain_select(query: Query) -> exp.Select:
    tree = query.tree
    if not isinstance(tree, exp.Select):
        raise Unsupported(
            "a continuous query is one SELECT", hint="without EMIT CHANGES all of SQL works",
            place=place_of(tree),
        )  # fmt: skip
    for name, word in _CLAUSES.items():
        if tree.args.get(name):
            found = tree.args[name]
            raise Unsupported(
                f"{word} is not part of a continuous query",
                hint="without EMIT CHANGES all of SQL works",
                place=place_of(found) if isinstance(found, exp.Expr) else None,
            )
    return tree


def _bind(
    tree: exp.Select,
    query: Query,
    catalog: Catalog,
    sink: SinkSpec | None,
    reserved: Mapping[str, pa.DataType],
) -> tuple[_Bound, Aliases]:
    read = read_from(tree, catalog, reserved)
    extra = synthetic_key(read)
    if extra is not None:
        read = replace(read, scope=replace(read.scope, extra={extra.name: extra.type}))
    scope = read.scope
    aliases = Aliases({c.name for o in scope.origins for c in o.source.columns()})
    grouped = tree.args.get("group") is not None
    windowed = query.window is not None and grouped
    partition = _partition(query, scope, catalog, aliases)
    select = Binder(replace(scope, aggregate_window=windowed), "SELECT", catalog.types)
    rekeyed = None if partition is None else partition.shown()
    reader = Reader(select, aliases, sink is not None, rekeyed)
    items = tuple(read_items(tree.expressions, reader))
    where = _filter(tree.args.get("where"), Binder(scope, "WHERE", catalog.types))
    having_binder = Binder(replace(scope, aggregate_window=windowed), "HAVING", catalog.types)
    grouping = _grouping(tree, scope, catalog, having_binder, windowed)
    if grouping is None:
        check_no_group(items, None if sink is None else sink.kind)
        if query.window is not None:
            raise BindError("WINDOW clause requires a GROUP BY clause.")
        if tree.args.get("having") is not None:
            raise BindError("HAVING requires a GROUP BY clause.", hint="WHERE filters rows")
    return _Bound(read, items, where, partition, grouping), aliases


def _filter(clause: exp.Expr | None, binder: Binder) -> Expression | None:
    if clause is None:
        return None
    node = clause.this
    predicate = in_clause(
        binder.clause, lambda: binder.bind(node), binder.text(node.unnest()), place_of(node)
    )
    if binder.clause == "WHERE" and aggregates_in(predicate):
        raise BindError(
            "WHERE does not support aggregate functions", hint="HAVING filters groups",
            place=place_of(node),
        )  # fmt: skip
    return predicate


def _partition(
    query: Query, scope: Scope, catalog: Catalog, aliases: Aliases
) -> Repartition | None:
    if not query.partition_by:
        return None
    nodes = query.partition_by
    if any(isinstance(n.unnest(), exp.Null) for n in nodes):
        if len(nodes) > 1:
            raise BindError("Cannot PARTITION BY multiple columns including NULL")
        return Repartition(())
    if scope.origins[0].source.kind is Kind.TABLE:
        raise BindError(
            "Cannot repartition a TABLE source. Its key is what its rows are known by.",
            place=place_of(nodes[0]),
        )
    binder = Binder(scope, "PARTITION BY", catalog.types)
    # KSQL numbers the SELECT list's columns and the key's apart: the numbers start anew.
    own = Aliases(set(aliases.used))
    items: list[Item] = []
    for node in nodes:
        bound = binder.bind(node)
        if bound in [i.expression for i in items]:
            raise BindError(
                f"Duplicate PARTITION BY expression: {text_of(node, scope.qualified)}",
                place=place_of(node),
                hint="write it once",
            )
        name = bound.name if isinstance(bound, Bound) else own.of(node, bound)
        items.append(Item(name, bound, node))
    return Repartition(tuple(items))


def _grouping(
    tree: exp.Select, scope: Scope, catalog: Catalog, having: Binder, windowed: bool
) -> Grouping | None:
    clause = tree.args.get("group")
    if clause is None:
        return None
    if any(clause.args.get(n) for n in ("cube", "rollup", "grouping_sets", "all")):
        raise Unsupported("GROUP BY takes expressions only in a continuous query")
    binder = Binder(replace(scope, aggregate_window=windowed), "GROUP BY", catalog.types)
    items: list[Item] = []
    for written in clause.expressions:
        for node in written.expressions if isinstance(written, exp.Tuple) else (written,):
            bound = binder.bind(node)
            if windowed:
                check_bounds(bound)
            if bound in [i.expression for i in items]:
                raise BindError(
                    f"Duplicate GROUP BY expression: {text_of(node, scope.qualified)}",
                    place=place_of(node),
                )
            items.append(Item("", bound, node))
    if not items:
        raise BindError("GROUP BY requires at least one expression", place=place_of(clause))
    predicate = _filter(tree.args.get("having"), having)
    return Grouping(tuple(items), predicate, tree.args.get("having"))


def _check_sources(scope: Scope, persistent: bool) -> None:
    for origin in scope.origins if persistent else ():
        if origin.source.kind is Kind.TABLE and origin.source.window is not None:
            raise BindError("KSQL does not support persistent queries on windowed tables.")


def _source_node(bound: _Bound, partitions: Partitions) -> tuple[plan.Node, Joined | None]:
    needed = bound.needed()
    if not bound.read.criteria:
        return scan(bound.read.scope.origins[0], needed), None
    selected = {i.expression for i in bound.items}
    joined = build_joins(bound.read, needed, selected, partitions)
    return joined.node, joined


def _missing_groups(items: Sequence[Item], grouping: Grouping) -> list[str]:
    selected = [i.expression for i in items]
    return [
        text_of(g.node) for g in grouping.items
        if g.node is not None and g.expression not in selected
    ]  # fmt: skip


def _check_keys(bound: _Bound, joined: Joined | None, sink: SinkSpec) -> None:
    """A sink needs its key columns in the projection; which they are depends on the query."""
    selected = [i.expression for i in bound.items]
    scope = bound.read.scope
    if bound.partition is not None:
        items = bound.partition.items
        if any(i.expression not in selected for i in items):
            names = [text_of(i.node, scope.qualified) for i in items if i.node is not None]
            raise keys_missing(sink.name, "partitioning expression", names, "and")
    elif joined is None:
        keys = scope.origins[0].source.key if scope.origins[0].source.declared else ()
        if any(Bound(c.name, c.type) not in selected for c in keys):
            raise keys_missing(sink.name, "key column", [c.name for c in keys], "and")
    elif joined.foreign:
        _check_foreign_keys(joined, selected)
    elif joined.synthetic:
        name = joined.node.output.key[0].name
        if not any(isinstance(e, Bound) and e.name == name for e in selected):
            note = (
                f"\n{name} was added as a synthetic key column because the join criteria did not "
                "match any source column. This expression must be included in the projection and "
                "may be aliased."
            )
            raise keys_missing(sink.name, "join expression", [name], "or", note)
    else:
        columns = [e for e in joined.equal if isinstance(e, Bound)]
        if not any(c in selected for c in columns):
            raise keys_missing(sink.name, "join expression", joined.names, "or")


def _new_planner(properties: Mapping[str, str]) -> bool:
    return str(properties.get("ksql.new.query.planner.enabled", "")).lower() == "true"


def _with_inferred_key(scope: Scope, items: Sequence[Item]) -> tuple[Item, ...]:
    """A key that was not declared need not be selected: the records keep it."""
    origin = scope.origins[0]
    if origin.source.declared:
        return tuple(items)
    selected = [i.expression for i in items]
    keys = [Bound(c.name, c.type) for c in origin.source.key]
    return (*(Item(k.name, k) for k in keys if k not in selected), *items)


def _drops_keys(properties: Mapping[str, str], items: Sequence[Item], node: plan.Node) -> bool:
    """ksqlDB's new planner lets a stream's key be left out: the result then has none."""
    selected = {e.name for i in items if isinstance(e := i.expression, Bound)}
    return (
        _new_planner(properties)
        and node.output.kind is Kind.STREAM
        and not any(c.name in selected for c in node.output.key)
    )


def _check_foreign_keys(joined: Joined, selected: Sequence[Expression]) -> None:
    origin = joined.origins[0]
    missing = [
        quote_ksql(c.name) for c in origin.source.key
        if Bound(origin.prefix + c.name, c.type) not in selected
    ]  # fmt: skip
    if missing:
        many = "s" if len(missing) > 1 else ""
        raise BindError(
            f"Primary key column{many} missing in projection. For foreign-key table-table joins, "
            "the projection must include all primary key columns from the left input table "
            f"({quote_ksql(origin.alias)}). Missing column{many}: {', '.join(missing)}."
        )


def _check_final(bound: _Bound, query: Query) -> None:
    if bound.grouping is None or query.window is None:
        raise BindError(
            "EMIT FINAL is only supported for windowed aggregations.",
            hint="add WINDOW TUMBLING (SIZE 1 MINUTE) and GROUP BY, or write EMIT CHANGES",
        )


def _limit(tree: exp.Select) -> int | None:
    limit = tree.args.get("limit")
    if limit is None:
        return None
    number = limit.expression
    if not isinstance(number, exp.Literal) or number.is_string or not number.name.isdigit():
        raise BindError("LIMIT takes a whole number", place=place_of(limit))
    return int(number.name)
