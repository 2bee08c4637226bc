"""Asks leaders for offsets: the ends of partitions, the first after a time, and what a transaction
holds back.  `client` calls it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Collection, Iterable, Mapping

from aiokafka import errors as codes
from aiokafka.protocol.offset import OffsetRequest

from kshell.kafka.metadata import Partition, Snapshot, Topic, no_leader
from kshell.kafka.raw import Fetched, RawFetchRequest
from kshell.kafka.wire import Wire

__all__ = ["EARLIEST", "LATEST", "offsets", "spans", "undecided"]

LATEST, EARLIEST = -1, -2  # ListOffsets' special times
_TIMELESS = 43  # the topic's record format (v0) has no times to search by
_ELECTION = 10.0  # seconds for which a leader is waited for


async def offsets(
    wire: Wire, topic: Topic, times: Mapping[int, int], isolation: int, *, partial: bool = False
) -> dict[int, int]:
    """Per partition, the first offset at or after a time (ms), LATEST or EARLIEST.

    A time after the last record's gives -1, and so does a topic whose records have no times.
    Looks up leaders again if they moved.  Where no leader answers for a partition it raises
    Outage; with `partial` the others are given, at once if no election can help.
    """
    wanted, found = dict(times), dict[int, int]()
    deadline = time.monotonic() + _ELECTION
    for attempt in itertools.count():
        if attempt:
            await asyncio.sleep(min(0.05 * 2**attempt, 0.5))
            topic = await wire.topic(topic.name)
        by_leader: dict[int, list[tuple[int, int]]] = {}
        for p in topic.partitions:
            if p.id in wanted and p.leader >= 0:
                by_leader.setdefault(p.leader, []).append((p.id, wanted[p.id]))
        for part in await asyncio.gather(
            *(_led_by(wire, leader, topic.name, asked, isolation)
              for leader, asked in by_leader.items())
        ):  # fmt: skip
            found |= part
        wanted = {p: time for p, time in wanted.items() if p not in found}
        if not wanted:
            break
        left = [p for p in topic.partitions if p.id in wanted]
        if (partial and all(_is_lost(wire, p) for p in left)) or time.monotonic() > deadline:
            break
    if wanted and not partial:
        raise no_leader(topic.name, wanted)
    return found


async def spans(
    wire: Wire, topic: Topic, partitions: Iterable[int], isolation: int
) -> dict[int, tuple[int, int]]:
    """[first, end) of each of these partitions for which a leader answers: two requests to each
    leader."""
    asked = sorted(partitions)
    first = offsets(wire, topic, dict.fromkeys(asked, EARLIEST), 0, partial=True)
    last = offsets(wire, topic, dict.fromkeys(asked, LATEST), isolation, partial=True)
    firsts, lasts = await asyncio.gather(first, last)
    return {p: (firsts[p], max(lasts[p], firsts[p])) for p in sorted(firsts) if p in lasts}


async def _led_by(
    wire: Wire, leader: int, topic: str, asked: list[tuple[int, int]], isolation: int
) -> dict[int, int]:
    """What one broker knows; without the partitions that it does not lead."""
    found = dict[int, int]()
    try:
        answer = await wire.send(leader, OffsetRequest(-1, isolation, [(topic, asked)]))
    except (OSError, codes.KafkaError, TimeoutError):
        return found
    times = dict(asked)
    for _, results in answer.topics:
        for partition, error, _, offset in results:
            if error in (0, _TIMELESS):
                found[partition] = -1 if error else offset
            else:
                wire.raise_for(topic, partition, error, times[partition], "DESCRIBE")
    return found


async def undecided(
    wire: Wire, snapshot: Snapshot, partitions: Collection[int]
) -> dict[int, int]:
    """How many offsets behind the ends of a snapshot wait for a transaction that is still open;
    without the partitions of which nobody says so now.

    A fetch has both ends at one moment; two requests for offsets would count what is written in
    between.
    """
    by_leader: dict[int, dict[int, int]] = {}
    for p in snapshot.topic.partitions:
        if p.id in partitions and p.id in snapshot.offsets and p.leader >= 0:
            by_leader.setdefault(p.leader, {})[p.id] = snapshot.offsets[p.id][1]
    found = dict[int, int]()
    for leader, ends in by_leader.items():
        request = RawFetchRequest(
            snapshot.name, snapshot.topic.id, ends,
            isolation=1, wait_ms=0, partition_bytes=1, max_bytes=1,
        )  # fmt: skip
        try:
            answer: Fetched = await wire.send(leader, request)
        except (OSError, EOFError, codes.KafkaError, TimeoutError):
            continue
        for part in answer.partitions:
            if not part.error and part.last_stable == ends[part.partition]:
                found[part.partition] = part.high_watermark - part.last_stable
    return found


def _is_lost(wire: Wire, partition: Partition) -> bool:
    """Whether it has no leader, and none of its in-sync replicas is there to become one."""
    alive = {b.id for b in wire.cluster.brokers}
    return partition.leader < 0 and not alive.intersection(partition.isr)
