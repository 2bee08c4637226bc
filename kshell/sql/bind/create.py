"""CREATE … AS SELECT and INSERT INTO … SELECT: a query and its sink.

`engines` call it; the plan's root is a `Sink` whose `target` is what the catalog then holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind, Source
from kshell.catalog.options import CREATE_AS, INSERT
from kshell.catalog.properties import read_with
from kshell.errors import BindError, KshellError, UnknownName
from kshell.sql import plan
from kshell.sql.bind.advice import advised
from kshell.sql.bind.declare import InferColumns, no_columns
from kshell.sql.bind.joins import Partitions, unknown_partitions
from kshell.sql.bind.select import bind_query
from kshell.sql.bind.sinks import SinkSpec
from kshell.sql.clauses import Name
from kshell.sql.statements import CreateAsSelect, InsertSelect
from kshell.types import quote_ksql

__all__ = ["bind_create_as", "bind_insert_select", "insert_target"]


def bind_create_as(
    statement: CreateAsSelect,
    catalog: Catalog,
    properties: Mapping[str, str] = MappingProxyType({}),
    partitions: Partitions = unknown_partitions,
    infer: InferColumns = no_columns,
) -> plan.Sink:
    """The plan of CREATE STREAM|TABLE … AS SELECT.

    `infer` looks up the schema that KEY_SCHEMA_ID or VALUE_SCHEMA_ID names.  Adding the target to
    the catalog is the caller's (`Catalog.add`, or `add_or_replace` for OR REPLACE).
    """
    spec = SinkSpec(
        name=statement.name.folded(),
        kind=statement.kind,
        written=read_with(statement.properties, CREATE_AS),
        sql=statement.text,
        place=statement.name.place,
        infer=infer,
    )
    node = bind_query(statement.query, catalog, properties, spec, partitions)
    assert isinstance(node, plan.Sink)  # what a query with a sink is
    return node


def bind_insert_select(
    statement: InsertSelect,
    catalog: Catalog,
    properties: Mapping[str, str] = MappingProxyType({}),
    partitions: Partitions = unknown_partitions,
) -> plan.Sink:
    """The plan of INSERT INTO … SELECT."""
    try:
        written = read_with(statement.properties, INSERT)
        spec = _insert_spec(statement, catalog)
    except KshellError as error:
        raise advised(error, statement.name.place) from error.__cause__
    node = bind_query(statement.query, catalog, properties, spec, partitions)
    assert isinstance(node, plan.Sink)
    return replace(node, query_id=written.query_id)


def _insert_spec(statement: InsertSelect, catalog: Catalog) -> SinkSpec:
    target = insert_target(statement.name, catalog, "insert into")
    if target.kind is not Kind.STREAM:
        raise BindError(
            f"INSERT INTO can only be used to insert into a stream. {target.name} is a table.",
            place=statement.name.place,
        )
    if target.read_only:
        raise BindError(
            f"Cannot insert into read-only stream: {target.name}", place=statement.name.place
        )
    if target.headers:
        raise BindError(
            f"Cannot insert into {target.name} because it has header columns",
            place=statement.name.place,
        )
    return SinkSpec(target.name, existing=target, sql=statement.text, place=statement.name.place)


def insert_target(name: Name, catalog: Catalog, verb: str) -> Source:
    """The declared source to insert into; UnknownName names one that differs only in case."""
    found = catalog.sources.get(name.folded())
    if found is not None:
        return found
    shown = name.folded()
    what = f"Cannot {verb} an unknown stream/table: {quote_ksql(shown)}"
    hint = ""
    for known in catalog.sources:
        if known.casefold() == shown.casefold() and name.quoted:
            what += (
                f"\nDid you mean {known}? Hint: try removing double quotes from the source name."
            )
            hint = f"did you mean {known}?"
        elif known.casefold() == shown.casefold():
            what += (
                f'\nDid you mean "{known}"? Hint: wrap the source name in double quotes to make it '
                "case-sensitive."
            )
            hint = f'did you mean "{known}"?'
    error = UnknownName("source", shown, catalog.sources, what=what, place=name.place)
    error.hint = hint or error.hint
    raise error
