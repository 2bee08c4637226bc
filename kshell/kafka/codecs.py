"""Decompresses record batches up to a limit: 33 KB may expand to a gigabyte.

`records` calls `inflate`; cramjam does the work and releases the GIL.  Each call writes into a
buffer of fixed size, so that nothing larger is ever allocated.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import cramjam

from kshell.errors import CorruptRecord

__all__ = ["AT_ONCE", "LIMIT", "SET_TOO_LARGE", "inflate"]

LIMIT = 64 << 20  # bytes that one batch may become; brokers refuse batches over 1 MB by default
AT_ONCE = 512 << 20  # bytes that one record set may become: Arrow's binary offsets have 31 bits
SET_TOO_LARGE = "its record set would decompress to more than is allowed"
_XERIAL = b"\x82SNAPPY\x00"  # the Java client's frame: 16 bytes, then blocks with their length
_XERIAL_HEADER = 16

# Not one for each thread: to Python, DuckDB's threads are new ones at every call.
_rooms: list[memoryview] = []


def _snappy(data: memoryview, room: memoryview) -> int:
    if bytes(data[: len(_XERIAL)]) != _XERIAL:
        return _snappy_block(data, room)
    at, filled = _XERIAL_HEADER, 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        block = data[at + 4 : at + 4 + length]
        if len(block) != length or not length:
            raise CorruptRecord("a snappy block is cut off")
        filled += _snappy_block(block, room[filled:])
        at += 4 + length
    return filled


def _snappy_block(block: memoryview, room: memoryview) -> int:
    if cramjam.snappy.decompress_raw_len(block) > len(room):
        raise CorruptRecord("it would decompress to more than is allowed")
    return int(cramjam.snappy.decompress_raw_into(block, room))


# Kafka's codec numbers (the low three bits of a batch's attributes) and who decompresses them.
CODECS: dict[int, tuple[str, Callable[[memoryview, memoryview], Any]]] = {
    1: ("gzip", cramjam.gzip.decompress_into),
    2: ("snappy", _snappy),
    3: ("lz4", cramjam.lz4.decompress_into),
    4: ("zstd", cramjam.zstd.decompress_into),
}


def inflate(codec: int, data: memoryview) -> bytes:
    """The decompressed bytes; raises CorruptRecord if they are broken or larger than LIMIT.

    >>> inflate(1, memoryview(bytes(cramjam.gzip.compress(b"kafka"))))
    b'kafka'
    """
    if codec not in CODECS:
        raise CorruptRecord(f"no compression codec has number {codec}")
    name, decompress = CODECS[codec]
    try:
        room = _rooms.pop()
    except IndexError:
        room = memoryview(mmap.mmap(-1, LIMIT))  # only the part that is written to uses memory
    try:
        return bytes(room[: int(decompress(data, room))])
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise CorruptRecord("it would decompress to more than is allowed") from None
        raise CorruptRecord(f"its {name} data is broken: {error}") from None
    finally:
        _rooms.append(room)
