"""Looks in a partition for what a producer wrote there: `raw_produce` asks after a failure."""

from __future__ import annotations

import struct

from aiokafka import errors as codes

from kshell.kafka.ends import EARLIEST, LATEST, offsets
from kshell.kafka.metadata import Topic
from kshell.kafka.raw import Fetched, RawFetchRequest
from kshell.kafka.wire import Wire

__all__ = ["last_written"]

_BYTES = 8 << 20
_PRODUCER = struct.Struct(">qhi")  # id, epoch, sequence: at byte 43 of a batch
_OUT_OF_RANGE = 1
_TIMES = 3  # answers without records after which there are none


async def last_written(
    wire: Wire, leader: int, topic: Topic, partition: int, start: int, producer: tuple[int, int]
) -> tuple[int, int | None, int] | None:
    """The partition's end, the last sequence number of that producer at or behind an offset, and
    the offset after it; None if the broker does not answer.

    It reads headers alone; a batch that another producer wrote is passed over.
    """
    at, last, after, empty = start, None, start, 0
    while True:
        request = RawFetchRequest(
            topic.name, topic.id, {partition: at},
            isolation=0, wait_ms=200, partition_bytes=_BYTES, max_bytes=_BYTES,
        )  # fmt: skip
        try:
            answer: Fetched = await wire.send(leader, request, "compare")
        except (OSError, EOFError, codes.KafkaError, TimeoutError):
            return None
        part = answer.partitions[0] if answer.partitions else None
        if answer.error or part is None or part.error not in (0, _OUT_OF_RANGE):
            return None
        if part.error:
            first, end = [
                (await offsets(wire, topic, {partition: time}, 0, partial=True)).get(partition)
                for time in (EARLIEST, LATEST)
            ]
            if first is None or end is None:
                return None
            if end <= at:
                return end, last, after
            at = max(at, first)  # retention took what was before it
            continue
        data, place = part.records, 0
        while len(data) - place >= 61:
            base, length = struct.unpack_from(">qi", data, place)
            if len(data) - place - 12 < length:
                break
            (delta,) = struct.unpack_from(">i", data, place + 23)
            id, epoch, sequence = _PRODUCER.unpack_from(data, place + 43)
            if data[place + 16] == 2 and (id, epoch) == producer and base >= start:
                last, after = (sequence + delta) % (1 << 31), base + delta + 1
            at, place = base + delta + 1, place + 12 + length
        empty = 0 if place else empty + 1
        if at >= part.high_watermark and empty >= _TIMES:
            return part.high_watermark, last, after
