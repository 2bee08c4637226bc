"""KAFKA (what Kafka's own serializers write for a single value), BYTES and NONE.

`open.open_codec` opens them by their names; `source` uses the numbers for a window's bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.errors import Unsupported
from kshell.formats.base import Codec, Decoded, Place
from kshell.types import ksql_name

__all__ = ["numbers_of", "numbers_to", "open_bytes", "open_kafka", "open_none"]

# Type → how numpy calls it on the wire and in memory, and what Kafka's serializer is called.
_NUMBERS: dict[pa.DataType, tuple[str, str, str]] = {
    pa.int32(): (">i4", "<i4", "Integer"),
    pa.int64(): (">i8", "<i8", "Long"),
    pa.float64(): (">f8", "<f8", "Double"),
}


def open_kafka(place: Place) -> Codec:
    """The codec of one primitive, or of no columns if no key is declared."""
    if not place.columns:
        return _Nothing(place)
    (column,) = place.columns
    if column.type == pa.string():
        return _unsuggested(place) if place.suggested else _Text(column.name)
    if column.type == pa.binary():
        return _Raw()
    if column.type not in _NUMBERS:
        raise Unsupported(f"KAFKA has no {ksql_name(column.type)}")
    number = _Number(column.name, column.type)
    if not place.suggested:
        return number
    from kshell.formats.found_singles import found_number

    return found_number(place, number)


def _unsuggested(place: Place) -> Codec:
    from kshell.formats.found_singles import Unsuggested

    return Unsuggested(place, _Text(place.columns[0].name))


def numbers_of(data: pa.Array, type: pa.DataType) -> pa.Array:
    """Binary values as big-endian numbers; NULL where one is of another size.

    >>> numbers_of(pa.array([b"\\0\\0\\0\\7", b"x"], pa.binary()), pa.int32()).to_pylist()
    [7, None]
    """
    wire, memory, _ = _NUMBERS[type]
    fits = np.asarray(pc.equal(pc.binary_length(data), np.dtype(wire).itemsize).fill_null(False))
    there = data.filter(pa.array(fits))
    packed: bytes | memoryview[int] = b""
    if len(there):
        _, offsets, content = there.buffers()
        places = np.frombuffer(offsets, np.int32)
        begin, end = places[there.offset], places[there.offset + len(there)]
        packed = memoryview(content)[begin:end]
    column = pa.array(np.frombuffer(packed, wire).astype(memory), type, from_pandas=False)
    if len(there) == len(data):
        return column
    return column.take(pa.array(np.cumsum(fits) - 1, pa.int64(), mask=~fits))


def numbers_to(column: pa.Array) -> pa.Array:
    """Numbers as big-endian binary values, NULL as NULL.

    >>> numbers_to(pa.array([7, None], pa.int32())).to_pylist()
    [b'\\x00\\x00\\x00\\x07', None]
    """
    numbers = np.asarray(column.fill_null(0)).astype(_NUMBERS[column.type][0])
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(numbers.itemsize), len(column), [None, pa.py_buffer(numbers.tobytes())]
    )
    return pc.if_else(column.is_valid(), fixed.cast(pa.binary()), pa.scalar(None, pa.binary()))


class _Number:
    """INT, BIGINT and DOUBLE: big-endian, of a size of their own."""

    def __init__(self, name: str, type: pa.DataType) -> None:
        self._name, self._type = name, type

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        data = data.cast(pa.binary())
        column = numbers_of(data, self._type)
        wrong = np.flatnonzero(np.asarray(pc.and_(column.is_null(), data.is_valid())))
        bad = [(row, self._reason(len(data[row].as_py()))) for row in wrong.tolist()]
        return Decoded([column] * len(names), bad)

    def _reason(self, size: int) -> str:
        wire, _, serializer = _NUMBERS[self._type]
        wanted = np.dtype(wire).itemsize
        return f"field {self._name}: {size} bytes where {wanted} are a number ({serializer})"

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        return _Raw().encode([numbers_to(columns[0].cast(self._type))], gone)


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
    """The codec of keys that are not there, and of what no sample had."""
    return _unsuggested(place) if place.suggested else _Nothing(place)
