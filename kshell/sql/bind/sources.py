"""FROM: names to sources and their scans, and the criteria of joins.

`bind.select` reads FROM with it; `bind.joins` builds what it read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import RESERVED, WINDOW_COLUMNS, Column, Kind, Source
from kshell.errors import BindError, UnknownName, Unsupported
from kshell.sql import plan
from kshell.sql.as_written import folded, place_of
from kshell.sql.bind.datatypes import can_widen
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.literals import coerce
from kshell.sql.bind.scope import Origin, Scope
from kshell.sql.bind.text import text_of
from kshell.sql.expressions import Expression, columns_of
from kshell.sql.statements import Within
from kshell.types import quote_ksql

__all__ = ["Criteria", "From", "read_from", "scan", "source_names"]


@dataclass(frozen=True, slots=True)
class Criteria:
    """One JOIN: its kind, both sides of ON (the right side is the joined source's), its WITHIN.

    `text` is ON as it was written, `sides` the text of the left and the right side.
    """

    kind: plan.JoinKind
    left: Expression
    right: Expression
    within: Within | None
    text: str
    sides: tuple[str, str]
    node: exp.Join


@dataclass(frozen=True, slots=True)
class From:
    """FROM as read: the sources in order, and a join's criteria for each after the first."""

    scope: Scope
    criteria: tuple[Criteria, ...]


def _unknown_source(name: str, quoted: bool, catalog: Catalog, lead: str) -> UnknownName:
    """Nothing has that name; tells of a name that differs in case only."""
    shown = name if quoted else name.upper()
    error = UnknownName("source", shown, catalog.names(), what=f"{lead}{shown} does not exist.")
    for known in catalog.names():
        if known.casefold() == name.casefold():
            if quoted:
                error.hint = f"did you mean {known}? Try removing the quotes from the name"
            else:
                error.hint = f'did you mean "{known}"? Quotes make a name case-sensitive'
    return error


def source_names(tree: exp.Expr) -> list[tuple[str, bool]]:
    """The names in FROM and JOIN as written, and whether they were quoted: (name, quoted)."""
    return [_table_name(table) for table in tree.find_all(exp.Table)]


def _table_name(table: exp.Table) -> tuple[str, bool]:
    parts = [table.args[p] for p in ("catalog", "db", "this") if table.args.get(p)]
    return ".".join(p.name for p in parts), bool(parts[-1].args.get("quoted"))


def read_from(
    tree: exp.Select, catalog: Catalog, reserved: Mapping[str, pa.DataType] = RESERVED
) -> From:
    """The query's sources and join criteria; BindError as ksqlDB would."""
    clause = tree.args.get("from_") or tree.args.get("from")
    if clause is None:
        raise BindError("a continuous query reads from a stream, a table or a topic: FROM …")
    joins = tree.args.get("joins") or []
    tables = [clause.this, *(join.this for join in joins)]
    read = (_origin(table, catalog, bool(joins)) for table in tables)
    origins = tuple(replace(origin, reserved=reserved) for origin in read)
    for index, origin in enumerate(origins):
        for earlier in origins[:index]:
            if earlier.source.name == origin.source.name:
                name = origin.source.name
                raise BindError(
                    f"Can not join '{name}' to '{name}': self joins are not yet supported.",
                    place=place_of(tables[index]),
                )
    scope = Scope(origins)
    criteria = tuple(
        _criteria(join, Scope(origins), origins[: i + 1], origins[i + 1])
        for i, join in enumerate(joins)
    )
    return From(scope, criteria)


def _origin(table: exp.Expr, catalog: Catalog, joined: bool) -> Origin:
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        raise Unsupported(
            "a continuous query reads from streams, tables and topics by name",
            hint="without EMIT CHANGES all of SQL works",
            place=place_of(table),
        )
    name, quoted = _table_name(table)
    source = catalog.find(name, quoted)
    if source is None:
        error = _unknown_source(name, quoted, catalog, "")
        error.place = place_of(table)
        raise error
    alias = source.name
    written = table.args.get("alias")
    if written is not None and written.args.get("this") is not None:
        identifier = written.this
        alias = folded(identifier)
    return Origin(alias, source, f"{alias}_" if joined else "")


def _join_kind(join: exp.Join) -> plan.JoinKind:
    if join.args.get("using") or join.args.get("method"):
        raise Unsupported("a continuous join is written with ON a = b", place=place_of(join))
    if join.kind in ("CROSS", "SEMI", "ANTI") or join.args.get("on") is None:
        raise BindError(
            "a continuous join needs ON with one equality: JOIN … ON a.x = b.y",
            place=place_of(join),
        )
    return plan.JoinKind(join.side or "INNER")


def _criteria(join: exp.Join, scope: Scope, left: Sequence[Origin], right: Origin) -> Criteria:
    kind = _join_kind(join)
    on = join.args["on"].unnest()
    text = text_of(on, scope.qualified)
    if not isinstance(on, exp.EQ):
        what = "Only equality join criteria is supported."
        if not isinstance(on, exp.Binary) or isinstance(on, exp.And | exp.Or):
            what = f"Unsupported join expression: {text}. Only equality join criteria is supported."
        raise BindError(what, place=place_of(on))
    binder = Binder(scope, "JOIN ON")
    nodes = (on.this, on.expression)
    bound = [binder.bind(node) for node in nodes]
    owner = {c.name: o.alias for o in scope.origins for c in o.columns()}
    owner |= {o.prefix + n: o.alias for o in scope.origins for n in o.scanned()}
    aliases = []
    for node, side in zip(nodes, bound, strict=True):
        found = {owner[name] for name in columns_of(side)}
        if len(found) != 1:
            raise BindError(
                f"Invalid comparison expression '{text_of(node, scope.qualified)}' in join "
                f"'{text}'. Each side of the join comparision must contain references from exactly "
                "one source.",
                place=place_of(node),
            )
        aliases.append(found.pop())
    first, second = aliases
    if first == second:
        raise BindError(
            "Each side of the join must reference exactly one source and not the same source. "
            f"Left side references {quote_ksql(first)} and right references {quote_ksql(second)}",
            place=place_of(on),
        )
    known = {o.alias for o in left}
    if right.alias not in aliases or not known & set(aliases):
        raise BindError(
            f"A join criteria is expected to reference the source ({quote_ksql(right.alias)}) in "
            f"the FROM clause, instead the right source references {quote_ksql(second)} and the "
            f"left source references {quote_ksql(first)}",
            place=place_of(on),
        )
    if first == right.alias:
        bound.reverse()
        nodes = (nodes[1], nodes[0])
    if not all(o.source.declared for o in scope.origins):
        bound = list(_alike(bound[0], bound[1], right.source))
    sides = (text_of(nodes[0], scope.qualified), text_of(nodes[1], scope.qualified))
    return Criteria(
        kind, bound[0], bound[1], join.args.get("within"), text.removeprefix("(").removesuffix(")"),
        sides, join,
    )  # fmt: skip


def _alike(left: Expression, right: Expression, joined: Source) -> tuple[Expression, Expression]:
    """Inferred columns have the widest type of their kind: the other side widens, keys excepted."""
    if left.type != right.type and can_widen(left.type, right.type):
        return coerce(left, right.type), right
    if joined.kind is Kind.STREAM and can_widen(right.type, left.type):
        return left, coerce(right, left.type)
    return left, right


def scan(origin: Origin, needed: Collection[str]) -> plan.Scan:
    """Reads a source: its key, and of the rest what the query needs, by the plan's names."""
    source, prefix = origin.source, origin.prefix
    key = tuple(Column(prefix + c.name, c.type) for c in source.key)
    rest = [c for c in list(source.columns())[len(source.key) :] if prefix + c.name in needed]
    pairs = [(prefix + c.name, c.name) for c in (*source.key, *rest)]
    value = [Column(prefix + c.name, c.type) for c in rest]
    # Without a join ROWTIME and the bounds ride along with every row; in one each side has its own.
    riding = () if prefix else ("ROWTIME", *WINDOW_COLUMNS)
    for name, type in origin.scanned().items():
        if prefix + name in needed and name not in riding:
            pairs.append((prefix + name, name))
            value.append(Column(prefix + name, type))
    output = plan.Relation(source.kind, key, tuple(value), source.window)
    return plan.Scan(source, output, tuple(pairs))
