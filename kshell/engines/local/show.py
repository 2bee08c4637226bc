"""SHOW: what there is, as tables; `engine` makes each of these a result.

Light to import: `kshell -e "SHOW TOPICS"` is how a person tries whether a cluster answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.kafka.client import Client
from kshell.results import Message, Result, Rows
from kshell.types import ksql_name

__all__ = ["none_declared", "show_errors", "show_functions", "show_properties", "show_sources",
           "show_topics", "show_types", "titled"]  # fmt: skip


def titled(title: str, columns: dict[str, list[Any]], types: dict[str, pa.DataType]) -> Rows:
    arrays = [pa.array(values, types.get(name)) for name, values in columns.items()]
    return Rows.of(pa.table(arrays, names=list(columns)), title)


def show_topics(client: Client, internal: bool, extended: bool) -> Rows:
    """Topics with partitions and replicas; EXTENDED adds records and in-sync replicas."""
    topics = [t for t in client.topics() if internal or not t.internal]
    columns: dict[str, list[Any]] = {
        "topic": [t.name for t in topics],
        "partitions": [len(t.partitions) for t in topics],
        "replicas": [max((len(p.replicas) for p in t.partitions), default=0) for t in topics],
    }
    types = {"topic": pa.string(), "partitions": pa.int64(), "replicas": pa.int64()}
    if extended:
        offsets = [client.offsets(t.name) if not t.error else {} for t in topics]
        columns["least in sync"] = [
            min((len(p.isr) for p in t.partitions), default=0) for t in topics
        ]
        columns["first offsets"] = [sum(f for f, _ in o.values()) for o in offsets]
        columns["records up to"] = [sum(e - f for f, e in o.values()) for o in offsets]
        types |= dict.fromkeys(("least in sync", "first offsets", "records up to"), pa.int64())
    return titled("", columns, types)


def show_errors(log: ErrorLog) -> Result:
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


def show_properties(properties: Properties) -> Rows:
    """Every property; secrets are masked."""
    rows = properties.shown()
    return titled(
        "",
        {"property": [r[0] for r in rows], "value": [r[1] for r in rows],
         "default": [r[2] for r in rows]},
        dict.fromkeys(("property", "value", "default"), pa.string()),
    )  # fmt: skip


def show_sources(catalog: Catalog, kind: Kind) -> Result:
    """Declared streams or tables."""
    sources = catalog.of_kind(kind)
    if not sources:
        return none_declared(kind)
    return titled(
        "",
        {
            kind.value.lower(): [s.name for s in sources],
            "topic": [s.topic for s in sources],
            "key format": [s.key_format.name for s in sources],
            "value format": [s.value_format.name for s in sources],
            "windowed": [s.window.type.value if s.window else None for s in sources],
        },
        dict.fromkeys(
            (kind.value.lower(), "topic", "key format", "value format", "windowed"), pa.string()
        ),
    )


def none_declared(kind: Kind) -> Message:
    """What to say where nothing was declared."""
    return Message(f"No {kind.value.lower()} is declared. Every topic can be read as it is.")


def show_types(catalog: Catalog) -> Result:
    """CREATE TYPE's types."""
    if not catalog.types:
        return Message("No type is declared.")
    return titled(
        "",
        {"type": list(catalog.types), "is": [ksql_name(t) for t in catalog.types.values()]},
        dict.fromkeys(("type", "is"), pa.string()),
    )


def show_functions() -> Result:
    """Every function with its kind and what it does."""
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
