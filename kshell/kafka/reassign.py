"""Moving replicas to other brokers: confluent-kafka does not have the request, aiokafka has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import errors as codes
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest

from kshell.config import Properties
from kshell.errors import KafkaError
from kshell.kafka.client import Client
from kshell.kafka.rights import CLUSTER, FORBIDDEN, refused
from kshell.permits import check_writes

__all__ = ["reassign"]

_TIMEOUT_MS = 10_000


def reassign(
    client: Client, properties: Properties, topic: str, replicas: Mapping[int, Sequence[int]]
) -> None:
    """Begin to move partitions to these brokers; raises Forbidden, KafkaError."""
    check_writes(properties, f"reassigning topic {topic}")
    partitions: list[tuple[int, list[int], dict[int, bytes]]] = [
        (p, list(brokers), {}) for p, brokers in replicas.items()
    ]
    request = AlterPartitionReassignmentsRequest(_TIMEOUT_MS, [(topic, partitions, {})], {})
    cluster = client.call(client.wire.metadata([]))
    ids = [broker.id for broker in cluster.brokers]
    node = cluster.controller if cluster.controller in ids else ids[0]
    answer = client.call(client.wire.send(node, request))
    _check(answer.error_code, answer.error_message, f"reassign topic {topic}")
    for _, results, _ in answer.responses:
        for partition, code, why, _ in results:
            _check(code, why, f"reassign topic {topic}, partition {partition}")


def _check(code: int, why: str | None, doing: str) -> None:
    if code in FORBIDDEN:
        raise refused("ALTER", CLUSTER)
    if code:
        raise KafkaError(f"cannot {doing}: {why or codes.for_code(code).__name__}")
