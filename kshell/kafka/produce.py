"""Writes records: idempotent, acknowledged by all in-sync replicas, partitioned as in Kafka's
clients.

INSERT and the sinks of continuous queries use it.  The topic must exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from kshell.compiled import compiled
from kshell.config import Properties
from kshell.errors import KafkaError, RecordTooLarge, UsageError
from kshell.kafka import produce_py
from kshell.kafka.outgoing import Outgoing, OutgoingRecord, Refused
from kshell.kafka.rights import no_idempotence, refused
from kshell.kafka.settings import librdkafka
from kshell.kafka.tokens import missing_token
from kshell.permits import check_writes

__all__ = ["PARTITIONER", "PURGED", "Outgoing", "OutgoingRecord", "Producer", "failure",
           "is_idempotent", "sender_of"]  # fmt: skip

_NOTED = 2.0  # seconds without an acknowledgement that are worth a word
_LEAVING = 10.0  # seconds that the end may take while nothing is acknowledged
_FULL = 0.01  # seconds until a full queue is tried again
_FORBIDDEN, _NO_IDEMPOTENCE = 29, 31
_TOO_LARGE = 10
_BATCH = 1_000_000  # bytes of a batch: librdkafka's own number
PURGED = frozenset({-150, -151, -152})  # the producer failed for good, and these records with it
PARTITIONER = "murmur2_random"  # that of Java's clients, and so of Kafka Streams
_impl: Any = compiled("kshell.kafka._produce")


def sender_of(settings: dict[str, Any]) -> Any:
    """The compiled sender, or its twin where librdkafka's functions are not found."""
    kind = produce_py.Sender
    if _impl is not None:
        from confluent_kafka import cimpl

        if _impl.load(cimpl.__file__):
            kind = _impl.Sender
    try:
        return kind(settings)
    except Refused as error:
        raise KafkaError(f"no producer: {error.text}") from None


def failure(topic: str, partition: int | None, code: int, text: str) -> KafkaError:
    """The error for a record that was not written, or for a whole topic."""
    if code == _FORBIDDEN:
        return refused("WRITE", f"topic {topic}")
    if code == _NO_IDEMPOTENCE:
        return no_idempotence(topic)
    known = partition is not None and partition >= 0
    where = f"topic {topic}" + (f", partition {partition}" if known else "")
    if code == _TOO_LARGE:
        return RecordTooLarge(
            f"{where}: {text}", hint="max.message.bytes of the topic allows more"
        )
    return KafkaError(f"{where}: {text}")


def is_idempotent(properties: Properties) -> bool:
    """Whether each record is written once; raises UsageError where two settings of
    acknowledgements cannot both be."""
    return "enable.idempotence" in _delivery(properties)


def batch_size(largest: int | None) -> int:
    """librdkafka's setting, where a topic takes batches of so many bytes."""
    return min(largest or _BATCH, _BATCH)


def _delivery(properties: Properties) -> dict[str, Any]:
    """The settings of acknowledgements; raises UsageError where two of them cannot both be."""
    acks = properties["acks"]
    said = properties.get("enable.idempotence")
    if said == "true" and acks != "all":
        raise UsageError(
            f"enable.idempotence needs acks=all, and acks is {acks}",
            hint="SET 'acks'='all', or UNSET 'enable.idempotence'",
        )
    if said == "true" or (said is None and acks == "all"):
        return {"enable.idempotence": True, "acks": "all"}
    # One request at a time: a batch that is sent again would else come behind a later one.
    return {"acks": acks, "max.in.flight.requests.per.connection": 1}


def _raised(error: KafkaError) -> None:
    raise error


class Producer:
    """Sends records to any topic; `flush` raises if a record was not acknowledged.

    It waits `delivery.timeout.ms` for a cluster that does not answer, then calls `on_stall` with
    the error. If that returns, the wait begins again: librdkafka keeps the records and their order
    as long as the producer lives.
    """

    def __init__(
        self, properties: Properties, on_stall: Callable[[KafkaError], None] = _raised,
        partitioner: str = PARTITIONER, largest: int | None = None,
    ) -> None:  # fmt: skip
        """`largest` is how many bytes of records a batch has at most (`Client.largest_batch`); one
        record may have more."""
        check_writes(properties, "writing records")
        self.on_stall = on_stall
        self._properties = properties
        self._patience = (properties.number("delivery.timeout.ms") or 0) / 1000
        self._leaving = _LEAVING
        self._sent = self._acknowledged = 0
        self._moved = time.monotonic()  # when the last acknowledgement was seen
        self._sender = sender_of(
            {
                **librdkafka(properties),
                **_delivery(properties),
                # Each in turn is for who sends: he names the partitions.
                "partitioner": PARTITIONER if partitioner == "round_robin" else partitioner,
                "compression.type": properties["compression.type"],
                "linger.ms": 5,
                "batch.size": batch_size(largest),
                "queue.buffering.max.kbytes": 64 << 10,  # `send` waits when it is full
                "delivery.report.only.error": True,  # no call for records that were acknowledged
                "message.timeout.ms": 0,  # kshell keeps the time, because the wait can begin again
                "message.max.bytes": 100_000_000,  # the broker's limit is the one that counts
            }
        )

    def send(self, topic: str, records: Outgoing | Iterable[OutgoingRecord]) -> None:
        """Queue records; waits while the queue is full."""
        if not isinstance(records, Outgoing):
            records = Outgoing.of(records)
        records = records.dated()
        row = 0
        while True:
            before = row
            try:
                row = self._sender.send(topic, records, row)
            except Refused as error:
                raise failure(topic, None, error.code, error.text) from None
            self._sent += row - before
            if row == len(records):
                break
            self._sender.poll(_FULL)
            self._check_stalled()
        self._sender.poll(0)

    @property
    def unwritten(self) -> int:
        """Records that were sent and not acknowledged so far."""
        return len(self._sender)

    @property
    def acknowledged(self) -> int:
        """Records that were acknowledged so far; any thread may ask."""
        sent = self._sent  # before the queue's length: else what is sent between counts too
        acknowledged = sent - self.unwritten - len(self._sender.failed)
        return max(acknowledged, self._acknowledged)

    @property
    def note(self) -> str:
        """What is waited for, while no acknowledgement comes."""
        waiting = self._stalled_for()
        if waiting < _NOTED:
            return ""
        return f"waiting: {self._unacknowledged(waiting)}"

    def _unacknowledged(self, waiting: float) -> str:
        """What waits, and why if that is known here."""
        why = missing_token(self._properties)
        what = f"{self.unwritten:,} records not acknowledged for {waiting:.0f} s"
        return f"{what}: {why}" if why else what

    def _stalled_for(self) -> float:
        """Seconds since an acknowledgement came, while some are missing."""
        unwritten, now = self.unwritten, time.monotonic()
        acknowledged = self.acknowledged
        if not unwritten or acknowledged > self._acknowledged:
            self._acknowledged, self._moved = acknowledged, now
        return now - self._moved

    def _check_stalled(self) -> None:
        waiting = self._stalled_for()
        if waiting >= self._patience:
            error = KafkaError(
                self._unacknowledged(waiting),
                hint="no leader, or too few in-sync replicas (min.insync.replicas)? DESCRIBE"
                " shows them; delivery.timeout.ms is how long it is waited",
            )
            self.on_stall(error)
            self._moved = time.monotonic()

    def check(self) -> None:
        """Raise the first failure since the last call; does not wait."""
        self._sender.poll(0)
        self._raise_failure()
        self._check_stalled()

    def _raise_failure(self) -> None:
        if self._sender.failed:
            topic, partition, code, text = self._sender.failed[0]
            if code in PURGED:
                fatal, why = self._sender.fatal()
                code, text = (fatal, why) if fatal else (code, text)
            error = failure(topic, partition, code, text)
            self._sent -= len(self._sender.failed)
            self._sender.failed.clear()
            raise error

    def flush(self) -> None:
        """Wait until all records are acknowledged; raises the first failure or `on_stall`'s
        error."""
        while self._sender.flush(0.2):
            self.check()
        self.check()

    def hurry(self, seconds: float) -> None:
        """From now on wait only so long where nothing is acknowledged."""
        self._leaving = min(self._leaving, seconds)
        self._patience = min(self._patience, self._leaving)

    def leave(self) -> None:
        """`flush`, but it waits only some seconds where nothing is acknowledged."""
        deadline = time.monotonic() + max(self._leaving - self._stalled_for(), 1.0)
        while left := self._sender.flush(0.2):
            if self._sender.failed:
                break
            if self._stalled_for() < min(_NOTED, self._leaving):
                deadline = time.monotonic() + self._leaving
            elif time.monotonic() > deadline:
                why = missing_token(self._properties)
                raise KafkaError(f"{left:,} record{'s' * (left != 1)} left unwritten", hint=why)
        self._raise_failure()
        self._stalled_for()
