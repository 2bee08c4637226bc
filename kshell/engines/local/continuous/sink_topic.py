"""Watches the topic that a query writes: whether it is still the same, and its partitions.

`background` and `durable` ask it between two steps.
"""

from __future__ import annotations

import time

from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.errors import Outage, TopicChanged
from kshell.kafka.client import Client

__all__ = ["SinkTopic"]

_WATCH = 2.0  # seconds between two checks


class SinkTopic:
    """The topic of one outlet; raises UnknownName if it does not exist."""

    def __init__(self, client: Client, outlet: Outlet, name: str) -> None:
        topic = client.topic(name)
        self._client, self._outlet, self._name = client, outlet, name
        self.id = topic.id
        self._due = 0.0
        outlet.partitions = len(topic.partitions)

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
            topic = self._client.watched(self._name)
        except Outage:
            return
        if topic is None:
            raise TopicChanged(f"topic {self._name}, which it writes, was deleted")
        self._outlet.partitions = len(topic.partitions)
        if topic.id != self.id:
            raise TopicChanged(f"topic {self._name}, which it writes, was deleted and created anew")
