"""KAFKA (what Kafka's own serializers write for a single value), BYTES and NONE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.errors import Unsupported
from kshell.formats.base import Codec, Decoded, Place
from kshell.types import ksql_name

__all__ = ["open_bytes", "open_kafka", "open_none"]

# Type → how numpy calls it on the wire and in memory, and what Kafka's serializer is called.
_NUMBERS: dict[pa.DataType, tuple[str, str, str]] = {
    pa.int32(): (">i4", "<i4", "Integer"),
    pa.int64(): (">i8", "<i8", "Long"),
    pa.float64(): (">f8", "<f8", "Double"),
}


def open_kafka(place: Place) -> Codec:
    """The codec of one primitive; of none where no key is declared."""
    if not place.columns:
        return _Nothing(place)
    (column,) = place.columns
    if column.type == pa.string():
        return _Text(column.name)
    if column.type == pa.binary():
        return _Raw()
    if column.type not in _NUMBERS:
        raise Unsupported(f"KAFKA has no {ksql_name(column.type)}")
    return _Number(column.name, column.type)


class _Number:
    """INT, BIGINT and DOUBLE: big-endian, of a size of their own."""

    def __init__(self, name: str, type: pa.DataType) -> None:
        self._name, self._type = name, type
        self._wire, self._memory, self._serializer = _NUMBERS[type]
        self._size = np.dtype(self._wire).itemsize

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        data = data.cast(pa.binary())
        sizes = np.asarray(pc.binary_length(data).fill_null(self._size))
        wrong = np.flatnonzero(sizes != self._size)
        bad = [(int(row), self._reason(int(sizes[row]))) for row in wrong]
        fits = pc.equal(pc.binary_length(data), self._size)
        there = data.filter(pc.fill_null(fits, False))
        _, offsets, content = there.buffers()
        packed: bytes | memoryview[int] = b""
        if len(there):
            start, end = there.offset, there.offset + len(there)
            places = np.frombuffer(offsets, np.int32)[[start, end]]
            packed = memoryview(content)[places[0] : places[1]]
        numbers = np.frombuffer(packed, self._wire).astype(self._memory)
        column = pa.array(numbers, self._type, from_pandas=False)
        if len(there) < len(data):
            order = np.cumsum(np.asarray(pc.fill_null(fits, False))) - 1
            missing = ~np.asarray(pc.fill_null(fits, False))
            column = column.take(pa.array(order, pa.int64(), mask=missing))
        return Decoded([column] * len(names), bad)

    def _reason(self, size: int) -> str:
        return (
            f"field {self._name}: {size} bytes where {self._size} are a number ({self._serializer})"
        )

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        (column,) = columns
        numbers = np.asarray(column.cast(self._type).fill_null(0)).astype(self._wire)
        fixed = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(self._size), len(column), [None, pa.py_buffer(numbers.tobytes())]
        )
        there = pc.and_(column.is_valid(), pc.invert(gone))
        return pc.if_else(there, fixed.cast(pa.binary()), pa.scalar(None, pa.binary()))


class _Text:
    """STRING: checked as a whole, and one by one only where something is wrong."""

    def __init__(self, name: str) -> None:
        self._name = name

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        try:
            return Decoded([data.cast(pa.string())] * len(names), [])
        except pa.ArrowInvalid:
            pass
        texts: list[str | None] = []
        bad = []
        for row, value in enumerate(data.to_pylist()):
            try:
                texts.append(None if value is None else value.decode())
            except UnicodeDecodeError:
                bad.append((row, f"field {self._name}: not valid UTF-8"))
                texts.append(None)
        return Decoded([pa.array(texts, pa.string())] * len(names), bad)

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        return _Raw().encode([columns[0].cast(pa.binary())], gone)


class _Raw:
    """BYTES: as they are."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        return Decoded([data] * len(names), [])

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        return pc.if_else(gone, pa.scalar(None, pa.binary()), columns[0])


def open_bytes(place: Place) -> Codec:
    """The codec of bytes that nobody declared."""
    return _Raw()


class _Nothing:
    """NONE: no columns, no bytes."""

    def __init__(self, place: Place) -> None:
        self._types = {c.name: c.type for c in place.columns}

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        return Decoded([pa.nulls(len(data), self._types[n]) for n in names], [])

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        return pa.nulls(len(gone), pa.binary())


def open_none(place: Place) -> Codec:
    """The codec of keys that are not there."""
    return _Nothing(place)
