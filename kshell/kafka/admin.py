"""Changing topics: create and delete.

confluent-kafka does the work: its calls raise errors, while aiokafka's return codes that are easily
missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from kshell.config import Properties
from kshell.errors import KafkaError, UnknownName
from kshell.kafka.rights import refused
from kshell.kafka.settings import librdkafka
from kshell.permits import check_writes

__all__ = ["create_topic", "delete_topic", "provoke_topic"]

_TIMEOUT = 10.0
_FORBIDDEN, _UNKNOWN = 29, 3


def _admin(properties: Properties) -> Any:
    from confluent_kafka.admin import AdminClient

    return AdminClient(librdkafka(properties))


def _result(future: Future[Any], topic: str, doing: str) -> Any:
    from confluent_kafka import KafkaException

    try:
        return future.result(_TIMEOUT)
    except KafkaException as failed:
        error = failed.args[0]
        if error.code() == _FORBIDDEN:
            raise refused(doing.upper(), f"topic {topic}") from None
        if error.code() == _UNKNOWN:
            raise UnknownName("topic", topic) from None
        raise KafkaError(f"cannot {doing} topic {topic}: {error.str()}") from None
    except TimeoutError:
        raise KafkaError(f"cannot {doing} topic {topic}: no answer in {_TIMEOUT:g} s") from None


def create_topic(
    properties: Properties,
    topic: str,
    *,
    partitions: int,
    replicas: int,
    configs: Mapping[str, str],
) -> None:
    """Create a topic; replicas -1 is the broker's default.  Raises KafkaError or Forbidden."""
    from confluent_kafka.admin import NewTopic

    check_writes(properties, f"creating topic {topic}")
    try:
        new = NewTopic(topic, partitions, replicas, config=dict(configs))
    except ValueError as error:
        raise KafkaError(f"cannot create topic {topic}: {error}") from None
    admin = _admin(properties)  # kept: the calls end with it
    asked = admin.create_topics([new], request_timeout=_TIMEOUT)
    _result(asked[topic], topic, "create")


def provoke_topic(properties: Properties, topic: str) -> None:
    """Make the embedded broker create a topic, by asking about it."""
    from confluent_kafka import Producer

    check_writes(properties, f"creating topic {topic}")
    Producer({**librdkafka(properties), "allow.auto.create.topics": True}).list_topics(
        topic, timeout=_TIMEOUT
    )


def delete_topic(properties: Properties, topic: str) -> None:
    """Delete a topic; raises UnknownName, KafkaError or Forbidden."""
    check_writes(properties, f"deleting topic {topic}")
    admin = _admin(properties)
    asked = admin.delete_topics([topic], request_timeout=_TIMEOUT)
    _result(asked[topic], topic, "delete")
