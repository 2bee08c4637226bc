"""Connect's parameters of a field: confluent.field_meta, extension 1088 of FieldOptions.

Kept as bytes of an unknown field, so that a descriptor made by protoc and one made of text are read
alike and confluent/meta.proto need not be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

__all__ = ["META_FIELD", "field_params", "meta_bytes"]

META_FIELD = 1088
_PARAMS = 2  # Meta.params, map<string, string>
_LENGTH = 2  # the wire type of what has a length


def meta_bytes(number: int, params: Mapping[str, str]) -> bytes:
    """An option with that number: a Meta with these parameters."""
    entries = b""
    for key, value in params.items():
        entry = _block(1, key.encode()) + _block(2, value.encode())
        entries += _block(_PARAMS, entry)
    return _block(number, entries)


def _block(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def field_params(field: Any) -> dict[str, str]:
    """The parameters of a FieldDescriptor, {} if it has none."""
    found: dict[str, str] = {}
    for option in UnknownFieldSet(field.GetOptions()):
        if option.field_number != META_FIELD or option.wire_type != _LENGTH:
            continue
        for entry in _fields(option.data):
            if entry.field_number == _PARAMS and entry.wire_type == _LENGTH:
                pair = {f.field_number: f.data for f in _fields(entry.data)}
                key, value = pair.get(1), pair.get(2)
                if isinstance(key, bytes) and isinstance(value, bytes):
                    found[key.decode(errors="replace")] = value.decode(errors="replace")
    return found


def _fields(data: bytes) -> Any:
    # To a message without fields all are unknown, and so it splits them.
    return list(UnknownFieldSet(Empty.FromString(data)))
