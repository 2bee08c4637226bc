"""Protobuf messages as values for Arrow columns: only the fields that are wanted are read.

`decode` compiles a message's descriptor and the wanted columns into one function a column, once for
each schema; upb parses the bytes.  A name matches exactly or else in any case; a field that the
writer's schema lacks is NULL.  Absent is: NULL for a message, a oneof's member and `optional`, the
default for other scalars, and [] or {} for what repeats (Kafka Connect's rules).
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell import types
from kshell.durations import DAY_MS
from kshell.errors import BindError
from kshell.formats.coerce import RANGES
from kshell.formats.protobuf.columns import (
    DECIMAL,
    JSON_TEXT,
    SPECIAL,
    WRAPPERS,
    is_map,
    oneof_name,
    oneofs,
    within_itself,
)
from kshell.types import ksql_name

__all__ = ["NOT_VALID", "Budget", "Refused", "find", "getter", "width"]

Get = Callable[[Any], Any]
NOT_VALID = "not a valid Protobuf message of the schema"
_CUT = "…"  # a message nested too often in itself
_INTS = frozenset(
    {
        Field.CPPTYPE_INT32,
        Field.CPPTYPE_INT64,
        Field.CPPTYPE_UINT32,
        Field.CPPTYPE_UINT64,
    }
)
_FLOATS = frozenset({Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE})
_MAX_VALUES = 4 << 20  # in the lists and maps of a record
_MAX_BATCH = 64 << 20
_EXACT = decimal.Context(prec=80)


class Refused(Exception):
    """A value that does not fit its column: why, and the field, which its messages name on the way
    up."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why, path)
        self.why, self.path = why, path

    def __str__(self) -> str:
        return f"field {self.path}: {self.why}" if self.path else self.why


class Budget:
    """How many values one record may become: an empty message is 2 bytes, and many columns."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """For a batch of records."""
        self._batch = _MAX_BATCH
        self._left = self._most = _MAX_VALUES

    def renew(self) -> None:
        """For the next record."""
        self._left = self._most = min(_MAX_VALUES, self._batch)

    def keep(self) -> None:
        """The record's values stay: they count for the batch."""
        self._batch -= self._most - self._left

    def spend(self, count: int) -> None:
        """Refused where it is spent."""
        self._left -= count
        if self._left < 0:
            raise Refused("too many values")


def getter(message: Any, name: str, type: pa.DataType, budget: Budget) -> Get:
    """A function from a parsed message to the column's value; BindError if it can never fit."""
    field = find({f.name: f for f in message.fields}, name)
    if field is not None:
        return _field(field, type, budget)
    oneof = find({oneof_name(o): o for o in oneofs(message)}, name)
    if oneof is not None and pa.types.is_struct(type):
        return _oneof(oneof, message, type, budget)
    return _nothing


def find(named: dict[str, Any], name: str) -> Any:
    """The field of that name, or else of that name in another case; None if there is none."""
    if name in named:
        return named[name]
    folded = name.casefold()
    return next((f for n, f in named.items() if n.casefold() == folded), None)


def _nothing(message: Any) -> None:
    return None


def _oneof(oneof: Any, message: Any, type: pa.StructType, budget: Budget) -> Get:
    """The STRUCT with the member that is set; NULL if none is."""
    get, which = _struct(message, type, budget), oneof.name

    def read(parsed: Any) -> Any:
        return get(parsed) if parsed.WhichOneof(which) else None

    return read


def _field(field: Any, type: pa.DataType, budget: Budget) -> Get:
    name = field.name
    if is_map(field):
        return _map(field, type, budget)
    if field.is_repeated:
        return _list(field, type, budget)
    found = _value(field, type, budget)
    if not field.has_presence:
        if found is None:
            return lambda message: getattr(message, name)
        plain = found
        return lambda message: plain(getattr(message, name))
    held = found or _same
    default = field.message_type is None and field.has_default_value

    def read(message: Any) -> Any:
        return held(getattr(message, name)) if default or message.HasField(name) else None

    return read


def _list(field: Any, type: pa.DataType, budget: Budget) -> Get:
    if not pa.types.is_list(type):
        raise _misfit(field, type)
    name, each = field.name, width(type.value_type)
    convert = _value(field, type.value_type, budget)

    def read(message: Any) -> Any:
        items = getattr(message, name)
        budget.spend(len(items) * each)
        return list(items) if convert is None else [convert(v) for v in items]

    return read


def width(type: pa.DataType) -> int:
    """How many values one value is; what is in lists counts when they are read."""
    return 1 + sum(width(f.type) for f in type) if pa.types.is_struct(type) else 1


def _same(value: Any) -> Any:
    return value


def _map(field: Any, type: pa.DataType, budget: Budget) -> Get:
    if not pa.types.is_map(type):
        raise _misfit(field, type)
    name, each = field.name, 1 + width(type.item_type)
    fields = field.message_type.fields_by_name
    key = _value(fields["key"], type.key_type, budget) or _same
    value = _value(fields["value"], type.item_type, budget) or _same

    def read(message: Any) -> Any:
        entries = getattr(message, name)
        budget.spend(len(entries) * each)
        return [(key(k), value(entries[k])) for k in sorted(entries)]  # theirs is no order

    return read


def _struct(message: Any, type: pa.StructType, budget: Budget) -> Get:
    gets = [(f.name, getter(message, f.name, f.type, budget)) for f in type]
    return lambda parsed: {name: get(parsed) for name, get in gets}


def _value(field: Any, type: pa.DataType, budget: Budget) -> Get | None:
    """From the field's single value to the column's; None where it is the same."""
    if field.message_type is not None:
        return _message(field, type, budget)
    kind = field.cpp_type
    if kind == Field.CPPTYPE_ENUM:
        return _enum(field, type)
    if kind in _INTS:
        return _from_int(field, type)
    if kind in _FLOATS:
        return _from_float(field, type)
    if kind == Field.CPPTYPE_BOOL:
        if type == types.STRING:
            return lambda value: "true" if value else "false"
        return None if type == types.BOOLEAN else _no(field, type)
    wanted = types.BYTES if field.type == Field.TYPE_BYTES else types.STRING
    return None if type == wanted else _no(field, type)


def _from_int(field: Any, type: pa.DataType) -> Get | None:
    if type in (types.INTEGER, types.BIGINT):
        half = 1 << (type.bit_width - 1)
        name = field.name

        def narrow(value: int) -> int:
            if not -half <= value < half:
                raise Refused(f"a value too large for {ksql_name(type)}", name)
            return value

        fits = field.cpp_type == Field.CPPTYPE_INT32 or (
            type == types.BIGINT and field.cpp_type != Field.CPPTYPE_UINT64
        )
        return None if fits else narrow
    if type == types.DOUBLE:
        return float
    if type == types.STRING:
        return str
    return _number_as_decimal(field, type)


def _from_float(field: Any, type: pa.DataType) -> Get | None:
    if type == types.DOUBLE:
        return None
    if type == types.STRING:
        return repr
    if type in (types.INTEGER, types.BIGINT):
        half, name = 1 << (type.bit_width - 1), field.name

        def truncate(value: float) -> int:
            if not math.isfinite(value) or not -half <= value < half:
                raise Refused(f"{value} is no {ksql_name(type)}", name)
            return int(value)

        return truncate
    return _number_as_decimal(field, type)


def _number_as_decimal(field: Any, type: pa.DataType) -> Get:
    if not pa.types.is_decimal(type):
        return _no(field, type)
    name = field.name
    return lambda value: _fit(decimal.Decimal(str(value)), type, name)


def _fit(value: decimal.Decimal, type: pa.DataType, name: str) -> decimal.Decimal:
    """The value at the column's scale, exact, or Refused."""
    if value.is_finite():
        scaled = value.quantize(decimal.Decimal(1).scaleb(-type.scale), context=_EXACT)
        if scaled == value and len(scaled.as_tuple().digits) <= type.precision:
            return scaled
    raise Refused(f"{value} does not fit {ksql_name(type)}", name)


def _enum(field: Any, type: pa.DataType) -> Get | None:
    if type == types.STRING:
        names = {n: v.name for n, v in field.enum_type.values_by_number.items()}
        return lambda value: names.get(value) or str(value)
    return None if type in (types.INTEGER, types.BIGINT) else _no(field, type)


def _message(field: Any, type: pa.DataType, budget: Budget) -> Get:
    message = field.message_type
    name = message.full_name
    if name in WRAPPERS and not pa.types.is_struct(type):
        inner = _value(message.fields_by_name["value"], type, budget)
        return (lambda m: inner(m.value)) if inner is not None else (lambda m: m.value)
    if name in SPECIAL and not pa.types.is_struct(type):
        read, fitting = _SPECIAL[name]
        return _under(field.name, read) if type in fitting else _no(field, type)
    if name == DECIMAL and pa.types.is_decimal(type):
        column = field.name
        return lambda m: _fit(_decimal(m, column), type, column)
    if name in JSON_TEXT and type == types.STRING:
        return _under(field.name, _json_text)
    if type == types.STRING and within_itself(field):
        return lambda m: _CUT
    if pa.types.is_struct(type):
        return _under(field.name, _struct(message, type, budget))
    if pa.types.is_nested(type) and [f.name for f in message.fields] == ["value"]:
        return getter(message, "value", type, budget)  # a list in a list, as `text` writes it
    return _no(field, type)


def _under(name: str, get: Get) -> Get:
    """The same, with the field's name before what is refused."""

    def read(message: Any) -> Any:
        try:
            return get(message)
        except Refused as refused:
            path = f"{name}.{refused.path}" if refused.path else name
            raise Refused(refused.why, path) from None

    return read


def _timestamp(message: Any) -> int:
    found = int(message.seconds) * 1000 + int(message.nanos) // 1_000_000
    low, high = RANGES[types.TIMESTAMP]
    if not low <= found <= high:
        raise Refused("a value too large for TIMESTAMP")
    return found


def _date(message: Any) -> int:
    try:
        day = datetime.date(message.year, message.month, message.day)
    except ValueError:
        raise Refused("no date") from None
    return day.toordinal() - datetime.date(1970, 1, 1).toordinal()


def _time(message: Any) -> int:
    seconds = (message.hours * 60 + message.minutes) * 60 + message.seconds
    found = int(seconds * 1000 + message.nanos // 1_000_000)
    if not 0 <= found < DAY_MS:
        raise Refused("no time of a day")
    return found


def _decimal(message: Any, name: str) -> decimal.Decimal:
    scale = message.scale
    if len(message.value) > 32 or not -64 <= scale <= 64:
        raise Refused("a decimal of too many digits", name)
    unscaled = int.from_bytes(message.value, "big", signed=True)
    return decimal.Decimal(unscaled).scaleb(-scale, context=_EXACT)


def _json_text(message: Any) -> str:
    from google.protobuf import json_format

    try:
        return str(json_format.MessageToJson(message, indent=None, ensure_ascii=False))
    except (json_format.Error, RecursionError, ValueError) as error:
        raise Refused(f"no JSON: {error}") from None


_SPECIAL: dict[str, tuple[Get, tuple[pa.DataType, ...]]] = {
    "google.protobuf.Timestamp": (_timestamp, (types.TIMESTAMP, types.BIGINT)),
    "google.type.Date": (_date, (types.DATE, types.INTEGER)),
    "google.type.TimeOfDay": (_time, (types.TIME, types.INTEGER)),
}


def _no(field: Any, type: pa.DataType) -> Get:
    raise _misfit(field, type)


def _misfit(field: Any, type: pa.DataType) -> BindError:
    what = field.message_type.full_name if field.message_type is not None else _NAMES[field.type]
    many = "repeated " if field.is_repeated else ""
    return BindError(f"the Protobuf field {field.name} is {many}{what}, not {ksql_name(type)}")


_NAMES = {
    getattr(Field, name): name.removeprefix("TYPE_").lower()
    for name in dir(Field)
    if name.startswith("TYPE_")
}
