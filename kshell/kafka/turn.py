"""Whose turn it is to run an application: one member of a group has the only partition of a topic.

`kshell run --standby` waits with it.  What keeps results right is the fencing of transactions, and
never this: it only says when to begin.
"""

from __future__ import annotations

from collections.abc import Sequence

from kshell.config import Properties
from kshell.kafka.member import Given, Member

__all__ = ["Turn"]

_STRATEGY = "cooperative-sticky"  # who has the turn keeps it when others come


class Turn:
    """A place in the queue; one thread has it, from `join` to `leave`.

    `session` is after how many milliseconds without a sign of life another has the turn.
    """

    def __init__(self, properties: Properties, group: str, topic: str, session: int) -> None:
        own = properties.set("session.timeout.ms", str(session))
        own = own.set("partition.assignment.strategy", _STRATEGY)
        self._member = Member(own, group, topic, newer=False)
        self.mine = False

    def join(self) -> None:
        """Stand in the queue; raises Forbidden, KafkaError."""
        self._member.join(self)

    def serve(self) -> bool:
        """Answer the group, without a wait; whether it is the turn of this process now."""
        self._member.serve()
        return self.mine

    def leave(self) -> None:
        """Let the next one begin at once."""
        self._member.leave()

    def given(self, partitions: Given) -> None:
        """The member has the partition."""
        self.mine = self.mine or bool(partitions)

    def taken(self, partitions: Sequence[int], lost: bool) -> None:
        """Another has it, or will have."""
        self.mine = self.mine and not partitions
