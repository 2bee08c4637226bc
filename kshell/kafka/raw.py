"""Fetch responses without copies: aiokafka's requests, our own reading of the answer.

aiokafka's response class decodes each field in Python and copies every record set.  This module
reads the frame once, and record sets stay views into it.  `wire` sends these.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.protocol import fetch as _fetch

__all__ = ["Fetched", "FetchedPartition", "RawFetchRequest"]

_TOP = struct.Struct(">ihii")  # throttle time, error, session, topics
_PARTITION = struct.Struct(">ihqqqi")  # partition, error, high watermark, LSO, log start, aborted
_ABORTED = struct.Struct(">qq")
_RECORDS = struct.Struct(">ii")  # preferred replica, size of the record set


@dataclass(frozen=True, slots=True)
class FetchedPartition:
    """One partition of an answer; `records` is a view into the frame."""

    topic: str
    partition: int
    error: int
    high_watermark: int
    last_stable: int
    aborted: tuple[tuple[int, int], ...]  # (producer id, first offset)
    records: memoryview


class Fetched:
    """A fetch response v11, in the form of aiokafka's response classes."""

    API_KEY, API_VERSION = 1, 11

    def __init__(self, error: int, partitions: Sequence[FetchedPartition]) -> None:
        self.error = error
        self.partitions = partitions

    @classmethod
    def decode(cls, frame: memoryview) -> Fetched:
        """Read an answer that has no correlation id; raises struct.error if it is cut off."""
        at = 0
        _, error, _, topics = _TOP.unpack_from(frame, at)
        at += _TOP.size
        found = []
        for _ in range(topics):
            (length,) = struct.unpack_from(">h", frame, at)
            name = bytes(frame[at + 2 : at + 2 + length]).decode()
            (count,) = struct.unpack_from(">i", frame, at + 2 + length)
            at += 6 + length
            for _ in range(count):
                partition, code, high, stable, _, aborts = _PARTITION.unpack_from(frame, at)
                at += _PARTITION.size
                aborted = []
                for _ in range(max(aborts, 0)):
                    aborted.append(_ABORTED.unpack_from(frame, at))
                    at += _ABORTED.size
                _, size = _RECORDS.unpack_from(frame, at)
                at += _RECORDS.size
                records = frame[at : at + max(size, 0)]
                at += max(size, 0)
                found.append(
                    FetchedPartition(
                        name, partition, code, high, stable, tuple(aborted), records
                    )
                )
        return cls(error, found)


class _Struct(_fetch.FetchRequest_v11):  # type: ignore[misc]
    API_KEY = 1
    API_VERSION = 11
    RESPONSE_TYPE: Any = Fetched
    SCHEMA = _fetch.FetchRequest_v11.SCHEMA


class RawFetchRequest:
    """A fetch of one topic's partitions: {partition: offset}.

    `isolation` is 1 for read committed; `wait_ms` is how long the broker may hold an empty answer.
    Every broker since 2.3 supports version 11; it is the last version without topic ids.
    """

    API_KEY = 1

    def __init__(
        self,
        topic: str,
        offsets: dict[int, int],
        *,
        isolation: int,
        wait_ms: int,
        partition_bytes: int,
        max_bytes: int,
    ) -> None:
        partitions = [(p, -1, offset, -1, partition_bytes) for p, offset in offsets.items()]
        self._struct = _Struct(
            -1, wait_ms, 1, max_bytes, isolation, 0, -1, [(topic, partitions)], [], ""
        )

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """The request as aiokafka's connection sends it; raises if the broker is too old."""
        low, high = versions.get(1, (0, 0))
        if not low <= 11 <= high:
            raise NotImplementedError(f"the broker speaks Fetch v{low} to v{high}, not v11")
        return self._struct
