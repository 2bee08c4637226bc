"""The engine that runs here, straight against the brokers: one statement to one result.

`session` calls `run`; `STATEMENTS` says which function serves which kind of statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local import names
from kshell.errors import BindError, Unsupported
from kshell.kafka.client import Client
from kshell.results import Message, Result
from kshell.sql import statements as ast
from kshell.sql.statements import Emit, Name, ShowWhat, Statement

__all__ = ["LocalEngine"]


class LocalEngine:
    """Holds the client, the error log and what was learned of topics."""

    def __init__(self, properties: Properties) -> None:
        self.client = Client.connect(properties)
        self.errors = ErrorLog()
        self._columns: dict[str, tuple[str, ...]] = {}
        servers = properties["bootstrap.servers"]
        self.cluster = servers if len(servers) < 40 else servers[:37] + "…"

    def run(self, statement: Statement, properties: Properties) -> Result:
        serve = STATEMENTS.get(type(statement))
        if serve is None:
            raise Unsupported(f"{type(statement).__name__} is not supported yet")
        return serve(self, statement, properties)

    def topic_named(self, name: Name) -> str:
        """The topic that a name means."""
        return names.topic_named(self.client, name)

    def remember(self, sampled: Any) -> Any:
        """Keep the columns for completion."""
        source = sampled.source
        self._columns[source.topic] = tuple(c.name for c in source.value)
        return sampled

    def topics(self) -> Sequence[str]:
        return [t.name for t in self.client.topics() if not t.internal]

    def sources(self) -> Sequence[str]:
        return ()

    def columns(self, name: str) -> Sequence[str]:
        from kshell.engines.local.sample import sample

        topic = self.topic_named(Name(name))
        if topic not in self._columns:
            self.remember(sample(self.client, topic))
        return self._columns[topic]

    def running(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        self.client.close()


def _show(engine: LocalEngine, statement: ast.Show, properties: Properties) -> Result:
    from kshell.engines.local import show

    if statement.what is ShowWhat.TOPICS:
        return show.show_topics(engine.client, statement.all, statement.extended)
    if statement.what is ShowWhat.ERRORS:
        return show.show_errors(engine.errors)
    if statement.what is ShowWhat.PROPERTIES:
        return show.show_properties(properties)
    raise Unsupported(f"SHOW {statement.what.value} is not supported yet")


def _describe(engine: LocalEngine, statement: ast.Describe, properties: Properties) -> Result:
    from kshell.engines.local import show
    from kshell.engines.local.sample import sample

    if statement.name is None:
        raise Unsupported("DESCRIBE STREAMS and TABLES are not supported yet")
    sampled = engine.remember(sample(engine.client, engine.topic_named(statement.name)))
    return show.describe_topic(engine.client, sampled, statement.extended)


def _select(engine: LocalEngine, statement: ast.Select, properties: Properties) -> Result:
    from kshell.engines.local import query

    if statement.query.emit is Emit.BOUNDED:
        return query.bounded(engine, statement.query, properties)
    return query.continuous(engine, statement.query, properties)


def _explain(engine: LocalEngine, statement: ast.Explain, properties: Properties) -> Result:
    from kshell.engines.local import query

    if not isinstance(statement.statement, ast.Select):
        raise Unsupported("EXPLAIN takes a SELECT", hint="EXPLAIN SELECT …")
    return query.explain(engine, statement.statement.query, properties)


def _print(engine: LocalEngine, statement: ast.Print, properties: Properties) -> Result:
    from kshell.engines.local import live
    from kshell.engines.local.decode import Decoder
    from kshell.engines.local.sample import sample

    topic = engine.topic_named(statement.topic)
    sampled = sample(engine.client, topic)
    offsets = engine.client.offsets(topic)
    # Values are shown as they are, so that what is no JSON can be looked at too.
    text = sampled.value.format in ("JSON", "NONE")
    value = (Column("VALUE", text_type() if text else sampled.source.value[0].type),)
    source = Source(
        topic, Kind.STREAM, topic, sampled.source.key, value, sampled.source.key_format,
        FormatSpec("KAFKA"), declared=False,
    )  # fmt: skip
    columns = ("ROWTIME", "ROWPARTITION", "ROWOFFSET", "ROWKEY", "VALUE")
    starts = {p: (f if statement.from_beginning else e) for p, (f, e) in offsets.items()}
    follower = live.Follower(
        engine.client,
        engine.client.topic(topic),
        starts,
        Decoder(source, columns, engine.errors),
        "false",
    )
    interval = live.every(statement.interval)
    schema = follower.schema()
    return live.follow(follower, schema, interval, statement.limit, topic)


def text_type() -> Any:
    """STRING."""
    from kshell.types import STRING

    return STRING


def _insert(engine: LocalEngine, statement: ast.InsertValues, properties: Properties) -> Result:
    from kshell.engines.local import query
    from kshell.engines.local.insert import records_of
    from kshell.engines.local.sample import sample
    from kshell.kafka.produce import Producer
    from kshell.sql.duck import connect

    topic = engine.topic_named(statement.name)
    source = sample(engine.client, topic).source
    if source.value_format.name == "NONE" and not statement.columns:
        raise BindError(f"topic {topic} is empty", hint="name the columns: INSERT INTO t (a, b) …")
    connection = connect()
    try:
        records = records_of(statement, source, query.evaluator(connection))
    finally:
        connection.close()
    producer = Producer(properties)
    producer.send(topic, records)
    producer.flush()
    return Message(f"{len(records)} record{'s' * (len(records) != 1)} written to {topic}.")


Serve = Callable[[LocalEngine, Any, Properties], Result]

STATEMENTS: Mapping[type[Statement], Serve] = {
    ast.Show: _show,
    ast.Describe: _describe,
    ast.Select: _select,
    ast.Explain: _explain,
    ast.Print: _print,
    ast.InsertValues: _insert,
}
