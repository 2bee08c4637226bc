"""Values as text and as JSON's values: columns as lists, decided once for each column.

`terminal` and `preview` draw answers with it.  Control characters are still in the texts.
"""

from __future__ import annotations

import base64
import decimal
import math
from typing import Any

import orjson
import pyarrow as pa

__all__ = ["interval_text", "java_double", "json_default", "json_values", "raw_texts"]


def java_double(value: float) -> str:
    """As Double.toString writes it.

    >>> java_double(123456789.0), java_double(0.001), java_double(5e-324)
    ('1.23456789E8', '0.001', '4.9E-324')
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    shortest, nearest = repr(value), f"{value:.1e}"
    if float(nearest) == value:  # Java writes two digits where one would do: 4.9E-324
        shortest = nearest
    digits, _, exponent = f"{shortest}e0".partition("e")
    whole, _, rest = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    power = int(exponent.removesuffix("e0")) + len(whole) - 1
    all_digits = whole + rest
    shown = all_digits.lstrip("0")
    power -= len(all_digits) - len(shown)
    return f"{sign}{shown[0]}.{shown[1:].rstrip('0') or '0'}E{power}"


def _bytes_text(data: bytes) -> str:
    """Bytes as text where they are printable UTF-8 and no hex, else as hex.

    >>> _bytes_text(b"abc"), _bytes_text(b"a\\xff"), _bytes_text(b"0xff")
    ('abc', '0x61ff', '0x30786666')
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "0x" + data.hex()
    return text if text.isprintable() and not text.startswith("0x") else "0x" + data.hex()


def json_default(value: Any) -> Any:
    """For orjson: converts types that it does not know; bytes are base64, as in ksqlDB."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        # A number, if a JSON number keeps its value; else its exact digits as text.
        if value.as_tuple().exponent == 0 and -(1 << 63) <= value < 1 << 64:
            return int(value)  # a sum of BIGINTs has this type
        number = float(value)
        return number if decimal.Decimal(repr(number)) == value else str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_values(column: pa.Array) -> list[Any]:
    """A column as values that orjson writes: maps are dicts; what JSON has no form for is text.

    >>> json_values(pa.array([float("nan"), 1.5]))
    ['NaN', 1.5]
    """
    type = column.type
    if pa.types.is_map(type):
        return [None if v is None else dict(v) for v in _lists(column, _pairs(column))]
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return _lists(column, json_values(column.values))
    if pa.types.is_fixed_size_list(type):
        return json_values(column.cast(pa.list_(type.value_type)))
    if pa.types.is_struct(type):
        fields = [json_values(f) for f in column.flatten()]
        names = [f.name for f in type]
        rows = zip(*fields, strict=True) if fields else ((),) * len(column)
        valid = column.is_valid().to_pylist()
        return [
            dict(zip(names, row, strict=True)) if v else None
            for v, row in zip(valid, rows, strict=True)
        ]
    if pa.types.is_floating(type):
        values = column.to_pylist()
        if all(v is None or math.isfinite(v) for v in values):
            return values  # type: ignore[no-any-return]
        return [v if v is None or math.isfinite(v) else _float_text(v) for v in values]
    if pa.types.is_interval(type) or pa.types.is_duration(type):
        return raw_texts(column)
    if (pa.types.is_timestamp(type) or pa.types.is_time64(type)) and type.unit == "ns":
        return _time_texts(column, "T")  # Python's have six digits
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):  # a time that Python's do not reach
        return _time_texts(column, "T")


def _lists(column: pa.Array, values: list[Any]) -> list[Any]:
    """A list column's rows, of all its values."""
    offsets = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [
        values[begin:end] if v else None
        for v, begin, end in zip(valid, offsets, offsets[1:], strict=False)
    ]


def _pairs(column: pa.MapArray) -> list[tuple[str, Any]]:
    keys = [_key(k) for k in json_values(column.keys)]
    return list(zip(keys, json_values(column.items), strict=True))


def _key(value: Any) -> str:
    """A map's key as the name of a JSON object's value."""
    if isinstance(value, str):
        return value
    text = orjson.dumps(value, json_default, orjson.OPT_NON_STR_KEYS).decode()
    return str(orjson.loads(text)) if text.startswith('"') else text


def _json_texts(column: pa.Array) -> list[str | None]:
    dumps, option = orjson.dumps, orjson.OPT_NON_STR_KEYS
    values = json_values(column)
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
    """The shortest digits, or Java's word.

    >>> _float_text(1.5), _float_text(float("-inf"))
    ('1.5', '-Infinity')
    """
    if math.isfinite(value):
        return orjson.dumps(value).decode()
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def interval_text(months: int, days: int, nanoseconds: int) -> str:
    """An interval in DuckDB's words.

    >>> interval_text(14, -1, 3_600_000_001_000), interval_text(0, 0, 0)
    ('1 year 2 months -1 day 01:00:00.000001', '00:00:00')
    """
    sign = -1 if months < 0 else 1
    years, months = (sign * part for part in divmod(abs(months), 12))
    counts = ((years, "year"), (months, "month"), (days, "day"))
    words = [f"{n} {unit}{'' if n in (1, -1) else 's'}" for n, unit in counts if n]
    if nanoseconds or not words:
        seconds, fraction = divmod(abs(nanoseconds), 10**9)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        digits = f".{fraction:09d}".rstrip("0") if fraction else ""
        minus = "-" if nanoseconds < 0 else ""
        words.append(f"{minus}{hours:02d}:{minutes:02d}:{seconds:02d}{digits}")
    return " ".join(words)


def _interval_texts(column: pa.Array) -> list[str | None]:
    return [None if v is None else interval_text(*v) for v in column.to_pylist()]


_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}


def _duration_texts(column: pa.Array) -> list[str | None]:
    each = _NANOSECONDS[column.type.unit]
    counts = column.cast(pa.int64()).to_pylist()
    return [None if n is None else interval_text(0, 0, n * each) for n in counts]


_ENDLESS = {2**63 - 1: "infinity", 1 - 2**63: "-infinity"}  # DuckDB's moments beyond all others


def _time_texts(column: pa.Array, between: str = " ") -> list[str | None]:
    """Times of day and moments; a moment that no calendar has, as its number."""
    texts = column.cast(pa.string()).to_pylist()
    numbers: list[Any] = texts
    if any(t is not None and t.startswith("<") for t in texts):
        width = pa.int32() if column.type.bit_width == 32 else pa.int64()
        numbers = column.cast(width).to_pylist()
    return [
        None if t is None else _ENDLESS.get(n, str(n)) if t[0] == "<" else t.replace(" ", between)
        for t, n in zip(texts, numbers, strict=True)
    ]


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
    if pa.types.is_interval(type):
        return _interval_texts(column)
    if pa.types.is_duration(type):
        return _duration_texts(column)
    if pa.types.is_timestamp(type) or pa.types.is_time(type):
        return _time_texts(column)
    try:
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return [None if v is None else str(v) for v in column.to_pylist()]
