"""A member of a consumer group, by confluent-kafka: it joins, is given partitions, and commits.

It fetches no records: all its partitions are paused, and kshell reads them as it reads all topics.
`engines` makes one for CONSUME; nothing else of kshell joins a group.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kshell.config import Properties
from kshell.errors import KafkaError, KshellError
from kshell.kafka.error_codes import AWAY
from kshell.kafka.rights import refused
from kshell.kafka.settings import librdkafka
from kshell.permits import check_writes

__all__ = ["Given", "Holder", "Member", "protocol_settings"]

_WAIT = 5.0  # seconds for a coordinator's answer
_PATIENCE = 60.0  # seconds for transactions that hold offsets of the group
_UNSTABLE = 88  # the code of such an offset
_RETRY = 0.1  # seconds until they are asked for again
_NO_RIGHT = {29: "topic", 30: "group"}
_STALE = frozenset({22, 25, 27})  # another generation, an unknown member, a rebalance
_OTHER_STRATEGY = 23
Given = Mapping[int, int | None]  # partitions, each with the group's committed offset


class Holder(Protocol):
    """Who reads the partitions that a member has; `serve` and `leave` call it."""

    def given(self, partitions: Given) -> None:
        """These are its partitions from now on, besides those that it has."""

    def taken(self, partitions: Sequence[int], lost: bool) -> None:
        """These are not, from now on; if they are `lost`, others may have them already."""


def protocol_settings(properties: Properties, newer: bool) -> dict[str, Any]:
    """How partitions are shared out: by a strategy of the members, or in the newer protocol by the
    brokers."""
    if newer:
        return {"group.protocol": "consumer"}
    session = properties.number("session.timeout.ms") or 0
    return {
        "partition.assignment.strategy": properties["partition.assignment.strategy"],
        "session.timeout.ms": session,
        "heartbeat.interval.ms": min(session // 3 or 1, 3000),
        "max.poll.interval.ms": max(session, 300_000),
    }


class Member:
    """A live member of a group, from `join` to `leave`.

    One thread has it: confluent-kafka's commits and polls take each other's answers else.
    """

    def __init__(
        self, properties: Properties, group: str, topic: str, *, newer: bool
    ) -> None:
        check_writes(properties, f"joining group {group}")
        self._group, self._topic = group, topic
        own = protocol_settings(properties, newer)
        # In both of these a rebalance names only what changes.
        self._incremental = newer or "cooperative-sticky" in own.values()
        self._settings = {
            **librdkafka(properties), **own,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",  # waits for offsets in an open transaction
            "queued.max.messages.kbytes": 1,
        }  # fmt: skip
        self._consumer: Any = None
        self._holder: Holder
        self._rebalanced = False

    def join(self, holder: Holder) -> None:
        """Ask for partitions, which `serve` gives; raises KafkaError."""
        from confluent_kafka import Consumer, KafkaException

        self._holder = holder
        try:
            self._consumer = Consumer(self._settings)
        except KafkaException as error:
            raise KafkaError(f"cannot join group {self._group}: {error.args[0].str()}") from None
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def serve(self) -> bool:
        """Do what the group asks for, without a wait; whether a rebalance is over now.

        The group gives up a member that does not do so for five minutes.
        """
        message = self._consumer.poll(0)
        error = None if message is None else message.error()
        if error is not None and (error.fatal() or error.code() not in AWAY):
            raise self._error(error)
        over, self._rebalanced = self._rebalanced, False
        return over

    def leave(self) -> None:
        """Give the partitions back, so that the others need not wait for the end of the session."""
        if self._consumer is not None:
            with contextlib.suppress(Exception):
                self._consumer.close()

    @property
    def metadata(self) -> bytes:
        """Group, generation and member, for a transaction."""
        return bytes(self._consumer.consumer_group_metadata())

    def commit(self, offsets: Mapping[int, int]) -> bool:
        """Commit next offsets, and wait; False where the group takes none from this member now.

        Raises Forbidden and KafkaError.
        """
        from confluent_kafka import KafkaException, TopicPartition

        if not offsets:
            return True
        parts = [TopicPartition(self._topic, p, at) for p, at in offsets.items()]
        try:
            answer = self._consumer.commit(offsets=parts, asynchronous=False)
            errors = [part.error for part in answer if part.error is not None]
        except KafkaException as error:
            errors = [error.args[0]]
        if errors and errors[0].code() in _STALE | AWAY:
            return False
        if errors:
            raise self._error(errors[0], "commit in")
        return True

    def _error(self, error: Any, doing: str = "join") -> KshellError:
        kind = _NO_RIGHT.get(error.code())
        if kind is not None:
            return refused("READ", f"{kind} {self._topic if kind == 'topic' else self._group}")
        hint = ""
        if error.code() == _OTHER_STRATEGY:
            hint = "its members share partitions by another partition.assignment.strategy: SET it"
        return KafkaError(f"cannot {doing} group {self._group}: {error.str()}", hint=hint)

    # confluent-kafka calls these from `poll` and `close`.

    def _assigned(self, consumer: Any, parts: Sequence[Any]) -> None:
        from confluent_kafka import OFFSET_END, TopicPartition

        held = self._committed(parts)
        # Where it stands does not matter, since it fetches nothing.
        placed = [TopicPartition(p.topic, p.partition, OFFSET_END) for p in parts]
        if self._incremental:
            consumer.incremental_assign(placed)
        else:
            consumer.assign(placed)
        consumer.pause(placed)
        self._holder.given(held)
        self._rebalanced = True

    def _committed(self, parts: Sequence[Any]) -> Given:
        """The group's offsets; waits for transactions that hold some of them."""
        from confluent_kafka import KafkaException

        found: dict[int, int | None] = {}
        left = list(parts)
        deadline = time.monotonic() + _PATIENCE
        while left:
            try:
                answers = self._consumer.committed(left, timeout=_WAIT)
            except KafkaException as error:
                again = error.args[0].code() in {_UNSTABLE, *AWAY}
                if not again or time.monotonic() > deadline:
                    raise self._error(error.args[0], "read the offsets of") from None
                time.sleep(_RETRY)
                continue
            for part in answers:
                if part.error is None:
                    found[part.partition] = part.offset if part.offset >= 0 else None
                elif part.error.code() != _UNSTABLE or time.monotonic() > deadline:
                    raise self._error(part.error, "read the offsets of")
            left = [part for part in answers if part.error is not None]
            if left:
                time.sleep(_RETRY)
        return found

    def _revoked(self, consumer: Any, parts: Sequence[Any]) -> None:
        self._holder.taken([p.partition for p in parts], lost=False)
        self._unassign(consumer, parts)

    def _lost(self, consumer: Any, parts: Sequence[Any]) -> None:
        self._holder.taken([p.partition for p in parts], lost=True)
        self._unassign(consumer, parts)

    def _unassign(self, consumer: Any, parts: Sequence[Any]) -> None:
        if self._incremental:
            consumer.incremental_unassign(parts)
            self._rebalanced = True  # it may be given nothing in exchange
        else:
            consumer.unassign()  # new ones come next
