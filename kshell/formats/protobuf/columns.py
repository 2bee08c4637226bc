"""A Protobuf message as KSQL columns, as Kafka Connect's converter and ksqlDB see it.

enum → VARCHAR; uint32 and all 64-bit numbers → BIGINT (a uint64 from 2^63 is an error row);
float → DOUBLE; wrappers → what they wrap; google.protobuf.Timestamp → TIMESTAMP, google.type.Date →
DATE, TimeOfDay → TIME, confluent.type.Decimal → DECIMAL; google.protobuf.Struct, Value, ListValue →
their JSON as VARCHAR; repeated → ARRAY; map → MAP with its keys as VARCHAR.  A message that holds
itself is followed twice, then left out, as is one without fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell import types
from kshell.errors import BindError
from kshell.formats.protobuf.meta import field_params
from kshell.formats.protobuf.pool import load, message_named
from kshell.formats.registry import Schema

__all__ = ["DECIMAL", "JSON_TEXT", "SPECIAL", "UNSIGNED", "WRAPPERS", "cut_times", "exact_type",
           "is_map", "message_type", "oneof_name", "oneofs", "protobuf_type",
           "within_itself"]  # fmt: skip

_MAX_REPEATS = 2  # how often a message is followed in itself
_MAX_COLUMNS = 5000  # of all depths
_MAX_CUT = 100  # times that are named
_MAX_DIGITS = 38
_UNKNOWN_SCALE = 9  # of a decimal without its own scale

_SCALARS: Mapping[int, pa.DataType] = MappingProxyType(
    {
        Field.TYPE_BOOL: types.BOOLEAN,
        Field.TYPE_INT32: types.INTEGER,
        Field.TYPE_SINT32: types.INTEGER,
        Field.TYPE_SFIXED32: types.INTEGER,
        Field.TYPE_UINT32: types.BIGINT,
        Field.TYPE_FIXED32: types.BIGINT,
        Field.TYPE_INT64: types.BIGINT,
        Field.TYPE_SINT64: types.BIGINT,
        Field.TYPE_SFIXED64: types.BIGINT,
        Field.TYPE_UINT64: types.BIGINT,
        Field.TYPE_FIXED64: types.BIGINT,
        Field.TYPE_FLOAT: types.DOUBLE,
        Field.TYPE_DOUBLE: types.DOUBLE,
        Field.TYPE_STRING: types.STRING,
        Field.TYPE_ENUM: types.STRING,
        Field.TYPE_BYTES: types.BYTES,
    }
)
WRAPPERS: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "google.protobuf.BoolValue": types.BOOLEAN,
        "google.protobuf.Int32Value": types.INTEGER,
        "google.protobuf.UInt32Value": types.BIGINT,
        "google.protobuf.Int64Value": types.BIGINT,
        "google.protobuf.UInt64Value": types.BIGINT,
        "google.protobuf.FloatValue": types.DOUBLE,
        "google.protobuf.DoubleValue": types.DOUBLE,
        "google.protobuf.StringValue": types.STRING,
        "google.protobuf.BytesValue": types.BYTES,
    }
)
SPECIAL: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "google.protobuf.Timestamp": types.TIMESTAMP,
        "google.type.Date": types.DATE,
        "google.type.TimeOfDay": types.TIME,
    }
)
JSON_TEXT = frozenset(
    {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
)
DECIMAL = "confluent.type.Decimal"
UNSIGNED = types.decimal(20, 0)  # every number of 64 bits without a sign
_EXACT: Mapping[int, pa.DataType] = MappingProxyType(
    {Field.TYPE_UINT64: UNSIGNED, Field.TYPE_FIXED64: UNSIGNED}
)


def message_type(message: Any) -> pa.StructType:
    """The message's oneofs, each a STRUCT of its members as ksqlDB has them, and then its fields in
    the order they are declared; BindError where there are too many."""
    found = _Columns({}).message(message, Counter())
    return found if found is not None else pa.struct([])


def protobuf_type(schema: Schema, name: str = "") -> pa.StructType:
    """The columns of the message of that name in the schema, of the first where there is none.

    >>> from kshell.formats.registry import SchemaType
    >>> text = 'syntax = "proto3"; message A { repeated uint32 x = 1; }'
    >>> protobuf_type(Schema(SchemaType.PROTOBUF, text))
    StructType(struct<x: list<item: int64>>)
    """
    return message_type(message_named(load(schema), name))


def exact_type(schema: Schema, name: str = "") -> pa.StructType:
    """The same for a topic that nobody declared: uint64 is DECIMAL(20, 0), not ksqlDB's BIGINT, and
    a message nested too often in itself is the text `…`.

    >>> from kshell.formats.registry import SchemaType
    >>> text = 'syntax = "proto3"; message A { uint64 x = 1; }'
    >>> exact_type(Schema(SchemaType.PROTOBUF, text))
    StructType(struct<x: decimal128(20, 0)>)
    """
    found = _Columns(_EXACT).message(message_named(load(schema), name), Counter())
    return found if found is not None else pa.struct([])


def cut_times(schema: Schema, name: str = "") -> tuple[str, ...]:
    """The names on the way to each Timestamp and TimeOfDay: they count nanoseconds."""
    return tuple(islice(_times(exact_type(schema, name), ""), _MAX_CUT))


def _times(type: pa.DataType, path: str) -> Iterator[str]:
    if type in (types.TIMESTAMP, types.TIME):
        yield path
    elif pa.types.is_struct(type):
        for field in type:
            yield from _times(field.type, f"{path}.{field.name}" if path else field.name)
    else:
        for part in types.parts(type):
            yield from _times(part, path)


def oneofs(message: Any) -> Iterator[Any]:
    """Its oneofs without those that proto3's `optional` makes."""
    for oneof in message.oneofs:
        if not (len(oneof.fields) == 1 and _is_synthetic(oneof)):
            yield oneof


def _is_synthetic(oneof: Any) -> bool:
    field = oneof.fields[0]
    # proto3 `optional x` is a oneof named _x; only a copy of the whole descriptor would show
    # whether a oneof of one field was written.
    return bool(oneof.name.lstrip("X") == f"_{field.name}" and field.has_presence)


def oneof_name(oneof: Any) -> str:
    """The STRUCT's name: the oneof's, and its place in the message."""
    return f"{oneof.name}_{oneof.index}"


def within_itself(field: Any) -> bool:
    """Whether the field's message may hold, at any depth, the one that the field is of."""
    seen: set[str] = set()
    left = [field.message_type]
    while left:
        for part in left.pop().fields:
            inner = part.message_type
            if inner is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                left.append(inner)
    return field.containing_type.full_name in {*seen, field.message_type.full_name}


def is_map(field: Any) -> bool:
    """Whether the field is a map<>; BindError if the descriptor marks a non-map field as a map."""
    message = field.message_type
    if message is None or not message.GetOptions().map_entry:
        return False
    if {f.name for f in message.fields} != {"key", "value"} or not field.is_repeated:
        raise BindError(f"the Protobuf field {field.full_name} is a map without keys or values")
    return True


class _Columns:
    def __init__(self, scalars: Mapping[int, pa.DataType]) -> None:
        """`scalars` are types beside the usual ones; with them, what is cut off is a text."""
        self._marks = bool(scalars)
        self._scalars = {**_SCALARS, **scalars}
        self._count = 0

    def message(self, message: Any, path: Counter[str]) -> pa.StructType | None:
        """None for a message that has no columns or is too deep in itself."""
        name = message.full_name
        if path[name] >= _MAX_REPEATS:
            return None
        path[name] += 1
        found: list[tuple[str, pa.DataType]] = []
        inside: set[str] = set()
        for oneof in oneofs(message):
            members = self._fields(oneof.fields, path)
            inside |= {f.name for f in oneof.fields}
            if members:
                found.append((oneof_name(oneof), pa.struct(members)))
        found += self._fields([f for f in message.fields if f.name not in inside], path)
        path[name] -= 1
        return pa.struct(found) if found else None

    def _fields(self, fields: Any, path: Counter[str]) -> list[tuple[str, pa.DataType]]:
        typed = ((f.name, self._field(f, path)) for f in fields)
        return [(name, type) for name, type in typed if type is not None]

    def _field(self, field: Any, path: Counter[str]) -> pa.DataType | None:
        self._count += 1
        if self._count > _MAX_COLUMNS:
            raise BindError(f"a Protobuf schema of more than {_MAX_COLUMNS:,} columns")
        if is_map(field):
            value = self._one(field.message_type.fields_by_name["value"], path)
            return None if value is None else types.map_of(types.STRING, value)
        one = self._one(field, path)
        if one is None or not field.is_repeated:
            return one
        return types.array_of(one)

    def _one(self, field: Any, path: Counter[str]) -> pa.DataType | None:
        message = field.message_type
        if message is None:
            return self._scalars[field.type]
        name = message.full_name
        if name in JSON_TEXT:
            return types.STRING
        if name == DECIMAL:
            return _decimal(field_params(field))
        if self._marks and path[name] >= _MAX_REPEATS:
            return types.STRING
        if name in WRAPPERS:
            value = message.fields_by_name["value"]
            return self._scalars[value.type] if value.type in _EXACT else WRAPPERS[name]
        return SPECIAL[name] if name in SPECIAL else self.message(message, path)


def _decimal(params: Mapping[str, str]) -> pa.DataType:
    def number(name: str, default: int) -> int:
        text = params.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else default

    precision = min(max(number("precision", _MAX_DIGITS), 1), _MAX_DIGITS)
    return types.decimal(precision, min(number("scale", _UNKNOWN_SCALE), precision))
