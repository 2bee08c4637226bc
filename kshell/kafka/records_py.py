"""The pure-Python twin of `_records`, for machines without a C compiler.

It reads the headers; aiokafka's compiled parser reads the records of a checked batch.  That parser
gets magic 2 only: its parser for older batches can crash.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import calc_crc32c

__all__ = ["Heads", "crc", "decode"]

_HEADER = 61
_CODEC, _TRANSACTIONAL, _CONTROL, _LOG_APPEND = 7, 16, 32, 8
_SPECIAL = _CODEC | _TRANSACTIONAL | _CONTROL
_RECORD_MIN = 7
_INT64_MAX = (1 << 63) - 1
_PREFIX = struct.Struct(">qiib")  # offset, length, leader epoch, magic
_REST = struct.Struct(">Ihiqqqhii")  # crc … record count, from byte 17 on

_TYPES = {
    "offset": pa.int64(),
    "timestamp": pa.int64(),
    "key": pa.binary(),
    "value": pa.binary(),
    "headers": pa.list_(pa.struct([("key", pa.binary()), ("value", pa.binary())])),
}

Head = tuple[int, int, int, int, int, int, int, int]


def crc(data: bytes | memoryview) -> int:
    """CRC-32C of the bytes."""
    return int(calc_crc32c(memoryview(data)))


class Heads:
    """The headers of the whole batches in a buffer; the same as `_records.Heads`."""

    def __init__(self, buffer: Any) -> None:
        self.data = memoryview(buffer)
        self.broken = False
        self.heads: list[Head] = []
        self.end = self._walk()
        self.count = len(self.heads)
        self.plain = not any(h[0] or h[3] & _SPECIAL for h in self.heads)

    def _walk(self) -> int:
        data, at, size = self.data, 0, len(self.data)
        while size - at >= 17:
            base, length, _, magic = _PREFIX.unpack_from(data, at)
            if length < 0:
                self.broken = True
                break
            if size - at - 12 < length:
                break
            total = 12 + length
            if magic != 2:
                self.heads.append((2, base, base, 0, -1, 0, at, total))
                at += total
                continue
            if total < _HEADER:
                self.broken = True
                break
            check, attributes, delta, _, _, producer, _, _, count = _REST.unpack_from(data, at + 17)
            if base < 0 or delta < 0 or count < 0 or base > _INT64_MAX - 1 - delta:
                self.broken = True
                break
            state = 0
            if crc(data[at + 21 : at + total]) != check:
                state = 1
            elif not attributes & _CODEC and count > (total - _HEADER) // _RECORD_MIN:
                state = 3
            self.heads.append((state, base, base + delta, attributes, producer, count, at, total))
            at += total
        return at

    def head(self, i: int) -> Head:
        """The batch's state, base offset, last offset, attributes, producer id, record count,
        start, size."""
        return self.heads[i]

    def last_offset(self) -> int:
        """The last offset of the last batch, or -1."""
        return self.heads[-1][2] if self.heads else -1

    def within(self, start: int, end: int) -> int:
        """How many records there are, if every batch is plain and lies in [start, end); else -1."""
        if not self.heads:
            return 0
        if not self.plain or self.heads[0][1] < start or self.last_offset() >= end:
            return -1
        return sum(h[5] for h in self.heads)


def _uncompressed(heads: Heads, i: int, inflated: Mapping[int, bytes]) -> bytes:
    """The batch in its uncompressed form."""
    _, _, _, attributes, _, _, at, size = heads.head(i)
    if i not in inflated:
        return bytes(heads.data[at : at + size])
    header = bytearray(heads.data[at : at + _HEADER])
    struct.pack_into(">i", header, 8, _HEADER - 12 + len(inflated[i]))
    struct.pack_into(">h", header, 21, attributes & ~_CODEC)
    return bytes(header) + inflated[i]


def _values(columns: Sequence[str], raw: bytes) -> list[tuple[Any, ...]]:
    """A tuple for each record: its offset and the values of the wanted columns."""
    take = operator.attrgetter("offset", *(columns or ["offset"]))
    return list(map(take, DefaultRecordBatch(raw)))


def decode(
    heads: Heads,
    chosen: Sequence[int],
    inflated: Mapping[int, bytes],
    wanted: Any,
    start: int,
    end: int,
) -> tuple[pa.RecordBatch, list[int]]:
    """The records of the chosen batches as Arrow, and the batches that cannot be decoded."""
    pieces = [name for name in _TYPES if name != "offset" and getattr(wanted, name)]
    rows: list[tuple[Any, ...]] = []
    bad: list[int] = []
    for i in chosen:
        _, base, last, *_ = heads.head(i)
        try:
            records = _values(pieces, _uncompressed(heads, i, inflated))
            offsets = [r[0] for r in records]
            if offsets and not base <= min(offsets) <= max(offsets) <= last:
                raise ValueError("an offset outside the batch")
        except Exception:  # any error of the parser means that the bytes are bad
            bad.append(i)
            continue
        if base < start or last >= end:
            records = [r for r in records if start <= r[0] < end]
        rows += records
    by_name = dict(zip(["offset", *pieces], zip(*rows, strict=True), strict=False))
    columns = {
        name: pa.array((_headers if name == "headers" else tuple)(by_name.get(name, ())), type)
        for name, type in _TYPES.items()
        if getattr(wanted, name)
    }
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([]))), bad
    return pa.RecordBatch.from_pydict(columns), bad


def _headers(column: Sequence[Any]) -> list[list[dict[str, Any]]]:
    return [[{"key": name.encode(), "value": value} for name, value in row] for row in column]
