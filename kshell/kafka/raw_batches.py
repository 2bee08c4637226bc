"""The batches of a fetched record set as another topic takes them: as they are, or written anew.

`mirror` reads with it and `raw_produce` sends what it gives.  Records stay encoded and compressed;
a batch is written anew only where Kafka would not take it: offsets are missing in it (compaction),
a part of it is not wanted, or the broker's time stands for those of its records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from kshell.errors import CorruptRecord
from kshell.kafka.codecs import deflate, inflate
from kshell.kafka.fetcher import Chunk
from kshell.kafka.records import Walk, crc

__all__ = ["RawBatch", "batches_of"]

_HEADER, _CHECKED = 61, 21  # bytes of a header; where that begins which the checksum covers
_CODEC, _LOG_APPEND = 7, 8
_HEAD = struct.Struct(">qiibI")  # offset, length, leader epoch, magic, checksum
_REST = struct.Struct(">hiqqqhii")  # attributes, last delta, times, who sent it, record count
_PRODUCER = struct.Struct(">qhi")
_PRODUCER_AT = 43
_NOBODY = -1


@dataclass(slots=True)
class RawBatch:
    """A batch to send: its bytes, how many records it has, and where it stood in its topic: offsets
    from `first`, and `next` is where to go on after it."""

    data: memoryview
    count: int
    first: int
    next: int
    anew: bool = False  # written anew, not as it was
    sequence: int = _NOBODY
    stored: int = _NOBODY  # the offset after it where it was written

    def stamp(self, producer: int, epoch: int, sequence: int) -> None:
        """Make it the batch of a producer: no batch of a transaction, and none that was stored."""
        data, self.sequence = self.data, sequence
        (attributes,) = struct.unpack_from(">h", data, _CHECKED)
        struct.pack_into(">h", data, _CHECKED, attributes & _CODEC)
        _PRODUCER.pack_into(data, _PRODUCER_AT, producer, epoch, sequence)
        _HEAD.pack_into(data, 0, 0, len(data) - 12, -1, 2, crc(data[_CHECKED:]))


def batches_of(chunk: Chunk, end: int) -> Iterator[RawBatch]:
    """The batches of a chunk with the records from its start to `end`, in their order.

    Control batches and those of aborted transactions are left out.  Raises CorruptRecord for one
    whose bytes are not what was written.
    """
    walk = Walk(chunk.records, chunk.start, end, chunk.aborted)
    chosen = walk.data_batches()
    bad = min((span.first for span in walk.bad), default=end)
    for i in chosen:
        _, base, last, attributes, _, count, at, size = walk.heads.head(i)
        if base >= bad:
            break
        if not count:
            continue  # compaction keeps the headers of batches whose records it took
        data = walk.data[at : at + size]
        whole = chunk.start <= base and last < end and count == last - base + 1
        if whole and not attributes & _LOG_APPEND and not walk.rewritten:
            if data.readonly:
                data = memoryview(bytearray(data))
            yield RawBatch(data, count, base, last + 1)
        elif (made := _anew(data, chunk.start, end)) is not None:
            yield made
    for span in walk.bad:
        where = f"offset {span.first}" if span.first == span.last else (
            f"offsets {span.first} to {span.last}"
        )  # fmt: skip
        raise CorruptRecord(f"{where}: {span.reason}")


def _anew(data: memoryview, start: int, end: int) -> RawBatch | None:
    """The records of a batch with start <= offset < end, numbered without gaps; None if there are
    none.  Keys, values and headers are copied as they are."""
    attributes, last, first_time, max_time, *_, count = _REST.unpack_from(data, _CHECKED)
    (base,) = struct.unpack_from(">q", data)
    codec, appended = attributes & _CODEC, attributes & _LOG_APPEND
    records = inflate(codec, data[_HEADER:]) if codec else bytes(data[_HEADER:])
    out, at, kept, latest, first = bytearray(), 0, 0, -1, -1
    try:
        for _ in range(count):
            size, at = _varint(records, at)
            stop = at + size
            if size < 0 or stop > len(records):
                raise IndexError
            time, after_time = _varint(records, at + 1)
            delta, rest = _varint(records, after_time)
            if rest > stop:
                raise IndexError
            offset = base + delta
            if start <= offset < end:
                if not kept:
                    first = offset
                when = b"\0" if appended else records[at + 1 : after_time]
                latest = max(latest, max_time if appended else first_time + time)
                head = b"\0" + when + _zigzag(kept)
                out += _zigzag(len(head) + stop - rest)
                out += head
                out += records[rest:stop]
                kept += 1
            at = stop
    except IndexError:
        raise CorruptRecord(
            f"offsets {base} to {base + last}: its records are cut off or malformed"
        ) from None
    if not kept:
        return None
    packed = deflate(codec, bytes(out))
    made = memoryview(bytearray(_HEADER + len(packed)))
    made[_HEADER:] = packed
    opens = max_time if appended else first_time
    _REST.pack_into(
        made, _CHECKED, codec, kept - 1, opens, latest, _NOBODY, _NOBODY, _NOBODY, kept
    )
    return RawBatch(made, kept, first, min(base + last + 1, end), anew=True)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zig-zag varint, and where it ends; raises IndexError."""
    byte = data[at]
    if byte < 128:
        return byte >> 1 ^ -(byte & 1), at + 1
    value = shift = 0
    while byte > 127:
        value |= (byte & 127) << shift
        shift += 7
        at += 1
        byte = data[at]
    value |= byte << shift
    return value >> 1 ^ -(value & 1), at + 1


def _zigzag(n: int) -> bytes:
    n <<= 1  # lengths and numbers of records are not negative
    if n < 128:
        return n.to_bytes(1, "little")
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)
