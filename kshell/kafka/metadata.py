"""A cluster's metadata: brokers, topics with their ids, partitions, leaders, replicas.

aiokafka's own request stops at v5, which has no topic ids; without an id (brokers before 2.8), a
deleted and recreated topic looks like the same one.  A request never creates a topic.  `wire` sends
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kshell.errors import Outage
from kshell.kafka.protocol import Api, Array, Field, Request

__all__ = ["NO_ID", "Broker", "Cluster", "MetadataRequest", "Partition", "Snapshot", "Topic",
           "cluster_of", "no_leader"]  # fmt: skip

NO_ID = bytes(16)  # the id of a topic whose broker has no ids

_NUMBERS = Array("int32")
_METADATA = Api(
    3, "Metadata", (4, 13), 9,
    (
        Field("topics", Array((Field("id", "uuid", 10), Field("name", "string")))),
        Field("create", "bool"), Field("cluster_operations", "bool", 8, 10),
        Field("topic_operations", "bool", 8),
    ),
    (
        Field("throttle", "int32"),
        Field("brokers", Array((
            Field("id", "int32"), Field("host", "string"), Field("port", "int32"),
            Field("rack", "string"),
        ))),
        Field("cluster", "string"), Field("controller", "int32"),
        Field("topics", Array((
            Field("error", "int16"), Field("name", "string"), Field("id", "uuid", 10),
            Field("internal", "bool"),
            Field("partitions", Array((
                Field("error", "int16"), Field("partition", "int32"), Field("leader", "int32"),
                Field("leader_epoch", "int32", 7), Field("replicas", _NUMBERS),
                Field("isr", _NUMBERS), Field("offline", _NUMBERS, 5),
            ))),
            Field("operations", "int32", 8),
        ))),
        Field("cluster_operations", "int32", 8, 10), Field("error", "int16", 13),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker, at the address it advertises."""

    id: int
    host: str
    port: int
    rack: str = ""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; leader -1 means that it has none."""

    id: int
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    error: int = 0


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; `id` is 16 bytes, zero if the broker has no ids; `error` is Kafka's code."""

    name: str
    id: bytes
    internal: bool
    partitions: tuple[Partition, ...]
    error: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A topic and its offsets when a statement began; all reads of the statement share it.

    `offsets` are [first, end) per partition; `isolation` is Kafka's number of the isolation level
    for taking and reading them (1 is read committed: `end` is then the last stable offset).
    `missing` are partitions for which no leader answered: they are not among the offsets.
    """

    topic: Topic
    offsets: Mapping[int, tuple[int, int]]
    isolation: int
    missing: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name

    def check_whole(self) -> Snapshot:
        """Itself; raises Outage if a partition is missing."""
        if self.missing:
            raise no_leader(self.name, self.missing)
        return self


@dataclass(frozen=True, slots=True)
class Cluster:
    """A complete answer."""

    id: str
    controller: int
    brokers: tuple[Broker, ...]
    topics: tuple[Topic, ...]


def no_leader(topic: str, partitions: Iterable[int]) -> Outage:
    """The error where nobody answers for some partitions of a topic."""
    numbers = sorted(partitions)
    which = f"partition{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
    return Outage(
        f"no leader answers for topic {topic}, {which}",
        hint="is a broker down? DESCRIBE shows leaders and in-sync replicas",
    )


class MetadataRequest:
    """The newest request that a broker serves, for these topics or for all."""

    def __init__(self, topics: Sequence[str] | None) -> None:
        self._topics = topics

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Request:
        """The request as aiokafka's connection sends it; raises Unsupported."""
        names = self._topics
        topics = None if names is None else [{"id": NO_ID, "name": name} for name in names]
        body = {"topics": topics, "create": False, "cluster_operations": False,
                "topic_operations": False}  # fmt: skip
        return Request(_METADATA, _METADATA.agreed(versions), body)


def _topic(found: Mapping[str, Any]) -> Topic:
    partitions = [
        Partition(p["partition"], p["leader"], tuple(p["replicas"]), tuple(p["isr"]), p["error"])
        for p in found["partitions"]
    ]
    by_id = tuple(sorted(partitions, key=lambda p: p.id))
    return Topic(
        found["name"] or "", found.get("id", NO_ID), found["internal"], by_id, found["error"]
    )


def cluster_of(answer: Mapping[str, Any]) -> Cluster:
    """An answer to the request."""
    brokers = tuple(
        Broker(b["id"], b["host"], b["port"], b["rack"] or "") for b in answer["brokers"]
    )
    topics = sorted(map(_topic, answer["topics"]), key=lambda t: t.name)
    return Cluster(answer["cluster"] or "", answer["controller"], brokers, tuple(topics))
