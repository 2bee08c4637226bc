"""FROM: names to sources and their scans; `bind.criteria` reads what they are joined on.

`bind.select` reads FROM with it; `bind.joins` builds what it read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import RESERVED, WINDOW_COLUMNS, Column
from kshell.errors import BindError, UnknownName, Unsupported
from kshell.sql import plan
from kshell.sql.as_written import folded, place_of
from kshell.sql.bind.criteria import Criteria, read_criteria
from kshell.sql.bind.file_tables import keyed
from kshell.sql.bind.scope import Origin, Scope

__all__ = ["From", "read_from", "scan", "source_names"]


@dataclass(frozen=True, slots=True)
class From:
    """FROM as read: the sources in order, and a join's criteria for each after the first."""

    scope: Scope
    criteria: tuple[Criteria, ...]


def _unknown_source(name: str, quoted: bool, catalog: Catalog, lead: str) -> UnknownName:
    """The error for an unknown name; names one that differs only in case."""
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
    _check_twice(origins, tables)
    scope = Scope(origins)
    criteria = tuple(
        read_criteria(join, scope, origins[: i + 1], origins[i + 1])
        for i, join in enumerate(joins)
    )
    keys = keyed(origins, criteria, tables)
    return From(Scope(keys) if keys != origins else scope, criteria)


def _check_twice(origins: Sequence[Origin], tables: Sequence[exp.Expr]) -> None:
    """ksqlDB joins no source to itself; among three and more one may come twice, by two names."""
    for index, origin in enumerate(origins):
        for earlier in origins[:index]:
            name = origin.source.name
            same = earlier.source.name == name and len(origins) == 2
            if same or earlier.alias == origin.alias:
                raise BindError(
                    f"Can not join '{name}' to '{name}': self joins are not yet supported.",
                    hint="" if same else "give each its own name: JOIN … AS a",
                    place=place_of(tables[index]),
                )


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
    # kafka.lag is lag, and prod.orders is orders.
    alias = table.name if source.system or source.profile else source.name
    written = table.args.get("alias")
    if written is not None and written.args.get("this") is not None:
        identifier = written.this
        alias = folded(identifier)
    return Origin(alias, source, f"{alias}_" if joined else "")


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
