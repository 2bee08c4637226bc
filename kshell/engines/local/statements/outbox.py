"""Where INSERT … VALUES and COPY put records: into one topic, as the properties of producers say.

Who chooses partitions is settled here, and so is what is said of records that nobody acknowledges.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kshell.catalog.model import TopicSettings
from kshell.config import Properties
from kshell.engines.local.sources.lookup import Lookup, given_named
from kshell.engines.local.statements.topics import stays
from kshell.errors import BindError, Forbidden, Place, RecordTooLarge, Unsupported
from kshell.kafka.metadata import Topic
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.partitioner import in_turn
from kshell.kafka.produce import Producer
from kshell.results import Notice, NoticeKind
from kshell.sql.clauses import Name
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Outbox", "check_target", "zero_times"]

_USUAL = 1_048_588  # the brokers' own max.message.bytes


def zero_times(count: int) -> list[Notice]:
    """What is said of records whose time was 0 (`Outgoing.dated` makes it 1)."""
    if not count:
        return []
    has = "has" if count == 1 else "have"
    text = f"{many(count, 'record')} of time 0 {has} time 1: librdkafka takes 0 for now"
    return [Notice(NoticeKind.CUT, text, count)]


def check_target(context: Context, name: Name) -> None:
    """Raise Unsupported where a name means what has no records: a given or a system table."""
    if (given := given_named(context.given, name)) is not None:
        raise Unsupported(
            f"{given} is a table given to this session: nothing can be written to it",
            place=name.place,
        )
    if Lookup.is_system(name):
        raise Unsupported(
            f"{name.text} is a system table: nothing can be written to it",
            hint=f"`{name.text}` in backticks is the topic of that name", place=name.place,
        )  # fmt: skip


class Outbox:
    """Writes to one topic."""

    def __init__(self, context: Context, topic: str, properties: Properties) -> None:
        self._context, self.topic, self._properties = context, topic, properties

    @cached_property
    def producer(self) -> Producer:
        """It connects when first needed."""
        partitioner = self._properties["partitioner"]
        return Producer(self._properties, partitioner=partitioner, largest=self.largest)

    @cached_property
    def largest(self) -> int | None:
        """How many bytes a batch of the topic may have; None where the user may not see it."""
        return self._context.client.largest_batch([self.topic])

    @cached_property
    def _found(self) -> Topic | None:
        """The topic; None where the user may not see it."""
        with contextlib.suppress(Forbidden):
            return self._context.client.find(self.topic)
        return None

    @property
    def partitions(self) -> int:
        """How many the topic has; 0 where the user may not see it."""
        return len(self._found.partitions) if self._found is not None else 0

    def differs(self, partitions: int | None, replicas: int | None) -> tuple[Notice, ...]:
        """A notice where the topic has other numbers of these than a statement gives."""
        if self._found is None:
            return ()
        return stays(self._context.client, self._found, TopicSettings(partitions, replicas))

    def placed(self, records: Outgoing, places: Sequence[Place | None] = ()) -> Outgoing:
        """With the partitions that the statement or the property says; BindError for one that the
        topic does not have, at the row's place."""
        given, known = records.partitions, self.partitions
        if given is not None and given.null_count < len(given) and known:
            wrong = np.flatnonzero(np.asarray(given.fill_null(0)) >= known)
            if len(wrong):
                row = int(wrong[0])
                raise BindError(
                    f"topic {self.topic} has no partition {given[row].as_py()}",
                    hint=f"its partitions are 0 to {known - 1}",
                    place=places[row] if places else None,
                )
        if self._properties["partitioner"] == "round_robin" and known:
            turn = self._context.turns.get(self.topic, 0)
            records, self._context.turns[self.topic] = in_turn(records, turn, known)
        return records

    def send(self, records: Outgoing, places: Sequence[Place | None] = ()) -> None:
        """Queue records; raises BindError, KafkaError."""
        self.producer.send(self.topic, self.placed(records, places))

    def flush(self) -> None:
        """Wait until all are acknowledged; raises KafkaError."""
        try:
            self.producer.flush()
        except RecordTooLarge as error:
            if self.largest is None:
                error.hint += f"; DESCRIBE_CONFIGS on topic {self.topic} would show how many"
            raise

    def doubtful(self, records: Outgoing) -> list[int]:
        """The rows that may be too large for the topic: it depends on how they are compressed."""
        rows: list[int] = np.flatnonzero(records.sizes() > (self.largest or _USUAL)).tolist()
        return rows

    def send_alone(self, record: Outgoing) -> str:
        """Write one record that may be too large; says why it is not written, if that is so.

        All before it are acknowledged first, so a refusal is of this one.
        """
        self.flush()
        try:
            self.send(record)
            self.producer.flush()
        except RecordTooLarge:
            size, allowed = int(record.sizes()[0]), self.largest
            limit = f" of {allowed:,}" if allowed is not None else ""
            return f"with some {size:,} bytes it is too large for max.message.bytes{limit}"
        return ""

    @property
    def remark(self) -> str:
        """A sentence about records that no broker acknowledges."""
        if self._properties["acks"] != "0":
            return ""
        return " With acks=0 they are sent, and not acknowledged: a broker may not have them."
