"""The engine that runs here, straight against the brokers: one statement to one result.

`session` calls `run`; `STATEMENTS` says which function serves which kind of statement.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind, Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local import names
from kshell.errors import KafkaError, KshellError, UnknownName, Unsupported
from kshell.kafka.client import Client
from kshell.results import Result, Running, Sections
from kshell.sql import statements as ast
from kshell.sql.statements import Emit, Name, ShowWhat, Statement

if TYPE_CHECKING:
    from kshell.engines.local.continuous.background import Background

__all__ = ["LocalEngine"]


class LocalEngine:
    """Holds the client, the catalog, the queries that run, and the error log."""

    def __init__(self, properties: Properties) -> None:
        self.properties = properties
        self.client = Client.connect(properties)
        self.errors = ErrorLog()
        self.catalog = Catalog()
        self.queries: dict[str, Background] = {}
        self.asserted: dict[str, set[tuple[int, int]]] = {}  # (partition, offset) by topic
        self._columns: dict[str, tuple[str, ...]] = {}
        self._numbers = count(1)
        servers = properties["bootstrap.servers"]
        self.cluster = servers if len(servers) < 40 else servers[:37] + "…"

    def run(self, statement: Statement, properties: Properties) -> Result:
        serve = STATEMENTS.get(type(statement))
        if serve is None:
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(statement).__name__).upper()
            raise Unsupported(f"{words} is not supported yet", place=statement.place)
        return serve(self, statement, properties)

    def topic_named(self, name: Name) -> str:
        """The topic that a name means."""
        return names.topic_named(self.client, name)

    def sample(self, name: Name, properties: Properties | None = None) -> Any:
        """What a topic that nobody declared holds."""
        from kshell.engines.local.sample import sample

        topic = self.topic_named(name)
        return self.remember(sample(self.client, topic, properties or self.properties))

    def catalog_for(self, tree: Any, properties: Properties | None = None) -> Catalog:
        """The catalog with the topics that a query names and nobody declared."""
        from kshell.sql.bind.sources import source_names

        catalog = self.catalog
        for text, quoted in source_names(tree):
            if catalog.find(text, quoted) is None:
                source = self.sample(Name(text, quoted), properties).source
                catalog = catalog.with_topic(replace(source, name=text))
        return catalog

    def infer(self, properties: Properties) -> Any:
        """How columns are looked up in the schema registry."""
        from kshell.engines.local.codec import infer_columns

        return infer_columns(properties)

    def make_topic(
        self, name: str, partitions: int, replicas: int, configs: Mapping[str, str]
    ) -> None:
        """Create a topic, and wait until every partition has a leader; raises KafkaError."""
        from kshell.kafka import admin

        if self.client.creates_topics:
            admin.create_topic(
                self.properties, name, partitions=partitions, replicas=replicas, configs=configs
            )
        else:
            admin.provoke_topic(self.properties, name)
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(UnknownName):
                if all(p.leader >= 0 for p in self.client.topic(name).partitions):
                    return
            if time.monotonic() > deadline:
                raise KafkaError(f"topic {name} has no leaders 10 s after it was created")
            time.sleep(0.05)

    def next_id(self, prefix: str) -> str:
        """A new query's id."""
        return f"{prefix}_{next(self._numbers)}"

    def terminate(self, id: str) -> None:
        """End a query."""
        self.queries.pop(id).stop()
        self.catalog = self.catalog.without_query(id)

    def keeper_of(self, source: Source) -> Background | None:
        """The query of this shell that keeps a table's current rows, if one does."""
        for query in self.queries.values():
            if query.sink.target.name == source.name and query.outlet.rows is not None:
                return query
        return None

    def remember(self, sampled: Any) -> Any:
        """Keep the columns for completion."""
        source = sampled.source
        self._columns[source.topic] = tuple(c.name for c in source.value)
        return sampled

    def topics(self) -> Sequence[str]:
        return [t.name for t in self.client.topics() if not t.internal]

    def sources(self) -> Sequence[str]:
        return tuple(self.catalog.sources)

    def columns(self, name: str) -> Sequence[str]:
        declared = self.catalog.find(name, quoted=False)
        if declared is not None:
            return tuple(c.name for c in declared.columns())
        topic = self.topic_named(Name(name))
        if topic not in self._columns:
            self.sample(Name(name))
        return self._columns[topic]

    def types(self) -> Mapping[str, Any]:
        return self.catalog.types

    def running(self) -> Sequence[Running]:
        return [q.told() for q in self.queries.values()]

    def close(self) -> None:
        failed: KshellError | None = None
        while self.queries:
            try:
                self.queries.pop(next(iter(self.queries))).stop()
            except KshellError as error:
                failed = failed or error
        self.client.close()
        if failed is not None:
            raise failed


_KINDS = {ShowWhat.STREAMS: Kind.STREAM, ShowWhat.TABLES: Kind.TABLE}


def _show(engine: LocalEngine, statement: ast.Show, properties: Properties) -> Result:
    from kshell.engines.local import show

    if statement.what is ShowWhat.TOPICS:
        return show.show_topics(engine.client, statement.all, statement.extended)
    if statement.what is ShowWhat.ERRORS:
        return show.show_errors(engine.errors)
    if statement.what is ShowWhat.PROPERTIES:
        return show.show_properties(properties)
    if statement.what is ShowWhat.QUERIES:
        from kshell.engines.local.continuous.persistent import show_queries

        return show_queries(engine, statement.extended)
    if statement.what in _KINDS:
        kind = _KINDS[statement.what]
        if statement.extended:
            from kshell.engines.local.describe import describe_sources

            return describe_sources(engine.catalog, kind)
        return show.show_sources(engine.catalog, kind)
    if statement.what is ShowWhat.TYPES:
        return show.show_types(engine.catalog)
    if statement.what is ShowWhat.FUNCTIONS:
        return show.show_functions()
    raise Unsupported(f"SHOW {statement.what.value} is not supported yet")


def _describe(engine: LocalEngine, statement: ast.Describe, properties: Properties) -> Result:
    from kshell.engines.local import describe

    if statement.name is None:
        return describe.describe_sources(engine.catalog, statement.kind or Kind.STREAM)
    declared = engine.catalog.sources.get(statement.name.folded())
    if declared is not None:
        told = describe.describe_source(declared, engine.catalog)
        if not statement.extended:
            return told
        return Sections((told, *describe.extended(engine.client, declared, properties)))
    sampled = engine.sample(statement.name, properties)
    return describe.describe_topic(engine.client, sampled, statement.extended)


def _describe_function(
    engine: LocalEngine, statement: ast.DescribeFunction, properties: Properties
) -> Result:
    from kshell.engines.local import describe

    return describe.describe_function(statement.name.text)


def _select(engine: LocalEngine, statement: ast.Select, properties: Properties) -> Result:
    if statement.query.emit is Emit.BOUNDED:
        from kshell.engines.local import query

        return query.bounded(engine, statement.query, properties)
    from kshell.engines.local.continuous import foreground

    return foreground.continuous(engine, statement.query, properties)


Serve = Callable[[LocalEngine, Any, Properties], Result]


def _in(module: str, name: str) -> Serve:
    """A statement served by a function of another module, imported when first needed."""

    def serve(engine: LocalEngine, statement: Any, properties: Properties) -> Result:
        served: Serve = getattr(import_module(f"kshell.engines.local.{module}"), name)
        return served(engine, statement, properties)

    return serve


STATEMENTS: Mapping[type[Statement], Serve] = {
    ast.AlterSource: _in("declare", "alter"),
    ast.AssertSchema: _in("asserted", "assert_schema"),
    ast.AssertSource: _in("asserted", "assert_source"),
    ast.AssertTopic: _in("asserted", "assert_topic"),
    ast.AssertValues: _in("asserted", "assert_values"),
    ast.CreateAsSelect: _in("continuous.persistent", "create_as"),
    ast.CreateSource: _in("declare", "create"),
    ast.CreateType: _in("declare", "create_type"),
    ast.Describe: _describe,
    ast.DescribeFunction: _describe_function,
    ast.DropSource: _in("declare", "drop"),
    ast.DropType: _in("declare", "drop_type"),
    ast.Explain: _in("explain", "explain"),
    ast.InsertSelect: _in("continuous.persistent", "insert_select"),
    ast.InsertValues: _in("insert", "insert_values"),
    ast.Print: _in("printed", "print_topic"),
    ast.QueryControl: _in("continuous.persistent", "control"),
    ast.Select: _select,
    ast.Show: _show,
}
