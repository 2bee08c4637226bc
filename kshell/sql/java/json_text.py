"""JSON in texts, as Jackson reads and writes it for ksqlDB.

The rows of `library/json.toml` name these.  Numbers keep their digits, text after the first value
is ignored, and a text that is not JSON raises ValueError.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from kshell.sql.java.columns import by_constants, over_columns
from kshell.sql.java.text import takes_nulls, text
from kshell.types import STRING, TIMESTAMP

__all__ = ["array_contains", "array_length", "concat", "extract", "is_json", "items", "keys",
           "records", "to_json"]  # fmt: skip

_MISSING = object()  # the result for an empty text
_STEP = re.compile(
    r"""\.([^.\[\]"]+)|\[(?:"((?:[^"\\]|\\.)*)"|(-?\w+))\]""", re.DOTALL
)
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f",
          "\r": "\\r"}  # fmt: skip


def _no_constant(name: str) -> None:
    raise ValueError(f"Invalid JSON format: {name}")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def _parsed(source: str) -> Any:
    start = source.lstrip(" \t\r\n")
    if not start:
        return _MISSING
    try:
        return _DECODER.raw_decode(start)[0]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Invalid JSON format: {error}") from None


def _quoted(value: str) -> str:
    shown = _ESCAPED.sub(lambda m: _SHORT.get(m[0]) or f"\\u{ord(m[0]):04X}", value)
    return f'"{_whole(shown)}"'


def _whole(value: str) -> str:
    """Half of a surrogate pair becomes `?`, as when Java writes UTF-8."""
    return value.encode("utf-8", "replace").decode()


def _written(node: Any) -> str:
    """JSON without spaces."""
    if node is None:
        return "null"
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, str):
        return _quoted(node)
    if isinstance(node, dict):
        pairs = (f"{_quoted(k)}:{_written(v)}" for k, v in node.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(_written, node)) + "]"
    return str(node)


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[str, ...]:
    """The names and numbers of a path; raises ValueError."""
    if not path.startswith("$"):
        raise ValueError(f"Invalid JSON path: '{path}'")
    steps, at = [], 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"Invalid JSON path: '{path}'")
        quoted = match[2]
        steps.append(match[1] or match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(steps)


def _found(node: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        if isinstance(node, list):
            if not re.fullmatch(r"[+-]?[0-9]+", step):
                return _MISSING
            index = int(step)
            node = node[index] if 0 <= index < len(node) else _MISSING
        elif isinstance(node, dict):
            node = node.get(step, _MISSING)
        else:
            return _MISSING
    return node


def _extracted(source: str, steps: tuple[str, ...]) -> str | None:
    try:
        quick = _found(orjson.loads(source), steps)
    except ValueError:
        quick = None
    if quick is _MISSING:
        return None
    if isinstance(quick, str):
        return quick
    if isinstance(quick, int):
        return _written(quick)
    found = _found(_parsed(source), steps)  # with the digits of its numbers
    if found is _MISSING:
        return None
    return _whole(found) if isinstance(found, str) else _written(found)


@over_columns
def extract(sources: pa.Array, paths: pa.Array) -> pa.Array:
    """EXTRACTJSONFIELD: the value at a path, texts without quotes; NULL if there is none."""

    def done(column: pa.Array, path: str) -> pa.Array:
        steps = _steps(path)
        cells = column.to_pylist()
        return pa.array([None if c is None else _extracted(c, steps) for c in cells], STRING)

    return by_constants(done, sources, paths, type=STRING)


@takes_nulls
def is_json(source: str | None) -> bool:
    """IS_JSON_STRING.

    >>> is_json("null"), is_json("abc"), is_json(""), is_json(None)
    (True, False, False, False)
    """
    try:
        return source is not None and _parsed(source) is not _MISSING
    except ValueError:
        return False


def array_length(source: str) -> int | None:
    """JSON_ARRAY_LENGTH; NULL for JSON that is not an array."""
    node = _parsed(source)
    return len(node) if isinstance(node, list) else None


@takes_nulls
def array_contains(source: str | None, value: Any) -> bool | None:
    """JSON_ARRAY_CONTAINS; false for other texts than JSON arrays.  A whole number is not a DOUBLE.

    >>> array_contains("[1, null]", 1), array_contains("[1]", 1.0), array_contains("[null]", None)
    (True, False, True)
    """
    if source is None:
        return None
    try:
        node = _parsed(source)
    except ValueError:
        return False
    return isinstance(node, list) and any(_same(item, value) for item in node)


def _same(item: Any, value: Any) -> bool:
    if isinstance(value, float | Decimal):
        return isinstance(item, Decimal) and float(item) == float(value)
    return type(item) is type(value) and bool(item == value)


@takes_nulls
def concat(*sources: str | None) -> str | None:
    """JSON_CONCAT: objects are merged, other values become one array; NULL if one is NULL or empty.

    >>> concat('{"a": 1}', '{"b": 2}'), concat("[1, 2]", "3")
    ('{"a":1,"b":2}', '[1,2,3]')
    """
    nodes: list[Any] = [_MISSING if source is None else _parsed(source) for source in sources]
    if not nodes or _MISSING in nodes:
        return None
    if all(isinstance(node, dict) for node in nodes):
        return _written({name: value for node in nodes for name, value in node.items()})
    lists = (node if isinstance(node, list) else [node] for node in nodes)
    return _written([item for part in lists for item in part])


def items(source: str) -> list[str] | None:
    """JSON_ITEMS: an array's values as JSON; NULL for JSON that is not an array."""
    node = _parsed(source)
    return [_written(item) for item in node] if isinstance(node, list) else None


def keys(source: str) -> list[str] | None:
    """JSON_KEYS: an object's names; NULL for JSON that is not an object."""
    node = _parsed(source)
    return [_whole(name) for name in node] if isinstance(node, dict) else None


def records(source: str) -> dict[str, str] | None:
    """JSON_RECORDS: an object's names and values, texts as they are and all else as JSON; NULL for
    JSON that is no object.

    >>> records('{"a": "abc", "d": 1}')
    {'a': 'abc', 'd': '1'}
    """
    node = _parsed(source)
    if not isinstance(node, dict):
        return None
    return {
        _whole(name): _whole(value) if isinstance(value, str) else _written(value)
        for name, value in node.items()
    }


@over_columns
def to_json(values: pa.Array) -> pa.Array:
    """TO_JSON_STRING of any type; NULL is null."""
    show = _writer(values.type)
    return pa.array(["null" if v is None else show(v) for v in values.to_pylist()], STRING)


def _writer(type: pa.DataType) -> Callable[[Any], str]:
    """A function that writes values of the type."""
    if pa.types.is_list(type):
        item = _or_null(_writer(type.value_type))
        return lambda value: "[" + ",".join(map(item, value)) + "]"
    if pa.types.is_map(type):
        key, inner = _writer(type.key_type), _or_null(_writer(type.item_type))
        return lambda value: "{" + ",".join(f"{_name(key(k))}:{inner(v)}" for k, v in value) + "}"
    if pa.types.is_struct(type):
        fields = [(f.name, _or_null(_writer(f.type))) for f in type]
        return lambda value: (
            "{" + ",".join(f"{_quoted(n)}:{show(value[n])}" for n, show in fields) + "}"
        )
    if pa.types.is_string(type):
        return _quoted
    if pa.types.is_binary(type):
        return lambda value: f'"{base64.b64encode(value).decode()}"'
    if pa.types.is_time(type):
        return lambda value: f'"{_time_text(value)}"'
    if type == TIMESTAMP:
        return lambda value: f'"{value.isoformat(timespec="milliseconds")}"'
    if pa.types.is_date(type):
        return lambda value: f'"{value.isoformat()}"'
    if pa.types.is_floating(type):
        return lambda value: text(value) if value - value == 0 else f'"{text(value)}"'
    return text


def _or_null(show: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "null" if value is None else show(value)


def _name(key: str) -> str:
    return key if key.startswith('"') else f'"{key}"'


def _time_text(value: Any) -> str:
    """LocalTime.toString: without seconds if they are zero."""
    if value.microsecond:
        return str(value.isoformat(timespec="milliseconds"))
    return str(value.isoformat(timespec="seconds" if value.second else "minutes"))
