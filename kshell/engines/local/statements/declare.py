"""Declarations: CREATE, DROP and ALTER of streams and tables, CREATE and DROP TYPE.

`engine` dispatches here.  Declarations last as long as the shell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.sources.chunks import infer_columns, schemas_for
from kshell.engines.local.sources.cut_times import cut_notices
from kshell.engines.local.statements.topics import create_topic, keep_topic
from kshell.errors import UnknownName
from kshell.formats.from_schema import cut_times_in
from kshell.results import Answer, Message
from kshell.sql import ddl
from kshell.sql import statements as ast

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["change", "create", "create_from_file", "drop"]


def create(context: Context, statement: ast.CreateSource, properties: Properties) -> Answer:
    """CREATE STREAM|TABLE over a topic; with PARTITIONS it creates a missing topic."""
    context.free_name(statement.name)
    made = ddl.change(statement, context.catalog, properties, infer_columns(properties))
    source, settings = made.source, made.settings
    if source is None or settings is None:
        return Message(made.message)
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
    context.catalog = made.catalog
    cut = replace(source, cut=cut_times_in(schemas_for(source, properties), source))
    notices = cut_notices([(cut, [c.name for c in cut.columns()])])
    return Message(f"{made.message}{told}", notices)


def create_from_file(
    context: Context, statement: ast.CreateFromFile, properties: Properties
) -> Answer:
    """CREATE TABLE … FROM FILE: reads the file once; OR REPLACE reads it again."""
    from kshell.engines.local.sources.file import file_source

    context.free_name(statement.name)
    left = ddl.left_as_is(statement, context.catalog)
    if left is not None:
        return Message(left.message)
    source = file_source(statement, properties)
    made = ddl.declare(statement, context.catalog, source)
    context.catalog = made.catalog
    count = source.file.rows.num_rows if source.file is not None else 0
    rows = f"{count:,} row{'s' * (count != 1)}"
    cut = cut_notices([(source, source.cut)])
    return Message(f"{made.message} It has the {rows} of {source.read_from}.", cut)


def drop(context: Context, statement: ast.DropSource, properties: Properties) -> Answer:
    """DROP STREAM|TABLE; also ends the query that made it."""
    context.not_given(statement.name)
    made = ddl.change(statement, context.catalog)
    context.catalog = made.catalog
    source = made.source
    if source is not None and source.query_id in context.queries:
        context.terminate(source.query_id)
    if source is not None and statement.delete_topic:
        context.admin(properties).delete_topic(source.topic)
    return Message(made.message)


def change(
    context: Context,
    statement: ast.AlterSource | ast.CreateType | ast.DropType,
    properties: Properties,
) -> Answer:
    """Statements that change only the catalog: ALTER STREAM|TABLE, CREATE TYPE, DROP TYPE."""
    if isinstance(statement, ast.AlterSource):
        context.not_given(statement.name)
    made = ddl.change(statement, context.catalog)
    context.catalog = made.catalog
    return Message(made.message)
