"""Which broker leads each partition of a topic, and whether the topic is still the same.

`fetcher` asks here where to send a fetch; all reads of one topic may share one of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from kshell.errors import Outage, TopicChanged
from kshell.kafka.metadata import Topic
from kshell.kafka.wire import Wire

__all__ = ["Leaders"]

_WATCH = 2.0  # seconds between two checks of the topic's id


class Leaders:
    """The leaders of one topic's partitions, as last looked up."""

    def __init__(self, wire: Wire, topic: Topic) -> None:
        self._wire, self.topic = wire, topic
        self._known = {p.id: p.leader for p in topic.partitions}

    def of(self, partition: int) -> int:
        """The broker's number, or -1."""
        return self._known.get(partition, -1)

    async def check(self) -> None:
        """Look again; raises TopicChanged if the topic was deleted, Outage if no broker answers."""
        self._learn(await self._wire.find(self.topic.name))

    def _learn(self, now: Topic | None) -> None:
        if now is None:
            raise TopicChanged(f"topic {self.topic.name} was deleted while it was being read")
        if now.id != self.topic.id:
            raise TopicChanged(
                f"topic {self.topic.name} was deleted and created anew while it was being read",
                hint="run the statement again to read the new topic",
            )
        self._known = {p.id: p.leader for p in now.partitions}

    async def watch(self, added: Callable[[int], None]) -> None:
        """Check every two seconds, for ever; tells of each partition that was added."""
        known = set(self._known)
        while True:
            await asyncio.sleep(_WATCH)
            with contextlib.suppress(Outage):
                self._learn(await self._wire.watched(self.topic.name))
            for partition in sorted(set(self._known) - known):
                added(partition)
            known.update(self._known)
