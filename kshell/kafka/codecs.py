"""Decompresses record batches up to a limit (33 KB may expand to a gigabyte), and compresses them.

`records` calls `inflate`, and `raw_batches` both; cramjam does the work and releases the GIL.
What is decompressed goes into a buffer of fixed size, so that nothing larger is ever allocated.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from typing import Any

import cramjam

from kshell.errors import CorruptRecord

__all__ = ["AT_ONCE", "LIMIT", "SET_TOO_LARGE", "deflate", "inflate"]

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


def _snappy_framed(data: bytes) -> bytes:
    """As the Java client writes it: every reader of Kafka's knows that frame."""
    block = bytes(cramjam.snappy.compress_raw(data))
    return _XERIAL + struct.pack(">iii", 1, 1, len(block)) + block


# A frame of independent blocks of at most 4 MiB: brokers refuse blocks that depend on each other.
_LZ4_HEAD, _LZ4_BLOCK, _LZ4_PLAIN = b"\x04\x22\x4d\x18\x60\x70\x73", 4 << 20, 1 << 31


def _lz4_framed(data: bytes) -> bytes:
    parts = [_LZ4_HEAD]
    for at in range(0, len(data), _LZ4_BLOCK):
        plain = data[at : at + _LZ4_BLOCK]
        block = bytes(cramjam.lz4.compress_block(plain, store_size=False))
        size, block = (len(block), block) if len(block) < len(plain) else (
            len(plain) | _LZ4_PLAIN, plain
        )  # fmt: skip
        parts += [struct.pack("<I", size), block]
    return b"".join((*parts, bytes(4)))


# Kafka's codec numbers (the low three bits of a batch's attributes), who decompresses them and who
# compresses.
CODECS: dict[int, tuple[str, Callable[[memoryview, memoryview], Any], Callable[[bytes], Any]]] = {
    1: ("gzip", cramjam.gzip.decompress_into, cramjam.gzip.compress),
    2: ("snappy", _snappy, _snappy_framed),
    3: ("lz4", cramjam.lz4.decompress_into, _lz4_framed),
    4: ("zstd", cramjam.zstd.decompress_into, cramjam.zstd.compress),
}


def deflate(codec: int, data: bytes) -> bytes:
    """The bytes compressed, by Kafka's number of a codec; 0 leaves them as they are.

    >>> inflate(3, memoryview(deflate(3, b"kafka")))
    b'kafka'
    """
    return bytes(CODECS[codec][2](data)) if codec else data


def inflate(codec: int, data: memoryview) -> bytes:
    """The decompressed bytes; raises CorruptRecord if they are broken or larger than LIMIT.

    >>> inflate(1, memoryview(bytes(cramjam.gzip.compress(b"kafka"))))
    b'kafka'
    """
    if codec not in CODECS:
        raise CorruptRecord(f"no compression codec has number {codec}")
    name, decompress, _ = CODECS[codec]
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
