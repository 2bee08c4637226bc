"""Makes the Protobuf message that a producer with the schema would write for a case's JSON node,
and from a message the node that Kafka Connect makes.

Names match in any case, names that the message does not have are skipped, null is not set; times
are numbers and bytes base64, as everywhere in cases.  `records` calls it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell.cases.formats.base import respelled
from kshell.errors import CorruptRecord
from kshell.formats.base import Place
from kshell.formats.framing import frame, read_indexes, split_frame, write_indexes
from kshell.formats.json_values import plain_writer
from kshell.formats.protobuf.codec import schema_text
from kshell.formats.protobuf.columns import WRAPPERS, is_map, message_type
from kshell.formats.protobuf.decode import Plain
from kshell.formats.protobuf.pool import (
    load,
    message_at,
    message_class,
    message_indexes,
    message_named,
)
from kshell.formats.protobuf.write import put_special
from kshell.formats.registry import Registered, Schema, SchemaType

__all__ = ["open_nodes"]


class _Nodes:
    """Without a registry (PROTOBUF_NOSR), records have no frame and the same message type."""

    def __init__(self, place: Place, given: Registered | None) -> None:
        self._place, self._given = place, given
        self._framed = place.format.name == "PROTOBUF"
        self._made: tuple[bytes, Any] | None = None

    def from_node(self, node: Any) -> bytes:
        """See `base.Nodes`."""
        prefix, message = self._producer()
        return prefix + _message_of(message, node)

    def to_node(self, data: bytes) -> Any:
        """See `base.Nodes`."""
        message, payload = self._split(data)
        return _node(message, payload)

    def expected(self, node: Any, data: bytes) -> Any:
        """See `base.Nodes`: if the message cannot hold null, null becomes the default."""
        message, payload = self._split(data)
        try:
            return _over(node, _node(message, _message_of(message, node)))
        except CorruptRecord:
            return respelled(node, _node(message, payload))

    def _split(self, data: bytes) -> tuple[Any, bytes]:
        if not self._framed:
            return self._producer()[1], data
        id, payload = split_frame(data)
        path, length = read_indexes(payload)
        assert self._place.schemas is not None
        return message_at(load(self._place.schemas.by_id(id)), path), payload[length:]

    def _producer(self) -> tuple[bytes, Any]:
        """The bytes before every message that a producer writes, and the message."""
        if self._made is None:
            place, name = self._place, self._place.format.options.get("SCHEMA_FULL_NAME", "")
            if self._given is not None:
                schema, id = self._given.schema, self._given.id
            else:
                schema, id = Schema(SchemaType.PROTOBUF, schema_text(place)), 0
                if self._framed and place.schemas is not None:
                    subject = place.schemas.subject(place.topic, place.half.value)
                    id = place.schemas.register(subject, schema)
            message = message_named(load(schema), name)
            prefix = frame(id, write_indexes(message_indexes(message))) if self._framed else b""
            self._made = prefix, message
        return self._made


def _node(message: Any, payload: bytes) -> Any:
    type = message_type(message)
    found = Plain(message, list(type)).decode(pa.array([payload], pa.binary()))
    if found.bad:
        raise CorruptRecord(found.bad[0][1])
    write = plain_writer(type)
    return write({f.name: c[0].as_py() for f, c in zip(type, found.columns, strict=True)})


def _over(node: Any, held: Any) -> Any:
    """The message's values, and the fields of the node that the message does not hold."""
    if isinstance(node, Mapping) and isinstance(held, Mapping):
        node = respelled(node, held)
        return {**held, **{k: _over(v, held[k]) if k in held else v for k, v in node.items()}}
    return held


def open_nodes(place: Place, given: Registered | None) -> _Nodes:
    """The nodes of one half of one source."""
    return _Nodes(place, given)


_INTS = (Field.CPPTYPE_INT32, Field.CPPTYPE_INT64, Field.CPPTYPE_UINT32, Field.CPPTYPE_UINT64)
_FLOATS = (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE)


def _message_of(message: Any, node: Any) -> bytes:
    """The node as bytes of the message; CorruptRecord if it does not fit."""
    made = message_class(message)()
    try:
        _fill(made, node)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise CorruptRecord(f"{node!r} is no {message.full_name}: {error}") from None
    return bytes(made.SerializeToString(deterministic=True))


def _fill(made: Any, node: Mapping[str, Any]) -> None:
    message = made.DESCRIPTOR
    if _fill_special(made, node):
        return
    if message.full_name in WRAPPERS and not isinstance(node, Mapping):
        node = {"value": node}
    by_fold = {f.name.casefold(): f for f in message.fields}
    for name, value in node.items():
        field = message.fields_by_name.get(name) or by_fold.get(name.casefold())
        if field is None and isinstance(value, Mapping):  # a oneof's STRUCT
            _fill(made, value)
        elif field is not None and value is not None:
            _set(made, field, value)


def _set(made: Any, field: Any, value: Any) -> None:
    if is_map(field):
        entry = field.message_type
        key, item = entry.fields_by_name["key"], entry.fields_by_name["value"]
        target = getattr(made, field.name)
        for k, v in value.items():
            if item.message_type is not None:
                _fill(target[_scalar(key, k)], v)
            else:
                target[_scalar(key, k)] = _scalar(item, v)
    elif field.is_repeated:
        target = getattr(made, field.name)
        for v in value:
            if field.message_type is not None:
                _fill(target.add(), v)
            else:
                target.append(_scalar(field, v))
    elif field.message_type is not None:
        inner = getattr(made, field.name)
        inner.SetInParent()
        _fill(inner, value)
    else:
        setattr(made, field.name, _scalar(field, value))


def _scalar(field: Any, value: Any) -> Any:
    if field.cpp_type in _INTS:
        return int(value)
    if field.cpp_type in _FLOATS:
        return float(value)
    if field.cpp_type == Field.CPPTYPE_ENUM:
        by_name = field.enum_type.values_by_name
        return by_name[value].number if isinstance(value, str) else int(value)
    if field.type == Field.TYPE_BYTES:
        return base64.b64decode(value, validate=True)
    if field.cpp_type == Field.CPPTYPE_BOOL:
        return value if isinstance(value, bool) else value == "true"
    return str(value) if not isinstance(value, bool) else str(value).lower()


_SPECIAL: Mapping[str, pa.DataType] = {
    "google.protobuf.Timestamp": pa.timestamp("ms"),
    "google.type.Date": pa.date32(),
    "google.type.TimeOfDay": pa.time32("ms"),
}
_DECIMAL = "confluent.type.Decimal"


def _fill_special(made: Any, node: Any) -> bool:
    """Fills a message that stands for a single value; False if the message or the node does not."""
    name = made.DESCRIPTOR.full_name
    if isinstance(node, Mapping):
        return False
    if name == _DECIMAL:
        number = Decimal(str(node))
        scale = max(-int(number.as_tuple().exponent), 0)
        put_special(made, number, pa.decimal128(38, scale))
        return True
    if name in _SPECIAL:
        put_special(made, int(node), _SPECIAL[name])
    return name in _SPECIAL
