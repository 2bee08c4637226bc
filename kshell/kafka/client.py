"""The connection to the cluster for the packages above: synchronous, and it changes nothing there.

One daemon thread runs aiokafka's event loop; any thread may call, and a call may be interrupted.
No call here creates a topic, joins a group or commits anything.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from kshell.config import Properties
from kshell.errors import ConnectionFailed, Forbidden, KshellError, UsageError
from kshell.kafka import ends
from kshell.kafka.metadata import Broker, Snapshot, Topic
from kshell.kafka.wire import Wire

if TYPE_CHECKING:
    from kshell.kafka.reader import Late, Reader
    from kshell.kafka.shared import SharedReads

__all__ = ["Client"]

T = TypeVar("T")
_CREATE_TOPICS = 19


class Client:
    """A connection to one cluster; `connect` makes it, `close` ends it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.wire = Wire()
        self._shared: SharedReads | None = None
        self._sharing = threading.Lock()  # queries are started by several threads
        self._thread = threading.Thread(target=self._run, name="kshell-kafka", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @classmethod
    def connect(cls, properties: Properties) -> Client:
        """Connect within `kshell.connect.timeout.ms`; raises ConnectionFailed or UsageError."""
        if "bootstrap.servers" not in properties:
            raise UsageError(
                "no cluster named", hint="kshell --bootstrap HOST:PORT, or kshell --demo"
            )
        client = cls()
        try:
            client.call(client.wire.connect(properties))
        except BaseException:
            client.close()
            raise
        return client

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop; Ctrl-C cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            while True:
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    return future.result(0.1)
                if future.done():
                    return future.result()
        except concurrent.futures.CancelledError:  # by `close`, while a thread still asks
            raise ConnectionFailed("the connection is closed") from None
        except BaseException:
            future.cancel()
            raise

    def answers(self, seconds: float) -> bool:
        """Whether a broker answers within so many seconds."""
        asked = asyncio.wait_for(self.wire.metadata([]), seconds)
        try:
            self.call(asked)
        except (KshellError, TimeoutError):
            return False
        return True

    def topics(self) -> tuple[Topic, ...]:
        """Every topic that the user may see; raises Outage."""
        return self.call(self.wire.metadata(None)).topics

    def named(self, names: Sequence[str]) -> dict[str, Topic]:
        """The topics of these names that exist and may be seen, in one request; raises Outage."""
        topics = self.call(self.wire.metadata(names)).topics
        return {t.name: t for t in topics if not t.error}

    def find(self, name: str) -> Topic | None:
        """One topic, or None if it does not exist; raises Forbidden, KafkaError or Outage."""
        return self.call(self.wire.find(name))

    def topic(self, name: str) -> Topic:
        """One topic; raises UnknownName, Forbidden, KafkaError or Outage."""
        return self.call(self.wire.topic(name))

    def watched(self, name: str) -> Topic | None:
        """`find` for who asks again and again: as it was at most a second ago."""
        if self.wire.seen_lately(name):
            return self.wire.seen(name)
        return self.call(self.wire.watched(name))

    def forget(self) -> None:
        """The cluster was changed: the next `watched` asks again."""
        self.wire.forget()

    def brokers(self) -> tuple[Broker, ...]:
        """The brokers that are up now; raises Outage."""
        return self.call(self.wire.metadata([])).brokers

    def serves(self, request: int) -> bool:
        """Whether the brokers accept that kind of request; the embedded one accepts few."""
        return self.call(self.wire.serves(request))

    def snapshot(self, topic: Topic, isolation: str) -> Snapshot:
        """The topic's offsets now, under an isolation.level: two requests to each leader.

        Partitions for which no leader answers are `missing`.
        """
        committed = int(isolation == "read_committed")
        partitions = frozenset(p.id for p in topic.partitions)
        held = self.call(ends.spans(self.wire, topic, partitions, committed))
        missing = partitions.difference(held)
        return Snapshot(topic, held, committed, missing)

    def offsets_at(self, snapshot: Snapshot, times: Mapping[int, int]) -> dict[int, int]:
        """Per partition, the first offset whose timestamp is at or after a time (ms), or -1."""
        return self.call(ends.offsets(self.wire, snapshot.topic, times, snapshot.isolation))

    def undecided(self, snapshot: Snapshot, partitions: Collection[int]) -> int:
        """How many offsets of these partitions, behind the ends of a snapshot of committed records,
        wait for transactions that are still open."""
        if not snapshot.isolation or not partitions:
            return 0
        return sum(self.call(ends.undecided(self.wire, snapshot, partitions)).values())

    @property
    def _reads(self) -> SharedReads:
        from kshell.kafka.shared import SharedReads  # only what follows topics waits for it

        with self._sharing:
            if self._shared is None:
                self._shared = SharedReads(self.loop, self.wire)
            return self._shared

    def follow(
        self,
        snapshot: Snapshot,
        ranges: Mapping[int, tuple[int, int]],
        bell: threading.Event,
        room: int,
        late: Late | None = None,
    ) -> Reader:
        """A continuous read of [start, end) of each partition; those without ends share fetches.

        It sets `bell` when there is something to poll, and fetches `room` bytes ahead.  With `late`
        it reads partitions that are missing in the snapshot as well, once they have a leader: from
        the offset that `late` makes of their first and end then.
        """
        return self._reads.follow(snapshot, ranges, bell, room, late)

    @property
    def creates_topics(self) -> bool:
        """Whether the brokers accept requests to create topics; the embedded one does not."""
        return self.serves(_CREATE_TOPICS)

    def configs(self, topic: str) -> Sequence[tuple[str, str, bool]]:
        """(name, value, is a default) of a topic's configs; raises KafkaError."""
        return self.call(self.wire.configs(topic))

    def largest_batch(self, topics: Iterable[str]) -> int | None:
        """How many bytes a batch for any of these topics may have; None where nobody says it.

        librdkafka makes batches of a megabyte, and of one that is too large no record is written.
        """
        found = []
        for topic in topics:
            with contextlib.suppress(Forbidden):
                configs = self.configs(topic)
                found += [int(value) for name, value, _ in configs if name == "max.message.bytes"]
        return min(found, default=None)

    def close(self) -> None:
        """Close every connection and end the thread."""
        if not self.loop.is_running():
            return
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._leave(), self.loop).result(2)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(2)

    async def _leave(self) -> None:
        """End what still reads, close the connections, and end what began meanwhile."""
        await self._end_tasks()
        await self.wire.close()
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
