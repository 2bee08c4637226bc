"""Readers that share fetches: each gets every record once, at its own speed, from where it began."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.errors import CorruptRecord, TopicChanged
from kshell.kafka import fetcher, reader, shared
from kshell.kafka.fetcher import FOREVER
from kshell.kafka.metadata import Partition, Snapshot, Topic
from kshell.kafka.raw import Fetched, FetchedPartition

ID = bytes(15) + b"\1"
BEHIND, ROOM, POOL, LEAST = 3000, 1000, 2000, 300


def batch(base: int, count: int) -> bytes:
    """The header of a record batch of format 2, and twenty bytes for each record."""
    body = bytes(4) + b"\2" + bytes(4 + 2) + struct.pack(">i", count - 1) + bytes(34 + 20 * count)
    return struct.pack(">qi", base, len(body)) + body


class Wire:
    """A broker in memory: answers wait until the test lets them go."""

    def __init__(self, partitions: int) -> None:
        self.id = ID
        self.logs: dict[int, list[tuple[int, int, bytes]]] = {p: [] for p in range(partitions)}
        self.asked: list[tuple[asyncio.Future, dict[int, int]]] = []
        self.sent = 0
        self.first = 0  # of partition 0
        self.away = False

    def end(self, p: int) -> int:
        return self.logs[p][-1][1] if self.logs[p] else 0

    def write(self, p: int, count: int) -> None:
        base = self.end(p)
        self.logs[p].append((base, base + count, batch(base, count)))

    def lease(self) -> int:
        return 0

    def release(self, lease: int) -> None:
        pass

    def heard(self, node: int, group: str) -> float:
        return 0.0

    def described(self) -> Topic:
        return Topic("t", self.id, False, tuple(Partition(p, 1, (1,), (1,)) for p in self.logs))

    async def watched(self, name: str) -> Topic:
        return self.described()

    find = watched

    def raise_for(self, topic: str, partition: int, error: int, offset: int) -> None:
        raise TopicChanged(f"{topic} {partition} {error} {offset}")

    async def send(self, leader: int, request, lane: str) -> Fetched:
        if self.away:
            raise ConnectionError
        future = asyncio.get_running_loop().create_future()
        self.asked.append((future, dict(request.offsets)))
        return await future

    def answer(self, n: int = 0, batches: int = 1) -> None:
        """Let the n-th request go, with at most so many batches of each partition."""
        self.asked = [a for a in self.asked if not a[0].done()]
        if not self.asked:
            return
        future, offsets = self.asked.pop(n % len(self.asked))
        parts = []
        for p, offset in offsets.items():
            found = [data for _, after, data in self.logs[p] if after > offset][:batches]
            error = int(p == 0 and offset < self.first)
            records = memoryview(b"" if error else b"".join(found))
            parts.append(FetchedPartition(p, error, self.end(p), self.end(p), (), records))
        self.sent += sum(len(part.records) for part in parts)
        future.set_result(Fetched(0, parts))


class Reading:
    """A reader, and the offsets that it got of each partition."""

    def __init__(self, world: World, starts: dict[int, int]) -> None:
        ranges = {p: (start, FOREVER) for p, start in starts.items()}
        offsets = {p: (0, world.wire.end(p)) for p in starts}
        held = Snapshot(world.wire.described(), offsets, 0)
        self.reader = world.reads.follow(held, ranges, threading.Event(), 1 << 30)
        self.starts = starts
        self.got: dict[int, list[int]] = {p: [] for p in starts}

    def poll(self) -> bool:
        chunk = self.reader.poll()
        if chunk is None:
            return False
        at = 0
        while at < len(chunk.records):
            base, length = struct.unpack_from(">qi", chunk.records, at)
            (delta,) = struct.unpack_from(">i", chunk.records, at + 23)
            here = range(max(base, chunk.start), base + delta + 1)
            self.got.setdefault(chunk.partition, []).extend(here)
            at += 12 + length
        return True

    def check(self) -> None:
        """No record is missing, none is there twice."""
        for p, got in self.got.items():
            start = self.starts.get(p, 0)
            assert got == list(range(start, start + len(got)))

    def whole(self, wire: Wire) -> bool:
        """Whether it has everything up to the end."""
        return all(self.starts.get(p, 0) + len(self.got.get(p, ())) == wire.end(p) for p in wire.logs)


class World:
    """A broker in memory and a client's shared reads of it, on the running loop."""

    def __init__(self, partitions: int = 1) -> None:
        self.wire = Wire(partitions)
        self.reads = shared.SharedReads(asyncio.get_running_loop(), self.wire)

    def follow(self, start: int | None = None) -> Reading:
        return Reading(self, {p: self.wire.end(p) if start is None else start for p in self.wire.logs})

    @property
    def topic(self):
        (topic,) = self.reads._topics.values()
        return topic

    async def settled(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def drained(self, *readings: Reading) -> None:
        """Until each has read to the end of the log."""
        for _ in range(5000):
            await self.settled()
            self.wire.answer(batches=3)
            await self.settled()
            for reading in readings:
                while reading.poll():
                    pass
            if all(reading.whole(self.wire) for reading in readings):
                assert all(reading.reader.ended(p) for reading in readings for p in self.wire.logs)
                assert not any(reading.reader.lag for reading in readings)
                return
        raise AssertionError("a reader stands still")

    async def close(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self.settled()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in (("_BEHIND", BEHIND), ("ROOM", ROOM), ("_POOL", POOL), ("LEAST", LEAST)):
        for module in (shared, reader) if name in ("ROOM", "LEAST") else (shared,):
            monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(fetcher, "_PACE", 0.0)  # the world has no time but its turns


def held(readings: list[Reading]) -> int:
    """Bytes of record sets in all queues, those that are shared once."""
    chunks = {id(c.records): len(c.records) for r in readings for c in r.reader._queue}
    return sum(chunks.values())


async def history(choose: random.Random) -> None:
    world = World(partitions=choose.randint(1, 3))
    wire, readings, gone = world.wire, [], []
    paused: set[int] = set()  # readers that are not polled at all

    def some():
        return choose.choice(readings) if readings else None

    for _ in range(choose.randint(20, 300)):
        act = choose.random()
        if act < 0.30:
            for _ in range(choose.randint(1, 6)):
                wire.write(choose.choice(list(wire.logs)), choose.randint(1, 9))
        elif act < 0.60:
            wire.answer(choose.randint(0, 9), choose.randint(1, 3))
            await world.settled()
        elif act < 0.80:
            for reading in readings:
                if id(reading) not in paused:
                    for _ in range(choose.randint(0, 4)):
                        reading.poll()
        elif act < 0.86 and len(readings) < 6:
            readings.append(world.follow(choose.choice([0, None])))
        elif act < 0.92 and (reading := some()):
            count = choose.randint(0, len(wire.logs))
            reading.reader.paused = frozenset(choose.sample(list(wire.logs), count))
        elif act < 0.97 and (reading := some()):
            paused ^= {id(reading)}
        elif len(readings) > 1:
            gone.append(readings.pop(choose.randrange(len(readings))))
            gone[-1].reader.cancel()
        await world.settled()
        for reading in readings + gone:
            reading.check()
        groups = len(world.topic.groups) if readings else 0
        # One answer has at most 3 batches of 263 bytes of each of 3 partitions, on 2 lanes.
        assert held(readings) <= BEHIND + max(POOL, groups * LEAST) + 2 * groups * 3 * 3 * 263
    for reading in readings:
        reading.reader.paused = frozenset()
    await world.drained(*readings)
    # All are level: what comes now comes once.
    if readings:
        for _ in range(3):  # the fetches meet where something comes
            for p in wire.logs:
                wire.write(p, 3)
            await world.drained(*readings)
        assert len(world.topic.groups) == 1
        for reading in readings:
            reading.check()
    for reading in readings:
        reading.reader.cancel()
    await world.settled()
    assert not world.reads._topics
    await world.close()


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 1 << 32))
def test_nothing_is_lost_or_doubled_at_any_speed(small_seed):
    asyncio.run(history(random.Random(small_seed)))


def run(test):
    """An async test on a loop of its own, whose tasks it ends."""

    def wrapped():
        async def whole():
            try:
                await test()
            finally:
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()

        asyncio.run(whole())

    wrapped.__name__ = test.__name__
    return wrapped


@run
async def test_twenty_readers_fetch_a_topic_once():
    world = World()
    readings = [world.follow() for _ in range(20)]
    for _ in range(30):
        world.wire.write(0, 9)
        await world.drained(*readings)
    assert world.wire.sent == sum(len(data) for _, _, data in world.wire.logs[0])


@run
async def test_one_that_stands_still_stops_no_other_and_joins_again():
    world = World()
    quick, slow = world.follow(), world.follow()
    for _ in range(50):  # 12 kB, four times what may wait
        world.wire.write(0, 9)
        await world.drained(quick)
    assert held([quick, slow]) <= BEHIND + ROOM
    assert len(world.topic.groups) == 2
    await world.drained(quick, slow)
    assert len(world.topic.groups) == 1
    before = world.wire.sent
    world.wire.write(0, 9)
    await world.drained(quick, slow)
    assert world.wire.sent - before == len(world.wire.logs[0][-1][2])


@run
async def test_one_alone_waits_in_place():
    world = World()
    alone = world.follow()
    await world.settled()
    for _ in range(50):
        world.wire.write(0, 9)
        world.wire.answer(batches=3)
        await world.settled()
    assert held([alone]) <= ROOM + 3 * 241
    await world.drained(alone)
    assert world.wire.sent == sum(len(data) for _, _, data in world.wire.logs[0])


@run
async def test_a_paused_partition_is_not_fetched_and_the_others_are():
    world = World(partitions=2)
    one = world.follow()
    one.reader.paused = frozenset({0})
    await world.settled()
    for p in (0, 1):
        world.wire.write(p, 5)
    for _ in range(5):
        world.wire.answer()
        await world.settled()
        while one.poll():
            pass
    assert {p: len(got) for p, got in one.got.items()} == {0: 0, 1: 5}
    one.reader.paused = frozenset()
    await world.drained(one)


@run
async def test_what_one_reader_pauses_is_not_queued_for_it_while_another_reads_it():
    world = World(partitions=2)
    one, other = world.follow(), world.follow()
    await world.settled()
    one.reader.paused = frozenset({0})
    for _ in range(3):
        world.wire.write(0, 5)
        await world.drained(other)
        one.poll()
    assert one.got[0] == []
    assert one.reader.waiting == 0
    one.reader.paused = frozenset()
    await world.drained(one, other)


@run
async def test_a_gap_that_a_late_reader_meets_ends_it_alone():
    world = World(partitions=2)
    for _ in range(20):
        world.wire.write(0, 5)
    quick = world.follow()
    await world.drained(quick)
    late = world.follow(0)
    world.wire.first = 50  # retention took the first records
    with pytest.raises(TopicChanged):
        await world.drained(late)
    world.wire.first = 0
    world.wire.write(0, 5)
    world.wire.write(1, 5)
    await world.drained(quick)


@run
async def test_in_an_outage_the_lag_is_unknown_and_a_reader_waits():
    world = World()
    world.wire.write(0, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetcher, "SILENCE", 0.0)
        world.wire.away = True
        one, other = world.follow(0), world.follow()
        await world.settled()
        for reading in (one, other):
            assert reading.reader.note.startswith("cannot reach broker 1")
            assert reading.reader.lag is None
            assert not reading.reader.done
        # The seconds pass also while an attempt takes long, and says nothing.
        later = time.monotonic() + 70
        patch.setattr(fetcher, "time", SimpleNamespace(monotonic=lambda: later))
        assert one.reader.note == "cannot reach broker 1 for 70 s"
    world.wire.away = False
    await asyncio.sleep(0.2)  # the pause before the next try
    await world.drained(one, other)
    assert (one.reader.note, one.reader.lag) == ("", 0)


@run
async def test_a_batch_that_cannot_be_read_past_ends_its_readers():
    world = World()
    one, other = world.follow(), world.follow()
    world.wire.logs[0].append((0, 5, batch(0, 5)[:-1]))
    for reading in (one, other):
        with pytest.raises(CorruptRecord, match="partition 0"):
            await world.drained(reading)
        assert not reading.reader.done  # its error is not taken for an end


@run
async def test_a_topic_that_was_made_anew_is_shared_with_nobody():
    world = World()
    old = world.follow()
    await world.settled()
    world.wire.id = bytes(15) + b"\2"
    new = world.follow()
    await world.settled()
    assert old.reader.topic is not new.reader.topic
    unknown = [world.follow() for _ in range(2) if setattr(world.wire, "id", bytes(16)) is None]
    await world.settled()
    assert unknown[0].reader.topic is not unknown[1].reader.topic


@run
async def test_a_read_with_ends_is_not_shared_and_ends():
    world = World()
    for _ in range(9):
        world.wire.write(0, 5)
    follows = world.follow(0)
    held_now = Snapshot(world.wire.described(), {0: (0, 45)}, 0)
    bounded = world.reads.follow(held_now, {0: (0, 33)}, threading.Event(), 1 << 30)
    await world.settled()
    assert bounded.topic is not follows.reader.topic
    got = 0
    for _ in range(50):
        world.wire.answer()
        await world.settled()
        while (chunk := bounded.poll()) is not None:
            got = chunk.next
    assert bounded.ended(0)
    assert bounded.done
    assert got == 35
    nothing = world.reads.follow(held_now, {0: (7, 7)}, threading.Event(), 1 << 30)
    await world.settled()
    assert nothing.done
