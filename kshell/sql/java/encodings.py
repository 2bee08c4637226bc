"""Bytes and their texts (hex, utf8, ascii, base64), and numbers in bytes, as in Java.

The rows of `library/bytes.toml` name these.  Bytes or texts that cannot be decoded raise
ValueError.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import pyarrow as pa

from kshell.sql.java.columns import by_constants, over_columns
from kshell.types import BIGINT, BYTES, DOUBLE, INTEGER, STRING

__all__ = ["encode", "from_bytes", "number", "to_bytes", "uuid"]

T = TypeVar("T")
_QUOTED = re.compile(r"[xX]'(.*)'", re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_BASE64 = re.compile(r"((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3})?)(=*)")
_CODES = {INTEGER: "i", BIGINT: "q", DOUBLE: "d"}  # of struct
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def _from_hex(text: str) -> bytes:
    """Digits, 0x and digits (of an odd number too), or X'digits'."""
    quoted = _QUOTED.fullmatch(text)
    digits = quoted[1] if quoted else text
    if quoted is None and text.startswith("0x"):
        digits = text[2:]
        digits = "0" * (len(digits) % 2) + digits
    if _HEX.fullmatch(digits) is None:
        raise ValueError(f"no hex digits in pairs: {text}")
    return bytes.fromhex(digits)


def _from_base64(text: str) -> bytes:
    """java.util.Base64's decoder: no characters outside the alphabet, complete padding or none."""
    match = _BASE64.fullmatch(text)
    if match is None or (match[2] and (len(match[1]) + len(match[2])) % 4) or len(match[2]) > 2:
        raise ValueError(f"no base64: {text}")
    return base64.b64decode(match[1] + "=" * (-len(match[1]) % 4))


def _from_loose_base64(text: str) -> bytes:
    """base64 for ENCODE: characters outside the alphabet are skipped, URL-safe ones are allowed."""
    body = _NOT_BASE64.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    if len(body) % 4 == 1:
        body = body[:-1]
    return base64.b64decode(body + "=" * (-len(body) % 4))


_DECODERS: Mapping[str, Callable[[str], bytes]] = MappingProxyType(
    {
        "hex": _from_hex,
        "utf8": lambda text: text.encode("utf-8", "replace"),
        "ascii": lambda text: text.encode("ascii", "replace"),
        "base64": _from_base64,
    }
)
_ENCODERS: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "hex": lambda value: value.hex().upper(),
        "utf8": lambda value: value.decode("utf-8", "replace"),
        "ascii": lambda value: value.decode("ascii", "replace"),
        "base64": lambda value: base64.b64encode(value).decode(),
    }
)
_LOOSE = MappingProxyType({**_DECODERS, "base64": _from_loose_base64})
_LOWER: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {**_ENCODERS, "hex": lambda value: value.hex()}
)


def _named(table: Mapping[str, T], name: str) -> T:
    found = table.get(name.lower())
    if found is None:
        raise ValueError(f"Unknown encoding type '{name}': it is hex, utf8, ascii or base64")
    return found


@over_columns
def to_bytes(texts: pa.Array, encodings: pa.Array) -> pa.Array:
    """TO_BYTES."""

    def done(column: pa.Array, encoding: str) -> pa.Array:
        decode = _named(_DECODERS, encoding)
        return pa.array([None if c is None else decode(c) for c in column.to_pylist()], BYTES)

    return by_constants(done, texts, encodings, type=BYTES)


@over_columns
def from_bytes(values: pa.Array, encodings: pa.Array) -> pa.Array:
    """FROM_BYTES; hex is in upper case."""

    def done(column: pa.Array, encoding: str) -> pa.Array:
        show = _named(_ENCODERS, encoding)
        return pa.array([None if c is None else show(c) for c in column.to_pylist()], STRING)

    return by_constants(done, values, encodings, type=STRING)


@over_columns
def encode(texts: pa.Array, sources: pa.Array, targets: pa.Array) -> pa.Array:
    """ENCODE from one encoding to another; hex is in lower case."""

    def done(column: pa.Array, source: str, target: str) -> pa.Array:
        decode, show = _named(_LOOSE, source), _named(_LOWER, target)
        if source.lower() == target.lower():
            return column
        return pa.array(
            [None if c is None else show(decode(c)) for c in column.to_pylist()], STRING
        )

    return by_constants(done, texts, sources, targets, type=STRING)


def _unpacked(value: bytes, code: str, order: str) -> int | float:
    sign = {"BIG_ENDIAN": ">", "LITTLE_ENDIAN": "<"}.get(order.upper())
    if sign is None:
        raise ValueError(f"Byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not {order}")
    size = struct.calcsize(code)
    if len(value) != size:
        raise ValueError(f"Number of bytes must be equal to {size}, but found {len(value)}")
    number: int | float = struct.unpack(sign + code, value)[0]
    return number


@over_columns
def number(
    values: pa.Array, orders: pa.Array | None = None, *, type: pa.DataType
) -> pa.Array:
    """INT_, BIGINT_ and DOUBLE_FROM_BYTES; without a byte order the highest comes first."""

    def done(column: pa.Array, order: str) -> pa.Array:
        cells = column.to_pylist()
        numbers = [None if c is None else _unpacked(c, _CODES[type], order) for c in cells]
        return pa.array(numbers, type)

    if orders is None:
        return done(values, "BIG_ENDIAN")
    return by_constants(done, values, orders, type=type)


def uuid(value: bytes) -> str | None:
    """UUID of sixteen bytes; NULL for another number of bytes.

    >>> uuid(bytes(range(16)))
    '00010203-0405-0607-0809-0a0b0c0d0e0f'
    """
    text = value.hex()
    if len(value) != 16:
        return None
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
