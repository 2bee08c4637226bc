"""Decodes the record batches that `fetch` reads into Arrow columns.

The compiled `_records` does the work, or `records_py` if it was not built or KSHELL_PURE is set;
both give the same results.  A batch that cannot be decoded is reported and left out; the batches
around it are decoded.  Messages older than format v2 are rewritten first, by `message_sets`.
Sources: KIP-98 (the format, and which records of transactions are visible).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kshell.compiled import compiled
from kshell.errors import CorruptRecord
from kshell.kafka.codecs import AT_ONCE, SET_TOO_LARGE, inflate

__all__ = ["BadSpan", "Decoded", "Walk", "Wanted", "count", "crc", "decode"]


_impl: Any = compiled("kshell.kafka._records") or importlib.import_module("kshell.kafka.records_py")

_CODEC, _TRANSACTIONAL, _CONTROL = 7, 16, 32
_FINE, _BAD_CRC, _OLD, _TOO_MANY = range(4)
_REASONS = {
    _BAD_CRC: "the batch's checksum does not match",
    _TOO_MANY: "the batch claims more records than fit into it",
}
_ABORT = 0
Aborted = Sequence[tuple[int, int]]  # (producer id, first offset), from a fetch response


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns to make; the others are not decoded."""

    offset: bool = False
    timestamp: bool = False
    key: bool = False
    value: bool = False
    headers: bool = False


@dataclass(frozen=True, slots=True)
class BadSpan:
    """Offsets that could not be decoded, both ends included, and why."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns `offset`, `timestamp` (ms), `key`, `value` (binary) and `headers` (a list of structs
    key, value: binary), as far as wanted; the next fetch begins at `next_offset`."""

    batch: pa.RecordBatch
    next_offset: int
    bad: tuple[BadSpan, ...] = ()


def crc(data: Any) -> int:
    """CRC-32C of the bytes: the checksum of a batch."""
    return int(_impl.crc(data))


class Walk:
    """Finds the batches of a buffer that hold visible data; sets `next_offset` and `bad`."""

    def __init__(self, data: Any, start: int, end: int, aborted: Aborted) -> None:
        self.heads = _impl.Heads(data)
        self.data = memoryview(data)
        self.start, self.end = start, end
        self.bad: list[BadSpan] = []
        self.rewritten = False  # older messages were among them
        broken = self.heads.broken
        if not self.heads.plain and any(
            self.heads.head(i)[0] == _OLD for i in range(self.heads.count)
        ):
            self._rewrite()
        self._aborted = sorted(aborted, key=lambda a: a[1])
        last = self.heads.last_offset()
        self.next_offset = max(start, last + 1)
        if broken and not self.heads.count:
            raise CorruptRecord(
                f"the batch at offset {start} has a broken header",
                hint="skip it with WHERE ROWOFFSET > …",
            )

    def _rewrite(self) -> None:
        from kshell.kafka.message_sets import as_batches  # rare: no start waits for it

        data, bad = as_batches(self.data, self.heads, _OLD)
        self.data, self.heads, self.rewritten = memoryview(data), _impl.Heads(data), True
        self.bad = [BadSpan(*b) for b in bad if self.start <= b[1] and b[0] < self.end]

    def data_batches(self) -> list[int]:
        """Indexes of the batches with records to decode."""
        heads = self.heads
        ordinary = heads.plain and self.next_offset <= self.end and heads.count
        if ordinary and heads.head(0)[2] >= self.start:
            return list(range(heads.count))  # most buffers: no special batches
        return list(self._special())

    def _special(self) -> Iterator[int]:
        pending, active = list(self._aborted), set()
        for i in range(self.heads.count):
            state, base, last, attributes, producer, _, at, _ = self.heads.head(i)
            if base >= self.end:
                continue
            before = last < self.start  # only the ends of transactions count there
            if before and not (state == _FINE and attributes & _CONTROL):
                continue
            if state != _FINE:
                self.bad.append(BadSpan(max(base, self.start), last, _REASONS[state]))
                continue
            if attributes & _TRANSACTIONAL:
                while pending and pending[0][1] <= last:
                    active.add(pending.pop(0)[0])
                if attributes & _CONTROL:
                    if self._is_abort(at):
                        active.discard(producer)
                    continue
                if producer in active:
                    continue
            elif attributes & _CONTROL:
                continue
            yield i

    def _is_abort(self, at: int) -> bool:
        # length, attributes, two deltas and the key's length take a byte each in a marker, then
        # the key: version and type, two bytes each.
        key = at + 61 + 5
        return int.from_bytes(self.data[key + 2 : key + 4], "big") == _ABORT

    def inflate(self, chosen: Sequence[int]) -> dict[int, bytes]:
        """The records of compressed batches; adds broken ones to `bad`."""
        inflated: dict[int, bytes] = {}
        if self.heads.plain:
            return inflated
        total = 0
        for i in chosen:
            _, base, last, attributes, _, count, at, size = self.heads.head(i)
            if not attributes & _CODEC:
                continue
            try:
                records = inflate(attributes & _CODEC, self.data[at + 61 : at + size])
                if count > len(records) // 7:
                    raise CorruptRecord(_REASONS[_TOO_MANY])
                total += len(records)
                if total > AT_ONCE:
                    raise CorruptRecord(SET_TOO_LARGE)
                inflated[i] = records
            except CorruptRecord as error:
                self.bad.append(BadSpan(base, last, error.what))
        return inflated

    def decode(self, chosen: Sequence[int], wanted: Wanted) -> pa.RecordBatch:
        inflated = self.inflate(chosen)
        usable = chosen
        if not self.heads.plain:
            heads = {i: self.heads.head(i) for i in chosen}
            usable = [
                i
                for i, (_, base, _, attributes, *_) in heads.items()
                if base < self.next_offset and (i in inflated or not attributes & _CODEC)
            ]
        batch, broken = _impl.decode(
            self.heads, usable, inflated, wanted, self.start, min(self.end, self.next_offset)
        )
        for i in broken:
            _, base, last, *_ = self.heads.head(i)
            self.bad.append(BadSpan(base, last, "its records are cut off or malformed"))
        self.bad = [span for span in self.bad if span.first < self.next_offset]
        return batch


def decode(
    data: bytes | bytearray | memoryview,
    wanted: Wanted,
    *,
    start: int,
    end: int,
    aborted: Aborted = (),
) -> Decoded:
    """The records with start <= offset < end.

    `data` is the record set of one partition from a fetch response; an incomplete batch at its end
    is left for the next fetch.  Leaves out records of the transactions in `aborted` (read
    committed).  Raises CorruptRecord only if it cannot go on after a bad batch.
    """
    walk = Walk(data, start, end, aborted)
    batch = walk.decode(walk.data_batches(), wanted)
    return Decoded(batch, walk.next_offset, tuple(walk.bad))


def count(
    data: bytes | bytearray | memoryview, *, start: int, end: int, aborted: Aborted = ()
) -> tuple[int, int, tuple[BadSpan, ...]]:
    """(records, next offset, bad) of [start, end): `decode` without its columns.

    Counts batches inside the range by their headers; decodes only those that cross an end of it.
    """
    walk = Walk(data, start, end, aborted)
    records = walk.heads.within(start, end)
    if records >= 0:
        return records, walk.next_offset, tuple(walk.bad)
    total, straddling = 0, []
    for i in walk.data_batches():
        _, base, last, _, _, in_batch, _, _ = walk.heads.head(i)
        if start <= base and last < end:
            total += in_batch
        else:
            straddling.append(i)
    total += walk.decode(straddling, Wanted(offset=True)).num_rows
    return total, walk.next_offset, tuple(walk.bad)
