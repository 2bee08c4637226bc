"""SHOW: lists topics, sources, queries and more as tables; `engine` dispatches here.

Light to import: a person tries with `kshell -e "SHOW TOPICS"` whether a cluster answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.errors import Outage, UnknownName, Unsupported
from kshell.kafka.client import Client
from kshell.kafka.metadata import Partition, Snapshot, Topic
from kshell.results import Answer, Message, Notice, NoticeKind, Rows, titled
from kshell.sql.statements import Show, ShowWhat
from kshell.types import ksql_name

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["show", "show_errors"]

_KINDS = {ShowWhat.STREAMS: Kind.STREAM, ShowWhat.TABLES: Kind.TABLE}


def show(context: Context, statement: Show, properties: Properties) -> Answer:
    """SHOW of anything that a session or its cluster has."""
    match statement.what:
        case ShowWhat.TOPICS:
            isolation = properties["isolation.level"]
            return _topics(context.client, isolation, statement.all, statement.extended)
        case ShowWhat.ERRORS:
            return show_errors(context.errors)
        case ShowWhat.PROPERTIES:
            return _properties(properties)
        case ShowWhat.TYPES:
            return _types(context.catalog)
        case ShowWhat.FUNCTIONS:
            return _functions()
        case ShowWhat.QUERIES:
            from kshell.engines.local.statements.queries import show_queries

            return show_queries(context, statement.extended)
        case ShowWhat.STREAMS | ShowWhat.TABLES:
            kind = _KINDS[statement.what]
            if not statement.extended:
                return _sources(context, kind)
            from kshell.engines.local.statements.describe import describe_sources

            return describe_sources(context.catalog, kind)
        case ShowWhat.SYSTEM_TABLES:
            from kshell.engines.local.statements.show_system import system_tables

            return system_tables()
        case ShowWhat.PLUGINS:
            from kshell.engines.local.statements.connectors import show_plugins

            return show_plugins(properties)
        case ShowWhat.SUBJECTS | ShowWhat.SCHEMAS | ShowWhat.COMPATIBILITY:
            from kshell.engines.local.statements.subjects import show_registry

            return show_registry(statement, properties)
        case _:
            from kshell.engines.local.statements.show_system import show_system

            return show_system(context, statement, properties)
    raise Unsupported(f"SHOW {statement.what.value} is not supported yet")


def _topics(client: Client, isolation: str, internal: bool, extended: bool) -> Rows:
    """Topics with partitions and replicas; EXTENDED adds records and in-sync replicas."""
    topics = [t for t in client.topics() if internal or not t.internal]
    columns: dict[str, list[Any]] = {
        "topic": [t.name for t in topics],
        "partitions": [len(t.partitions) for t in topics],
        "replicas": [max((len(p.replicas) for p in t.partitions), default=0) for t in topics],
    }
    types = {"topic": pa.string(), "partitions": pa.int64(), "replicas": pa.int64()}
    states = [_state(t.partitions) for t in topics]
    if any(states):
        columns["state"] = states
        types["state"] = pa.string()
    notices: list[Notice] = []
    if extended:
        held = [_snapshot(client, t, isolation) for t in topics]
        told = [_uncounted(t, h) for t, h in zip(topics, held, strict=True)]
        notices = [Notice(NoticeKind.PARTIAL, text) for text in told if text]
        columns["least in sync"] = [
            min((len(p.isr) for p in t.partitions), default=0) for t in topics
        ]
        known = [h.offsets.values() if h is not None and (h.offsets or not h.missing) else None
                 for h in held]
        columns["first offsets"] = [None if o is None else sum(f for f, _ in o) for o in known]
        columns["records up to"] = [
            None if o is None else sum(e - f for f, e in o) for o in known
        ]
        types |= dict.fromkeys(("least in sync", "first offsets", "records up to"), pa.int64())
    return replace(titled("", columns, types), notices=lambda: notices)


def _state(partitions: Sequence[Partition]) -> str | None:
    """What is wrong with some of them; None where nothing is."""
    offline = sum(p.leader < 0 for p in partitions)
    behind = sum(p.leader >= 0 and len(p.isr) < len(p.replicas) for p in partitions)
    parts = [f"{offline} offline"] * bool(offline) + [f"{behind} under-replicated"] * bool(behind)
    return ", ".join(parts) or None


def _snapshot(client: Client, topic: Topic, isolation: str) -> Snapshot | None:
    """Its offsets; None if it cannot be read at all."""
    if not topic.error:
        with contextlib.suppress(Outage, UnknownName):
            return client.snapshot(topic, isolation)
    return None


def _uncounted(topic: Topic, held: Snapshot | None) -> str:
    if held is None:
        return f"topic {topic.name} cannot be read (no answer): its records are not counted"
    if not held.missing:
        return ""
    numbers = ", ".join(map(str, sorted(held.missing)))
    return f"topic {topic.name} has no leader of partition {numbers}: its records are not counted"


def show_errors(log: ErrorLog) -> Answer:
    """The latest records that could not be used."""
    rows = log.rows()
    if not rows:
        return Message("No record has failed in this session.")
    at = [
        datetime.fromtimestamp(r.timestamp / 1000, UTC).isoformat() if r.timestamp >= 0 else None
        for r in rows
    ]
    older = f", the last {len(rows):,}" if log.total > len(rows) else ""
    return titled(
        f"{log.total:,} in this session{older}",
        {
            "topic": [r.topic for r in rows],
            "partition": [r.partition for r in rows],
            "offset": [r.offset for r in rows],
            "time": at,
            "reason": [r.reason for r in rows],
            "bytes": [r.excerpt for r in rows],
        },
        {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "time": pa.string(),
         "reason": pa.string(), "bytes": pa.binary()},
    )  # fmt: skip


def _properties(properties: Properties) -> Rows:
    """Every property; secrets are masked."""
    rows = properties.shown()
    return titled(
        "",
        {"property": [r[0] for r in rows], "value": [r[1] for r in rows],
         "default": [r[2] for r in rows], "scope": [r[3] for r in rows]},
        dict.fromkeys(("property", "value", "default", "scope"), pa.string()),
    )  # fmt: skip


def _sources(context: Context, kind: Kind) -> Answer:
    """Declared streams or tables."""
    sources, kept = context.catalog.of_kind(kind), context.kept
    if not sources:
        from kshell.engines.local.statements.describe import none_declared

        return none_declared(kind)
    columns: dict[str, list[Any]] = {
        kind.value.lower(): [s.name for s in sources],
        "topic": [s.topic or None for s in sources],
        "key format": [None if s.file else s.key_format.name for s in sources],
        "value format": [None if s.file else s.value_format.name for s in sources],
        "windowed": [s.window.type.value if s.window else None for s in sources],
    }
    if any(s.file for s in sources):
        columns["file"] = [s.file.path if s.file else None for s in sources]
    shown = titled("", columns, dict.fromkeys(columns, pa.string()))
    from_file = [s.name for s in sources if kept is not None and s.name in kept.loaded]
    if kept is None or not from_file:
        return shown
    told = f"{', '.join(from_file)}: declared at an earlier prompt ({kept.path})"
    return replace(shown, notices=lambda: (Notice(NoticeKind.KEPT, told),))


def _types(catalog: Catalog) -> Answer:
    """The types made by CREATE TYPE."""
    if not catalog.types:
        return Message("No type is declared.")
    return titled(
        "",
        {"type": list(catalog.types), "is": [ksql_name(t) for t in catalog.types.values()]},
        dict.fromkeys(("type", "is"), pa.string()),
    )


def _functions() -> Answer:
    """Every function with its kind and its line of help."""
    from kshell.sql import functions

    found = [functions.describe(name) for name in functions.names()]
    return titled(
        "",
        {
            "function": list(functions.names()),
            "kind": [f.kind for f in found],
            "category": [f.category for f in found],
            "does": [f.help for f in found],
        },
        dict.fromkeys(("function", "kind", "category", "does"), pa.string()),
    )
