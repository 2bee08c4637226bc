"""Writes records in transactions: all of one are there, or none is.

Durable queries use it.  One producer of a transactional id is alive at a time: a newer one fences
those before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TypeVar

from kshell.config import Properties
from kshell.errors import KafkaError, KshellError, Outage
from kshell.kafka.outgoing import Outgoing, Refused
from kshell.kafka.produce import sender_of
from kshell.kafka.rights import refused
from kshell.kafka.settings import librdkafka
from kshell.permits import check_writes

__all__ = ["EXPIRES", "Fenced", "Transactions"]

T = TypeVar("T")
EXPIRES = 60.0  # seconds until the brokers end a transaction that nobody goes on with
_ONCE = 1.0  # seconds of one attempt, between which the caller may stop it
_FULL = 0.01  # seconds until a full queue is tried again
# librdkafka's and Kafka's codes, all of which mean that the producer's epoch is over.
_FENCED = frozenset({-144, 47, 90})
_DENIED = {29: "WRITE on a topic", 30: "READ on the group", 53: "WRITE on the transactional id"}
# What ends by itself: brokers that are away, that lead no more, that load; too few in sync.
_PASSES = frozenset({
    -195, -193, -192, -187, -185, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 51, 56,
})  # fmt: skip
_TOO_LARGE = 10
_PURGED = frozenset({-150, -151, -152})


@cache
def _nobody(group: str) -> bytes:
    """A group without a member, as a transaction names it: for one that nobody joins."""
    from confluent_kafka import Consumer

    consumer = Consumer({"group.id": group, "log_level": 0})  # it never connects
    try:
        return bytes(consumer.consumer_group_metadata())
    finally:
        consumer.close()


class Fenced(KafkaError):
    """Another producer has the transactional id now, or the brokers ended the transaction."""


class Transactions:
    """The producer of one transactional id; after an error it is of no more use.

    `stopping` says whether the caller wants to leave: then nothing is waited for any longer.
    Raises Fenced, Outage for what ends by itself, Forbidden, and KafkaError.
    """

    def __init__(
        self, properties: Properties, id: str, stopping: Callable[[], bool]
    ) -> None:
        check_writes(properties, "writing records")
        self.id, self._stopping = id, stopping
        self._patience = (properties.number("delivery.timeout.ms") or 0) / 1000
        self._sender = sender_of(
            {
                **librdkafka(properties),
                "transactional.id": id,
                "transaction.timeout.ms": int(EXPIRES * 1000),
                "partitioner": "murmur2_random",
                "compression.type": properties["compression.type"],
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # else its steps are of half a second
                "queue.buffering.max.kbytes": 64 << 10,  # `send` waits when it is full
                "delivery.report.only.error": True,
                "message.max.bytes": 100_000_000,  # the broker's limit is the one that counts
            }
        )
        self.open = False
        self.sent = 0  # records of this transaction
        self._again(lambda: self._sender.init_transactions(_ONCE), "begin as a producer")

    def begin(self) -> None:
        """Begin a transaction."""
        self._tried(self._sender.begin, "begin a transaction")
        self.open, self.sent = True, 0

    def send(self, topic: str, records: Outgoing) -> None:
        """Queue records; waits while the queue is full."""
        records = records.dated()
        row, deadline = 0, time.monotonic() + self._patience
        while True:
            before = row
            row = self._tried(partial(self._sender.send, topic, records, row), f"write to {topic}")
            if row == len(records):
                break
            if row > before:
                deadline = time.monotonic() + self._patience
            self._sender.poll(_FULL)
            self._check()
            if time.monotonic() > deadline:
                raise Outage(f"no record is acknowledged for {self._patience:g} s")
        self.sent += len(records)
        self._sender.poll(0)
        self._check()

    def send_offsets(self, group: str, offsets: Sequence[tuple[str, int, int]]) -> None:
        """Offsets (topic, partition, next offset) of a group that nobody joins are part of it."""
        member, doing = _nobody(group), f"commit offsets of {group}"
        self._again(lambda: self._sender.send_offsets(member, offsets, _ONCE), doing)

    def commit(self) -> None:
        """Commit it."""
        self._again(lambda: self._sender.commit(_ONCE), "commit")
        self.open = False

    def abort(self) -> None:
        """Take it back; who reads committed records does not wait for its end then."""
        self._tried(lambda: self._sender.abort(_ONCE), "abort")
        self.open = False

    def _again(self, attempt: Callable[[], None], doing: str) -> None:
        """Tries until it is done: what was sent may have been heard, and only its answer lost."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return attempt()
            except Refused as error:
                later = error.retriable and not error.fatal
                if not later or time.monotonic() > deadline or self._stopping():
                    raise self._error(error, doing) from None

    def _tried(self, attempt: Callable[[], T], doing: str) -> T:
        try:
            return attempt()
        except Refused as error:
            raise self._error(error, doing) from None

    def _check(self) -> None:
        """Raise the first record's failure."""
        if self._sender.failed:
            raise self._error(Refused(*self._sender.failed[0][2:]), "write")

    def _error(self, error: Refused, doing: str) -> KshellError:
        """What was refused, as ours: the record's own failure says more than that of the commit."""
        code, text = error.code, error.text
        self._sender.poll(0)  # for the record that was refused
        fatal, why = self._sender.fatal()
        if fatal:  # looked at first: a fenced producer calls its next errors retriable
            code, text = fatal, why
        if code in _FENCED:
            return Fenced(f"{self.id}: another producer has taken over, or its time was over")
        where = ""
        for topic, partition, own, said in self._sender.failed[:1]:
            if own not in _PURGED:
                code, text = own, said
                doing, where = "write", f"topic {topic}, partition {partition}: "
        if code in _DENIED:
            operation, _, resource = _DENIED[code].partition(" on ")
            return refused(operation, f"{resource} ({where}{self.id})")
        kind = Outage if code in _PASSES or error.retriable else KafkaError
        hint = "max.message.bytes of the topic allows more" if code == _TOO_LARGE else ""
        return kind(f"cannot {doing}: {where}{text}", hint=hint)
