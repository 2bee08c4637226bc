"""ASSERT: checks topics, schemas, streams, tables, and the records of a topic.

`engine` dispatches here.  It waits for what may still come; a failed check is an EvaluationError.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.catalog.model import RESERVED, WINDOW_COLUMNS, Source, TopicSettings
from kshell.catalog.options import CREATE
from kshell.catalog.properties import read_with
from kshell.config import Properties
from kshell.engines.local.sources.chunks import infer_columns, reader_of, schemas_of
from kshell.engines.local.statements.topics import differences
from kshell.errors import EvaluationError, UnknownName, UnknownSchema, Unsupported, UsageError
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Topic
from kshell.results import Answer, LeftOut, Message, undecodable
from kshell.sql import statements as ast
from kshell.sql.bind.asserted import (
    asserted_settings,
    asserted_source,
    bind_asserted,
    record_text,
)
from kshell.stream.evaluate import values_of
from kshell.types import quote_duckdb

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["assert_schema", "assert_source", "assert_topic", "assert_values"]

_PATIENCE_MS = 10_000  # how long ASSERT VALUES waits for a record


def _await(holds: Callable[[], str], timeout_ms: int) -> None:
    """Repeat the check until it passes; raises EvaluationError with what is still wrong."""
    deadline = time.monotonic() + timeout_ms / 1000
    while wrong := holds():
        if time.monotonic() >= deadline:
            raise EvaluationError(wrong)
        time.sleep(0.1)


def assert_topic(context: Context, statement: ast.AssertTopic, properties: Properties) -> Answer:
    """ASSERT [NOT EXISTS] TOPIC."""
    name = statement.name.text
    said = asserted_settings(statement)

    def wrong() -> str:
        found = context.client.find(name)
        if not statement.exists:
            return f"Topic {name} exists" if found else ""
        if found is None:
            return f"Topic {name} does not exist"
        return _mismatch(context, found, said)

    _await(wrong, statement.timeout_ms)
    return Message(f"Topic {name} {'exists' if statement.exists else 'does not exist'}.")


def _mismatch(context: Context, topic: Topic, said: TopicSettings) -> str:
    for d in differences(context.client, topic, said):
        return f"Mismatched {d.what} for topic {topic.name}. Expected: {d.said}, found: {d.found}"
    return ""


def assert_source(
    context: Context, statement: ast.AssertSource, properties: Properties
) -> Answer:
    """ASSERT STREAM|TABLE: compares the declared source and its topic with the statement."""
    found = asserted_source(statement, context.catalog, properties, infer_columns(properties))
    said = read_with(statement.source.properties, CREATE).settings
    if said != TopicSettings():
        wrong = _mismatch(context, context.client.topic(found.topic), said)
        if wrong:
            raise EvaluationError(wrong, place=statement.place)
    return Message(f"{found.kind.value.capitalize()} {found.name} is as asserted.")


def assert_schema(
    context: Context, statement: ast.AssertSchema, properties: Properties
) -> Answer:
    """ASSERT [NOT EXISTS] SCHEMA [SUBJECT s] [ID n], asked of the schema registry."""
    schemas = schemas_of(properties)
    if schemas is None:
        raise UsageError(
            "ASSERT SCHEMA asks the schema registry, and none is named",
            hint="SET 'schema.registry.url'='http://…'",
        )
    subject, id = statement.subject, statement.id
    told = " ".join(
        ["Schema", *([f"with subject name {subject}"] if subject else []),
         *([f"id {id}"] if id is not None else [])]
    )  # fmt: skip

    def there() -> bool:
        if subject:
            newest = schemas.latest(subject)
            return newest is not None and id in (None, newest.id)
        assert id is not None  # the grammar requires one of the two
        try:
            schemas.by_id(id)
        except UnknownSchema:
            return False
        return True

    def wrong() -> str:
        if there() is statement.exists:
            return ""
        return f"{told} {'does not exist' if statement.exists else 'exists'}"

    _await(wrong, statement.timeout_ms)
    return Message(f"{told} {'exists' if statement.exists else 'does not exist'}.")


def assert_values(
    context: Context, statement: ast.AssertValues, properties: Properties
) -> Answer:
    """ASSERT VALUES and NULL VALUES: compares the topic's next record with the statement.

    As in ksqlDB's testing tool, each takes one record, beginning with the topic's first; with
    several partitions, the earliest by time comes first.
    """
    insert = statement.insert
    source = context.catalog.find(insert.name.text, insert.name.quoted)
    if source is None:
        raise UnknownName(
            "source", insert.name.folded(), context.catalog.sources, place=insert.name.place
        )
    if source.file is not None:
        raise Unsupported(
            f"{source.name} is read from {source.file.path}, and ASSERT VALUES looks at a topic",
            hint=f"SELECT * FROM {quote_duckdb(source.name)}", place=insert.name.place,
        )  # fmt: skip
    taken = context.asserted.setdefault(source.topic, set())
    bad = LeftOut()
    for wanted in _rows(context, statement, source):
        place, actual, bad = _next(context, source, properties, taken)
        found = {name: actual[name] for name in wanted}
        gone = statement.null_values
        if found != wanted or actual["ROWGONE"] is not gone:
            value = " without a value" if actual["ROWGONE"] and not gone else ""
            raise EvaluationError(
                f"Expected record does not match actual: {source.topic}, partition {place[0]}, "
                f"offset {place[1]}. Expected {record_text(wanted)}, "
                f"actual {record_text(found)}{value}",
            )
        taken.add(place)
    text = f"{source.name} has the asserted record{'s' * (len(insert.rows) != 1)}."
    return Message(text, undecodable(bad))


def _rows(
    context: Context, statement: ast.AssertValues, source: Source
) -> list[dict[str, Any]]:
    """The expected columns of each record, in the source's types."""
    return [
        dict(zip(row, (a[0].as_py() for a in values_of(list(row.values()))), strict=True))
        for row in bind_asserted(statement, source, context.catalog.types)
    ]


def _next(
    context: Context, source: Source, properties: Properties, taken: set[tuple[int, int]]
) -> tuple[tuple[int, int], dict[str, Any], LeftOut]:
    """Waits for the first record that no ASSERT has taken: its place, its columns, and the
    topic's records that are left out."""
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    while True:
        found, bad = _records(context, source, properties)
        records = [r for r in found if r[0] not in taken]
        if records:
            return (*min(records, key=lambda r: (r[1]["ROWTIME"], r[0])), bad)
        if time.monotonic() > deadline:
            raise EvaluationError(
                f"Expected another record in topic {source.topic}, and none came in "
                f"{_PATIENCE_MS // 1000} s: {len(taken)} were asserted"
            )
        time.sleep(0.1)


def _records(
    context: Context, source: Source, properties: Properties
) -> tuple[list[tuple[tuple[int, int], dict[str, Any]]], LeftOut]:
    windows = WINDOW_COLUMNS if source.window is not None else ()
    names = [*(c.name for c in source.columns()), *windows, *RESERVED]
    read = reader_of(source, names, properties)
    out, bad = [], LeftOut()
    snapshot = context.lookup(properties).snapshot(source.topic).check_whole()
    for chunk in Fetch(context.client, snapshot, snapshot.offsets):
        end = snapshot.offsets[chunk.partition][1]
        batch = read(chunk.partition, chunk.records, chunk.start, end, chunk.aborted)
        context.errors.add(batch.bad)
        bad += batch.left_out
        rows = pa.table({**batch.columns, "ROWGONE": batch.tombstone}).to_pylist()
        out += [((r["ROWPARTITION"], r["ROWOFFSET"]), r) for r in rows]
    return out, bad
