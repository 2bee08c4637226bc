"""Connect's parameters of a field: confluent.field_meta, extension 1088 of FieldOptions.

Read as bytes of an unknown field: whether confluent/meta.proto is known to this process or not is
then the same.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

__all__ = ["field_params"]

_META_FIELD = 1088
_PARAMS = 2  # Meta.params, map<string, string>
_LENGTH = 2  # the wire type of what has a length


def field_params(field: Any) -> dict[str, str]:
    """The parameters of a FieldDescriptor, {} if it has none."""
    found: dict[str, str] = {}
    for option in _fields(field.GetOptions().SerializeToString()):
        if option.field_number != _META_FIELD or option.wire_type != _LENGTH:
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
