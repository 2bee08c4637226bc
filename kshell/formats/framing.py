"""The five bytes in front of a record of the schema registry, and Protobuf's message indexes.

Confluent's wire format: a zero byte, the schema's id (4 bytes, big-endian), then the payload; for
Protobuf the payload begins with the path of the message in its file.  Codecs call these.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kshell.errors import CorruptRecord

__all__ = ["HEADER", "NO_VALUE", "UNFRAMED", "frame", "ids_of", "payloads", "read_indexes",
           "schema_ids", "split_frame", "varint", "write_indexes"]  # fmt: skip

HEADER = 5  # bytes before the payload
NO_VALUE, UNFRAMED = -1, -2  # what `schema_ids` gives where there is no id
_LONGEST = 1 << 30  # bytes of a record
_MAX_INDEXES = 16  # how deep messages are nested in one another at the most


def frame(id: int, payload: bytes) -> bytes:
    """The payload behind its schema's id.

    >>> frame(258, b"x")
    b'\\x00\\x00\\x00\\x01\\x02x'
    """
    return struct.pack(">bI", 0, id) + payload


def split_frame(data: bytes) -> tuple[int, bytes]:
    """A record's schema id and payload; CorruptRecord if it has no frame.

    >>> split_frame(b"\\x00\\x00\\x00\\x00\\x07abc")
    (7, b'abc')
    """
    if len(data) < HEADER or data[0] != 0:
        raise CorruptRecord("no schema id in front: not written with a schema registry")
    (id,) = struct.unpack_from(">I", data, 1)
    return id, data[HEADER:]


def schema_ids(values: pa.BinaryArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Every record's schema id; NO_VALUE for NULL, UNFRAMED without a frame.

    >>> schema_ids(pa.array([b"\\0\\0\\0\\0\\7x", None, b"{}"], pa.binary())).tolist()
    [7, -1, -2]
    """
    count = len(values)
    ids = np.full(count, UNFRAMED, np.int64)
    if not count:
        return ids
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[values.offset : values.offset + count + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.empty(0, np.uint8)
    long = np.flatnonzero(np.diff(offsets) >= HEADER)
    starts = offsets[long].astype(np.int64)
    framed = data[starts] == 0
    long, starts = long[framed], starts[framed]
    found = np.zeros(len(long), np.int64)
    for place in range(1, HEADER):
        found = (found << 8) | data[starts + place]
    ids[long] = found
    if values.null_count:
        ids[np.asarray(values.is_null())] = NO_VALUE
    return ids


def ids_of(samples: Sequence[bytes]) -> Counter[int]:
    """How many samples have which schema id in front; no registry gives the id 0."""
    found = schema_ids(pa.array(samples, pa.binary()))
    return Counter(int(id) for id in found if id > 0)


def payloads(values: pa.BinaryArray) -> pa.BinaryArray:
    """The records without their frames; ask `schema_ids` first which have one."""
    import pyarrow.compute as pc  # takes 50 ms, which JSON does not wait for

    return pc.binary_slice(values, HEADER, _LONGEST)  # without an end, Arrow overflows


def write_indexes(indexes: Sequence[int]) -> bytes:
    """A message's path in its file as zigzag varints; the first message is a single zero byte.

    >>> write_indexes([0]), write_indexes([1, 0])
    (b'\\x00', b'\\x04\\x02\\x00')
    """
    if list(indexes) == [0]:
        return b"\0"
    return b"".join(varint(n << 1) for n in (len(indexes), *indexes))


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first.

    >>> varint(300)
    b'\\xac\\x02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def read_indexes(payload: bytes) -> tuple[tuple[int, ...], int]:
    """The message's path, and how many bytes it took; CorruptRecord if there is none.

    >>> read_indexes(b"\\x04\\x02\\x00rest")
    ((1, 0), 3)
    """
    count, at = _zigzag(payload, 0)
    if count == 0:
        return (0,), at
    if not 0 < count <= _MAX_INDEXES:
        raise CorruptRecord(f"{count} message indexes in front of a Protobuf record")
    indexes = []
    for _ in range(count):
        index, at = _zigzag(payload, at)
        if index < 0:
            raise CorruptRecord("a negative message index in front of a Protobuf record")
        indexes.append(index)
    return tuple(indexes), at


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            raise CorruptRecord("the message indexes of a Protobuf record are cut off")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
    raise CorruptRecord("a message index of a Protobuf record is too long")
