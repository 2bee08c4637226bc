"""Rows about topics, their partitions and configs, and brokers."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kshell.engines.local.sources.system.asked import Asked
from kshell.kafka.ends import EARLIEST, LATEST
from kshell.kafka.look import Place
from kshell.kafka.metadata import Partition, Topic
from kshell.kafka.states import BROKER, TOPIC
from kshell.kafka.states import configs as configs_of

__all__ = ["brokers", "configs", "partitions", "replicas", "topics"]

Row = tuple[Any, ...]
# Kafka's numbers of what set a config.
_SET_BY = {1: "topic", 2: "broker", 3: "all brokers", 4: "file", 5: "default", 6: "log level"}
_OWN = (1, 2)


def _behind(partition: Partition) -> bool:
    return len(partition.isr) < len(partition.replicas)


def _places(topics: list[Topic]) -> list[Place]:
    return [(t.name, p.id) for t in topics for p in t.partitions]


def _records(first: int | None, end: int | None) -> int | None:
    return None if first is None or end is None else end - first


def _id(id: bytes) -> str:
    """A topic's id as Kafka's tools write it."""
    return base64.urlsafe_b64encode(id).decode().rstrip("=")


def topics(asked: Asked) -> Iterator[Row]:
    """A row for each topic."""
    found = list(asked.look.topics(asked.only).values())
    counted = asked.names("records")
    firsts = asked.look.offsets(_places(found), EARLIEST) if counted else {}
    ends = asked.look.offsets(_places(found), LATEST) if counted else {}
    for topic in found:
        held = [_records(firsts.get(at), ends.get(at)) for at in _places([topic])]
        yield (
            topic.name, len(topic.partitions),
            max((len(p.replicas) for p in topic.partitions), default=0), topic.internal,
            sum(map(_behind, topic.partitions)), sum(p.leader < 0 for p in topic.partitions),
            _id(topic.id) if any(topic.id) else None,
            None if None in held else sum(n for n in held if n is not None),
        )  # fmt: skip


def partitions(asked: Asked) -> Iterator[Row]:
    """A row for each partition; one without a leader has no offsets."""
    found = list(asked.look.topics(asked.only).values())
    places = _places(found)
    counted = asked.names("records")
    firsts = asked.look.offsets(places, EARLIEST) if counted or asked.names("start_offset") else {}
    ends = asked.look.offsets(places, LATEST) if counted or asked.names("end_offset") else {}
    for topic in found:
        for p in topic.partitions:
            first, end = firsts.get((topic.name, p.id)), ends.get((topic.name, p.id))
            leader = p.leader if p.leader >= 0 else None
            yield (
                topic.name, p.id, leader, list(p.replicas), list(p.isr), _behind(p),
                leader is None, first, end, _records(first, end),
            )  # fmt: skip


def replicas(asked: Asked) -> Iterator[Row]:
    """A row for each replica of each partition."""
    for topic in asked.look.topics(asked.only).values():
        for p in topic.partitions:
            for n, broker in enumerate(p.replicas):
                yield topic.name, p.id, broker, broker == p.leader, broker in p.isr, n == 0


def brokers(asked: Asked) -> Iterator[Row]:
    """A row for each broker; topics are asked for only if what it holds is named."""
    counted = asked.names("partitions_led", "partitions")
    held = [p for t in asked.look.topics(None).values() for p in t.partitions] if counted else []
    leads, copies = Counter(p.leader for p in held), Counter(b for p in held for b in p.replicas)
    cluster = asked.look.cluster
    for broker in sorted(cluster.brokers, key=lambda b: b.id):
        yield (
            broker.id, broker.host, broker.port, broker.rack or None,
            broker.id == cluster.controller, leads[broker.id], copies[broker.id],
        )  # fmt: skip


def configs(asked: Asked) -> Iterator[Row]:
    """A row for each config of each topic and each broker; what is named may be either."""
    look, only = asked.look, asked.only
    for topic, config in configs_of(look, TOPIC, list(look.topics(only))):
        yield topic, None, *_config(config)
    brokers = [b for b in sorted(look.brokers) if only is None or not only.isdisjoint(_ways(b))]
    for broker, config in configs_of(look, BROKER, list(map(str, brokers))):
        yield None, int(broker), *_config(config)


def _ways(broker: int) -> tuple[str, ...]:
    """How a query may write a broker's number."""
    return (str(broker), f"{broker}.0")


def _config(config: Any) -> Row:
    source = config["source"]
    return (
        config["name"], None if config["sensitive"] else config["value"],
        _SET_BY.get(source), source not in _OWN, config["read_only"], config["sensitive"],
    )  # fmt: skip
