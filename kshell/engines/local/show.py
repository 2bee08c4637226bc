"""SHOW and DESCRIBE: what is there, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sample import Sampled
from kshell.kafka.client import Client
from kshell.results import Message, Result, Rows, Sections
from kshell.types import ksql_name

__all__ = ["describe_topic", "show_errors", "show_properties", "show_topics"]


def _table(title: str, columns: dict[str, list[Any]], types: dict[str, pa.DataType]) -> Rows:
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
    return _table("", columns, types)


def describe_topic(client: Client, sampled: Sampled, extended: bool) -> Result:
    """Columns as inferred, partitions with offsets, and configs (EXTENDED: the defaults too)."""
    source = sampled.source
    topic = client.topic(source.topic)
    offsets = client.offsets(source.topic)
    described = (*source.key, *source.value)
    columns = _table(
        "Columns",
        {
            "column": [c.name for c in described],
            "type": [ksql_name(c.type) for c in described],
            "present": [f"{source.presence.get(c.name, 0):.0%}" for c in described],
            "from": ["key"] * len(source.key) + ["value"] * len(source.value),
        },
        dict.fromkeys(("column", "type", "present", "from"), pa.string()),
    )
    partitions = _table(
        "Partitions",
        {
            "partition": [p.id for p in topic.partitions],
            "leader": [p.leader for p in topic.partitions],
            "replicas": [", ".join(map(str, p.replicas)) for p in topic.partitions],
            "in sync": [", ".join(map(str, p.isr)) for p in topic.partitions],
            "first offset": [offsets[p.id][0] for p in topic.partitions],
            "end offset": [offsets[p.id][1] for p in topic.partitions],
        },
        {"partition": pa.int64(), "leader": pa.int64(), "replicas": pa.string(),
         "in sync": pa.string(), "first offset": pa.int64(), "end offset": pa.int64()},
    )  # fmt: skip
    configs = [c for c in client.configs(source.topic) if extended or not c[2]]
    settings = _table(
        "Configs" if extended else "Configs that are not the broker's defaults",
        {"config": [c[0] for c in configs], "value": [c[1] for c in configs]},
        {"config": pa.string(), "value": pa.string()},
    )
    held = sum(end - first for first, end in offsets.values())
    value = sampled.value
    summary = Message(
        f"Topic {source.topic}: {held:,} offsets in {len(offsets)} partitions."
        f" Of {sampled.records} sampled records {value.agree:.0%} are {value.format} values;"
        f" keys are {ksql_name(source.key[0].type)}."
    )
    return Sections((summary, columns, partitions, settings))


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
    return _table(
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
    return _table(
        "",
        {"property": [r[0] for r in rows], "value": [r[1] for r in rows],
         "default": [r[2] for r in rows]},
        dict.fromkeys(("property", "value", "default"), pa.string()),
    )  # fmt: skip
