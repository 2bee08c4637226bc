"""CREATE, DROP and ALTER of streams and tables, CREATE and DROP TYPE: makes a new catalog.

Engines and `kshell test` call `change`, and change topics and queries themselves; they `declare`
the source that CREATE … AS SELECT makes.  A refusal is an error of `Catalog` or of `bind.declare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Column, Source, TopicSettings
from kshell.catalog.options import CREATE
from kshell.catalog.properties import read_with, topic_settings
from kshell.errors import BindError, Place
from kshell.sql import statements as ast
from kshell.sql.bind.advice import advised
from kshell.sql.bind.declare import InferColumns, build_source, no_columns
from kshell.types import ksql_name

__all__ = ["Change", "change", "declare", "left_as_is"]

Create = ast.CreateSource | ast.CreateAsSelect | ast.CreateFromFile
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """The new catalog, a message, and the source that was created, altered or dropped.

    `source` is None if no source changed.  `settings` are the topic's settings in a CREATE.
    """

    catalog: Catalog
    message: str
    source: Source | None = None
    settings: TopicSettings | None = None


def change(
    statement: ast.Statement,
    catalog: Catalog,
    properties: Mapping[str, str] = _NOTHING,
    infer: InferColumns = no_columns,
) -> Change:
    """The change that a statement of a kind in `_DDL` makes to the catalog."""
    try:
        return _DDL[type(statement)](statement, catalog, properties, infer)
    except BindError as error:
        raise advised(error, _place(statement)) from None


def _place(declaration: Any) -> Place | None:
    """Where the name stands that is declared, dropped or altered."""
    place: Place | None = declaration.name.place
    return place


def declare(statement: Create, catalog: Catalog, source: Source) -> Change:
    """Add the source of a CREATE, with its OR REPLACE and IF NOT EXISTS."""
    left = left_as_is(statement, catalog)
    if left is not None:
        return left
    add = catalog.add_or_replace if statement.or_replace else catalog.add
    message = f"{source.kind.value.capitalize()} {source.name} is created."
    return Change(add(source), message, source)


def left_as_is(statement: Create, catalog: Catalog) -> Change | None:
    """An empty change if IF NOT EXISTS finds a source of that name; else None."""
    name = statement.name.folded()
    there = catalog.sources.get(name)
    if there is None or not statement.if_not_exists:
        return None
    kind, other = statement.kind.value.lower(), there.kind.value.lower()
    return Change(
        catalog, f"Cannot add {kind} {name}: a {other} with the same name exists already."
    )


def _create(
    statement: ast.CreateSource,
    catalog: Catalog,
    properties: Mapping[str, str],
    infer: InferColumns,
) -> Change:
    source = build_source(statement, properties, infer)
    written = read_with(statement.properties, CREATE)
    settings = topic_settings(written, source.kind, source.window)
    return replace(declare(statement, catalog, source), settings=settings)


def _drop(statement: ast.DropSource, catalog: Catalog, *_: Any) -> Change:
    name = statement.name.folded()
    kind = statement.kind.value.capitalize()
    source = catalog.sources.get(name)
    rest = catalog.drop(
        name, statement.kind, delete_topic=statement.delete_topic, if_exists=statement.if_exists
    )
    if source is None:
        return Change(rest, f"{kind} {name} does not exist.")
    topic = f", and topic {source.topic} is deleted" if statement.delete_topic else ""
    return Change(rest, f"{kind} {name} is dropped{topic}.", source)


def _alter(statement: ast.AlterSource, catalog: Catalog, *_: Any) -> Change:
    name = statement.name.folded()
    columns = [Column(c.name.folded(), c.type) for c in statement.columns]
    altered = catalog.alter(name, statement.kind, columns)
    message = f"{statement.kind.value.capitalize()} {name} is altered."
    return Change(altered, message, altered.sources[name])


def _create_type(statement: ast.CreateType, catalog: Catalog, *_: Any) -> Change:
    name = statement.name.folded()
    made = catalog.add_type(name, statement.type, if_not_exists=statement.if_not_exists)
    if made is catalog:
        return Change(made, f"Type {name} exists already: {ksql_name(made.types[name])}.")
    return Change(made, f"Type {name} is created.")


def _drop_type(statement: ast.DropType, catalog: Catalog, *_: Any) -> Change:
    name = statement.name.folded()
    rest = catalog.drop_type(name, if_exists=statement.if_exists)
    missing = rest is catalog
    return Change(rest, f"Type {name} {'does not exist' if missing else 'is dropped'}.")


_DDL: Mapping[type[ast.Statement], Callable[..., Change]] = MappingProxyType(
    {
        ast.AlterSource: _alter,
        ast.CreateSource: _create,
        ast.CreateType: _create_type,
        ast.DropSource: _drop,
        ast.DropType: _drop_type,
    }
)
