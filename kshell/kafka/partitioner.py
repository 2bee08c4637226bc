"""The partition of a key: murmur2, as in Kafka's own producers.

A scan for one key reads only that partition, if `sample` has seen that keys are placed so.
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.compiled import compiled
from kshell.kafka.outgoing import Outgoing

__all__ = ["encode_key", "in_turn", "partition_for", "partitions_for"]

_impl: Any = compiled("kshell.kafka._produce")
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def _murmur2(data: bytes) -> int:
    """Kafka's murmur2 of the bytes, as an unsigned 32-bit number.

    >>> _murmur2(b"kafka")
    3496464228
    """
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a keyed record."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def partitions_for(keys: pa.Array, tail: int, partitions: int) -> pa.Array:
    """The partitions of keys without their last `tail` bytes; NULL for no key.

    >>> partitions_for(pa.array([b"kafka12345678", None], pa.binary()), 8, 7).to_pylist()
    [3, None]
    """
    if _impl is not None:
        return _impl.place(keys, tail, partitions)
    places = {
        key: partition_for(key[: len(key) - tail], partitions)
        for key in set(keys.to_pylist())
        if key is not None
    }
    return pa.array([places.get(key) for key in keys.to_pylist()], pa.int32())


def in_turn(records: Outgoing, turn: int, partitions: int) -> tuple[Outgoing, int]:
    """Records that name no partition go to each partition in turn; gives whose turn is next.

    >>> from kshell.kafka.outgoing import OutgoingRecord
    >>> rows = [OutgoingRecord(b"k", None), OutgoingRecord(None, None, partition=0)] * 2
    >>> made, next = in_turn(Outgoing.of(rows), 2, 3)
    >>> made.partitions.to_pylist(), next
    ([2, 0, 0, 0], 1)
    """
    given = records.partitions
    free = np.ones(len(records), np.bool_) if given is None else np.asarray(given.is_null())
    places = np.zeros(len(records), np.int32) if given is None else np.asarray(given.fill_null(0))
    places = np.where(free, (turn + np.cumsum(free) - 1) % partitions, places).astype(np.int32)
    return replace(records, partitions=pa.array(places)), int(turn + free.sum()) % partitions


def encode_key(value: Any, type: pa.DataType) -> bytes | None:
    """A key's bytes in Kafka's primitive formats, or None if the value does not fit the format."""
    if pa.types.is_string(type) and isinstance(value, str):
        return value.encode()
    if pa.types.is_binary(type) and isinstance(value, bytes):
        return value
    whole = isinstance(value, int | float | Decimal) and math.isfinite(value)
    if pa.types.is_integer(type) and whole and value == int(value):
        bits = type.bit_width
        if -(1 << bits - 1) <= value < 1 << bits - 1:
            return int(value).to_bytes(bits // 8, "big", signed=True)
    return None
