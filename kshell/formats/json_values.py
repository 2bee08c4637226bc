"""JSON values: text to Python's nodes with the digits they came with, and values to text.

`json_codec` and the other formats that have JSON inside call it.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NoReturn

import orjson
import pyarrow as pa

from kshell.errors import CorruptRecord

__all__ = ["parser", "plain_writer", "written"]

_EPOCH = datetime.date(1970, 1, 1)
_EPOCH_TIME = datetime.datetime(1970, 1, 1)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _exact(data: bytes) -> Any:
    """Numbers with every digit."""
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(_why(error)) from None


def _quick(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _exact(data)  # halves of surrogate pairs, numbers beyond a double


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not valid UTF-8"
    return f"not valid JSON: {error}"


def _needs_digits(type: pa.DataType) -> bool:
    """Whether a number's digits matter as they are written."""
    if pa.types.is_decimal(type) or pa.types.is_string(type):
        return True
    if pa.types.is_map(type):
        return _needs_digits(type.item_type)
    if pa.types.is_nested(type):
        return any(_needs_digits(type.field(i).type) for i in range(type.num_fields))
    return False


def parser(types: Sequence[pa.DataType]) -> Callable[[bytes], Any]:
    """JSON text to nodes, exact where the types want it; raises CorruptRecord.

    Text columns read numbers as they were written, so only they and decimals need exact digits.
    """
    return _exact if any(map(_needs_digits, types)) else _quick


def written(plain: Any) -> bytes:
    """What `plain_writer` gave, as JSON text.

    >>> written({"a": Decimal("1.10"), "b": [None, 1.5]})
    b'{"a":1.10,"b":[null,1.5]}'
    """
    return orjson.dumps(plain, default=_digits)


def _digits(value: Any) -> Any:
    """A Decimal with all of its digits."""
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no JSON")


def plain_writer(type: pa.DataType) -> Callable[[Any], Any]:
    """Converts values from Arrow to JSON's: times as numbers, bytes as base64, NaN and infinities
    as text, as Jackson writes them; decimals stay."""
    convert = _plain(type)
    return lambda value: None if value is None else convert(value)


def _plain(type: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_map(type):
        key, item = _key_text(type.key_type), plain_writer(type.item_type)
        return lambda value: {key(k): item(v) for k, v in _pairs(value)}
    if pa.types.is_list(type):
        element = plain_writer(type.value_type)
        return lambda value: [element(v) for v in value]
    if pa.types.is_struct(type):
        fields = [(f.name, plain_writer(f.type)) for f in type]
        return lambda value: {n: w(value.get(n)) for n, w in fields}
    return _PLAIN.get(type, _same)


def _pairs(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else value


def _same(value: Any) -> Any:
    return value


def _key_text(type: pa.DataType) -> Callable[[Any], str]:
    plain = plain_writer(type)
    if pa.types.is_string(type):
        return str
    return lambda value: written(plain(value)).decode().strip('"')


def _days(value: datetime.date) -> int:
    return (value - _EPOCH).days


def _millis(value: datetime.datetime) -> int:
    return (value - _EPOCH_TIME) // datetime.timedelta(milliseconds=1)


def _time_of_day(value: datetime.time) -> int:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return seconds * 1000 + value.microsecond // 1000


def _finite(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_PLAIN: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.float64(): _finite,
    pa.binary(): lambda v: base64.b64encode(v).decode(),
    pa.date32(): _days,
    pa.time32("ms"): _time_of_day,
    pa.timestamp("ms"): _millis,
}
