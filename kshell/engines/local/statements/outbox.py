"""Where INSERT … VALUES and COPY put records: into one topic, as the properties of producers say.

Who chooses partitions is settled here, and so is what is said of records that nobody acknowledges.
"""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.errors import BindError, Forbidden
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.partitioner import in_turn
from kshell.kafka.produce import Producer

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Outbox"]


class Outbox:
    """Writes to one topic."""

    def __init__(self, context: Context, topic: str, properties: Properties) -> None:
        self._context, self.topic, self._properties = context, topic, properties
        self._partitions: int | None = None

    @cached_property
    def producer(self) -> Producer:
        """It connects when first needed."""
        return Producer(self._properties, partitioner=self._properties["partitioner"])

    @property
    def partitions(self) -> int:
        """How many the topic has; 0 where the user may not see it."""
        if self._partitions is None:
            self._partitions = 0
            with contextlib.suppress(Forbidden):
                found = self._context.client.find(self.topic)
                self._partitions = len(found.partitions) if found is not None else 0
        return self._partitions

    def placed(self, records: Outgoing) -> Outgoing:
        """With the partitions that the statement or the property says; BindError for one that the
        topic does not have."""
        import pyarrow.compute as pc

        given, known = records.partitions, self.partitions
        if given is not None and given.null_count < len(given) and known:
            wrong = pc.max(given).as_py()
            if wrong >= known:
                raise BindError(
                    f"topic {self.topic} has no partition {wrong}",
                    hint=f"its partitions are 0 to {known - 1}",
                )
        if self._properties["partitioner"] == "round_robin" and known:
            turn = self._context.turns.get(self.topic, 0)
            records, self._context.turns[self.topic] = in_turn(records, turn, known)
        return records

    def send(self, records: Outgoing) -> None:
        """Queue records; raises BindError, KafkaError."""
        self.producer.send(self.topic, self.placed(records))

    def flush(self) -> None:
        """Wait until all are acknowledged; raises KafkaError."""
        self.producer.flush()

    @property
    def remark(self) -> str:
        """A sentence about records that no broker acknowledges."""
        if self._properties["acks"] != "0":
            return ""
        return " With acks=0 they are sent, and not acknowledged: a broker may not have them."
