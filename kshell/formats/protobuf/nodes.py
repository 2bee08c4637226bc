"""A case's JSON node as a Protobuf message: what a producer with that schema would have written.

Names match in any case, names that the message lacks are passed over, null is not set; times are
numbers and bytes base64, as everywhere in cases.  `case_nodes` calls it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell.errors import CorruptRecord
from kshell.formats.protobuf.columns import WRAPPERS, is_map
from kshell.formats.protobuf.pool import message_class
from kshell.formats.protobuf.write import put_special

__all__ = ["message_of"]

_INTS = (Field.CPPTYPE_INT32, Field.CPPTYPE_INT64, Field.CPPTYPE_UINT32, Field.CPPTYPE_UINT64)
_FLOATS = (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE)


def message_of(message: Any, node: Any) -> bytes:
    """The node as bytes of the message; CorruptRecord if it is no such value."""
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
    """Whether the message stands for a single value, and the node is one."""
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
