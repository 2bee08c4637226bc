"""KAFKA (what Kafka's own serializers write for a single value), BYTES and NONE."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from kshell.errors import CorruptRecord
from kshell.formats.base import Codec, Decoded, Place
from kshell.formats.rowwise import RowCodec

__all__ = ["open_bytes", "open_kafka", "open_none"]

_PACKED: dict[pa.DataType, tuple[str, struct.Struct]] = {
    pa.int32(): ("Integer", struct.Struct(">i")),
    pa.int64(): ("Long", struct.Struct(">q")),
    pa.float64(): ("Double", struct.Struct(">d")),
}


def _packed(name: str, form: struct.Struct) -> tuple[Callable[[bytes], Any], Callable[..., bytes]]:
    def read(data: bytes) -> Any:
        if len(data) != form.size:
            raise CorruptRecord(f"{len(data)} bytes where {form.size} are a number ({name})")
        return form.unpack(data)[0]

    return read, form.pack


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CorruptRecord("not valid UTF-8") from None


def _encoded(value: str) -> bytes:
    return value.encode(errors="replace")


def open_kafka(place: Place) -> Codec:
    """The codec of one primitive; of none where no key is declared."""
    if not place.columns:
        return _Nothing(place)
    type = place.columns[0].type
    if type == pa.string():
        return _Text()
    read: Callable[[bytes], Any]
    write: Callable[..., bytes]
    if type in _PACKED:
        read, write = _packed(*_PACKED[type])
    else:
        read = write = bytes

    def write_row(row: Sequence[Any]) -> bytes | None:
        return None if row[0] is None else write(row[0])

    return RowCodec(place.columns, lambda data: (read(data),), write_row)


class _Text:
    """STRING: checked as a whole, and one by one only where something is wrong."""

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
                texts.append(None if value is None else _text(value))
            except CorruptRecord as error:
                bad.append((row, error.what))
                texts.append(None)
        return Decoded([pa.array(texts, pa.string())] * len(names), bad)

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        deleted = gone.to_pylist()
        values = zip(columns[0].to_pylist(), deleted, strict=True)
        return pa.array([None if d or v is None else _encoded(v) for v, d in values], pa.binary())


class _Raw:
    """BYTES: as they are."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        return Decoded([data] * len(names), [])

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        pairs = zip(columns[0].to_pylist(), gone.to_pylist(), strict=True)
        return pa.array([None if d else v for v, d in pairs], pa.binary())


def open_bytes(place: Place) -> _Raw:
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


def open_none(place: Place) -> _Nothing:
    """The codec of keys that are not there."""
    return _Nothing(place)
