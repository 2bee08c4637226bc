"""Rewrites messages of formats v0 and v1, which Kafka wrote before 0.11, as batches of format v2.

`records` calls it for a record set with such messages; what comes after it knows v2 alone.  Old
messages have no headers, and those of v0 no time (-1).  Every length is checked before it is used.
Sources: KIP-31 (offsets in compressed messages), KIP-32 (times), KAFKA-3160 (lz4 in v0).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.record.util import calc_crc32c

from kshell.errors import CorruptRecord
from kshell.kafka.codecs import AT_ONCE, SET_TOO_LARGE, inflate

__all__ = ["as_batches"]

_FRAME = struct.Struct(">qi")  # offset, length of what follows
_HEAD = struct.Struct(">Ibb")  # CRC-32 of what follows, magic, attributes
_TIME, _LENGTH = struct.Struct(">q"), struct.Struct(">i")
_CODEC, _LOG_APPEND = 7, 8
_LZ4 = 3  # the last codec that old messages can have
_NO_TIME = -1
_LAST_DELTA = (1 << 31) - 1
_LAST_OFFSET = (1 << 63) - 2
_BATCH = struct.Struct(">hiqqqhii")  # attributes … record count: what the checksum covers first


class _Message(NamedTuple):
    magic: int
    attributes: int
    time: int
    key: memoryview | None
    value: memoryview | None

    @property
    def codec(self) -> int:
        return self.attributes & _CODEC


def _field(data: memoryview, at: int) -> tuple[memoryview | None, int]:
    """A length and so many bytes, -1 for none; and where they end."""
    if len(data) - at < _LENGTH.size:
        raise CorruptRecord("a message is cut off")
    (length,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    if length == -1:
        return None, at
    if not 0 <= length <= len(data) - at:
        raise CorruptRecord("a message has a field that is longer than the message")
    return data[at : at + length], at + length


def _parsed(data: memoryview) -> _Message:
    """One whole message without its offset and length; raises CorruptRecord."""
    if len(data) < _HEAD.size:
        raise CorruptRecord("a message is cut off")
    check, magic, attributes = _HEAD.unpack_from(data)
    if magic not in (0, 1):
        raise CorruptRecord(f"no message format has number {magic}")
    if zlib.crc32(data[4:]) != check:
        raise CorruptRecord("the message's checksum does not match")
    at, time = _HEAD.size, _NO_TIME
    if magic:
        if len(data) - at < _TIME.size:
            raise CorruptRecord("a message is cut off")
        (time,) = _TIME.unpack_from(data, at)
        at += _TIME.size
    key, at = _field(data, at)
    value, at = _field(data, at)
    if at != len(data):
        raise CorruptRecord("a message is longer than its fields")
    return _Message(magic, attributes, time, key, value)


def _framed(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The offset and the rest of each message of a set; raises CorruptRecord."""
    at = 0
    while at < len(data):
        if len(data) - at < _FRAME.size:
            raise CorruptRecord("a compressed set of messages is cut off")
        offset, length = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if not 0 < length <= len(data) - at:
            raise CorruptRecord("a compressed set of messages is cut off")
        yield offset, data[at : at + length]
        at += length


def _xxh32(data: bytes) -> int:
    """XXH32 of fewer than 16 bytes, with seed 0: the checksum of lz4's headers.

    >>> hex(_xxh32(b"abc"))
    '0x32d153ff'
    """
    mask = 0xFFFFFFFF
    h, at = 374761393 + len(data), 0
    for at in range(4, len(data) + 1, 4):
        h = h + int.from_bytes(data[at - 4 : at], "little") * 3266489917 & mask
        h = (h << 17 | h >> 15) * 668265263 & mask
    for byte in data[at:]:
        h = h + byte * 374761393 & mask
        h = (h << 11 | h >> 21) * 2654435761 & mask
    h = (h ^ h >> 15) * 2246822519 & mask
    h = (h ^ h >> 13) * 3266489917 & mask
    return h ^ h >> 16


def _lz4_of_v0(frame: memoryview) -> memoryview:
    """An lz4 frame with the header's checksum that lz4 defines.

    Kafka 0.8 and 0.9 took that checksum from the magic number on, and wrote v0 so ever after.
    """
    if len(frame) < 7:
        raise CorruptRecord("its lz4 data is cut off")
    flags = frame[4]
    end = 4 + 2 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)  # content size, dictionary
    if len(frame) <= end:
        raise CorruptRecord("its lz4 data is cut off")
    mended = bytearray(frame)
    mended[end] = _xxh32(bytes(frame[4:end])) >> 8 & 255
    return memoryview(mended)


def _inflated(outer: _Message) -> memoryview:
    """The set of messages in a compressed message; raises CorruptRecord."""
    if outer.codec > _LZ4:
        raise CorruptRecord(f"no compression codec of old messages has number {outer.codec}")
    if outer.value is None:
        raise CorruptRecord("a compressed message has no value")
    held = outer.value
    if outer.codec == _LZ4 and outer.magic == 0:
        held = _lz4_of_v0(held)
    return memoryview(inflate(outer.codec, held))


def _varint(n: int) -> bytes:
    """A zig-zag varint of 64 bits."""
    n = (n << 1 ^ n >> 63) & (1 << 64) - 1
    if n < 128:
        return n.to_bytes(1, "little")
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_NULL, _ZERO = _varint(-1), b"\0"


class _Batch:
    """Records on their way into one batch of format v2."""

    def __init__(self, base: int, last: int) -> None:
        if not 0 <= base <= last <= _LAST_OFFSET or last - base > _LAST_DELTA:
            raise CorruptRecord("the offsets of a message are not possible")
        self.base, self.last = base, last
        self._count, self._records = 0, bytearray()

    def takes(self, offset: int) -> bool:
        """Whether a record at that offset may follow."""
        return self.last < offset <= min(self.base + _LAST_DELTA, _LAST_OFFSET)

    def add(self, offset: int, time: int, message: _Message) -> None:
        """One more record, at an offset above those before."""
        parts: list[bytes | memoryview] = [_ZERO, _varint(time), _varint(offset - self.base)]
        for field in (message.key, message.value):
            parts += [_NULL] if field is None else [_varint(len(field)), field]
        parts.append(_ZERO)  # no headers
        self._records += _varint(sum(map(len, parts)))
        for part in parts:
            self._records += part
        self._count += 1
        self.last = max(self.last, offset)

    def sealed(self) -> bytes:
        """The batch; times are counted from 0."""
        body = _BATCH.pack(0, self.last - self.base, 0, 0, -1, -1, -1, self._count) + self._records
        head = struct.pack(">qiibI", self.base, 9 + len(body), -1, 2, calc_crc32c(body))
        return head + body


Bad = list[tuple[int, int, str]]


def _first_and_last(held: memoryview) -> tuple[int, int]:
    """The offsets of the first and the last message of a set; raises CorruptRecord."""
    first = last = -1
    for offset, _ in _framed(held):
        if offset <= last:
            raise CorruptRecord("the offsets in a compressed message are out of order")
        first, last = (offset if first < 0 else first), offset
    if first < 0:
        raise CorruptRecord("a compressed message has no messages in it")
    return first, last


def _unwrapped(outer: _Message, last: int, held: memoryview, bad: Bad) -> bytes:
    """The messages of a compressed one, whose offset is that of the last of them.

    v1 counts their offsets from 0, where compaction leaves gaps; v0 has them as they are.
    """
    first, own_last = _first_and_last(held)
    if own_last > last:
        raise CorruptRecord("the offsets in a compressed message go beyond its own")
    shift = last - own_last if outer.magic else 0
    batch = _Batch(first + shift, last)
    for offset, data in _framed(held):
        try:
            message = _parsed(data)
            if message.codec:
                raise CorruptRecord("a compressed message in a compressed message")
        except CorruptRecord as error:
            bad.append((offset + shift, offset + shift, error.what))
            continue
        appended = outer.attributes & _LOG_APPEND and message.magic
        batch.add(offset + shift, outer.time if appended else message.time, message)
    return batch.sealed()


class _Rewritten:
    """The new record set as far as it is made; consecutive messages share a batch."""

    def __init__(self) -> None:
        self.data, self.bad = bytearray(), Bad()
        self._run: _Batch | None = None  # of messages that are not compressed
        self._inflated = 0

    def put(self, batch: Any) -> None:
        """A batch as it is."""
        if self._run is not None:
            self.data += self._run.sealed()
            self._run = None
        self.data += batch

    def take(self, offset: int, data: memoryview) -> None:
        """An old message."""
        try:
            message = _parsed(data)
            if message.codec:
                held = _inflated(message)
                self._inflated += len(held)
                if self._inflated > AT_ONCE:
                    raise CorruptRecord(SET_TOO_LARGE)
                self.put(_unwrapped(message, offset, held, self.bad))
                return
            if self._run is None or not self._run.takes(offset):
                self.put(b"")
                self._run = _Batch(offset, offset)
            self._run.add(offset, message.time, message)
        except CorruptRecord as error:
            self.bad.append((offset, offset, error.what))
            if 0 <= offset <= _LAST_OFFSET:
                self.put(_Batch(offset, offset).sealed())  # so that its offset is passed


def as_batches(data: memoryview, heads: Any, old: int) -> tuple[bytes, Bad]:
    """The record set with batches of v2 in place of old messages, and the offsets that cannot be
    read: first, last, why.

    `heads` are its `Heads`; those whose state is `old` are no v2.
    """
    made = _Rewritten()
    for i in range(heads.count):
        state, offset, _, _, _, _, at, size = heads.head(i)
        if state == old:
            made.take(offset, data[at + _FRAME.size : at + size])
        else:
            made.put(data[at : at + size])
    made.put(b"")
    return bytes(made.data), made.bad
