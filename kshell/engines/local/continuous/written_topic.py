"""Watches a topic that a query writes: whether it is still the same, and its partitions.

`background` and `durable` ask it between two steps.
"""

from __future__ import annotations

import time

from kshell.errors import Outage, TopicChanged
from kshell.kafka.client import Client

__all__ = ["WrittenTopic"]

_WATCH = 2.0  # seconds between two checks


class WrittenTopic:
    """One topic; `what` says which it is to the query.  Raises UnknownName if it does not exist."""

    def __init__(self, client: Client, name: str, what: str = "which it writes") -> None:
        topic = client.topic(name)
        self._client, self._what = client, f"topic {name}, {what},"
        self.name, self.id, self.partitions = name, topic.id, len(topic.partitions)
        self._due = 0.0

    def check(self) -> None:
        """From time to time, check that the topic is still the same.

        The producer would look for a deleted topic for minutes, and would write to a new topic of
        that name.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _WATCH
        try:
            topic = self._client.watched(self.name)
        except Outage:
            return
        if topic is None:
            raise TopicChanged(f"{self._what} was deleted")
        self.partitions = len(topic.partitions)
        if topic.id != self.id:
            raise TopicChanged(f"{self._what} was deleted and created anew")
