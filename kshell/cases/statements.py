"""Runs the statements of a case, without a broker.

`run` calls it for each case: the parser, the catalog's checks and the binder are the engine's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from kshell.cases.asserted import assert_source, assert_topic, assert_values
from kshell.cases.drive import Row, encoded
from kshell.cases.world import World
from kshell.catalog.catalog import RunningQuery
from kshell.catalog.model import Kind
from kshell.errors import BindError, Unsupported
from kshell.sql import ddl
from kshell.sql import statements as ast
from kshell.sql.bind.create import bind_create_as, bind_insert_select
from kshell.sql.bind.insert import bind_insert_values
from kshell.sql.bind.upgrade import check_upgrade
from kshell.sql.parse import parse_piece
from kshell.sql.plan import Sink, scans
from kshell.sql.script import split, substitute
from kshell.stream.evaluate import values_of

__all__ = ["run_script"]


def run_script(world: World, script: str) -> None:
    """Runs every statement in order; raises KshellError if one is refused."""
    for piece in split(script):
        statement = parse_piece(substitute(piece, world.variables), world.catalog.types)
        serve = _SERVE.get(type(statement))
        if serve is None:
            kind = type(statement).__name__
            raise Unsupported(f"{kind} in a case", place=statement.place)
        serve(world, statement)


def _change(world: World, statement: ast.Statement) -> ddl.Change:
    """Runs a declaration."""
    made = ddl.change(statement, world.catalog, world.properties, world.infer)
    world.catalog = made.catalog
    return made


def _create_source(world: World, statement: ast.CreateSource) -> None:
    made = _change(world, statement)
    if made.source is not None and made.settings is not None:
        world.said.setdefault(made.source.topic, made.settings)


def _create_as(world: World, statement: ast.CreateAsSelect) -> None:
    sink = bind_create_as(
        statement, world.catalog, world.properties, world.partitions_of, world.infer
    )
    name = sink.target.name
    id = f"C{'S' if sink.target.kind is Kind.STREAM else 'T'}AS_{name}_{world.started}"
    target = replace(sink.target, query_id=id)
    before = world.catalog.sources.get(name)
    if statement.or_replace and before is not None and before.query_id in world.queries:
        check_upgrade(world.queries[before.query_id], sink)
    made = ddl.declare(statement, world.catalog, target)
    if made.source is None:
        return
    world.catalog = made.catalog
    if before is not None:
        _stop(world, before.query_id)
    world.said.setdefault(target.topic, sink.settings)
    _start(world, id, replace(sink, target=target))


def _start(world: World, id: str, sink: Sink) -> None:
    world.queries[id] = sink
    world.started += 1
    reads = frozenset(leaf.source.name for leaf in scans(sink))
    writes = frozenset({sink.target.name})
    world.catalog = world.catalog.with_query(RunningQuery(id, reads, writes))


def _stop(world: World, id: str) -> None:
    """Ends the query that made a source that was dropped or replaced."""
    world.queries.pop(id, None)
    world.catalog = world.catalog.without_query(id)


def _insert_select(world: World, statement: ast.InsertSelect) -> None:
    sink = bind_insert_select(statement, world.catalog, world.properties, world.partitions_of)
    id = sink.query_id or f"INSERTQUERY_{world.started}"
    if id in world.queries:
        raise BindError(f"Query ID '{id}' already exists.", place=statement.place)
    _start(world, id, sink)


def _insert_values(world: World, statement: ast.InsertValues) -> None:
    bound = bind_insert_values(statement, world.catalog)
    names = [c.name for c in (*bound.target.key, *bound.target.value)]
    for row in bound.rows:
        if others := row.pseudo.keys() - {"ROWTIME"}:
            raise Unsupported(f"a test case inserts no {min(others)}")
        at = row.pseudo.get("ROWTIME")
        rowtime = values_of([at])[0][0].as_py() if at is not None else 0
        values = values_of([*row.key, *row.value])
        columns = {name: value[0].as_py() for name, value in zip(names, values, strict=True)}
        record = encoded(world.codec, bound.target, Row(columns, rowtime), None)
        if record is not None:
            world.log.append(bound.target.topic, record)


def _drop(world: World, statement: ast.DropSource) -> None:
    source = _change(world, statement).source
    if source is not None:
        _stop(world, source.query_id)


def _set(world: World, statement: ast.SetProperty) -> None:
    world.properties.update(statement.settings)


def _unset(world: World, statement: ast.UnsetProperty) -> None:
    world.properties.pop(statement.name, None)


def _define(world: World, statement: ast.Define) -> None:
    world.variables[statement.name] = statement.value


def _undefine(world: World, statement: ast.Undefine) -> None:
    world.variables.pop(statement.name, None)


_SERVE: Mapping[type[ast.Statement], Callable[[World, Any], object]] = MappingProxyType(
    {
        ast.AlterSource: _change,
        ast.AssertSource: assert_source,
        ast.AssertTopic: assert_topic,
        ast.AssertValues: assert_values,
        ast.CreateAsSelect: _create_as,
        ast.CreateSource: _create_source,
        ast.CreateType: _change,
        ast.Define: _define,
        ast.DropSource: _drop,
        ast.DropType: _change,
        ast.InsertSelect: _insert_select,
        ast.InsertValues: _insert_values,
        ast.SetProperty: _set,
        ast.Undefine: _undefine,
        ast.UnsetProperty: _unset,
    }
)
