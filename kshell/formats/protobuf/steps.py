"""What the compiled writer of rows writes of each field of a Protobuf message.

`codec` hands it to `row_writer`.  Fields come in the order of their numbers, as Protobuf's own
writers have them.  Maps, enums, oneofs, dates and times, and messages with required fields are left
to `write`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell import types
from kshell.formats.framing import varint
from kshell.formats.protobuf.columns import DECIMAL, WRAPPERS, is_map, oneofs
from kshell.formats.protobuf.write import find
from kshell.formats.row_writer import NotCompiled, Step

__all__ = ["steps"]

_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5  # how a tag says that its value is written
_INT32 = (-(1 << 31), (1 << 31) - 1)
_UINT32 = (0, (1 << 32) - 1)
_INT64 = (-(1 << 63), (1 << 63) - 1)
_WHOLE: Mapping[int, tuple[int, str, tuple[int, int]]] = MappingProxyType(
    {
        Field.TYPE_INT32: (_VARINT, "", _INT32),
        Field.TYPE_INT64: (_VARINT, "", _INT64),
        Field.TYPE_UINT32: (_VARINT, "", _UINT32),
        Field.TYPE_UINT64: (_VARINT, "", _INT64),  # what is negative wraps around
        Field.TYPE_SINT32: (_VARINT, "zigzag", _INT32),
        Field.TYPE_SINT64: (_VARINT, "zigzag", _INT64),
        Field.TYPE_FIXED32: (_FIXED32, "fixed32", _UINT32),
        Field.TYPE_SFIXED32: (_FIXED32, "fixed32", _INT32),
        Field.TYPE_FIXED64: (_FIXED64, "fixed64", _INT64),
        Field.TYPE_SFIXED64: (_FIXED64, "fixed64", _INT64),
    }
)
_FLOATS = {Field.TYPE_FLOAT: (_FIXED32, "float"), Field.TYPE_DOUBLE: (_FIXED64, "double")}
_PLAIN = {
    (Field.TYPE_BOOL, types.BOOLEAN): _VARINT,
    (Field.TYPE_STRING, types.STRING): _SIZED,
    (Field.TYPE_BYTES, types.BYTES): _SIZED,
}


def steps(message: Any, fields: Sequence[pa.Field], *, wrapped: bool) -> list[Step]:
    """A step for each field that a column has; raises NotCompiled.

    Without `wrapped` the message is one STRUCT of these fields.
    """
    made = _fields(message, fields)
    return list(made) if wrapped else [Step(pa.struct(fields), inner=made)]


def _fields(message: Any, fields: Sequence[pa.Field]) -> tuple[Step, ...]:
    if any(field.is_required for field in message.fields):
        raise NotCompiled(message.full_name)
    named = {field.name: field for field in message.fields}
    choices = {field.name for oneof in oneofs(message) for field in oneof.fields}
    made: dict[int, Step] = {}
    for place, column in enumerate(fields):
        field = find(named, column.name)
        if field is None or field.name in choices or field.number in made:
            raise NotCompiled(column.name)
        made[field.number] = _field(field, column.type)._replace(place=place)
    return tuple(made[number] for number in sorted(made))


def _field(field: Any, type: pa.DataType) -> Step:
    if is_map(field):
        raise NotCompiled(type)
    if not field.is_repeated:
        return _value(field, type)._replace(shown=bool(field.has_presence))
    inner = _value(field, type.value_type)
    if not field.is_packed:
        return Step(type, inner=(inner,))
    return Step(
        type, _tag(field.number, _SIZED), inner=(inner._replace(before=b""),), form="packed"
    )


def _value(field: Any, type: pa.DataType) -> Step:
    """A value with its tag."""
    if field.type == Field.TYPE_MESSAGE:
        return _message(field, type)
    if field.type in _WHOLE and type in (types.INTEGER, types.BIGINT):
        wire, form, (least, most) = _WHOLE[field.type]
        return Step(type, _tag(field.number, wire), form=form, least=least, most=most)
    if field.type in _FLOATS and type in (types.DOUBLE, types.INTEGER, types.BIGINT):
        wire, form = _FLOATS[field.type]
        return Step(type, _tag(field.number, wire), form=form)
    if (field.type, type) in _PLAIN:
        return Step(type, _tag(field.number, _PLAIN[field.type, type]))
    raise NotCompiled(type)


def _message(field: Any, type: pa.DataType) -> Step:
    message, before = field.message_type, _tag(field.number, _SIZED)
    inner: tuple[Step, ...]
    if message.full_name == "google.protobuf.Timestamp" and type == types.TIMESTAMP:
        inner = tuple(
            Step(type, _tag(number, _VARINT), form=form, shown=False)
            for number, form in ((1, "seconds"), (2, "nanos"))
        )
    elif message.full_name == DECIMAL and pa.types.is_decimal(type):
        about = [(2, type.precision), (3, type.scale)]
        constant = b"".join(_tag(n, _VARINT) + varint(value) for n, value in about if value)
        inner = (Step(type, _tag(1, _SIZED)), Step(None, constant))
    elif pa.types.is_struct(type):
        return Step(type, before, inner=_fields(message, list(type)))
    elif message.full_name in WRAPPERS or [f.name for f in message.fields] == ["value"]:
        inner = (_field(message.fields_by_name["value"], type),)
    else:
        raise NotCompiled(type)
    return Step(type, before, inner=inner, form="wrapper")


def _tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)
