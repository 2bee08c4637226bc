"""Writes records in one Kafka transaction, which is open only while they are sent.

COMMIT uses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from kshell.config import Properties
from kshell.errors import KshellError
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.produce import Producer

__all__ = ["write_at_once"]


def write_at_once(
    properties: Properties, id: str, records: Iterable[tuple[str, Outgoing]]
) -> None:
    """Write the records of each topic, all or none; raises KafkaError, Forbidden, UsageError.

    Whoever reads what is committed sees none of them before all are there.
    """
    producer = Producer(properties, partitioner=properties["partitioner"], transaction=id)
    producer.begin()
    try:
        for topic, rows in records:
            producer.send(topic, rows)
        producer.flush()
    except BaseException:
        with contextlib.suppress(KshellError):
            producer.abort()
        raise
    producer.commit()
