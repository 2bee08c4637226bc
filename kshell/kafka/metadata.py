"""A cluster's metadata: brokers, topics with their ids, partitions, leaders, replicas.

This module writes and reads Metadata v12 by hand, because aiokafka stops at v5, which has no topic
ids; without an id, a deleted and recreated topic looks like the same one.  A request never creates
a topic.  `wire` sends it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshell.errors import CorruptRecord

__all__ = ["VERSION", "Broker", "Cluster", "Partition", "Snapshot", "Topic", "decode", "encode"]

API_KEY = 3
VERSION = 12
_NO_ID = bytes(16)


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
    """

    topic: Topic
    offsets: Mapping[int, tuple[int, int]]
    isolation: int

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name


@dataclass(frozen=True, slots=True)
class Cluster:
    """A complete answer."""

    id: str
    controller: int
    brokers: tuple[Broker, ...]
    topics: tuple[Topic, ...]


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _string(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data) + 1) + data


def encode(topics: Sequence[str] | None) -> bytes:
    """The body of a request for these topics, or for all of them.

    >>> encode(None).hex()
    '00000000'
    """
    if topics is None:
        listed = _varint(0)
    else:
        listed = _varint(len(topics) + 1)
        listed += b"".join(_NO_ID + _string(t) + b"\0" for t in topics)
    return listed + b"\0" + b"\0" + b"\0"  # create no topic, no authorized operations, no tags


class _Reader:
    """A position in an answer; every read is checked against its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if size < 0 or len(piece) != size:
            raise CorruptRecord("a metadata answer is cut off")
        self.at += size
        return piece

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big", signed=True)

    def varint(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def string(self) -> str:
        return self.take(max(self.varint() - 1, 0)).decode()

    def count(self) -> int:
        return max(self.varint() - 1, 0)

    def integers(self) -> tuple[int, ...]:
        count = self.count()
        return struct.unpack(f">{count}i", self.take(4 * count))

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def _broker(r: _Reader) -> Broker:
    broker = Broker(r.integer(4), r.string(), r.integer(4), r.string())
    r.tags()
    return broker


def _partition(r: _Reader) -> Partition:
    error, number, leader = r.integer(2), r.integer(4), r.integer(4)
    r.integer(4)  # leader epoch
    replicas, isr = r.integers(), r.integers()
    r.integers()  # offline replicas
    r.tags()
    return Partition(number, leader, replicas, isr, error)


def _topic(r: _Reader) -> Topic:
    error, name, id = r.integer(2), r.string(), r.take(16)
    internal = r.integer(1) != 0
    partitions = tuple(_partition(r) for _ in range(r.count()))
    r.integer(4)  # authorized operations
    r.tags()
    return Topic(name, id, internal, tuple(sorted(partitions, key=lambda p: p.id)), error)


def decode(body: bytes) -> Cluster:
    """The answer without its header (correlation id and tags); raises CorruptRecord."""
    r = _Reader(body)
    r.integer(4)  # throttle time
    brokers = tuple(_broker(r) for _ in range(r.count()))
    id, controller = r.string(), r.integer(4)
    topics = tuple(_topic(r) for _ in range(r.count()))
    return Cluster(id, controller, brokers, tuple(sorted(topics, key=lambda t: t.name)))
