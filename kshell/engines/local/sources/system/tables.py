"""The system tables as data: their names, columns and the functions that make their rows.

SELECT, DESCRIBE, completion and the reference page are made from these rows.  A function gives rows
in the order of the columns; what a query does not name may be None, and nobody is asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DOUBLE,
    INTEGER,
    STRING,
    TIMESTAMP,
    array_of,
    map_of,
)

if TYPE_CHECKING:
    from kshell.engines.local.sources.system.asked import Rows

__all__ = ["LISTED", "SCHEMA", "TABLES", "SystemColumn", "SystemTable"]

SCHEMA = "kafka"  # what stands before the dot


@dataclass(frozen=True, slots=True)
class SystemColumn:
    """A column; those that are `key` tell one row from another, and * leaves `hidden` ones out."""

    name: str
    type: pa.DataType
    help: str
    key: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class SystemTable:
    """A table; `rows` is the `module:name` of the function of this package that makes its rows.

    A test for equality of one of the columns `narrows` in WHERE narrows what the cluster is asked
    for.
    """

    name: str
    help: str
    rows: str
    columns: tuple[SystemColumn, ...]
    narrows: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name in FROM.

        >>> TABLES["lag"].full_name
        'kafka.lag'
        """
        return f"{SCHEMA}.{self.name}"

    def make(self) -> Rows:
        """The function that makes the rows."""
        module, _, name = self.rows.partition(":")
        found: Rows = getattr(import_module(f"{__package__}.{module}"), name)
        return found


def _key(name: str, type: pa.DataType, help: str) -> SystemColumn:
    return SystemColumn(name, type, help, key=True)


_TOPIC = _key("topic", STRING, "the topic's name")
_PARTITION = _key("partition", INTEGER, "the partition's number")
_BROKER = _key("broker", INTEGER, "the broker's number")
_GROUP = _key("group_id", STRING, "the group's name")
_COMMITTED = SystemColumn("committed", BIGINT, "the next offset that the group will read")
_START = SystemColumn("start_offset", BIGINT, "the first offset that is still there")
_END = SystemColumn("end_offset", BIGINT, "the next record's offset; NULL without a leader")
_PRODUCER_ID = SystemColumn("producer_id", BIGINT, "the producer's id")
_EPOCH = SystemColumn("producer_epoch", INTEGER, "the epoch of the producer's id")
_NAME = _key("name", STRING, "its name")
_VALUE = SystemColumn("value", STRING, "its value; NULL where it is secret or not set")

_ALL = (
    SystemTable(
        "topics", "every topic", "topics:topics",
        (
            _TOPIC,
            SystemColumn("partitions", INTEGER, "how many partitions it has"),
            SystemColumn("replication_factor", INTEGER, "how many replicas each partition has"),
            SystemColumn("internal", BOOLEAN, "whether it is Kafka's own"),
            SystemColumn("partitions_behind", INTEGER, "partitions that are under-replicated"),
            SystemColumn("partitions_offline", INTEGER, "partitions without a leader"),
            SystemColumn("topic_id", STRING, "the id that a topic created anew does not share"),
            SystemColumn("records", BIGINT, "end offsets less first offsets, of all partitions"),
        ),
        narrows=("topic",),
    ),
    SystemTable(
        "partitions", "every partition of every topic", "topics:partitions",
        (
            _TOPIC, _PARTITION,
            SystemColumn("leader", INTEGER, "the broker that leads it; NULL if none does"),
            SystemColumn("replicas", array_of(INTEGER), "the brokers that hold it"),
            SystemColumn("isr", array_of(INTEGER), "those of them that are in sync"),
            SystemColumn("under_replicated", BOOLEAN, "whether a replica is behind"),
            SystemColumn("offline", BOOLEAN, "whether it has no leader"),
            _START, _END,
            SystemColumn("records", BIGINT, "the end offset less the first"),
        ),
        narrows=("topic",),
    ),
    SystemTable(
        "replicas", "every replica of every partition", "topics:replicas",
        (
            _TOPIC, _PARTITION, _BROKER,
            SystemColumn("leads", BOOLEAN, "whether this replica leads the partition"),
            SystemColumn("in_sync", BOOLEAN, "whether it is in sync"),
            SystemColumn("preferred", BOOLEAN, "whether it should lead: the first replica"),
        ),
        narrows=("topic",),
    ),
    SystemTable(
        "brokers", "every broker that is there", "topics:brokers",
        (
            _BROKER,
            SystemColumn("host", STRING, "the host that clients connect to"),
            SystemColumn("port", INTEGER, "the port that clients connect to"),
            SystemColumn("rack", STRING, "its rack; NULL if none is set"),
            SystemColumn("controller", BOOLEAN, "whether it is named as the controller"),
            SystemColumn("partitions_led", INTEGER, "how many partitions it leads"),
            SystemColumn("partitions", INTEGER, "how many partitions it has a replica of"),
        ),
    ),
    SystemTable(
        "configs", "every config of every topic and broker", "topics:configs",
        (
            _key("topic", STRING, "the topic that has it; NULL for a broker's"),
            _key("broker", INTEGER, "the broker that has it; NULL for a topic's"),
            _NAME, _VALUE,
            SystemColumn("set_by", STRING, "what set it: topic, broker, file, default …"),
            SystemColumn("is_default", BOOLEAN, "whether nobody set it for this topic or broker"),
            SystemColumn("read_only", BOOLEAN, "whether it cannot be changed while brokers run"),
            SystemColumn("sensitive", BOOLEAN, "whether its value is secret"),
        ),
        narrows=("topic", "broker"),
    ),
    SystemTable(
        "groups", "every group", "groups:groups",
        (
            _GROUP,
            SystemColumn("state", STRING, "Stable, Empty, PreparingRebalance …"),
            SystemColumn("protocol_type", STRING, "consumer, connect …"),
            SystemColumn("type", STRING, "the protocol: classic, consumer, share; NULL before 3.8"),
            SystemColumn("broker", INTEGER, "the broker that coordinates it"),
            SystemColumn("strategy", STRING, "how partitions are assigned to members"),
            SystemColumn("members", INTEGER, "how many members it has"),
        ),
        narrows=("group_id",),
    ),
    SystemTable(
        "members", "every member of every group", "groups:members",
        (
            _GROUP,
            _key("member_id", STRING, "the member's id"),
            SystemColumn("instance_id", STRING, "group.instance.id of a static member"),
            SystemColumn("client_id", STRING, "the client.id that it gave"),
            SystemColumn("host", STRING, "where it runs"),
            SystemColumn("partitions", INTEGER, "how many partitions it has"),
            SystemColumn("assignment", map_of(STRING, array_of(INTEGER)), "which, by topic"),
        ),
        narrows=("group_id",),
    ),
    SystemTable(
        "offsets", "every offset that a group has committed", "groups:offsets",
        (
            _GROUP, _TOPIC, _PARTITION, _COMMITTED,
            SystemColumn("metadata", STRING, "the text that was committed with it"),
        ),
        narrows=("group_id",),
    ),
    SystemTable(
        "lag", "how far each group is behind, in all partitions of the topics it has committed in",
        "lag:lag",
        (
            _GROUP, _TOPIC, _PARTITION,
            SystemColumn("member_id", STRING, "the member that has the partition; NULL without"),
            SystemColumn("client_id", STRING, "that member's client.id"),
            SystemColumn("host", STRING, "where that member runs"),
            SystemColumn("committed", BIGINT, "the next offset that it will read; NULL if it has"
                         " committed none here"),
            _START, _END,
            SystemColumn("lag", BIGINT, "records behind the end; without a commit, from the first"),
            # They need two looks, a second apart.
            SystemColumn("rate", DOUBLE, "by how many records a second the lag grows; below 0 it"
                         " shrinks", hidden=True),
            SystemColumn("verdict", STRING, "caught up, draining, growing, steady; no commit:"
                         " nothing was committed between two looks; stuck: the group has no members"
                         " either, or has committed nothing for 8 seconds", hidden=True),
        ),
        narrows=("group_id",),
    ),
    SystemTable(
        "acls", "every rule of the authorizer", "states:acls",
        (
            _key("resource_type", STRING, "TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID …"),
            _key("name", STRING, "the resource's name, or what it begins with"),
            _key("pattern", STRING, "LITERAL or PREFIXED"),
            _key("principal", STRING, "whom it is about: User:alice"),
            _key("host", STRING, "from where; * is everywhere"),
            _key("operation", STRING, "READ, WRITE, DESCRIBE, ALL …"),
            _key("permission", STRING, "ALLOW or DENY"),
        ),
    ),
    SystemTable(
        "transactions", "every transactional id that a coordinator knows", "states:transactions",
        (
            _key("transactional_id", STRING, "the id that the producer gave"),
            SystemColumn("state", STRING, "Ongoing, CompleteCommit, Empty …"),
            SystemColumn("broker", INTEGER, "the broker that coordinates it"),
            _PRODUCER_ID, _EPOCH,
            SystemColumn("started", TIMESTAMP, "when the open transaction began"),
            SystemColumn("timeout_ms", INTEGER, "after how many milliseconds it is aborted"),
            SystemColumn("written_to", map_of(STRING, array_of(INTEGER)), "partitions, by topic"),
        ),
    ),
    SystemTable(
        "producers", "every producer with an id that lately wrote to a partition",
        "states:producers",
        (
            _TOPIC, _PARTITION, _key("producer_id", BIGINT, "the producer's id"), _EPOCH,
            SystemColumn("last_sequence", INTEGER, "the number of its last record"),
            SystemColumn("last_time", TIMESTAMP, "when it wrote last"),
            SystemColumn("transaction_start", BIGINT, "the first offset of its open transaction"),
        ),
        narrows=("topic",),
    ),
    SystemTable(
        "quotas", "every quota", "states:quotas",
        (
            _key("user", STRING, "the user; <default> for all others, NULL for any"),
            _key("client_id", STRING, "the client.id; <default> for all others, NULL for any"),
            _key("ip", STRING, "the address; <default> for all others, NULL for any"),
            _key("name", STRING, "producer_byte_rate, consumer_byte_rate, request_percentage …"),
            SystemColumn("value", DOUBLE, "its value"),
        ),
    ),
    SystemTable(
        "connectors", "every connector of Kafka Connect (--connect)", "connect:connectors",
        (
            _key("name", STRING, "the connector's name"),
            SystemColumn("type", STRING, "source or sink"),
            SystemColumn("state", STRING, "RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED …"),
            SystemColumn("class", STRING, "the plugin that it is of"),
            SystemColumn("worker", STRING, "the worker that runs it"),
            SystemColumn("tasks", INTEGER, "how many tasks it has"),
            SystemColumn("tasks_failed", INTEGER, "how many of them have failed"),
            SystemColumn("trace", STRING, "why it has failed, or its first task that has"),
        ),
    ),
    SystemTable(
        "log_dirs", "the bytes of every replica on its broker's disks", "states:log_dirs",
        (
            _BROKER,
            _key("path", STRING, "the directory"),
            _TOPIC, _PARTITION,
            SystemColumn("bytes", BIGINT, "the size of its files"),
            SystemColumn("offset_lag", BIGINT, "records behind the leader's end"),
            SystemColumn("future", BOOLEAN, "whether it is moving to this directory"),
        ),
        narrows=("topic",),
    ),
    SystemTable(
        "errors", "the latest records that this shell could not use", "session:errors",
        (
            _key("number", BIGINT, "counts from the oldest that is kept"),
            SystemColumn("topic", STRING, "the record's topic, or the query that failed on it"),
            SystemColumn("partition", INTEGER, "the record's partition"),
            SystemColumn("offset", BIGINT, "the record's offset"),
            SystemColumn("time", TIMESTAMP, "the record's time"),
            SystemColumn("reason", STRING, "why it could not be used"),
            SystemColumn("excerpt", BYTES, "the beginning of its bytes"),
        ),
    ),
    SystemTable(
        "queries", "the queries of this shell that run in the background", "session:queries",
        (
            _key("query_id", STRING, "the query's id"),
            SystemColumn("state", STRING, "what it does, in a few words"),
            SystemColumn("failed", BOOLEAN, "whether it has failed"),
        ),
    ),
)  # fmt: skip
TABLES: Mapping[str, SystemTable] = MappingProxyType({table.name: table for table in _ALL})
# The columns whose values are the names of a thing, for completion.
LISTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"group": ("groups", "group_id"), "broker": ("brokers", "broker"),
     "principal": ("acls", "principal"), "connector": ("connectors", "name")}
)  # fmt: skip
