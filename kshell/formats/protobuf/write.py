"""Rows to Protobuf messages.

`Writer` is made of a message's descriptor and the columns that it gets; what can never be written
is refused there, a value that cannot be when it comes.  A NULL is left out: proto3 reads back the
default unless the field is `optional`, a wrapper or a message.
"""

from __future__ import annotations

import datetime
import decimal
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell import types
from kshell.errors import BindError, Unwritable
from kshell.formats.protobuf.columns import DECIMAL, WRAPPERS, is_map, oneof_name, oneofs
from kshell.formats.protobuf.pool import message_class
from kshell.types import ksql_name

__all__ = ["Writer", "find", "put_special"]

_Put = Callable[[Any, Any], None]
_INTS = {
    Field.CPPTYPE_INT32: (-(1 << 31), 1 << 31),
    Field.CPPTYPE_UINT32: (0, 1 << 32),
    Field.CPPTYPE_INT64: (-(1 << 63), 1 << 63),
    Field.CPPTYPE_UINT64: (0, 1 << 64),
}
_FLOATS = (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE)
_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = datetime.date(1970, 1, 1)
_MILLISECOND = datetime.timedelta(milliseconds=1)


class Writer:
    """Values to the bytes of one message; BindError where a column has no place in it.

    >>> from kshell.formats.protobuf.pool import load, message_named
    >>> from kshell.formats.registry import Schema, SchemaType
    >>> file = load(Schema(SchemaType.PROTOBUF, 'syntax = "proto3"; message A { int32 x = 1; }'))
    >>> Writer(message_named(file), [pa.field("X", pa.int32())]).write([5])
    b'\\x08\\x05'
    """

    def __init__(self, message: Any, fields: Sequence[pa.Field]) -> None:
        self._class = message_class(message)
        self._puts = [(f.name, _putter(message, f.name, f.type)) for f in fields]

    def write(self, values: Sequence[Any]) -> bytes:
        """The message; Unwritable for a value that it cannot hold."""
        message = self._class()
        for (name, put), value in zip(self._puts, values, strict=True):
            try:
                if value is not None:
                    put(message, value)
            except (OverflowError, ValueError) as error:  # such as a year after 9999
                raise Unwritable(f"column {name}: {error}") from None
        # Maps in the order of their keys: equal rows make equal bytes, which keys need.
        return bytes(message.SerializeToString(deterministic=True))


def _putter(message: Any, name: str, type: pa.DataType) -> _Put:
    found = find({f.name: f for f in message.fields}, name)
    if found is not None:
        return _field(found, type)
    oneof = find({oneof_name(o): o for o in oneofs(message)}, name)
    if oneof is not None and pa.types.is_struct(type):
        return _struct(message, type)
    raise BindError(
        f"the Protobuf message {message.full_name} has no field {name}",
        hint="fields: " + ", ".join(f.name for f in message.fields),
    )


def find(named: Mapping[str, Any], name: str) -> Any:
    """What has that name, else one that differs by case alone; None where there is none."""
    if name in named:
        return named[name]
    return next((f for n, f in named.items() if n.casefold() == name.casefold()), None)


def _field(field: Any, type: pa.DataType) -> _Put:
    name = field.name
    if is_map(field):
        return _map(field, type)
    if field.is_repeated:
        return _list(field, type)
    if field.message_type is None:
        convert = _scalar(field, type)

        def put_scalar(message: Any, value: Any) -> None:
            setattr(message, name, convert(value))

        return put_scalar
    fill = _message(field, type)

    def put_message(message: Any, value: Any) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        fill(inner, value)

    return put_message


def _list(field: Any, type: pa.DataType) -> _Put:
    if not pa.types.is_list(type):
        raise _misfit(field, type)
    name = field.name
    if field.message_type is None:
        convert = _scalar(field, type.value_type)

        def put_scalars(message: Any, value: Any) -> None:
            getattr(message, name).extend([convert(_there(v, name)) for v in value])

        return put_scalars
    fill = _message(field, type.value_type)

    def put_messages(message: Any, value: Any) -> None:
        items = getattr(message, name)
        for item in value:
            fill(items.add(), _there(item, name))

    return put_messages


def _map(field: Any, type: pa.DataType) -> _Put:
    if not pa.types.is_map(type):
        raise _misfit(field, type)
    name = field.name
    key_field, value_field = (field.message_type.fields_by_name[n] for n in ("key", "value"))
    key = _map_key(key_field, type.key_type)
    if value_field.message_type is None:
        convert = _scalar(value_field, type.item_type)

        def put_scalars(message: Any, value: Any) -> None:
            entries = getattr(message, name)
            for k, v in _pairs(value):
                entries[key(_there(k, name))] = convert(_there(v, name))

        return put_scalars
    fill = _message(value_field, type.item_type)

    def put_messages(message: Any, value: Any) -> None:
        entries = getattr(message, name)
        for k, v in _pairs(value):
            fill(entries[key(_there(k, name))], _there(v, name))

    return put_messages


def _map_key(field: Any, type: pa.DataType) -> Callable[[Any], Any]:
    """Keys are VARCHAR in KSQL, whatever they are in the schema."""
    if type != types.STRING or field.type == Field.TYPE_STRING:
        return _scalar(field, type)
    if field.type == Field.TYPE_BOOL:
        return lambda value: value == "true"
    whole = _scalar(field, types.BIGINT)

    def convert(value: Any) -> Any:
        try:
            return whole(int(value))
        except ValueError:
            raise Unwritable(f"'{value}' is no key of the map {field.name}") from None

    return convert


def _pairs(value: Any) -> Any:
    return value.items() if isinstance(value, Mapping) else value


def _there(value: Any, name: str) -> Any:
    if value is None:
        raise Unwritable(f"column {name}: Protobuf has no NULL inside an ARRAY or a MAP")
    return value


def _unsigned(name: str) -> Callable[[Any], Any]:
    def whole(value: Any) -> int:
        if not 0 <= value < 1 << 64 or value != int(value):
            raise Unwritable(f"column {name}: {value} is no uint64")
        return int(value)

    return whole


def _whole(name: str, low: int, high: int, *, wraps: bool = False) -> Callable[[Any], int]:
    def whole(value: Any) -> int:
        number = int(value) % high if wraps else int(value)
        if not low <= number < high:
            raise Unwritable(f"column {name}: {value} is too large for the Protobuf field")
        return number

    return whole


def _single(name: str) -> Callable[[Any], float]:
    def single(value: Any) -> float:
        try:
            struct.pack("<f", value)
        except OverflowError:
            raise Unwritable(
                f"column {name}: {value} is too large for the Protobuf field"
            ) from None
        return float(value)

    return single


def _scalar(field: Any, type: pa.DataType) -> Callable[[Any], Any]:
    """From the column's value to the field's; BindError where no value fits."""
    kind, name = field.cpp_type, field.name
    if kind in _INTS and type in (types.INTEGER, types.BIGINT):
        return _whole(name, *_INTS[kind], wraps=kind == Field.CPPTYPE_UINT64)
    if kind == Field.CPPTYPE_UINT64 and pa.types.is_decimal(type):
        return _unsigned(name)
    if kind in _FLOATS and (type == types.DOUBLE or pa.types.is_integer(type)):
        return _single(name) if kind == Field.CPPTYPE_FLOAT else float
    if kind == Field.CPPTYPE_BOOL and type == types.BOOLEAN:
        return bool
    if kind == Field.CPPTYPE_ENUM and type == types.STRING:
        return _enum(field)
    if kind == Field.CPPTYPE_ENUM and pa.types.is_integer(type):
        return _whole(name, *_INTS[Field.CPPTYPE_INT32])
    if field.type == Field.TYPE_STRING and type == types.STRING:
        return str
    if field.type == Field.TYPE_BYTES and type == types.BYTES:
        return bytes
    raise _misfit(field, type)


def _enum(field: Any) -> Callable[[Any], int]:
    numbers = {n: v.number for n, v in field.enum_type.values_by_name.items()}

    def number(value: str) -> int:
        if value in numbers:
            return int(numbers[value])
        raise Unwritable(
            f"column {field.name}: {field.enum_type.name} has no value '{value[:80]}'",
            hint="values: " + ", ".join(list(numbers)[:20]),
        )

    return number


def _message(field: Any, type: pa.DataType) -> _Put:
    """Fills a message with the column's value."""
    message = field.message_type
    name = message.full_name
    if name in WRAPPERS and not pa.types.is_struct(type):
        return _field(message.fields_by_name["value"], type)
    fill = _SPECIAL.get((name, type))
    if fill is not None:
        return fill
    if name == DECIMAL and pa.types.is_decimal(type):
        return lambda inner, value: _put_decimal(inner, value, type)
    if pa.types.is_struct(type):
        return _struct(message, type)
    if pa.types.is_nested(type) and [f.name for f in message.fields] == ["value"]:
        return _field(message.fields_by_name["value"], type)
    raise _misfit(field, type)


def _struct(message: Any, type: pa.StructType) -> _Put:
    puts = [(f.name, _putter(message, f.name, f.type)) for f in type]

    def fill(inner: Any, value: Any) -> None:
        for name, put in puts:
            part = value.get(name)
            if part is not None:
                put(inner, part)

    return fill


def _put_timestamp(message: Any, value: Any) -> None:
    ms = value if isinstance(value, int) else (value.replace(tzinfo=None) - _EPOCH) // _MILLISECOND
    message.seconds, rest = divmod(ms, 1000)
    message.nanos = rest * 1_000_000


def _put_date(message: Any, value: Any) -> None:
    day = value if isinstance(value, datetime.date) else _DAY + datetime.timedelta(days=value)
    message.year, message.month, message.day = day.year, day.month, day.day


def _put_time(message: Any, value: Any) -> None:
    if not isinstance(value, datetime.time):
        value = (_EPOCH + value * _MILLISECOND).time()
    message.hours, message.minutes, message.seconds = value.hour, value.minute, value.second
    message.nanos = value.microsecond * 1000


def _put_decimal(message: Any, value: decimal.Decimal, type: pa.DataType) -> None:
    unscaled = int(value.scaleb(type.scale, decimal.Context(prec=80)))
    length = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
    message.value = unscaled.to_bytes(length, "big", signed=True)
    message.precision, message.scale = type.precision, type.scale


_SPECIAL: dict[tuple[str, pa.DataType], _Put] = {
    ("google.protobuf.Timestamp", types.TIMESTAMP): _put_timestamp,
    ("google.type.Date", types.DATE): _put_date,
    ("google.type.TimeOfDay", types.TIME): _put_time,
}


def put_special(message: Any, value: Any, type: pa.DataType) -> None:
    """Fills a message that stands for a single value: a time, a date, a decimal."""
    if pa.types.is_decimal(type):
        _put_decimal(message, value, type)
    else:
        _SPECIAL[message.DESCRIPTOR.full_name, type](message, value)


def _misfit(field: Any, type: pa.DataType) -> BindError:
    what = "repeated " if field.is_repeated else ""
    return BindError(f"{ksql_name(type)} does not fit the {what}Protobuf field {field.full_name}")
