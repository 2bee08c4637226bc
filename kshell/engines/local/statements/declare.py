"""Declarations: CREATE, DROP and ALTER of streams and tables, CREATE and DROP TYPE.

`engine` dispatches here.  What is declared lives as long as the shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.catalog.model import Column
from kshell.catalog.options import CREATE
from kshell.catalog.properties import read_with, topic_settings
from kshell.config import Properties
from kshell.engines.local.sources.chunks import infer_columns
from kshell.engines.local.statements.topics import create_topic, keep_topic
from kshell.errors import UnknownName
from kshell.kafka.admin import delete_topic
from kshell.results import Answer, Message
from kshell.sql import statements as ast
from kshell.sql.bind.declare import build_source

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["alter", "create", "create_type", "drop", "drop_type"]


def create(context: Context, statement: ast.CreateSource, properties: Properties) -> Answer:
    """CREATE STREAM|TABLE over a topic; with PARTITIONS the topic is created where it is not."""
    context.free_name(statement.name)
    source = build_source(statement, properties, infer_columns(properties))
    written = read_with(statement.properties, CREATE)
    settings = topic_settings(written, source.kind, source.window)
    kind = source.kind.value
    if statement.if_not_exists and source.name in context.catalog.sources:
        return Message(f"Cannot add {kind.lower()} {source.name}: it exists already.")
    add = context.catalog.add_or_replace if statement.or_replace else context.catalog.add
    catalog = add(source)
    topic = context.client.find(source.topic)
    if topic is not None:
        told = keep_topic(context, topic, settings)
    else:
        if settings.partitions is None:
            known = [t.name for t in context.client.topics()]
            error = UnknownName(
                "topic", source.topic, known, what=f"Kafka topic does not exist: {source.topic}",
                place=statement.place,
            )  # fmt: skip
            error.hint = "; ".join(
                filter(None, (error.hint, "PARTITIONS=n in the WITH clause creates it"))
            )
            raise error
        told = create_topic(context, source.topic, settings, properties)
    context.catalog = catalog
    return Message(f"{kind.capitalize()} {source.name} is created.{told}")


def drop(context: Context, statement: ast.DropSource, properties: Properties) -> Answer:
    """DROP STREAM|TABLE; the query that made it ends with it."""
    name = statement.name.folded()
    source = context.catalog.sources.get(name)
    context.catalog = context.catalog.drop(
        name, statement.kind, delete_topic=statement.delete_topic, if_exists=statement.if_exists
    )
    if source is None:
        return Message(f"{statement.kind.value.capitalize()} {name} does not exist.")
    if source.query_id in context.queries:
        context.terminate(source.query_id)
    told = f"{statement.kind.value.capitalize()} {name} is dropped."
    if statement.delete_topic:
        delete_topic(properties, source.topic)
        told = f"{told[:-1]}, and topic {source.topic} is deleted."
    return Message(told)


def alter(context: Context, statement: ast.AlterSource, properties: Properties) -> Answer:
    """ALTER STREAM|TABLE ADD COLUMN."""
    columns = [Column(c.name.folded(), c.type) for c in statement.columns]
    name = statement.name.folded()
    context.catalog = context.catalog.alter(name, statement.kind, columns)
    return Message(f"{statement.kind.value.capitalize()} {name} is altered.")


def create_type(context: Context, statement: ast.CreateType, properties: Properties) -> Answer:
    """CREATE TYPE."""
    name = statement.name.folded()
    context.catalog = context.catalog.add_type(
        name, statement.type, if_not_exists=statement.if_not_exists
    )
    return Message(f"Type {name} is created.")


def drop_type(context: Context, statement: ast.DropType, properties: Properties) -> Answer:
    """DROP TYPE."""
    name = statement.name.folded()
    context.catalog = context.catalog.drop_type(name, if_exists=statement.if_exists)
    return Message(f"Type {name} is dropped.")
