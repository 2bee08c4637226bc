"""Protobuf records to Arrow columns.

`Framed` reads what a schema registry's producers write (id, message indexes, message), whatever
schemas the records name; `Plain` reads messages of one type and nothing around them.  Messages are
read by `walk` where it can, else over upb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError

from kshell.errors import CorruptRecord, KshellError, RegistryDown
from kshell.formats.framing import HEADER, read_indexes, split_frame
from kshell.formats.json_scan import Scanned
from kshell.formats.protobuf.pool import load, message_at, message_class
from kshell.formats.protobuf.read import NOT_VALID, Budget, Refused, getter
from kshell.formats.protobuf.walk import walker
from kshell.formats.registry import Schemas, SchemaType

__all__ = ["Framed", "Plain"]

_LONGEST_FRAME = HEADER + 5 * 17  # an id, a count and 16 indexes, of five bytes each

Ints = np.ndarray[Any, np.dtype[np.int64]]
Part = tuple[list[pa.Array], list[tuple[int, str]]]


class _Reader(Protocol):
    def read(self, data: pa.Buffer | None, starts: Ints, ends: Ints) -> Part:
        """A column for each field of the messages at [start, end), and the bad ones with why."""


def _reader(message: Any, fields: Sequence[pa.Field]) -> _Reader:
    """BindError where a column can never fit."""
    slow = _OverUpb(message, fields)
    return walker(message, fields) or slow


class _OverUpb:
    """Message by message through upb: all of Protobuf, and of our types."""

    def __init__(self, message: Any, fields: Sequence[pa.Field]) -> None:
        self._fields, self._budget = fields, Budget()
        self._gets = [getter(message, f.name, f.type, self._budget) for f in fields]
        self._parse = message_class(message).FromString

    def read(self, data: pa.Buffer | None, starts: Ints, ends: Ints) -> Part:
        """See `_Reader`."""
        view = memoryview(data) if data is not None else memoryview(b"")
        columns: list[list[Any]] = [[] for _ in self._fields]
        nothing = [None] * len(self._fields)
        bad: list[tuple[int, str]] = []
        self._budget.begin()
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            self._budget.renew()
            values: Sequence[Any] = nothing
            try:
                parsed = self._parse(bytes(view[start:end]))
                values = [get(parsed) for get in self._gets]
                self._budget.keep()
            except DecodeError:
                bad.append((row, NOT_VALID))
            except Refused as refused:
                bad.append((row, str(refused)))
            except UnicodeDecodeError:
                bad.append((row, "not valid UTF-8"))
            for column, value in zip(columns, values, strict=True):
                column.append(value)
        made = [self._column(c, f, bad) for c, f in zip(columns, self._fields, strict=True)]
        return made, bad

    def _column(self, column: list[Any], field: pa.Field, bad: list[tuple[int, str]]) -> pa.Array:
        try:
            return pa.array(column, field.type)
        except (pa.ArrowException, OverflowError, ValueError):
            pass
        known = {row for row, _ in bad}
        for row, value in enumerate(column):  # find what Arrow cannot hold
            try:
                pa.array([value], field.type)
            except (pa.ArrowException, OverflowError, ValueError):
                column[row] = None
                if row not in known:
                    bad.append((row, f"field {field.name}: a value that does not fit"))
        return pa.array(column, field.type)


@dataclass(frozen=True, slots=True)
class _Values:
    """A binary column as the buffer of its bytes and where each value begins and ends."""

    data: pa.Buffer | None
    starts: Ints
    ends: Ints
    there: Ints  # the rows that are not NULL

    @classmethod
    def of(cls, values: pa.BinaryArray) -> _Values:
        """Of Arrow's binary or large_binary."""
        values = values.cast(pa.binary()) if values.type != pa.binary() else values
        count = len(values)
        _, offsets, data = values.buffers()
        found = np.zeros(1, np.int64)
        if count:
            raw = np.frombuffer(offsets, np.int32)[values.offset : values.offset + count + 1]
            found = raw.astype(np.int64)
        there = np.arange(count)
        if values.null_count:
            there = np.flatnonzero(np.asarray(values.is_valid()))
        return cls(data, found[:-1], found[1:], there)

    def slice(self, row: int, length: int) -> bytes:
        """The row's first bytes."""
        start = int(self.starts[row])
        end = min(int(self.ends[row]), start + length)
        return bytes(memoryview(self.data)[start:end]) if self.data is not None else b""


def _together(
    count: int, fields: Sequence[pa.Field], parts: Sequence[tuple[Ints, Part]],
    refused: Sequence[tuple[int, str]],
) -> Scanned:  # fmt: skip
    """The parts' rows in their places, NULL where there is none."""
    bad = [*refused]
    order = np.full(count, -1, np.int64)
    seen = 0
    for rows, (_, wrong) in parts:
        bad += [(int(rows[row]), why) for row, why in wrong]
        order[rows] = np.arange(seen, seen + len(rows))
        seen += len(rows)
    if len(parts) == 1 and seen == count:
        return Scanned(parts[0][1][0], sorted(bad))
    take = pa.array(order, mask=order < 0)
    columns = []
    for i, field in enumerate(fields):
        pieces = [part[0][i] for _, part in parts]
        whole = pa.concat_arrays(pieces) if pieces else pa.nulls(0, field.type)
        columns.append(whole.take(take))
    return Scanned(columns, sorted(bad))


class Plain:
    """Messages of one type, without a frame.

    >>> from kshell.formats.registry import Schema
    >>> text = 'syntax = "proto3"; message A { optional int32 x = 1; }'
    >>> message = message_at(load(Schema(SchemaType.PROTOBUF, text)), [0])
    >>> found = Plain(message, [pa.field("X", pa.int64())]).decode(
    ...     pa.array([b"\\x08\\x05", b"\\xff"], pa.binary()))
    >>> found.columns[0].to_pylist(), found.bad
    ([5, None], [(1, 'not a valid Protobuf message of the schema')])
    """

    def __init__(self, message: Any, fields: Sequence[pa.Field]) -> None:
        self._fields = list(fields)
        self._reader = _reader(message, self._fields)

    def decode(self, values: pa.BinaryArray) -> Scanned:
        """A column for each field; NULL (a tombstone) is a row of NULLs."""
        found = _Values.of(values)
        rows = found.there
        part = self._reader.read(found.data, found.starts[rows], found.ends[rows])
        return _together(len(values), self._fields, [(rows, part)], [])


class Framed:
    """Records of any schemas that the registry knows; RegistryDown where it does not answer."""

    def __init__(self, schemas: Schemas, fields: Sequence[pa.Field]) -> None:
        self._schemas, self._fields = schemas, list(fields)
        self._readers: dict[bytes, _Reader | str] = {}

    def decode(self, values: pa.BinaryArray) -> Scanned:
        """A column for each field; NULL (a tombstone) is a row of NULLs."""
        found = _Values.of(values)
        parts: list[tuple[Ints, Part]] = []
        refused: list[tuple[int, str]] = []
        left = found.there
        while len(left):
            first = int(left[0])
            try:
                begin = found.slice(first, _LONGEST_FRAME)
                length = HEADER + read_indexes(split_frame(begin)[1])[1]
            except CorruptRecord as error:
                refused.append((first, error.what))
                left = left[1:]
                continue
            same = _begin_with(found, left, begin[:length])
            rows, left = left[same], left[~same]
            reader = self._readers.get(begin[:length])
            if reader is None:
                reader = self._readers[begin[:length]] = self._find(begin[:length])
            if isinstance(reader, str):
                refused += [(int(row), reader) for row in rows]
                continue
            starts = found.starts[rows] + length
            parts.append((rows, reader.read(found.data, starts, found.ends[rows])))
        return _together(len(values), self._fields, parts, refused)

    def _find(self, prefix: bytes) -> _Reader | str:
        """What reads records that begin so, or why nothing does."""
        try:
            id, path = split_frame(prefix)
            schema = self._schemas.by_id(id)
            if schema.type is not SchemaType.PROTOBUF:
                return f"schema {id} is {schema.type.value}, not PROTOBUF"
            return _reader(message_at(load(schema), read_indexes(path)[0]), self._fields)
        except RegistryDown:
            raise
        except KshellError as error:
            return error.what


def _begin_with(found: _Values, rows: Ints, prefix: bytes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the rows begin with these bytes."""
    starts = found.starts[rows]
    long = found.ends[rows] - starts >= len(prefix)
    data = np.frombuffer(found.data or b"", np.uint8)
    last = max(len(data) - len(prefix), 0)
    at = np.minimum(starts, last)
    same = long
    for place, byte in enumerate(prefix):
        same = same & (data[at + place] == byte)
    return same
