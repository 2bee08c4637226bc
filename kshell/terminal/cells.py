"""Values as text: what a cell shows, and what JSON says of it.

The renderers turn whole Arrow columns into lists of strings here, so that the common types never
cost a Python object per row more than they must.
"""

from __future__ import annotations

import base64
import datetime
import decimal
from typing import Any

import orjson
import pyarrow as pa

from kshell.terminal.sanitize import clean

__all__ = ["NULL", "is_number", "json_default", "json_ready", "plain_text", "raw_texts", "texts"]

NULL = "NULL"


def is_number(type: pa.DataType) -> bool:
    """Whether a column is aligned to the right."""
    return (
        pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type)
    )


def bytes_text(data: bytes) -> str:
    """Bytes as text where they are printable UTF-8, else as hex."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "0x" + data.hex()
    return text if text.isprintable() else "0x" + data.hex()


def json_default(value: Any) -> Any:
    """For orjson: what it does not know."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        # A number, as long as it survives being one; else its exact digits.
        number = float(value)
        return number if decimal.Decimal(repr(number)) == value else str(value)
    if isinstance(value, datetime.timedelta):
        return str(value)
    if isinstance(value, list | tuple):  # a map's entries
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_ready(value: Any, type: pa.DataType) -> Any:
    """Maps as objects, at any depth."""
    if value is None or not pa.types.is_nested(type):
        return value
    if pa.types.is_map(type):
        return {str(k): json_ready(v, type.item_type) for k, v in value}
    if pa.types.is_struct(type):
        return {f.name: json_ready(value[f.name], f.type) for f in type}
    return [json_ready(v, type.value_type) for v in value]


def json_value(value: Any, type: pa.DataType) -> str:
    """A nested value as compact JSON."""
    ready = json_ready(value, type)
    return orjson.dumps(ready, default=json_default, option=orjson.OPT_NON_STR_KEYS).decode()


def plain_text(value: Any, type: pa.DataType) -> str:
    """One value as text, not yet clean."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return bytes_text(value)
    if pa.types.is_nested(type):
        return json_value(value, type)
    if isinstance(value, float):
        return repr(value)
    return str(value)


def raw_texts(column: pa.Array) -> list[str | None]:
    """A column as text, NULL as None."""
    type = column.type
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_integer(type) or pa.types.is_boolean(type):
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    return [None if v is None else plain_text(v, type) for v in column.to_pylist()]


def texts(column: pa.Array) -> list[str]:
    """A column as clean text, NULL as "NULL"."""
    if is_number(column.type) or pa.types.is_boolean(column.type):
        return [NULL if t is None else t for t in raw_texts(column)]
    found = raw_texts(column)
    # Most text is printable ASCII: one look at the column spares one at each cell.
    joined = "".join([t for t in found if t])
    if joined.isascii() and joined.isprintable():
        return [NULL if t is None else t for t in found]
    return [NULL if t is None else clean(t) for t in found]


