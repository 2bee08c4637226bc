"""One query's read of a topic: what was fetched for it and waits, and where it is.

`shared` puts record sets in, on the client's loop; `engines` takes them out in the query's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from kshell.errors import KshellError, Outage
from kshell.kafka.fetcher import FOREVER, Chunk
from kshell.kafka.metadata import Snapshot

__all__ = ["LEAST", "ROOM", "Late", "Reader"]

Late = Callable[[int, tuple[int, int]], int]  # where to begin in a partition's [first, end)

ROOM = 8 << 20  # bytes that are fetched ahead for a reader, at most
LEAST = 1 << 20  # and at least, if it wants them


class _Host(Protocol):
    """Who fetches for a reader."""

    def settle(self, reader: Reader) -> None:
        """The reader's wishes may have changed."""

    def leave(self, reader: Reader) -> None:
        """The reader has ended."""

    def note(self, reader: Reader) -> str:
        """An outage that it waits for, or nothing; any thread may ask."""

    def held_back(self, reader: Reader) -> str:
        """An open transaction that it waits for, or nothing; any thread may ask."""


class Reader:
    """The read of one topic for one query: one thread polls it, any may look or cancel.

    It sets `bell` when there is something to poll; it reads each partition to its end, if there
    are ends, else for ever.  `room` is how many bytes are fetched ahead for it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        snapshot: Snapshot,
        ranges: Mapping[int, tuple[int, int]],
        bell: threading.Event,
        room: int,
        late: Late | None = None,
    ) -> None:
        self._loop, self._bell, self._topic_name = loop, bell, snapshot.topic.name
        self._room = min(room, ROOM)
        self._late = late
        self.missing = snapshot.missing if late is not None else frozenset[int]()
        self.high = {p: end for p, (_, end) in snapshot.offsets.items()}
        # Touched on the loop alone: the next offset that it needs, and where nobody fetches it.
        self.at = {p: start for p, (start, _) in ranges.items()}
        self.ends = {p: end for p, (_, end) in ranges.items()}
        self.parked = set(ranges)
        self.topic: _Host | None = None
        self._lock = threading.Lock()  # around all that follows
        self._queue: deque[Chunk] = deque()
        self._queued: Counter[int] = Counter()  # chunks by partition
        self._polled = dict(self.at)
        self.waiting = 0  # bytes, those of the chunk that was polled last among them
        self._taken = 0  # bytes of that one
        self._paused: frozenset[int] = frozenset()
        self._error: KshellError | None = None
        self._cancelled = self._over = False

    # For the query's thread.

    def poll(self) -> Chunk | None:
        """The next chunk, None at once if there is none; raises the error that ended the read.

        A chunk takes up room until the next call: whoever stops after it has fetched no more.
        """
        with self._lock:
            before, self._taken = self._taken, 0
            full = self.waiting >= min(self._room, LEAST)
            self.waiting -= before
            chunk = self._queue.popleft() if self._queue else None
            if chunk is not None:
                self._taken = len(chunk.records)
                self._queued[chunk.partition] -= 1
                self._polled[chunk.partition] = chunk.next
        if before and full:
            self._soon(self._changed)
        if chunk is not None:
            return chunk
        if self._error is not None:
            raise self._error
        if not self._loop.is_running() and not self._cancelled:
            raise Outage(f"the connection was closed while {self._topic_name} was read")
        return None

    def ended(self, partition: int) -> bool:
        """Whether all up to the partition's end, or the end that is wanted, was polled."""
        end = min(self.high.get(partition, 0), self.ends.get(partition, FOREVER))
        with self._lock:
            return not self._queued[partition] and self.at.get(partition, 0) >= end

    @property
    def reached(self) -> dict[int, int]:
        """The offset of each partition up to which it was polled."""
        with self._lock:
            return dict(self._polled)

    @property
    def lag(self) -> int | None:
        """How many records lie between what was polled and the ends of the partitions.

        None during an outage: nobody knows the ends.
        """
        if self.note:
            return None
        polled, left, bounded = self.reached, 0, self.bounded
        for p, end in list(self.high.items()):  # of a thousand, several times a second
            at = polled.get(p, 0)
            if bounded:
                end = min(end, self.ends.get(p, FOREVER))
            if end > at:
                left += end - at
        return left

    @property
    def done(self) -> bool:
        """Whether nothing more can come."""
        ended = self._over and self._error is None and not self._queue
        return self._cancelled or ended

    @property
    def note(self) -> str:
        """An outage of a broker that it waits for, while there is one."""
        return self.topic.note(self) if self.topic is not None else ""

    @property
    def held_back(self) -> str:
        """A transaction that is open, and behind which it reads nothing yet."""
        return self.topic.held_back(self) if self.topic is not None else ""

    @property
    def paused(self) -> frozenset[int]:
        """Partitions of which it wants nothing now."""
        return self._paused

    @paused.setter
    def paused(self, partitions: frozenset[int]) -> None:
        if partitions != self._paused:
            self._paused = partitions
            self._soon(self._changed)

    def cancel(self) -> None:
        """Read no more; what waits is dropped."""
        self._cancelled = True
        with self._lock:
            self._clear()
        self._soon(lambda: self.topic.leave(self) if self.topic is not None else None)

    def _soon(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(call)

    # For the loop.

    def _changed(self) -> None:
        if self.topic is not None:
            self.topic.settle(self)

    @property
    def bounded(self) -> bool:
        """Whether it has ends."""
        return any(end < FOREVER for end in self.ends.values())

    def wants(self, partition: int, most: int) -> bool:
        """Whether to fetch more of a partition now, if `most` bytes may wait."""
        return partition not in self._paused and self.waiting < min(self._room, most)

    def give(self, chunk: Chunk) -> None:
        """Queue the part of a chunk that it does not have yet."""
        p, start = chunk.partition, self.at[chunk.partition]
        if chunk.next <= start or self._cancelled:
            return
        if chunk.start < start:
            chunk = replace(chunk, start=start)
        with self._lock:
            self._queue.append(chunk)
            self._queued[p] += 1
            self.waiting += len(chunk.records)
            self.at[p] = chunk.next
        self._bell.set()

    def begin(self, partition: int, span: tuple[int, int]) -> None:
        """A partition that was missing has a leader: it is read from now on."""
        assert self._late is not None
        start = self._late(partition, span)
        self.missing -= {partition}
        if partition not in self.at:
            with self._lock:
                self.at[partition] = self._polled[partition] = start
            self.parked.add(partition)

    def reach(self, partition: int, offset: int) -> None:
        """There are no records left before an offset."""
        if self.at[partition] < offset:
            self.at[partition] = offset
            self._bell.set()

    def fall_back(self) -> None:
        """Give back what waits: it is fetched again later."""
        with self._lock:
            self._clear()
            self.at = {p: self._polled.get(p, 0) for p in self.at}

    def finish(self, error: KshellError | None) -> None:
        """Nothing more comes."""
        self._error, self._over = error, True
        self._bell.set()

    def _clear(self) -> None:
        self._queue.clear()
        self._queued.clear()
        self.waiting = self._taken
