"""DESCRIBE of a topic, a declared source or a function; `engine` dispatches here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind, Source
from kshell.catalog.properties import takes_inference
from kshell.config import Properties
from kshell.engines.local.sources.lookup import Lookup, given_named
from kshell.engines.local.sources.sample import Sampled
from kshell.errors import BindError, Forbidden, Outage
from kshell.field_names import plain
from kshell.formats.base import Half
from kshell.formats.guess import Inferred
from kshell.kafka.client import Client
from kshell.kafka.metadata import Snapshot, no_leader
from kshell.results import Answer, Message, Notice, NoticeKind, Rows, Sections, titled
from kshell.sql.clauses import Name
from kshell.sql.statements import Describe, DescribeFunction
from kshell.types import ksql_name

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["describe", "describe_function", "describe_sources", "none_declared"]

_FEW = 5  # schema ids that the summary names


def describe(context: Context, statement: Describe, properties: Properties) -> Answer:
    """DESCRIBE name [EXTENDED | FULL], STREAMS or TABLES; raises UnknownName, RegistryError."""
    if statement.name is None:
        return describe_sources(context.catalog, statement.kind or Kind.STREAM)
    lookup = context.lookup(properties)
    if (system := lookup.system(statement.name)) is not None:
        from kshell.engines.local.statements.show_system import describe_system

        return describe_system(system)
    if statement.full:
        return _full(lookup, statement.name)
    if (given := given_named(context.given, statement.name)) is not None:
        return _given(given, context.given[given])
    declared = context.catalog.sources.get(statement.name.folded())
    if declared is not None:
        described = _source(declared, context.catalog)
        if not statement.extended:
            return described
        if declared.file is not None:
            return Sections((described, _pseudo_columns(declared)))
        snapshot = lookup.snapshot(declared.topic)
        return Sections((described, *_extended(context.client, snapshot, declared, properties)))
    called = lookup.topic_name(statement.name)
    snapshot, client = lookup.snapshot(called), lookup.client_of(called)
    try:
        sampled = lookup.sample(statement.name)
    except (Forbidden, Outage) as refused:
        unknown = Message(f"Topic {snapshot.name}: its columns are unknown, {refused.what}.")
        return Sections(
            (unknown, *_partitions(client, snapshot, statement.extended).parts), (*lookup.notices,)
        )
    described = _topic(client, snapshot, sampled, statement.extended)
    return replace(described, notices=(*described.notices, *lookup.notices))


def _full(lookup: Lookup, name: Name) -> Answer:
    """The columns of JSON by all of its records; later statements know them too."""
    from kshell.engines.local.sources.field_search import FieldSearch, fields_of

    source = lookup.source(name)
    if not fields_of(source):
        raise BindError(
            f"FULL is for a topic of JSON that nobody declared, which {name.text} is not",
            hint=f"DESCRIBE {name.text}",
            place=name.place,
        )
    search = FieldSearch(lookup, lookup.sample(name))
    types = dict.fromkeys(("column", "type"), pa.string()) | {"records": pa.int64()}

    def batches() -> Iterator[pa.RecordBatch]:
        search.run(None)
        columns = lookup.sample(name).source.value
        table = pa.table(
            {
                "column": [plain(c.name) for c in columns],
                "type": [ksql_name(c.type) for c in columns],
                "records": [search.counts[plain(c.name)] for c in columns],
            },
            schema=pa.schema(types),
        )
        yield from table.to_batches()

    def notices() -> Sequence[Notice]:
        if not search.stopped:
            return ()
        text = f"stopped at {search.stopped} (kshell.scan.max.*): {search.looked:,} records read"
        return (Notice(NoticeKind.PARTIAL, text),)

    rows = Rows(
        pa.schema(types), batches(), "Columns, and in how many records they are",
        search.cancel, search.progress, notices,
    )  # fmt: skip
    held = sum(end - first for first, end in lookup.offsets(source).values())
    return Sections((Message(f"Topic {source.topic}: {held:,} offsets."), rows))


def _given(name: str, rows: pa.Table) -> Sections:
    """An Arrow table's columns, with their types in KSQL if it has them."""
    columns = titled(
        "Columns",
        {"column": rows.schema.names, "type": [ksql_name(f.type) for f in rows.schema]},
        dict.fromkeys(("column", "type"), pa.string()),
    )
    return Sections((Message(f"{name}: a table given to this session, {rows.num_rows:,} rows."),
                     columns))  # fmt: skip


def _topic(
    client: Client, snapshot: Snapshot, sampled: Sampled, extended: bool
) -> Sections:
    """Formats and columns as inferred, partitions with offsets, and configs.

    EXTENDED adds every schema id with its count and first offsets, and the default configs.
    """
    source = sampled.source
    described = (*source.key, *source.value)
    columns = titled(
        "Columns",
        {
            "column": [plain(c.name) for c in described],
            "type": [ksql_name(c.type) for c in described],
            "present": [f"{source.presence.get(c.name, 0):.0%}" for c in described],
            "from": ["key"] * len(source.key) + ["value"] * len(source.value),
        },
        dict.fromkeys(("column", "type", "present", "from"), pa.string()),
    )
    parts: list[Answer] = [*_formats(sampled), columns]
    if extended:
        parts.append(_pseudo_columns(source))
        from kshell.engines.local.statements.schema_scan import schema_ids_of

        halves = [h for h, told in ((Half.KEY, sampled.key), (Half.VALUE, sampled.value))
                  if told.ids]  # fmt: skip
        parts.append(schema_ids_of(client, snapshot, halves, sampled.schemas))
    return Sections((*parts, *_partitions(client, snapshot, extended).parts))


def _formats(sampled: Sampled) -> list[Answer]:
    """The formats of keys and values, the share of the samples that agrees, and a hint."""
    source, key, value = sampled.source, sampled.key, sampled.value
    text = (
        f"Topic {source.topic}: of {sampled.records:,} sampled records {value.agree:.0%} are"
        f" {value.type} values{_ids(value)}"
    )
    there = source.presence.get(source.key[0].name, 0) if source.key else 0
    if there or key.ids:
        text += f"; {key.agree:.0%} of their keys are {key.type}{_ids(key)}"
    else:
        text += "; none has a key"
    notes = [
        Message(f"Its {half} are {told.note}.")
        for half, told in (("keys", key), ("values", value))
        if told.note
    ]
    notes += [
        Message(f"Cut to milliseconds: {', '.join(told.cut)}.") for told in (key, value) if told.cut
    ]
    return [Message(f"{text}."), *notes]


def _ids(told: Inferred) -> str:
    if not told.ids or told.note:
        return ""
    few = ", ".join(str(id) for id, _ in told.ids[:_FEW])
    more = ", …" if len(told.ids) > _FEW else ""
    return f" (schema id{'s' * (len(told.ids) > 1)} {few}{more})"


def _partitions(client: Client, snapshot: Snapshot, extended: bool) -> Sections:
    """A topic's partitions with their offsets, and its configs (EXTENDED: the defaults too)."""
    topic, offsets = snapshot.topic, snapshot.offsets
    held = sum(end - first for first, end in offsets.values())
    partitions = titled(
        f"Partitions: {held:,} offsets in {len(offsets)}"
        + (f" of {len(topic.partitions)}" if snapshot.missing else ""),
        {
            "partition": [p.id for p in topic.partitions],
            "leader": [p.leader for p in topic.partitions],
            "replicas": [", ".join(map(str, p.replicas)) for p in topic.partitions],
            "in sync": [", ".join(map(str, p.isr)) for p in topic.partitions],
            "first offset": [offsets.get(p.id, (None, None))[0] for p in topic.partitions],
            "end offset": [offsets.get(p.id, (None, None))[1] for p in topic.partitions],
        },
        {"partition": pa.int64(), "leader": pa.int64(), "replicas": pa.string(),
         "in sync": pa.string(), "first offset": pa.int64(), "end offset": pa.int64()},
    )  # fmt: skip
    configs = [c for c in client.configs(topic.name) if extended or not c[2]]
    settings = titled(
        "Configs" if extended else "Configs that are not the broker's defaults",
        {"config": [c[0] for c in configs], "value": [c[1] for c in configs]},
        {"config": pa.string(), "value": pa.string()},
    )
    lost = no_leader(topic.name, snapshot.missing).what if snapshot.missing else ""
    return Sections((partitions, settings, *([Message(f"Partial: {lost}.")] if lost else [])))


def _source(source: Source, catalog: Catalog) -> Answer:
    """A declared source: its columns, its topic, and the queries that read and write it."""
    headers = [(c.name, c.type) for c in source.headers]
    named = [
        *((c.name, ksql_name(c.type), "primary key" if source.kind is Kind.TABLE else "key")
          for c in source.key),
        *((c.name, ksql_name(c.type), "value") for c in source.value),
        *((name, ksql_name(type), "headers") for name, type in headers),
    ]  # fmt: skip
    columns = titled(
        "Columns",
        {
            "column": [plain(n) for n, _, _ in named],
            "type": [t for _, t, _ in named],
            "from": [f for _, _, f in named],
        },
        dict.fromkeys(("column", "type", "from"), pa.string()),
    )
    time = f" Its time is the column {source.timestamp_column}." if source.timestamp_column else ""
    window = f" Its key has {source.window.type.value.lower()} windows." if source.window else ""
    writer = f" The connector {source.connector} writes it." if source.connector else ""
    text = (
        f"{source.kind.value.capitalize()} {source.name} over topic {source.topic}:"
        f" {source.key_format.name} keys, {source.value_format.name} values.{window}{time}{writer}"
    )
    if source.file is not None:
        at = datetime.fromtimestamp(source.file.time / 1000, UTC).isoformat(" ", "seconds")
        count = source.file.rows.num_rows
        text = (
            f"Table {source.name}: the {count:,} row{'s' * (count != 1)} of {source.file.path}, "
            f"which was written at {at}."
        )
    parts: list[Answer] = [Message(text), columns]
    reads = [q.id for q in catalog.queries.values() if source.name in q.reads]
    writes = [q.id for q in catalog.queries.values() if source.name in q.writes]
    if reads:
        parts.append(Message(f"Read by {', '.join(reads)}."))
    if writes:
        parts.append(Message(f"Written by {', '.join(writes)}."))
    if source.sql:
        parts.append(Message(source.sql.strip()))
    return Sections(tuple(parts))


def describe_sources(catalog: Catalog, kind: Kind) -> Answer:
    """Each declared stream or table, described by `_source`."""
    sources = catalog.of_kind(kind)
    if not sources:
        return none_declared(kind)
    return Sections(tuple(_source(s, catalog) for s in sources))


def _extended(
    client: Client, snapshot: Snapshot, source: Source, properties: Properties
) -> list[Answer]:
    """The parts that EXTENDED adds to a declared source: its schema ids, its topic, every
    config."""
    from kshell.engines.local.sources.chunks import schemas_for
    from kshell.engines.local.statements.schema_scan import schema_ids_of

    formats = ((Half.KEY, source.key_format), (Half.VALUE, source.value_format))
    halves = [half for half, format in formats if takes_inference(format.name)]
    ids = schema_ids_of(client, snapshot, halves, schemas_for(source, properties))
    return [_pseudo_columns(source), ids, _partitions(client, snapshot, True)]


def _pseudo_columns(source: Source) -> Answer:
    """The pseudo columns that each record has besides these columns."""
    found = source.pseudo_columns()
    return titled(
        "Pseudo columns, which * leaves out",
        {"column": list(found), "type": [ksql_name(t) for t in found.values()]},
        dict.fromkeys(("column", "type"), pa.string()),
    )


def describe_function(
    context: Context, statement: DescribeFunction, properties: Properties
) -> Answer:
    """A function's overloads, what it does, and an example; raises UnknownName."""
    from kshell.sql import functions

    found = functions.describe(statement.name.text)
    forms = titled(
        "Forms",
        {
            "arguments": [f"{found.name}{str(f.signature).rpartition(' -> ')[0]}"
                          for f in found.forms],
            "returns": [str(f.signature.returns) for f in found.forms],
        },
        dict.fromkeys(("arguments", "returns"), pa.string()),
    )  # fmt: skip
    parts: list[Answer] = [Message(f"{found.name} ({found.kind}): {found.help}"), forms]
    if found.example is not None:
        parts.append(Message(f"{found.example[0]} is {found.example[1]!r}"))
    return Sections(tuple(parts))


def none_declared(kind: Kind) -> Message:
    """The message if nothing was declared."""
    return Message(f"No {kind.value.lower()} is declared. Every topic can be read as it is.")
