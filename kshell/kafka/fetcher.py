"""Keeps fetches of one topic's partitions in flight, on the client's loop, and loses no record.

`fetch` and `shared` say which partitions are wanted, and take the record sets.  It follows a leader
that moves.  A broker that is silent too long ends a bounded read with an error, because the answer
would be incomplete; a continuous read waits for it and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from aiokafka import errors as codes

from kshell.errors import CorruptRecord, KshellError, Outage
from kshell.kafka.fetch_session import FetchSession, Increment
from kshell.kafka.frames import SILENCE
from kshell.kafka.leaders import Leaders
from kshell.kafka.raw import Fetched, FetchedPartition, RawFetchRequest
from kshell.kafka.wire import Wire

__all__ = ["FOREVER", "PARTITION_BYTES", "Chunk", "Fetcher", "Taker", "first_error", "next_offset"]

FOREVER = 1 << 62  # an end that no read reaches: for continuous reads
PARTITION_BYTES = 1 << 20
_RESPONSE_BYTES = 16 << 20
_LEAST_BYTES = 256 << 10
_SLOW = 3 << 20  # a link that brings no more in that time is worth a word
_ANSWER = 1.5  # seconds that an answer should take: a slow link is asked for less at a time
_IN_FLIGHT = 2  # fetches per broker
_WAIT = 500  # milliseconds that a broker holds an answer without records
_IDLE_WAIT = 2000  # and at most, where nothing comes for longer
_PACE = 0.02  # seconds between two fetches that each bring few bytes
_FEW = 64 << 10
_MANY = 16  # partitions of which a broker rather remembers what was asked
_HOPELESS = 60.0  # seconds without a whole answer, over a link that is cut, that a read stands
_OPEN = 3.0  # seconds that a transaction is open until it is worth a word
_EMPTY_ENDS = 3  # after so many empty answers, no records are left before the end

_HEAD = struct.Struct(">qi")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The record set of one partition; the caller skips rows before `start`.

    `next` is the offset after its last complete batch.
    """

    partition: int
    start: int
    records: memoryview
    aborted: tuple[tuple[int, int], ...]
    next: int


class Taker(Protocol):
    """Who a fetcher reads for; it calls this on the client's loop."""

    def wants(self, partition: int) -> bool:
        """Whether to fetch more of a partition now; `Fetcher.wake` says that this may differ."""

    def take(self, partition: int, chunk: Chunk | None) -> None:
        """The answer to a fetch; None if it had no records."""

    def failed(self, partition: int, error: KshellError) -> None:
        """A partition cannot be read on; what this raises ends the whole read."""


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


def _silent(what: str, since: float) -> str:
    """An outage, with the seconds until now."""
    return f"{what} for {time.monotonic() - since:.0f} s"


def first_error(group: BaseExceptionGroup[BaseException]) -> KshellError:
    """The error to report of those that ended the tasks of a read."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, KshellError) else KshellError(f"reading failed: {error!r}")


class Fetcher:
    """Fetches from one position in each partition, those that its taker wants.

    `high` has the end of each partition, as brokers last said; fetchers may share one.
    """

    def __init__(
        self,
        wire: Wire,
        leaders: Leaders,
        isolation: int,
        taker: Taker,
        high: dict[int, int],
        partition_bytes: int = PARTITION_BYTES,
    ) -> None:
        self._wire, self._leaders, self._isolation = wire, leaders, isolation
        self._taker, self.high = taker, high
        self._partition_bytes = partition_bytes
        self.response_bytes = _RESPONSE_BYTES
        self.position: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._heard: dict[int, float] = {}  # when its broker sent a byte last
        self._answered: dict[int, float] = {}  # and a whole answer
        self._served: dict[int, float] = {}  # and records of the partition
        self._bytes = 0  # of all records so far
        self._link = _RESPONSE_BYTES  # bytes that come in `_ANSWER` seconds
        self._empty: dict[int, int] = {}
        self._open: dict[int, tuple[int, int, float]] = {}  # where a transaction holds back
        self._lanes: dict[tuple[int, int], list[int]] = {}
        self._sessions: dict[tuple[str, int], FetchSession] = {}  # by lane and broker
        self._waits: dict[tuple[str, int], int] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._lease = -1
        self._changed = asyncio.Event()
        self.ending = False  # whether an error or a cancellation has come
        self._slow = ""
        self._silence: tuple[str, float] | None = None  # who is silent, and since when

    @property
    def note(self) -> str:
        """What is wrong now: nobody answers, or the link is slow."""
        return self._slow if self._silence is None else _silent(*self._silence)

    @property
    def held_back(self) -> str:
        """What cannot be read yet, because a transaction is open for some time."""
        now = time.monotonic()
        held = {p: n for p, (_, n, since) in dict(self._open).items() if now - since > _OPEN}
        if not held:
            return ""
        count, partitions = sum(held.values()), ", ".join(map(str, sorted(held)))
        return (
            f"waiting: {count:,} record{'s' * (count != 1)} of {self._leaders.topic.name},"
            f" partition{'s' * (len(held) != 1)} {partitions}, behind an open transaction"
            " (SHOW TRANSACTIONS says whose)"
        )

    def move(self, partition: int, start: int, end: int = FOREVER) -> None:
        """Read a partition from `start` on, whatever was read of it before."""
        if partition not in self.position:
            place = (self._leaders.of(partition), len(self.position) % _IN_FLIGHT)
            lane = self._lanes.setdefault(place, [])
            lane.append(partition)
            if self._tasks is not None and len(lane) == 1:
                self._start(place)
        # A new dict: other threads may be going through the old one.
        self.position = {**self.position, partition: start}
        self._ends[partition], self._empty[partition] = end, 0
        self._heard[partition] = self._answered[partition] = time.monotonic()
        self._changed.set()

    def wake(self) -> None:
        """The taker may want partitions that it did not want before."""
        self._changed.set()

    async def run(self) -> None:
        """Fetch until each partition has reached its end; raises what ended it, in a group."""
        self._lease = self._wire.lease()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for place in list(self._lanes):
                    self._start(place)
        finally:
            self.ending = True
            self._wire.release(self._lease)

    def _start(self, place: tuple[int, int]) -> None:
        assert self._tasks is not None
        name = f"fetch {self._lease}.{place[0]}.{place[1]}"
        self._tasks.create_task(self._read(name, self._lanes[place]))

    async def _read(self, lane: str, partitions: list[int]) -> None:
        try:
            await self._fetch_all(lane, partitions)
        except BaseException:
            self.ending = True
            raise

    async def _fetch_all(self, lane: str, partitions: list[int]) -> None:
        """Fetch these partitions until each has reached its end."""
        backoff = 0.05
        while left := [p for p in partitions if self.position[p] < self._ends[p]]:
            asked = [p for p in left if self._taker.wants(p)]
            if not asked:
                self._changed.clear()
                await self._changed.wait()
                self._rest(left)
                continue
            self._rest(set(left).difference(asked))
            # An answer has few partitions' records where the link is slow: each has its turn.
            asked.sort(key=lambda p: self._served.get(p, 0.0))
            by_leader: dict[int, list[int]] = {}
            for p in asked:
                by_leader.setdefault(self._leaders.of(p), []).append(p)
            sent, before = time.monotonic(), self._bytes
            idle = len(asked) == len(left)  # else what is paused would wait for its turn
            answers = await asyncio.gather(
                *(self._ask(leader, lane, ps, idle=idle) for leader, ps in by_leader.items())
            )
            if all(answers):
                backoff = 0.05
                await self._rest_a_moment(left, sent, before)
                continue
            self._check_silence(asked)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 0.5)
            with contextlib.suppress(Outage):
                await self._leaders.check()

    async def _ask(self, leader: int, lane: str, partitions: list[int], *, idle: bool) -> bool:
        """Send one fetch to one broker; False if leaders must be looked up again."""
        asked, key = {p: self.position[p] for p in partitions}, (lane, leader)
        endless = all(self._ends[p] >= FOREVER for p in partitions)
        most = min(self._partition_bytes, self._link)
        session = None
        if endless and len(partitions) >= _MANY:
            session = self._sessions.setdefault(key, FetchSession())
        increment = Increment(0, -1, asked, ()) if session is None else session.begin(asked, most)
        request = RawFetchRequest(
            self._leaders.topic.name,
            self._leaders.topic.id,
            increment.offsets,
            isolation=self._isolation,
            wait_ms=self._waits.get(key, _WAIT) if endless and idle else _WAIT,
            partition_bytes=most,
            max_bytes=min(self.response_bytes, self._link),
            session=increment.session,
            epoch=increment.epoch,
            forgotten=increment.forgotten,
        )
        sent = time.monotonic()
        try:
            answer: Fetched = await self._wire.send(leader, request, lane)
        except (OSError, EOFError, codes.KafkaError, TimeoutError, Outage):
            heard = self._wire.heard(leader, lane)
            for p in partitions:
                self._heard[p] = max(self._heard[p], heard)
            self._link = max(self._link // 2, _LEAST_BYTES)
            if session is not None:
                session.lost()
            return False
        if answer.error:
            if session is not None:
                session.lost()
            return False
        if session is not None:
            session.answered(answer.session)
            self._unchanged(asked.keys() - {part.partition for part in answer.partitions})
        size = sum(len(part.records) for part in answer.partitions)
        self._measure(size, sent)
        self._bytes += size
        nothing = not size
        self._waits[key] = min(2 * self._waits.get(key, _WAIT), _IDLE_WAIT) if nothing else _WAIT
        taken = [self._take(part, asked[part.partition], nothing) for part in answer.partitions]
        if size and self._link < _SLOW and not endless:
            self._slow = f"a slow link: {size / (time.monotonic() - sent) / 1000:,.0f} KB/s"
        return all(taken)

    async def _rest_a_moment(self, partitions: list[int], sent: float, before: int) -> None:
        """Let records that come one by one come together: each answer costs as much as hundreds of
        them.  What comes after a silence does not wait; all wait for the same moments."""
        if not 0 < self._bytes - before <= _FEW or any(self._ends[p] < FOREVER for p in partitions):
            return
        now = time.monotonic()
        if now - sent < _PACE:
            await asyncio.sleep(_PACE - now % _PACE)

    def _unchanged(self, partitions: Collection[int]) -> None:
        """A broker that has answered says nothing of these: they stand as they stood."""
        self._rest(partitions)
        if partitions:
            self._slow, self._silence = "", None

    def _rest(self, partitions: Iterable[int]) -> None:
        """Nothing is asked for of these: nobody is silent."""
        now = dict.fromkeys(partitions, time.monotonic())
        self._heard.update(now)
        self._answered.update(now)

    def _measure(self, size: int, sent: float) -> None:
        """Learn how much the link brings from an answer that was asked for at a time."""
        took = time.monotonic() - sent
        if took > _ANSWER and size:
            self._link = max(int(size * _ANSWER / took), _LEAST_BYTES)
        elif size >= self._link // 2:
            self._link = min(self._link * 2, _RESPONSE_BYTES)

    def _take(self, part: FetchedPartition, start: int, nothing: bool) -> bool:
        p, topic = part.partition, self._leaders.topic.name
        if start != self.position[p]:
            return True  # it was moved while the answer was on its way
        if part.error:
            try:
                self._wire.raise_for(topic, p, part.error, start)
            except KshellError as error:
                self._taker.failed(p, error)
            return False
        self._heard[p] = self._answered[p] = time.monotonic()
        self._slow, self._silence = "", None
        self.high[p] = part.last_stable if self._isolation else part.high_watermark
        self._note_open(part)
        if not len(part.records):
            # All offsets up to the end may be deleted: then the broker has nothing more to send.
            # Behind an open transaction it only waits.
            self._empty[p] += int(nothing and self.high[p] >= self._ends[p])
            if self._empty[p] >= _EMPTY_ENDS:
                self.position[p] = self._ends[p]
            self._taker.take(p, None)
            return True
        self._empty[p], self._served[p] = 0, time.monotonic()
        try:
            self.position[p] = next_offset(part.records, start)
        except CorruptRecord as error:
            where = f"topic {topic}, partition {p}"
            self._taker.failed(p, CorruptRecord(f"{where}: {error.what}", hint=error.hint))
            return True
        self._taker.take(p, Chunk(p, start, part.records, part.aborted, self.position[p]))
        return True

    def _note_open(self, part: FetchedPartition) -> None:
        """Remember since when the end of what is decided stands still before the very end."""
        p, end, now = part.partition, self.high[part.partition], time.monotonic()
        before, _, since = self._open.get(p, (-1, 0, now))
        if (count := part.high_watermark - end) > 0:
            self._open[p] = end, count, since if end == before else now
        else:
            self._open.pop(p, None)

    def _check_silence(self, partitions: list[int]) -> None:
        now = time.monotonic()
        for p in partitions:
            silent, waiting = now - self._heard[p], now - self._answered[p]
            if silent < SILENCE and waiting < _HOPELESS:
                continue
            leader = self._leaders.of(p)
            who = f"broker {leader}" if leader >= 0 else f"a leader of partition {p}"
            why = self._wire.missing_token
            where = f"{f'{why}; ' if why else ''}cannot reach {who}", self._heard[p]
            if silent < SILENCE:
                where = f"the connection is cut: no whole answer of {who}", self._answered[p]
            if self._ends[p] >= FOREVER:
                self._silence = where
                continue
            raise Outage(
                f"{_silent(*where)}: {self._leaders.topic.name} was not read to its end",
                hint="the answer would be incomplete; try again when the cluster is well",
            )

