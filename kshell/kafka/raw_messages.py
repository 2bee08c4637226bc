"""Kafka's messages to send record batches as bytes: InitProducerId and Produce.

`raw_produce` sends them.  A Produce request is put together of the batches without a copy of each
level, so it is not written by a table of fields; its answer is read by one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from kshell.kafka.protocol import Api, Array, Field, Request

__all__ = ["InitProducer", "Produce", "ProduceMessage"]

_INIT = Api(
    22, "InitProducerId", (0, 4), 2,
    (
        Field("transactional_id", "string"), Field("timeout", "int32"),
        Field("producer", "int64", 3), Field("epoch", "int16", 3),
    ),
    (
        Field("throttle", "int32"), Field("error", "int16"), Field("producer", "int64"),
        Field("epoch", "int16"),
    ),
)  # fmt: skip
_PRODUCE = Api(
    0, "Produce", (3, 12), 9,
    (
        Field("transactional_id", "string"), Field("acks", "int16"), Field("timeout", "int32"),
        Field("topics", Array(())),  # written by hand
    ),
    (
        Field("topics", Array((
            Field("topic", "string"),
            Field("partitions", Array((
                Field("partition", "int32"), Field("error", "int16"), Field("offset", "int64"),
                Field("time", "int64"), Field("log_start", "int64", 5),
                Field("bad", Array((Field("record", "int32"), Field("why", "string"))), 8),
                Field("why", "string", 8),
            ))),
        ))),
        Field("throttle", "int32"),
    ),
)  # fmt: skip
_ALL = -1  # acks: every replica that is in sync


class InitProducer:
    """Asks for the id of an idempotent producer."""

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Request:
        """The request as aiokafka's connection sends it; raises Unsupported."""
        body = {"transactional_id": None, "timeout": 60_000, "producer": -1, "epoch": -1}
        return Request(_INIT, _INIT.agreed(versions), body)


class Produce:
    """One batch for each of some partitions of a topic: {partition: batch}."""

    def __init__(self, topic: str, batches: Mapping[int, memoryview], timeout_ms: int) -> None:
        self._topic, self._batches, self._timeout = topic, batches, timeout_ms

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> ProduceMessage:
        """The request as aiokafka's connection sends it; raises Unsupported."""
        version = _PRODUCE.agreed(versions)
        return ProduceMessage(version, self._topic, self._batches, self._timeout)


class ProduceMessage(Request):
    """`pieces` are its bytes; the batches are among them as they are."""

    def __init__(
        self, version: int, topic: str, batches: Mapping[int, memoryview], timeout: int
    ) -> None:
        body: dict[str, Any] = {
            "transactional_id": None, "acks": _ALL, "timeout": timeout, "topics": [],
        }  # fmt: skip
        super().__init__(_PRODUCE, version, body)
        self.pieces: list[bytes | memoryview]
        flexible = version >= _PRODUCE.flexible
        empty = b"\1\0" if flexible else bytes(4)  # no topics, and the tags after them
        name = topic.encode()
        size = _uvarint if flexible else struct.Struct(">i").pack
        more, end = (1, b"\0") if flexible else (0, b"")
        parts: list[bytes | memoryview] = [
            self._bytes.removesuffix(empty), size(1 + more),
            _uvarint(len(name) + 1) if flexible else struct.pack(">h", len(name)), name,
            size(len(batches) + more),
        ]  # fmt: skip
        for partition, data in batches.items():
            parts += [struct.pack(">i", partition), size(len(data) + more), data, end]
        self.pieces = [*parts, end + end]


def _uvarint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)
