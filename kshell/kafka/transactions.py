"""Writes records in transactions: all of one are there, or none is.

Durable queries, CONSUME … EXACTLY ONCE and COMMIT use it.  One producer of a transactional id is
alive at a time: a newer one fences those before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError, KshellError, Outage
from kshell.kafka.error_codes import PASSES
from kshell.kafka.outgoing import Outgoing, Refused
from kshell.kafka.produce import PARTITIONER, PURGED, batch_size, failure, sender_of
from kshell.kafka.rights import refused
from kshell.kafka.settings import librdkafka
from kshell.permits import check_writes

__all__ = ["EXPIRES", "Fenced", "Stuck", "Transactions", "Undone"]

T = TypeVar("T")
EXPIRES = 60.0  # seconds until the brokers end a transaction that nobody goes on with
_ONCE = 0.5  # seconds of one attempt, between which the caller may stop it
_FULL = 0.01  # seconds until a full queue is tried again
_STUCK = 10.0  # seconds after which a call does not come back that may take half a second
# librdkafka's and Kafka's codes, all of which mean that the producer's epoch is over.
_FENCED = frozenset({-144, 47, 90})
_NO_TOPIC, _NO_GROUP, _NO_ID = 29, 30, 53  # what the brokers deny


class Fenced(KafkaError):
    """Another producer has the transactional id now, or the brokers ended the transaction."""


class Undone(KafkaError):
    """The transaction can only be aborted; then the same may be tried again."""


class Stuck(KafkaError):
    """librdkafka does not come back from a call: this producer is of no more use."""


class Transactions:
    """The producer of one transactional id; it fences those before it when it is made.

    `stopping` says whether the caller wants to leave: then nothing is waited for any longer.  What
    it raises ends a wait too.
    Raises Fenced, Forbidden, Outage for what ends by itself, Undone, and KafkaError.  `abort` comes
    after each of them; after Outage and Undone the producer may go on then.
    """

    def __init__(
        self, properties: Properties, id: str, stopping: Callable[[], bool] = lambda: False, *,
        expires: float = EXPIRES, partitioner: str = PARTITIONER, largest: int | None = None,
    ) -> None:  # fmt: skip
        check_writes(properties, "writing records")
        self.id, self._stopping, self._expires = id, stopping, expires
        self.patience = (properties.number("delivery.timeout.ms") or 0) / 1000
        self._sender = sender_of(
            {
                **librdkafka(properties),
                "transactional.id": id,
                "transaction.timeout.ms": int(expires * 1000),
                # Each in turn is for who sends: he names the partitions.
                "partitioner": PARTITIONER if partitioner == "round_robin" else partitioner,
                "compression.type": properties["compression.type"],
                "linger.ms": 5,
                "batch.size": batch_size(largest),
                "retry.backoff.ms": 20,  # else its steps are of half a second
                "queue.buffering.max.kbytes": 64 << 10,  # `send` waits when it is full
                "delivery.report.only.error": True,
                "message.max.bytes": 100_000_000,  # the broker's limit is the one that counts
            }
        )
        self.open = False
        self.undecided = False  # it was asked to commit, and there is no answer
        self._topics: dict[str, None] = {}  # that this transaction writes to
        self._group = ""
        self._again(lambda: self._sender.init_transactions(_ONCE), "begin as a producer")

    def begin(self) -> None:
        """Begin a transaction."""
        self._tried(self._sender.begin, "begin a transaction")
        self.open = True
        self._topics.clear()

    def send(self, topic: str, records: Outgoing) -> None:
        """Queue records; waits while the queue is full."""
        records, self._topics[topic] = records.dated(), None
        row, deadline = 0, time.monotonic() + self.patience
        while True:
            before = row
            row = self._tried(partial(self._sender.send, topic, records, row), f"write to {topic}")
            if row == len(records):
                break
            if row > before:
                deadline = time.monotonic() + self.patience
            self._sender.poll(_FULL)
            self._check()
            self._check_time(deadline)
        self._sender.poll(0)
        self._check()

    def flush(self) -> None:
        """Wait until all records are acknowledged."""
        deadline = time.monotonic() + self.patience
        while self._sender.flush(_ONCE):
            self._check()
            self._check_time(deadline)
        self._check()

    def send_offsets(
        self, group: str, offsets: Sequence[tuple[str, int, int]], member: bytes
    ) -> None:
        """Offsets (topic, partition, next offset) of a group are part of it, for a member's
        `consumer_group_metadata()`.  Raises Stuck, too."""
        self._group = group
        call = partial(self._sender.send_offsets, member, offsets, _ONCE)
        self._again(lambda: self._in_time(call), f"commit offsets of {group}")

    def _in_time(self, call: Callable[[], None]) -> None:
        """Make a call that may never return: so it is with a coordinator that was away so long that
        librdkafka had dropped the broker, whatever the time that the call is given."""
        answers: SimpleQueue[Exception | None] = SimpleQueue()

        def made() -> None:
            try:
                call()
                answers.put(None)
            except Exception as error:
                answers.put(error)

        Thread(target=made, name="kshell-offsets", daemon=True).start()
        try:
            error = answers.get(timeout=_STUCK)
        except Empty:
            raise Stuck(
                f"the coordinator of group {self._group} was away, and librdkafka does not come"
                " back to it"
            ) from None
        if error is not None:
            raise error

    def commit(self) -> None:
        """Commit it; after an error it is not known whether it was, where it is `undecided`."""
        self.flush()  # as long as records are missing it can be aborted
        self.undecided = True
        self._again(lambda: self._sender.commit(_ONCE), "commit")
        self.open = self.undecided = False

    def abort(self, seconds: float = _ONCE) -> None:
        """Take it back; who reads committed records does not wait for its end then."""
        self._again(lambda: self._sender.abort(_ONCE), "abort", seconds)
        self._sender.failed.clear()
        self.open = self.undecided = False

    def _again(
        self, attempt: Callable[[], None], doing: str, seconds: float | None = None
    ) -> None:
        """Tries until it is done: what was sent may have been heard, and only its answer lost."""
        deadline = time.monotonic() + (self.patience if seconds is None else seconds)
        while True:
            try:
                return attempt()
            except Refused as error:
                # A fenced producer calls its next errors retriable: that one is looked at first.
                later = not error.fatal and not self._fatal()[0] and error.retriable
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
            _, _, code, text = self._sender.failed[0]
            if code in PURGED:
                code, text = self._why(code, text)
            raise self._error(Refused(code, text, abortable=True), "write")

    def _why(self, code: int, text: str) -> tuple[int, str]:
        """Why librdkafka dropped records: the next call names what ended the transaction, which
        the brokers may have refused before any record was sent."""
        try:
            self._sender.begin()
        except Refused as error:
            if error.abortable:
                return error.code, error.text
        return code, text

    def _check_time(self, deadline: float) -> None:
        if time.monotonic() > deadline or self._stopping():
            raise Outage(
                f"{len(self._sender):,} records not acknowledged for {self.patience:g} s",
                hint="no leader, or too few in-sync replicas (min.insync.replicas)?",
            )

    def _fatal(self) -> tuple[int, str]:
        """What ended the producer for good; code 0 where nothing did."""
        self._sender.poll(0)
        code, text = self._sender.fatal()
        return int(code), str(text)

    def _error(self, error: Refused, doing: str) -> KshellError:
        """What was refused, as ours: a record's own failure says more than that of the commit."""
        fatal, why = self._fatal()
        code, text = (fatal, why) if fatal else (error.code, error.text)
        if code in _FENCED:
            return Fenced(
                f"another process writes as transactional id {self.id}, or a transaction took"
                f" longer than {self._expires:g} s",
                hint="what was committed is whole; the same statement goes on from there",
            )
        for topic, partition, own, said in self._sender.failed:
            if own not in PURGED:
                found = failure(topic, partition, own, said)
                if isinstance(found, Forbidden):
                    return found
                kind = Outage if own in PASSES else KafkaError
                return kind(f"cannot write: {found.what}", hint=found.hint)
        if code == _NO_TOPIC:
            return refused("WRITE", f"topic {' or '.join(self._topics)}")
        if code == _NO_GROUP:
            return refused("READ", f"group {self._group}")
        if code == _NO_ID:
            return refused("WRITE", f"transactional id {self.id}")
        if fatal:
            return KafkaError(f"cannot {doing}: {text}")
        passes = code in PASSES or error.retriable
        return (Outage if passes else Undone if error.abortable else KafkaError)(
            f"cannot {doing}: {text}"
        )
