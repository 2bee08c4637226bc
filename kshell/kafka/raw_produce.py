"""Writes record batches as bytes to one topic: each once and in order, acknowledged by all in-sync
replicas.

`mirror` uses it; confluent-kafka sends records, not batches.  The producer is idempotent: each
partition counts its records (sequence numbers), so brokers know a batch that comes a second time.
Up to five batches of a partition are on their way; after a failure all of them are waited for, and
then those without an acknowledgement are sent again in order.
Sources: KIP-98 and KIP-360 (what a broker remembers of a producer).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterable, Mapping

from aiokafka import errors as codes

from kshell.config import Properties
from kshell.errors import KafkaError, KshellError, Outage, TopicChanged
from kshell.kafka.client import Client
from kshell.kafka.fetcher import first_error
from kshell.kafka.metadata import Topic
from kshell.kafka.raw_batches import RawBatch
from kshell.kafka.raw_lane import Lane, reaches
from kshell.kafka.raw_messages import InitProducer, Produce
from kshell.kafka.raw_refusals import AGAIN, LOST, OK, OUT_OF_ORDER, refusal
from kshell.kafka.written import last_written
from kshell.permits import check_writes

__all__ = ["RawProducer"]

_ROOM = 32 << 20  # bytes that may wait; `put` waits when they are more
_REQUEST = 8 << 20  # bytes of a request from which on the next batches go into another
_ANSWER_MS = 4000  # a broker gives up waiting for replicas before it would be taken for dead
_PAUSE = 0.1  # seconds after a failure, before it is tried again
_NOTED = 2.0  # seconds without an acknowledgement that are worth a word
_LEAVING = 2.0  # seconds that the end takes at most, where it was asked for
_BROKEN = 3  # times that a broker may say of a batch that it came broken


class RawProducer:
    """Sends to the partitions of one topic; one thread puts batches, any may look or cancel."""

    def __init__(
        self, client: Client, topic: Topic, ends: Mapping[int, int], properties: Properties
    ) -> None:
        check_writes(properties, "writing records")
        self._client, self._wire, self._topic = client, client.wire, topic
        self._patience = (properties.number("delivery.timeout.ms") or 0) / 1000
        self.lanes = {p.id: Lane(p.id, ends[p.id]) for p in topic.partitions}
        self._leaders = {p.id: p.leader for p in topic.partitions}
        self._asked = 0.0  # when the leaders were asked for last
        self._wake = asyncio.Event()
        self._lock = threading.Condition()  # around what follows
        self._bytes = 0
        self._unacknowledged = 0
        self._leaving = 0.0  # since when it takes no more
        self._error: KshellError | None = None
        self._moved = time.monotonic()  # when the last acknowledgement came
        self._task: asyncio.Task[None] | None = None
        client.loop.call_soon_threadsafe(self._start)

    # For the thread that puts.

    def put(self, partition: int, batches: Iterable[RawBatch]) -> None:
        """Queue batches of a partition; waits where too many wait.  Raises what ended the
        sending."""
        batches = list(batches)
        size = sum(len(b.data) for b in batches)
        with self._lock:
            while self._bytes >= _ROOM and not self._leaving:
                self._check()
                self._lock.wait(0.1)
            self._check()
            if self._leaving:
                return
            if not self._unacknowledged:
                self._moved = time.monotonic()
            self._bytes += size
            self._unacknowledged += len(batches)
        self._client.loop.call_soon_threadsafe(self._queue, partition, batches)

    def flush(self) -> None:
        """Wait until all is acknowledged; raises what ended the sending."""
        with self._lock:
            while self._unacknowledged and not self._given_up:
                self._check()
                self._lock.wait(0.1)
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if not self._client.loop.is_running():
            raise Outage(f"the connection was closed while {self._topic.name} was written")
        if self._unacknowledged and (waiting := self.stalled_for) > self._patience:
            raise KafkaError(
                f"topic {self._topic.name}: {self._unacknowledged:,} batches not acknowledged for"
                f" {waiting:.0f} s",
                hint="no leader, or too few in-sync replicas (min.insync.replicas)? DESCRIBE"
                " shows them; delivery.timeout.ms is how long it is waited",
            )

    def leave(self) -> None:
        """Take no more, drop what was not sent, and wait only some seconds for the rest."""
        self._leaving = time.monotonic()
        with contextlib.suppress(RuntimeError):
            self._client.loop.call_soon_threadsafe(self._drop_unsent)

    @property
    def _given_up(self) -> bool:
        return bool(self._leaving) and time.monotonic() - self._leaving > _LEAVING

    @property
    def unacknowledged(self) -> int:
        """Batches of which nobody knows whether they are written."""
        return self._unacknowledged

    @property
    def stalled_for(self) -> float:
        """Seconds since an acknowledgement came, while some are missing."""
        return time.monotonic() - self._moved if self._unacknowledged else 0.0

    @property
    def note(self) -> str:
        """What is waited for, while no acknowledgement comes."""
        waiting = self.stalled_for
        if waiting < _NOTED:
            return ""
        return f"waiting: {self._topic.name} acknowledges nothing for {waiting:.0f} s"

    @property
    def reached(self) -> dict[int, int]:
        """Where the source goes on, by partition, after all that was acknowledged."""
        return {p: n.reached for p, n in list(self.lanes.items()) if n.reached is not None}

    def close(self) -> None:
        """Stop sending; what waits is dropped."""
        if self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._client.loop.call_soon_threadsafe(self._task.cancel)

    # On the loop.

    def _start(self) -> None:
        self._task = self._client.loop.create_task(self._run())

    def _queue(self, partition: int, batches: list[RawBatch]) -> None:
        self.lanes[partition].waiting.extend(batches)
        if self._leaving:
            self._drop_unsent()
        self._wake.set()

    def _drop_unsent(self) -> None:
        dropped = [batch for lane in self.lanes.values() for batch in lane.drop_unsent()]
        with self._lock:
            self._bytes -= sum(len(batch.data) for batch in dropped)
            self._unacknowledged -= len(dropped)
            self._lock.notify_all()

    async def _run(self) -> None:
        lease = self._wire.lease()
        try:
            producer, epoch = await self._identity()
            for lane in self.lanes.values():
                lane.producer, lane.epoch = producer, epoch
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._wake.clear()
                    self._send_all(tasks, f"produce {lease}")
                    await self._wake.wait()
        except* KshellError as group:
            self._fail(first_error(group))
        except* asyncio.CancelledError:
            pass
        except* Exception as group:
            self._fail(KafkaError(f"writing failed: {group.exceptions[0]!r}"))
        finally:
            self._wire.release(lease)

    def _fail(self, error: KshellError) -> None:
        with self._lock:
            self._error = error
            self._lock.notify_all()

    async def _identity(self) -> tuple[int, int]:
        """An id of an idempotent producer and its epoch; waits for a broker that gives one."""
        deadline = time.monotonic() + self._patience
        while True:
            code = LOST
            for broker in self._wire.cluster.brokers:
                with contextlib.suppress(OSError, EOFError, codes.KafkaError, TimeoutError):
                    answer = await self._wire.send(broker.id, InitProducer())
                    code = answer["error"]
                    if not code:
                        return answer["producer"], answer["epoch"]
            if code not in AGAIN or time.monotonic() > deadline:
                raise refusal(code, self._topic.name)
            await asyncio.sleep(_PAUSE)

    def _send_all(self, tasks: asyncio.TaskGroup, group: str) -> None:
        """Send all that may be sent: a request takes one batch of each partition of a broker."""
        while True:
            by_leader: dict[int, list[Lane]] = {}
            for lane in self.lanes.values():
                if lane.failed and lane.answered and not lane.settling:
                    lane.settling = True
                    tasks.create_task(self._settle(lane))
                elif lane.ready:
                    by_leader.setdefault(self._leaders[lane.partition], []).append(lane)
            if not by_leader:
                return
            for leader, lanes in by_leader.items():
                batches, size = dict[int, RawBatch](), 0
                for lane in lanes:
                    if size < _REQUEST:
                        batches[lane.partition] = batch = lane.take()
                        size += len(batch.data)
                tasks.create_task(self._send(leader, batches, group))

    async def _send(self, leader: int, batches: Mapping[int, RawBatch], group: str) -> None:
        data = {p: b.data for p, b in batches.items()}
        found = dict.fromkeys(batches, (LOST, -1, ""))
        try:
            answer = await self._wire.send(
                leader, Produce(self._topic.name, data, _ANSWER_MS), group
            )
            for topic in answer["topics"]:
                for part in topic["partitions"]:
                    bad = [b["why"] for b in part.get("bad") or () if b["why"]]
                    why = part.get("why") or "; ".join(bad[:1])
                    found[part["partition"]] = part["error"], part["offset"], why
        except (OSError, EOFError, codes.KafkaError, TimeoutError):
            pass
        for partition, (code, offset, why) in found.items():
            self._answered(self.lanes[partition], batches[partition], code, offset, why)
        self._wake.set()

    def _answered(
        self, lane: Lane, batch: RawBatch, code: int, offset: int, why: str
    ) -> None:
        lane.answers[batch.sequence] = code
        if code != OK:
            lane.failed, lane.why = True, why or lane.why
            return
        if offset >= 0:
            batch.stored = offset + batch.count
        lane.broken, lane.known = 0, True
        while lane.flying and lane.answers.get(lane.flying[0].sequence) == OK:
            done = lane.flying.popleft()
            del lane.answers[done.sequence]
            self._acknowledged(lane, done)

    def _acknowledged(self, lane: Lane, batch: RawBatch) -> None:
        lane.reached = batch.next
        lane.written = max(lane.written, batch.stored)
        if not lane.flying and not (lane.waiting and lane.waiting[0].sequence >= 0):
            lane.recovers = False
        with self._lock:
            self._bytes -= len(batch.data)
            self._unacknowledged -= 1
            lane.records += batch.count
            lane.bytes += len(batch.data)
            self._moved = time.monotonic()
            self._lock.notify_all()

    async def _settle(self, lane: Lane) -> None:
        """All of a partition that was on its way is answered, and something failed: find out what
        was written, and send the rest again."""
        first = lane.flying[0]
        code = lane.answers[first.sequence]
        lane.broken += code == codes.CorruptRecordException.errno
        if code not in AGAIN or lane.broken > _BROKEN:
            where = f"{self._topic.name}, partition {lane.partition}"
            raise refusal(code, where, first, lane.why)
        await asyncio.sleep(_PAUSE)
        await self._find_leaders()
        if code in OUT_OF_ORDER:
            await self._compare(lane)
        lane.again()
        lane.settling = False
        self._wake.set()

    async def _find_leaders(self) -> None:
        if time.monotonic() - self._asked < _PAUSE:
            return
        try:
            found = await self._wire.find(self._topic.name)
        except Outage:
            return
        self._asked = time.monotonic()
        if found is None or found.id != self._topic.id:
            raise TopicChanged(f"topic {self._topic.name} was deleted while it was being written")
        self._leaders |= {p.id: p.leader for p in found.partitions}

    async def _compare(self, lane: Lane) -> None:
        """The broker expects another sequence number: read what it has of this producer.

        It remembers the last batches alone, and after it was started again the very last one.
        """
        ours = lane.producer, lane.epoch
        leader = self._leaders[lane.partition]
        seen = await last_written(
            self._wire, leader, self._topic, lane.partition, lane.written, ours
        )
        if seen is None:
            return  # it does not answer now: all is sent again, and compared again
        end, last, at = seen
        if end < lane.written:
            raise KafkaError(
                f"topic {self._topic.name}, partition {lane.partition}: offsets {end} to"
                f" {lane.written - 1} are gone, and the broker had acknowledged them",
                hint="an unclean leader election? The topic lacks these records",
            )
        if last is None:  # it has forgotten this producer: nothing of what is left was written
            producer, epoch = await self._identity()
            lane.again()
            lane.anew(producer, epoch)
            return
        lane.again()
        lane.written = at
        while lane.waiting and reaches(lane.waiting[0], last):
            self._acknowledged(lane, lane.waiting.popleft())
