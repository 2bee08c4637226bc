"""Values as text, for cells of a table and for JSON.

The renderers turn whole Arrow columns into lists of strings here.  The code decides once for each
column how to do it, so that a cell of a common type costs at most one small Python call.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from kshell.terminal.sanitize import clean

__all__ = ["NULL", "Cells", "cells", "is_number", "json_default", "json_ready", "raw_texts"]

NULL = "NULL"


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as clean text, NULL as None; `simple`: each character takes one column."""

    texts: list[str | None]
    simple: bool

    def slice(self, count: int) -> list[str]:
        """The first cells, NULL as the word NULL."""
        return [NULL if t is None else t for t in self.texts[:count]]


def is_number(type: pa.DataType) -> bool:
    """Whether a column is aligned to the right."""
    types = pa.types
    return bool(types.is_integer(type) or types.is_floating(type) or types.is_decimal(type))


def _bytes_text(data: bytes) -> str:
    """Bytes as text where they are printable UTF-8, else as hex.

    >>> _bytes_text(b"abc"), _bytes_text(b"a\\xff")
    ('abc', '0x61ff')
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "0x" + data.hex()
    return text if text.isprintable() else "0x" + data.hex()


def json_default(value: Any) -> Any:
    """For orjson: converts types that it does not know."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        # A number, if a JSON number keeps its value; else its exact digits as text.
        if value.as_tuple().exponent == 0 and abs(value) < 1 << 63:
            return int(value)  # a sum of BIGINTs has this type
        number = float(value)
        return number if decimal.Decimal(repr(number)) == value else str(value)
    if isinstance(value, datetime.timedelta):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_ready(type: pa.DataType) -> Callable[[Any], Any] | None:
    """A function that prepares values of this type for orjson (maps become objects), or None."""
    if pa.types.is_map(type):
        item = json_ready(type.item_type) or _same
        return lambda pairs: None if pairs is None else {_key(k): item(v) for k, v in pairs}
    if pa.types.is_struct(type):
        fields = {f.name: ready for f in type if (ready := json_ready(f.type))}
        if not fields:
            return None
        return lambda value: (
            None if value is None else {n: fields.get(n, _same)(v) for n, v in value.items()}
        )
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        element = json_ready(type.value_type)
        if element is None:
            return None
        return lambda items: None if items is None else [element(v) for v in items]
    return None


def _same(value: Any) -> Any:
    return value


def _key(value: Any) -> str:
    return _bytes_text(value) if isinstance(value, bytes) else str(value)


def _json_texts(column: pa.Array) -> list[str | None]:
    values, ready = column.to_pylist(), json_ready(column.type)
    if ready is not None:
        values = map(ready, values)
    dumps, option = orjson.dumps, orjson.OPT_NON_STR_KEYS
    return [None if v is None else dumps(v, json_default, option).decode() for v in values]


def _float_texts(column: pa.Array) -> list[str | None]:
    """The shortest digits of each number; one call for all of them unless one is NaN."""
    values = column.to_pylist()
    if not values:
        return []
    found: list[str | None] = [*orjson.dumps(values).decode()[1:-1].split(",")]
    nulls = found.count("null")
    if nulls > column.null_count:  # JSON does not have NaN and infinities
        return [v if v is None else _float_text(v) for v in values]
    return [None if t == "null" else t for t in found] if nulls else found


def _float_text(value: float) -> str:
    return orjson.dumps(value).decode() if math.isfinite(value) else repr(value)


def raw_texts(column: pa.Array) -> list[str | None]:
    """A column as text, NULL as None; control characters are still in it."""
    type = column.type
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_floating(type):
        return _float_texts(column)
    if pa.types.is_nested(type):
        return _json_texts(column)
    if pa.types.is_binary(type) or pa.types.is_large_binary(type):
        return [None if v is None else _bytes_text(v) for v in column.to_pylist()]
    try:
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return [None if v is None else str(v) for v in column.to_pylist()]


def cells(column: pa.Array) -> Cells:
    """A column as clean text.

    >>> cells(pa.array(["a", None, "\\x1b"])).texts
    ['a', None, '\\\\x1b']
    """
    found = raw_texts(column)
    # Most text is printable ASCII: one check of the column saves a check of each cell.
    joined = "".join([t for t in found if t] if column.null_count else found)  # type: ignore[arg-type]
    if joined.isascii() and joined.isprintable():
        return Cells(found, True)
    once = {t: None if t is None else clean(t) for t in set(found)}  # names repeat
    return Cells([once[t] for t in found], False)
