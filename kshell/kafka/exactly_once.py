"""Copies records to a topic together with a group's offsets: both in one transaction, or neither.

`engines` makes one for CONSUME … EXACTLY ONCE.  `member` says for whom it commits: the brokers
refuse what a member of an earlier generation sends.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from kshell.config import Properties
from kshell.errors import KafkaError
from kshell.kafka.outgoing import Outgoing, Refused
from kshell.kafka.produce import _failure, sender_of
from kshell.kafka.rights import refused
from kshell.kafka.settings import librdkafka
from kshell.permits import check_writes

__all__ = ["ExactlyOnce"]

_CALL = 5.0  # seconds of one call to the brokers
_PATIENCE = 60.0  # for calls that may be made again
_ABANDONED = 15_000  # ms until the brokers abort what a dead process left open
_FULL = 0.01  # seconds until a full queue is tried again
_FENCED = frozenset({-144, -150, 47, 90})  # by another producer of that id, or after its time
_NO_WRITE = 29
_NO_RIGHT = {53: ("WRITE", "transactional id"), 30: ("READ", "group")}


class ExactlyOnce:
    """A transactional producer; for one thread at a time."""

    def __init__(self, properties: Properties, group: str) -> None:
        check_writes(properties, "writing records")
        self._group, self.note = group, ""  # why the last records were not written, and are again
        self._failing = 0.0  # since when
        self.id = properties.get("transactional.id") or f"kshell-{uuid.uuid4()}"
        self._sender: Any = sender_of({
            **librdkafka(properties),
            "transactional.id": self.id,
            "transaction.timeout.ms": _ABANDONED,
            "compression.type": properties["compression.type"],
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "retry.backoff.ms": 20,  # librdkafka waits so long where a coordinator is not ready
            "queue.buffering.max.kbytes": 64 << 10,
            "delivery.report.only.error": True,
            "message.max.bytes": 100_000_000,
        })  # fmt: skip

    def begin(self) -> None:
        """End what an earlier producer of the same id has left open, and fence it."""
        try:
            self._again(self._sender.init_transactions)
        except Refused as error:
            raise self._final(error) from None

    def write(
        self, topic: str, records: Outgoing, member: bytes, read: tuple[str, Mapping[int, int]]
    ) -> bool:
        """Write records, and the offsets of the topic that they were read from.

        False where nothing was written, and the same can be tried again.  Raises KafkaError.
        """
        source, offsets = read
        places = [(source, p, at) for p, at in offsets.items()]
        try:
            self._sender.begin()
            self._send(topic, records.dated())
            self._again(lambda s: self._sender.send_offsets(member, places, s))
            self._again(self._sender.commit)
        except Refused as error:
            if error.fatal or error.code in _FENCED:
                raise self._final(error) from None
            why = self._why(topic)  # before the records that are thrown away count as failed
            self._abort()
            if why is not None:
                raise why from None
            if error.code in _NO_RIGHT:
                raise self._final(error) from None
            now = time.monotonic()
            self._failing = self._failing or now
            if not error.abortable or error.code == _NO_WRITE or now - self._failing > _PATIENCE:
                raise _failure(topic, None, error.code, error.text) from None
            self.note = f"tried again: {error.text}"
            return False
        self.note, self._failing = "", 0.0
        return True

    def _abort(self) -> None:
        try:
            self._again(self._sender.abort)
        except Refused as error:
            raise self._final(error) from None
        self._sender.failed.clear()

    def _send(self, topic: str, records: Outgoing) -> None:
        row = 0
        while (row := self._sender.send(topic, records, row)) < len(records):
            self._sender.poll(_FULL)
            if self._sender.failed:
                _, _, code, text = self._sender.failed[0]
                raise Refused(code, text, abortable=True)
        self._sender.poll(0)

    def _why(self, topic: str) -> KafkaError | None:
        """The failure of a record, which another try would meet again."""
        failed = [f for f in self._sender.failed if f[2] not in _PURGED]
        return _failure(*failed[0]) if failed else None

    def _again(self, call: Callable[[float], None]) -> None:
        """Make a call until it is answered; raises Refused, and KafkaError when time is up."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                call(_CALL)
                return
            except Refused as error:
                if error.fatal or error.code in _FENCED or not error.retriable:
                    raise
                if time.monotonic() > deadline:
                    raise KafkaError(
                        f"no transaction of {self.id} for {_PATIENCE:g} s: {error.text}"
                    ) from None

    def _final(self, error: Refused) -> KafkaError:
        """What a refusal means that no other try can change."""
        if error.code in _NO_RIGHT:
            operation, kind = _NO_RIGHT[error.code]
            return refused(operation, f"{kind} {self._group if kind == 'group' else self.id}")
        if error.code not in _FENCED:
            return KafkaError(f"no transaction of {self.id}: {error.text}")
        return KafkaError(
            f"another process writes as transactional.id {self.id}, or a transaction took longer"
            f" than {_ABANDONED // 1000} s: {error.text}",
            hint="what was committed is whole; the same statement goes on from there",
        )


_PURGED = frozenset({-150, -151, -152})  # thrown away with the transaction
