"""Declarations: CREATE, DROP and ALTER of streams and tables, CREATE and DROP TYPE.

`engine` dispatches here.  What is declared lives as long as the shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.sources.chunks import infer_columns
from kshell.errors import UnknownName
from kshell.kafka.admin import delete_topic
from kshell.results import Message, Result
from kshell.sql import ddl
from kshell.sql import statements as ast

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["change", "create", "drop"]


def create(context: Context, statement: ast.CreateSource, properties: Properties) -> Result:
    """CREATE STREAM|TABLE over a topic; with PARTITIONS the topic is created where it is not."""
    context.free_name(statement.name)
    made = ddl.change(statement, context.catalog, properties, infer_columns(properties))
    source = made.source
    if source is None:
        return Message(made.message)
    if context.client.find(source.topic) is None:
        partitions = statement.properties.get("PARTITIONS")
        if not isinstance(partitions, int):
            known = [t.name for t in context.client.topics()]
            error = UnknownName(
                "topic", source.topic, known, what=f"Kafka topic does not exist: {source.topic}",
                place=statement.place,
            )  # fmt: skip
            error.hint = "; ".join(
                filter(None, (error.hint, "PARTITIONS=n in the WITH clause creates it"))
            )
            raise error
        replicas = statement.properties.get("REPLICAS")
        copies = replicas if isinstance(replicas, int) else -1
        context.make_topic(source.topic, partitions, copies, {}, properties)
    context.catalog = made.catalog
    return Message(made.message)


def drop(context: Context, statement: ast.DropSource, properties: Properties) -> Result:
    """DROP STREAM|TABLE; the query that made it ends with it."""
    made = ddl.change(statement, context.catalog)
    context.catalog = made.catalog
    source = made.source
    if source is not None and source.query_id in context.queries:
        context.terminate(source.query_id)
    if source is not None and statement.delete_topic:
        delete_topic(properties, source.topic)
    return Message(made.message)


def change(
    context: Context,
    statement: ast.AlterSource | ast.CreateType | ast.DropType,
    properties: Properties,
) -> Result:
    """What changes the catalog alone: ALTER STREAM|TABLE, CREATE TYPE, DROP TYPE."""
    made = ddl.change(statement, context.catalog)
    context.catalog = made.catalog
    return Message(made.message)
