"""Reads raw record batches of one topic from given offsets to given ends, and loses none.

The bytes that wait for the caller are limited, so memory use stays flat.  Deleted records, and a
deleted or recreated topic end the read with an error, because the answer would be incomplete.
`engines` pulls `Chunk`s from `Fetch` and decodes them in its own thread; continuous queries read
through `shared`.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Iterator, Mapping

from kshell.errors import KshellError, Outage
from kshell.kafka.client import Client
from kshell.kafka.fetcher import FOREVER, PARTITION_BYTES, Chunk, Fetcher, first_error
from kshell.kafka.leaders import Leaders
from kshell.kafka.metadata import Snapshot

__all__ = ["FOREVER", "QUEUED_BYTES", "Chunk", "Fetch"]

QUEUED_BYTES = 32 << 20  # bytes that may wait for the caller


class Fetch:
    """One read; iterate it once.  Any thread may read `position`, `bytes` and `note`."""

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        ranges: Mapping[int, tuple[int, int]],
        partition_bytes: int = PARTITION_BYTES,
        *,
        sampling: bool = False,
    ) -> None:
        # A scan checks at its end that the topic is still the same; a sample does not.
        self._sampling = sampling
        self._client, self._topic = client, snapshot.topic
        self._ranges = ranges
        self._leaders = Leaders(client.wire, snapshot.topic)
        self._fetcher = Fetcher(
            client.wire, self._leaders, snapshot.isolation, self, {}, partition_bytes
        )
        for partition in sorted(ranges):
            self._fetcher.move(partition, *ranges[partition])
        self._queue: queue.SimpleQueue[Chunk | KshellError | None] = queue.SimpleQueue()
        self._waiting = 0  # bytes in the queue; touched on the loop alone
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self.bytes = 0

    @property
    def position(self) -> Mapping[int, int]:
        """The offsets up to which each partition was fetched."""
        return self._fetcher.position

    @property
    def high(self) -> Mapping[int, int]:
        """The end of each partition, as brokers last said."""
        return dict(self._fetcher.high)

    @property
    def note(self) -> str:
        """An outage, or a transaction that is open, while it waits for that."""
        return "" if self._stopped else self._fetcher.note or self._fetcher.held_back

    def __iter__(self) -> Iterator[Chunk]:
        """Chunks as they come, by offset within a partition; raises the error that ended the
        read."""
        self._client.loop.call_soon_threadsafe(self._start)
        try:
            while (item := self._next()) is not None:
                if isinstance(item, KshellError):
                    raise item
                yield item
                self._client.loop.call_soon_threadsafe(self._taken, len(item.records))
        finally:
            self.cancel()

    def _next(self) -> Chunk | KshellError | None:
        while not self._stopped:
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=0.1)
            if not self._client.loop.is_running():
                return Outage(f"the connection was closed while {self._topic.name} was read")
        return None

    def cancel(self) -> None:
        """Stop; the iteration ends within 100 ms.  Any thread may call it."""
        self._stopped = True
        if self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._client.loop.call_soon_threadsafe(self._task.cancel)

    def _start(self) -> None:
        self._task = self._client.loop.create_task(self._run())

    def wants(self, partition: int) -> bool:
        """Whether there is room for more; the fetcher asks."""
        return self._waiting < QUEUED_BYTES

    def take(self, partition: int, chunk: Chunk | None) -> None:
        """Takes an answer of the fetcher."""
        if chunk is not None:
            self.bytes += len(chunk.records)
            self._waiting += len(chunk.records)
            self._queue.put(chunk)

    def failed(self, partition: int, error: KshellError) -> None:
        """Ends the read: the answer would be incomplete."""
        raise error

    def _taken(self, size: int) -> None:
        self._waiting -= size
        self._fetcher.wake()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._leaders.watch(self._added))
                await self._fetcher.run()
                watch.cancel()
            if not self._sampling and any(start < end for start, end in self._ranges.values()):
                await self._leaders.check()
            self._queue.put(None)
        except* KshellError as group:
            self._queue.put(first_error(group))
        except* asyncio.CancelledError:
            self._queue.put(None)
        except* Exception as group:
            self._queue.put(first_error(group))

    def _added(self, partition: int) -> None:
        """A read without an end goes on in a partition that was added, from its first record."""
        if any(end >= FOREVER for _, end in self._ranges.values()):
            self._fetcher.move(partition, 0)
