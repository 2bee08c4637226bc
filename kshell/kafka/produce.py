"""Writing records: idempotent, acknowledged by all in-sync replicas, keyed as Kafka's own clients.

INSERT and the sinks of continuous queries use it.  The topic must exist: writing creates none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError
from kshell.kafka.settings import librdkafka

__all__ = ["OutgoingRecord", "Producer"]

_TIMEOUT = 30.0
_FORBIDDEN, _TOO_LARGE = 29, 10


class OutgoingRecord(NamedTuple):
    """One record; `partition` None is the key's, `timestamp` (ms) None is now."""

    key: bytes | None
    value: bytes | None
    timestamp: int | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Producer:
    """Sends records of any topic; `flush` raises for those that were not acknowledged."""

    def __init__(self, properties: Properties) -> None:
        from confluent_kafka import Producer as Sender

        self._failed: list[KafkaError] = []
        self._sender = Sender(
            {
                **librdkafka(properties),
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "queue.buffering.max.kbytes": 64 << 10,  # what waits is bounded: `send` waits then
                "delivery.report.only.error": True,  # what went well costs no call
                "message.timeout.ms": int(_TIMEOUT * 1000),
                "message.max.bytes": 100_000_000,  # the broker's limit is the one that counts
            }
        )

    def send(self, topic: str, records: Iterable[OutgoingRecord]) -> None:
        """Queue records; waits where the queue is full."""
        for key, value, timestamp, partition, headers in records:
            given: dict[str, Any] = {}
            if partition is not None:
                given["partition"] = partition
            if timestamp is not None:
                given["timestamp"] = timestamp
            if headers:
                given["headers"] = list(headers)
            while True:
                try:
                    self._sender.produce(
                        topic, value, key, on_delivery=self._delivered, **given
                    )
                    break
                except BufferError:
                    self._sender.poll(0.1)
        self._sender.poll(0)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            return
        topic, partition = message.topic(), message.partition()
        where = f"topic {topic}" + (f", partition {partition}" if partition >= 0 else "")
        if error.code() == _FORBIDDEN:
            self._failed.append(Forbidden(f"not allowed to write to topic {topic}"))
        elif error.code() == -192:  # librdkafka's own time-out: it hides the broker's reason
            self._failed.append(
                KafkaError(
                    f"{where}: not acknowledged within {_TIMEOUT:g} s",
                    hint="too few in-sync replicas (min.insync.replicas), or no leader?"
                    " DESCRIBE shows them",
                )
            )
        else:
            self._failed.append(KafkaError(f"{where}: {error.str()}"))

    def check(self) -> None:
        """Raise the first failure since the last look; waits for nothing."""
        self._sender.poll(0)
        if self._failed:
            error = self._failed[0]
            self._failed = []
            raise error

    def flush(self) -> None:
        """Wait until all is acknowledged; raises the first failure."""
        left = self._sender.flush(_TIMEOUT + 5)
        self.check()
        if left:
            raise KafkaError(f"{left} records were not acknowledged")
