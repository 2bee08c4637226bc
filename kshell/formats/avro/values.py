"""Avro's values as bytes: the primitives that `write` and cases use, and defaults.

A default is JSON in a schema; `plan` reads its bytes in place of a field that a record lacks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from kshell.errors import BindError
from kshell.formats.avro.parse import Field, Node

__all__ = ["BITS", "Write", "default_bytes", "put_blocks", "put_boolean", "put_bytes",
           "put_decimal", "put_double", "put_float", "put_long", "put_symbol",
           "put_text"]  # fmt: skip

Write = Callable[[Any, bytearray], None]
BITS = {"int": 31, "long": 63}
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")


def put_long(value: int, out: bytearray) -> None:
    """A zigzag varint."""
    number = (value << 1) ^ (value >> 63)
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def put_bytes(value: bytes, out: bytearray) -> None:
    """A length and the bytes."""
    put_long(len(value), out)
    out += value


def put_text(value: str, out: bytearray) -> None:
    """As UTF-8."""
    put_bytes(value.encode(), out)


def put_blocks(items: Sequence[Any], put: Write, out: bytearray) -> None:
    """An array or a map in one block."""
    if items:
        put_long(len(items), out)
        for item in items:
            put(item, out)
    out.append(0)


def put_symbol(node: Node, symbol: Any, out: bytearray) -> None:
    """An enum's index; ValueError for what is no symbol of it."""
    put_long(node.symbols.index(symbol), out)


def put_decimal(node: Node, value: Decimal, out: bytearray) -> None:
    """The unscaled number; ValueError where the schema's digits cannot hold it."""
    precision, scale = node.props["precision"], node.props.get("scale", 0)
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(value)
    number = int("".join(map(str, digits)))
    if exponent + scale >= 0:
        number *= 10 ** (exponent + scale)
    else:
        number, rest = divmod(number, int(10 ** -(exponent + scale)))
        if rest:
            raise ValueError(value)
    if number >= 10**precision:
        raise ValueError(value)
    number = -number if sign else number
    size = node.size if node.kind == "fixed" else (number + (number < 0)).bit_length() // 8 + 1
    try:
        data = number.to_bytes(size, "big", signed=True)
    except OverflowError:
        raise ValueError(value) from None
    if node.kind == "fixed":
        out += data
    else:
        put_bytes(data, out)


def put_boolean(value: Any, out: bytearray) -> None:
    """One byte, 0 or 1."""
    out.append(1 if value else 0)


def put_float(value: Any, out: bytearray) -> None:
    """Four bytes; ValueError if the number is too large."""
    try:
        out += _FLOAT.pack(value)
    except OverflowError:
        raise ValueError(value) from None


def put_double(value: Any, out: bytearray) -> None:
    """Eight bytes."""
    out += _DOUBLE.pack(value)


# Defaults, which are JSON: a union's is mostly of its first branch, bytes are its code points.


def default_bytes(field: Field) -> bytes:
    """A field's default as Avro; BindError where it is no value of the field."""
    out = bytearray()
    try:
        _default(field.node, field.default, out)
    except (ValueError, TypeError, AttributeError, struct.error, StopIteration):
        shown = repr(field.default)[:60]
        raise BindError(f"the default of {field.name}, {shown}, is no value of it") from None
    return bytes(out)


def _default(node: Node, value: Any, out: bytearray) -> None:
    kind = node.kind
    if kind == "union":
        for place, part in enumerate(node.parts):
            trial = bytearray()
            put_long(place, trial)
            try:
                _default(part, value, trial)
            except (ValueError, TypeError, AttributeError, struct.error):
                continue
            out += trial
            return
        raise ValueError(value)
    if kind == "record":
        for field in node.fields:
            if field.name not in value and not field.has_default:
                raise ValueError(value)
            _default(field.node, value.get(field.name, field.default), out)
    elif kind == "array":
        put_blocks(value, lambda v, o: _default(node.parts[0], v, o), out)
    elif kind == "map":
        put_blocks(list(value.items()), lambda v, o: _default_entry(node, v, o), out)
    else:
        _default_scalar(node, value, out)


def _default_entry(node: Node, pair: tuple[str, Any], out: bytearray) -> None:
    put_text(pair[0], out)
    _default(node.parts[0], pair[1], out)


def _default_scalar(node: Node, value: Any, out: bytearray) -> None:
    kind = node.kind
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "null" and value is None:
        return
    if kind == "boolean" and isinstance(value, bool):
        put_boolean(value, out)
    elif kind in BITS and whole and -(1 << BITS[kind]) <= value < 1 << BITS[kind]:
        put_long(value, out)
    elif kind in ("float", "double") and (whole or isinstance(value, float)):
        out += (_DOUBLE if kind == "double" else _FLOAT).pack(value)
    elif kind == "string" and isinstance(value, str):
        put_text(value, out)
    elif kind == "bytes":
        put_bytes(value.encode("latin-1"), out)
    elif kind == "fixed" and len(value) == node.size:
        out += value.encode("latin-1")
    elif kind == "enum":
        put_symbol(node, value, out)
    else:
        raise ValueError(value)
