"""Reads raw record batches of one topic from given offsets to given ends, and loses none.

Two fetches are in flight for each broker, and the bytes that wait for the caller are limited, so
memory use stays flat.  It follows a leader that moves.  A broker that is silent too long, deleted
records, and a deleted or recreated topic end the read with an error, because the answer would be
incomplete.  `engines` pulls `Chunk`s from `Fetch` and decodes them in its own thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiokafka import errors as codes

from kshell.errors import CorruptRecord, KshellError, Outage, TopicChanged, UnknownName
from kshell.kafka.client import Client
from kshell.kafka.metadata import Snapshot
from kshell.kafka.raw import Fetched, FetchedPartition, RawFetchRequest

__all__ = ["FOREVER", "QUEUED_BYTES", "Chunk", "Fetch", "next_offset"]

FOREVER = 1 << 62  # an end that no read reaches: for continuous reads
PARTITION_BYTES = 1 << 20
_RESPONSE_BYTES = 16 << 20
QUEUED_BYTES = 32 << 20  # bytes that may wait for the caller
_IN_FLIGHT = 2  # fetches per broker
_SILENCE = 5.0  # seconds without an answer after which a bounded read fails
_PAUSE = 0.01  # seconds between two checks whether all partitions are still paused
_WATCH = 2.0  # seconds between two checks of the topic's id
_EMPTY_ENDS = 3  # after so many empty answers, no records are left before the end

_HEAD = struct.Struct(">qi")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The record set of one partition; the caller skips rows before `start`."""

    partition: int
    start: int
    records: memoryview
    aborted: tuple[tuple[int, int], ...]


def next_offset(records: memoryview, start: int) -> int:
    """The offset at which to go on after the complete batches in `records`.

    Raises CorruptRecord if `records` has no complete batch.
    """
    at, size, following = 0, len(records), -1
    while size - at >= 17:
        base, length = _HEAD.unpack_from(records, at)
        if length < 5 or size - at - 12 < length:
            break
        delta = 0
        if records[at + 16] == 2 and length >= 49:
            delta = int.from_bytes(records[at + 23 : at + 27], "big")
        following = base + (delta if delta < 1 << 31 else 0) + 1
        at += 12 + length
    if following <= start and size:
        raise CorruptRecord(
            f"the batch at offset {start} cannot be read past",
            hint=f"skip it: WHERE ROWOFFSET > {start}",
        )
    return following


class Fetch:
    """One read; iterate it once.  Any thread may read `lag`, `bytes` and `note`."""

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        ranges: Mapping[int, tuple[int, int]],
        partition_bytes: int = PARTITION_BYTES,
        bell: threading.Event | None = None,
        *,
        sampling: bool = False,
        queued_bytes: int = QUEUED_BYTES,
    ) -> None:
        self._queued_bytes = queued_bytes
        # A scan checks at its end that the topic is still the same; a sample does not.
        self._sampling = sampling
        self._partition_bytes = partition_bytes
        self._bell = bell  # set for each item on the queue
        self._client, self._wire = client, client.wire
        self._topic, self._isolation = snapshot.topic, snapshot.isolation
        self.position = {p: start for p, (start, _) in ranges.items()}
        self._ends = {p: end for p, (_, end) in ranges.items()}
        self._high: dict[int, int] = {}
        self._leaders = {p.id: p.leader for p in snapshot.topic.partitions}
        self._heard = dict.fromkeys(ranges, time.monotonic())
        self._empty = dict.fromkeys(ranges, 0)
        self._follows = any(end >= FOREVER for end in self._ends.values())
        self._ended: set[int] = {p for p, (start, end) in ranges.items() if start >= end}
        self._queue: queue.SimpleQueue[Chunk | KshellError | None] = queue.SimpleQueue()
        self._waiting = 0  # bytes in the queue; touched on the loop alone
        # Chunks by partition: those put on the queue, and those polled.
        self._put_chunks: Counter[int] = Counter()
        self._polled_chunks: Counter[int] = Counter()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self.paused: frozenset[int] = frozenset()  # partitions that are not fetched now
        self.done = False
        self.bytes = 0
        self.note = ""

    def ended(self, partition: int) -> bool:
        """Whether the caller has polled all records up to the partition's end, or the end it
        wants."""
        # Read the end first: it is set after its chunks are counted.
        return partition in self._ended and (
            self._put_chunks[partition] == self._polled_chunks[partition]
        )

    def known_end(self, partition: int, end: int) -> None:
        """Sets where the partition ends, before any fetch has said so."""
        self._high[partition] = end
        if self.position[partition] >= end:
            self._ended.add(partition)

    @property
    def lag(self) -> int:
        """How many records lie between what was read and the ends of the partitions."""
        return sum(max(high - self.position[p], 0) for p, high in list(self._high.items()))

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

    def poll(self, seconds: float) -> Chunk | None:
        """The next chunk of a continuous read, or None if none comes in that time."""
        if self._task is None:
            self._client.loop.call_soon_threadsafe(self._start)
        try:
            item = self._queue.get(timeout=seconds)
        except queue.Empty:
            if self._client.loop.is_running() or self._stopped:
                return None
            raise Outage(f"the connection was closed while {self._topic.name} was read") from None
        if isinstance(item, KshellError):
            raise item
        if item is None:
            self.done = True
        else:
            self._polled_chunks[item.partition] += 1
            self._client.loop.call_soon_threadsafe(self._taken, len(item.records))
        return item

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
        if self._task is None:
            self._task = self._client.loop.create_task(self._run())

    def _put(self, item: Chunk | KshellError | None) -> None:
        self._queue.put(item)
        if self._bell is not None:
            self._bell.set()

    def _taken(self, size: int) -> None:
        self._waiting -= size
        if self._waiting < self._queued_bytes:
            self._room.set()

    async def _run(self) -> None:
        lease = self._wire.lease()
        try:
            work = [p for p, start in self.position.items() if start < self._ends[p]]
            groups: dict[tuple[int, int], list[int]] = {}
            for n, p in enumerate(sorted(work)):
                groups.setdefault((self._leaders.get(p, -1), n % _IN_FLIGHT), []).append(p)
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch(tasks, lease))
                readers = [
                    tasks.create_task(self._read(f"fetch {lease}.{lane}", partitions))
                    for (_, lane), partitions in groups.items()
                ]
                await asyncio.gather(*readers)
                watch.cancel()
            if work and not self._sampling:
                await self._check_topic()
            self._put(None)
        except* KshellError as group:
            self._put(_first(group))
        except* asyncio.CancelledError:
            self._put(None)
        except* Exception as group:
            self._put(KshellError(f"reading {self._topic.name} failed: {_first(group)!r}"))
        finally:
            self._wire.release(lease)

    async def _watch(self, tasks: asyncio.TaskGroup, lease: int) -> None:
        """Fails if the topic was deleted and created again; a continuous read adds new partitions,
        from their first record."""
        while True:
            await asyncio.sleep(_WATCH)
            with contextlib.suppress(Outage):
                await self._check_topic()
            added = set(self._leaders).difference(self.position)
            if added and self._follows:
                for p in added:
                    self._empty[p], self._heard[p] = 0, time.monotonic()
                    self._ends[p] = FOREVER
                    self.position = {**self.position, p: 0}
                tasks.create_task(self._read(f"fetch {lease}.{min(added)}", sorted(added)))

    async def _check_topic(self) -> None:
        try:
            now = await self._wire.topic(self._topic.name)
        except UnknownName:
            raise TopicChanged(
                f"topic {self._topic.name} was deleted while it was being read"
            ) from None
        if now.id != self._topic.id:
            raise TopicChanged(
                f"topic {self._topic.name} was deleted and created anew while it was being read",
                hint="run the statement again to read the new topic",
            )
        self._leaders = {p.id: p.leader for p in now.partitions}

    async def _read(self, lane: str, partitions: list[int]) -> None:
        """Fetch these partitions until each has reached its end."""
        backoff = 0.05
        while left := [p for p in partitions if self.position[p] < self._ends[p]]:
            while self._waiting >= self._queued_bytes:
                self._room.clear()
                await self._room.wait()
            asked = [p for p in left if p not in self.paused]
            self._heard.update(dict.fromkeys(set(left).difference(asked), time.monotonic()))
            if not asked:
                await asyncio.sleep(_PAUSE)
                continue
            by_leader: dict[int, list[int]] = {}
            for p in asked:
                by_leader.setdefault(self._leaders.get(p, -1), []).append(p)
            answers = await asyncio.gather(
                *(self._ask(leader, lane, ps) for leader, ps in by_leader.items())
            )
            if all(answers):
                backoff = 0.05
                continue
            self._check_silence(asked)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 0.5)
            with contextlib.suppress(Outage):
                await self._check_topic()

    async def _ask(self, leader: int, lane: str, partitions: list[int]) -> bool:
        """Send one fetch to one broker; False if leaders must be looked up again."""
        request = RawFetchRequest(
            self._topic.name,
            {p: self.position[p] for p in partitions},
            isolation=self._isolation,
            wait_ms=500,
            partition_bytes=self._partition_bytes,
            max_bytes=_RESPONSE_BYTES,
        )
        try:
            answer: Fetched = await self._wire.send(leader, request, lane)
        except (OSError, EOFError, codes.KafkaError, TimeoutError):
            return False
        if answer.error:
            return False
        nothing = not any(len(part.records) for part in answer.partitions)
        taken = [self._take(part, nothing) for part in answer.partitions]
        return all(taken)

    def _take(self, part: FetchedPartition, nothing: bool) -> bool:
        p = part.partition
        if part.error:
            self._wire.raise_for(self._topic.name, p, part.error, self.position[p])
            return False
        self._heard[p] = time.monotonic()
        self.note = ""
        self._high[p] = part.last_stable if self._isolation else part.high_watermark
        if not len(part.records):
            # All offsets up to the end may be deleted: then the broker has nothing more to send.
            self._empty[p] += int(nothing and part.high_watermark >= self._ends[p])
            if self._empty[p] >= _EMPTY_ENDS:
                self.position[p] = self._ends[p]
            self._note_end(p)
            return True
        self._empty[p] = 0
        start = self.position[p]
        try:
            self.position[p] = next_offset(part.records, start)
        except CorruptRecord as error:
            where = f"topic {self._topic.name}, partition {p}"
            raise CorruptRecord(f"{where}: {error.what}", hint=error.hint) from None
        self.bytes += len(part.records)
        self._waiting += len(part.records)
        self._put_chunks[p] += 1
        self._put(Chunk(p, start, part.records, part.aborted))
        self._note_end(p)
        return True

    def _note_end(self, p: int) -> None:
        """Note whether the partition is at its end; only after its records are on the queue."""
        if self.position[p] >= min(self._high[p], self._ends[p]):
            self._ended.add(p)
        else:
            self._ended.discard(p)

    def _check_silence(self, partitions: list[int]) -> None:
        now = time.monotonic()
        for p in partitions:
            silent = now - self._heard[p]
            if silent < _SILENCE:
                continue
            leader = self._leaders.get(p, -1)
            who = f"broker {leader}" if leader >= 0 else f"a leader of partition {p}"
            what = f"cannot reach {who} for {silent:.0f} s"
            if self._ends[p] >= FOREVER:
                self.note = what
                continue
            raise Outage(
                f"{what}: {self._topic.name} was not read to its end",
                hint="the answer would be incomplete; try again when the cluster is well",
            )


def _first(group: BaseExceptionGroup[BaseException]) -> KshellError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, KshellError) else KshellError(str(error))
