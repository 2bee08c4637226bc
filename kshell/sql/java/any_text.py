"""KSQL's texts of values whose type only DuckDB knows: CAST to STRING and TO_JSON_STRING.

The macros of bounded queries pass DuckDB's JSON of a value and its typeof(); together they are
exact.  Numbers, times and NULL are then written as in continuous queries.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

import duckdb

from kshell.sql.java.text import takes_nulls
from kshell.value_texts import java_double

__all__ = ["as_json", "as_text"]

_Write = Callable[[Any], str]
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
_EXACT = Context(prec=80)  # more than any DECIMAL has


@takes_nulls
def as_json(value: str | None, kind: str) -> str:
    """TO_JSON_STRING of a value, from DuckDB's JSON.

    >>> as_json('{"a":"2020-01-01 01:02:03","b":1.5}', "STRUCT(a TIMESTAMP, b DECIMAL(4,2))")
    '{"a":"2020-01-01T01:02:03.000","b":1.50}'
    """
    if value is None or kind == "JSON":
        return value or "null"
    return _json(duckdb.sqltype(kind))(_DECODER.decode(value))


def as_text(value: str, kind: str) -> str:
    """CAST of a collection to STRING: Java's toString.

    >>> as_text('{"a":[1,null],"b":[]}', "MAP(VARCHAR, DOUBLE[])")
    '{a=[1.0, null], b=[]}'
    """
    return _plain(duckdb.sqltype(kind))(_DECODER.decode(value))


def _double(value: str) -> str:
    return java_double(float(value))


def _timestamp(value: str) -> str:
    return datetime.fromisoformat(value).isoformat(timespec="milliseconds").split("+")[0]


def _time(value: str) -> str:
    """LocalTime.toString leaves out seconds that are zero, and writes thousandths in threes."""
    whole, _, fraction = value.partition(".")
    if fraction.rstrip("0"):
        return f"{whole}.{fraction[:3].ljust(3, '0')}"
    return whole[:5] if whole.endswith(":00") else whole


def _decimal(type: Any) -> _Write:
    scale = Decimal(1).scaleb(-dict(type.children)["scale"])
    return lambda value: format(Decimal(value).quantize(scale, context=_EXACT), "f")


_BYTE = re.compile(r"\\x([0-9A-F]{2})")  # DuckDB's text has each byte so that is no plain letter


def _bytes(value: str) -> str:
    plain = _BYTE.sub(lambda byte: chr(int(byte[1], 16)), value)
    return base64.b64encode(plain.encode("latin-1")).decode()


def _leaf(type: Any) -> _Write:
    name = str(type)
    if name.startswith("DECIMAL"):
        return _decimal(type)
    if name in ("DOUBLE", "FLOAT"):
        return _double
    if name.startswith("TIMESTAMP"):
        return _timestamp
    if name == "TIME":
        return _time
    if name == "BOOLEAN":
        return lambda value: "true" if value else "false"
    return str


def _or_null(write: _Write) -> _Write:
    return lambda value: "null" if value is None else write(value)


def _hashed(keys: Collection[str]) -> list[str]:
    """In the order of a HashMap, by bucket and then by age, as the macro for entries has them."""
    last = max(2, 1 << math.ceil(math.log2(len(keys) / 0.75))) - 1 if keys else 0

    def bucket(key: str) -> int:
        hashed = 0
        for letter in key:
            hashed = (hashed * 31 + ord(letter)) & 0xFFFFFFFF
        return (hashed ^ hashed >> 16) & last

    return sorted(keys, key=bucket)


@lru_cache(256)
def _plain(type: Any) -> _Write:
    if type.id in ("list", "array"):
        item = _or_null(_plain(type.children[0][1]))
        return lambda value: "[" + ", ".join(map(item, value)) + "]"
    if type.id == "map":
        item = _or_null(_plain(type.children[1][1]))
        return lambda value: "{" + ", ".join(f"{k}={item(value[k])}" for k in _hashed(value)) + "}"
    if type.id == "struct":
        parts = [(name, _or_null(_plain(child))) for name, child in type.children]
        return lambda value: (
            "Struct{" + ",".join(f"{n}={write(value[n])}" for n, write in parts) + "}"
        )
    return _leaf(type)


_QUOTED = re.compile(r"^(VARCHAR|DATE|TIME|BLOB|UUID|TIMESTAMP|ENUM|INTERVAL)")


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


@lru_cache(256)
def _json(type: Any) -> _Write:
    if type.id in ("list", "array"):
        item = _or_null(_json(type.children[0][1]))
        return lambda value: "[" + ",".join(map(item, value)) + "]"
    if type.id in ("map", "struct"):
        writes = {name: _or_null(_json(child)) for name, child in type.children}
        same = writes["value"] if type.id == "map" else None

        def written(value: Any) -> str:
            pairs = (f"{_string(k)}:{(same or writes[k])(v)}" for k, v in value.items())
            return "{" + ",".join(pairs) + "}"

        return written
    write = _bytes if str(type) == "BLOB" else _leaf(type)
    if _QUOTED.match(str(type)):
        return lambda value: _string(write(value))
    return write
