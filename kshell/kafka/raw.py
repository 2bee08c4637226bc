"""Fetches without copies: the record sets of an answer stay views into its frame.

aiokafka's response class decodes each field in Python and copies every record set.  `wire` sends
these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kshell.kafka.metadata import NO_ID
from kshell.kafka.protocol import Api, Array, Field, Request, decode

__all__ = ["FetchMessage", "Fetched", "FetchedPartition", "RawFetchRequest"]

_TOPIC = (Field("topic", "string", until=12), Field("id", "uuid", 13))
_FETCH = Api(
    1, "Fetch", (4, 18), 12,
    (
        Field("replica", "int32", until=14), Field("wait_ms", "int32"),
        Field("min_bytes", "int32"), Field("max_bytes", "int32"), Field("isolation", "int8"),
        Field("session", "int32", 7), Field("session_epoch", "int32", 7),
        Field("topics", Array((
            *_TOPIC,
            Field("partitions", Array((
                Field("partition", "int32"), Field("leader_epoch", "int32", 9),
                Field("offset", "int64"), Field("last_epoch", "int32", 12),
                Field("log_start", "int64", 5), Field("max_bytes", "int32"),
            ))),
        ))),
        Field("forgotten", Array((*_TOPIC, Field("partitions", Array("int32")))), 7),
        Field("rack", "string", 11),
    ),
    (
        Field("header", (), 12),  # its tags; the correlation id is read before
        Field("throttle", "int32"), Field("error", "int16", 7), Field("session", "int32", 7),
        Field("topics", Array((
            *_TOPIC,
            Field("partitions", Array((
                Field("partition", "int32"), Field("error", "int16"),
                Field("high_watermark", "int64"), Field("last_stable", "int64"),
                Field("log_start", "int64", 5),
                Field("aborted", Array((Field("producer", "int64"), Field("first", "int64")))),
                Field("replica", "int32", 11), Field("records", "bytes"),
            ))),
        ))),
    ),
)  # fmt: skip
_BY_NAME = replace(_FETCH, versions=(4, 12))  # later ones ask by the topic's id


@dataclass(frozen=True, slots=True)
class FetchedPartition:
    """One partition of an answer; `records` is a view into the frame."""

    partition: int
    error: int
    high_watermark: int
    last_stable: int
    aborted: tuple[tuple[int, int], ...]  # (producer id, first offset)
    records: memoryview


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer to a fetch; in a session of that number, 0 for none."""

    error: int
    partitions: Sequence[FetchedPartition]
    session: int = 0

    @classmethod
    def decode(cls, frame: memoryview, version: int) -> Fetched:
        """Read an answer; raises CorruptRecord if it is cut off."""
        answer = decode(_FETCH.response, version, version >= _FETCH.flexible, frame)
        found = [
            FetchedPartition(
                p["partition"], p["error"], p["high_watermark"], p["last_stable"],
                tuple((a["producer"], a["first"]) for a in p["aborted"] or ()),
                memoryview(b"") if p["records"] is None else p["records"],
            )
            for topic in answer["topics"] or ()
            for p in topic["partitions"]
        ]  # fmt: skip
        return cls(answer.get("error", 0), found, answer.get("session", 0))


class FetchMessage(Request):
    """A fetch of one version; `frames` gives it the answer as it came."""

    def read(self, frame: memoryview) -> Fetched:
        """The answer without its correlation id; raises CorruptRecord."""
        return Fetched.decode(frame, self.API_VERSION)


class RawFetchRequest:
    """A fetch of one topic's partitions: {partition: offset}.

    `isolation` is 1 for read committed; `wait_ms` is how long the broker may hold an empty answer.
    Where the topic has an id and the broker knows ids, only the topic of that id is read.
    Epoch 0 begins a session, a later one goes on with it: then `offsets` has what differs, and
    `forgotten` the partitions that are not read any more.
    """

    def __init__(
        self,
        topic: str,
        id: bytes,
        offsets: Mapping[int, int],
        *,
        isolation: int,
        wait_ms: int,
        partition_bytes: int,
        max_bytes: int,
        session: int = 0,
        epoch: int = -1,
        forgotten: Sequence[int] = (),
    ) -> None:
        self._api = _BY_NAME if id == NO_ID else _FETCH
        self.offsets = offsets
        partitions = [
            {"partition": p, "leader_epoch": -1, "offset": offset, "last_epoch": -1,
             "log_start": -1, "max_bytes": partition_bytes}
            for p, offset in offsets.items()
        ]  # fmt: skip
        self._body: dict[str, Any] = {
            "replica": -1, "wait_ms": wait_ms, "min_bytes": 1, "max_bytes": max_bytes,
            "isolation": isolation, "session": session, "session_epoch": epoch,
            "topics": [{"topic": topic, "id": id, "partitions": partitions}] if offsets else [],
            "forgotten": [{"topic": topic, "id": id, "partitions": forgotten}] if forgotten else [],
            "rack": "",
        }  # fmt: skip

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> FetchMessage:
        """The request as aiokafka's connection sends it; raises Unsupported."""
        return FetchMessage(self._api, self._api.agreed(versions), self._body)
