"""DELIMITED: a record is a line of comma-separated values, as commons-csv reads and writes it."""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.errors import CorruptRecord
from kshell.formats.base import Place
from kshell.formats.coerce import converter
from kshell.formats.json_values import plain_writer
from kshell.formats.rowwise import RowCodec

__all__ = ["open_delimited"]

_NAMED = {"SPACE": " ", "TAB": "\t"}
_LONGEST = 1 << 24
csv.field_size_limit(_LONGEST)


def delimiter_of(place: Place) -> str:
    """VALUE_DELIMITER or KEY_DELIMITER: one character, SPACE or TAB."""
    name = place.format.options.get("DELIMITER", ",")
    return _NAMED.get(name.upper(), name)


def _readers(type: pa.DataType, name: str) -> Callable[[str], Any]:
    convert = converter(type, name)
    if type == pa.bool_():
        return lambda text: text.strip().lower() == "true"
    if pa.types.is_decimal(type):
        return convert
    if type == pa.binary():

        def decode(text: str) -> bytes:
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise CorruptRecord(f"{name}: not base64") from None

        return decode
    return convert


def open_delimited(place: Place) -> RowCodec:
    """The codec of lines."""
    delimiter = delimiter_of(place)
    columns = place.columns
    readers = [_readers(c.type, c.name) for c in columns]
    plain = [_text_of(c.type) for c in columns]

    def read(data: bytes) -> Sequence[Any]:
        try:
            line = data.decode()
        except UnicodeDecodeError:
            raise CorruptRecord("not valid UTF-8") from None
        fields = _fields(line, delimiter)
        if len(fields) != len(columns):
            raise CorruptRecord(
                f"Unexpected field count, csvFields:{len(fields)} schemaFields:{len(columns)}"
            )
        return [
            None if field == "" else reader(field)
            for field, reader in zip(fields, readers, strict=True)
        ]

    def write(row: Sequence[Any]) -> bytes:
        cells = [
            "" if value is None else _quoted(text(value), delimiter, first=i == 0)
            for i, (value, text) in enumerate(zip(row, plain, strict=True))
        ]
        return delimiter.join(cells).encode(errors="replace")

    return RowCodec(columns, read, write)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        rows = list(csv.reader([line] if "\n" not in line else line.splitlines(keepends=True),
                               delimiter=delimiter, strict=True))  # fmt: skip
    except csv.Error as error:
        raise CorruptRecord(f"not DELIMITED: {error}") from None
    if not rows:
        raise CorruptRecord("No fields in record")
    return rows[0]


def _text_of(type: pa.DataType) -> Callable[[Any], str]:
    plain = plain_writer(type)
    if pa.types.is_decimal(type):
        return lambda value: f"{value:f}"
    if type == pa.bool_():
        return lambda value: "true" if value else "false"
    if type == pa.float64():
        return java_double
    return lambda value: str(plain(value))


def java_double(value: float) -> str:
    """As Double.toString writes it.

    >>> java_double(123456789.0), java_double(0.001), java_double(1.5)
    ('1.23456789E8', '0.001', '1.5')
    """
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value) if "e" not in repr(value) else f"{Decimal(repr(value)):f}"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = int(exponent) + len(text) - 1
    return f"{'-' * sign}{text[0]}.{text[1:] or '0'}E{power}"


def _quoted(text: str, delimiter: str, *, first: bool) -> str:
    """commons-csv's minimal quoting."""
    if not text:
        return '""' if first else ""
    start, end = text[0], text[-1]
    odd_start = first and not (start.isascii() and start.isalnum())
    if (
        odd_start
        or start <= "#"
        or end <= " "
        or any(c in text for c in (delimiter, '"', "\n", "\r"))
    ):
        return '"' + text.replace('"', '""') + '"'
    return text
