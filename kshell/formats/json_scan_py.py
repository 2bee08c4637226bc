"""The JSON scanner in Python, for where the compiled `_json` was not built: it gives the same.

`json_scan` calls it, and says what its arguments mean.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import reduce
from itertools import repeat
from operator import or_
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kshell.formats.json_rules import (
    INEXACT,
    MALFORMED,
    MAX_DEPTH,
    NOT_OBJECT,
    OTHER_FIELDS,
    OTHER_INNER_FIELDS,
    RANGE,
    TOO_DEEP,
    UPPER_NAMES,
    WHOLE_NAME,
    WRONG_TYPE,
    depth_of,
    fits,
    is_exact,
)

__all__ = ["scan"]

_LONG_NUMBER = r"[\d.]{16}|\d[eE]|\.\d*0([^\d]|$)"
# Escapes in their order: a whole surrogate pair, half of one, any other.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\.",
    re.DOTALL,
)


class _Refused(Exception):
    def __init__(self, why: int, field: int = -1) -> None:
        super().__init__(why, field)
        self.why, self.field = why, field


def _number(text: str) -> int | float | None:
    if text != text.strip():
        return None
    try:
        number = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return number if isinstance(number, int | float) and not isinstance(number, bool) else None


def _has_fraction(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_fraction, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _loads(data: bytes) -> Any:
    """As scan.h takes it: half of a surrogate pair is U+FFFD, and numbers may be of any size."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    whole = _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], data)
    try:
        return json.loads(whole.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise orjson.JSONDecodeError(str(error), "", 0) from None


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class _Written(Decimal):
    """A fraction, and how it is written."""

    def __init__(self, text: str) -> None:
        self.text = text


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value, default=_digits).decode()
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=float)


def _digits(value: Any) -> Any:
    if isinstance(value, _Written):
        return orjson.Fragment(value.text)
    raise TypeError


def _fit(value: Any, type: pa.DataType | None, ksql: int) -> Any:
    if value is None:
        return None
    if type is None or (pa.types.is_string(type) and not isinstance(value, str)):
        if ksql and (_has_fraction(value) if type is None else not isinstance(value, int)):
            raise _Refused(WRONG_TYPE)  # its digits are in the text alone
        return _text(value)
    if pa.types.is_string(type):
        return value
    if pa.types.is_boolean(type):
        if isinstance(value, bool):
            return value
        raise _Refused(WRONG_TYPE)
    if ksql and isinstance(value, str):
        value = _number(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _Refused(WRONG_TYPE)
    if pa.types.is_floating(type):
        if not ksql and not is_exact(value):
            raise _Refused(RANGE)
        return float(value)
    if isinstance(value, Decimal):
        raise _Refused(WRONG_TYPE)
    if isinstance(value, float):
        raise _Refused(RANGE if value.is_integer() and abs(value) >= 2**63 else WRONG_TYPE)
    if not -(2 ** (type.bit_width - 1)) <= value < 2 ** (type.bit_width - 1):
        raise _Refused(RANGE)
    return value


def _check(value: Any, type: pa.DataType) -> int:
    """The flags of a value that must be of a type; raises _Refused."""
    if value is None:
        return 0
    if pa.types.is_string(type):
        return INEXACT if isinstance(value, dict | list | float | Decimal) else 0
    if isinstance(value, list) and pa.types.is_list(type):
        return _union(_check(v, type.value_type) for v in value)
    if isinstance(value, dict) and pa.types.is_map(type):
        return _union(_check(v, type.item_type) for v in value.values())
    if isinstance(value, dict) and pa.types.is_struct(type):
        known = {f.name: f.type for f in type}
        if not known and value:
            raise _Refused(WRONG_TYPE)
        others = OTHER_INNER_FIELDS if value.keys() - known else 0
        return others | _union(_check(v, known[n]) for n, v in value.items() if n in known)
    if not fits(value, type):
        raise _Refused(WRONG_TYPE)
    return 0


def _union(flags: Iterable[int]) -> int:
    return reduce(or_, flags, 0)


_Bad = dict[int, tuple[int, int]]  # a row: (why, field)
_PYTHON = {
    pa.string(): str, pa.int64(): int, pa.int32(): int, pa.float64(): float, pa.bool_(): bool,
}  # fmt: skip


def _bracketed(values: list[bytes | None], objects: int) -> Iterator[int]:
    """The rows that may be too deep: each of the objects has a bracket, and so have others many."""
    joined = b"".join(filter(None, values))
    if joined.count(b"{") + joined.count(b"[") - objects < MAX_DEPTH:
        return
    for number, value in enumerate(values):
        if value and value.count(b"{") + value.count(b"[") > MAX_DEPTH:
            yield number


def _exactly(data: bytes) -> Any:
    """With every digit of its fractions."""
    _loads(data)
    return json.loads(data, parse_float=_Written, parse_constant=_no_constant)


def _loaders(column: pa.BinaryArray, ksql: int) -> Iterable[Callable[[bytes], Any]]:
    """What reads each value: some have, it may be, more digits than a double holds."""
    if ksql:
        return repeat(_loads, len(column))
    long = pc.match_substring_regex(column, _LONG_NUMBER)
    return [_exactly if found else _loads for found in long.to_pylist()]


def _parsed(
    column: pa.BinaryArray, values: list[bytes | None], bad: _Bad, ksql: int
) -> list[dict[str, Any]]:
    """A dictionary for each value, an empty one where there is no record."""
    rows: list[dict[str, Any]] = []
    nothing: dict[str, Any] = {}
    for number, (value, load) in enumerate(zip(values, _loaders(column, ksql), strict=True)):
        try:
            row = nothing if value is None else load(value)
        except orjson.JSONDecodeError:
            bad[number] = MALFORMED, -1
            row = nothing
        rows.append(row)
    objects = list(map(type, rows)).count(dict) - values.count(None) - len(bad)
    for number in _bracketed(values, objects):
        if depth_of(rows[number]) > MAX_DEPTH:
            bad[number] = TOO_DEEP, -1
            rows[number] = nothing
    if set(map(type, rows)) - {dict}:
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                bad[number] = NOT_OBJECT, -1
                rows[number] = nothing
    return rows


def _whole(values: list[bytes | None], name: str, bad: _Bad) -> list[dict[str, Any]]:
    """A dictionary for each value, which is the one field in it."""
    rows: list[dict[str, Any]] = []
    for number, value in enumerate(values):
        try:
            node = None if value is None else _loads(value)
        except orjson.JSONDecodeError:
            bad[number], node = (MALFORMED, -1), None
        if isinstance(node, dict | list) and depth_of(node) > MAX_DEPTH:
            bad[number], node = (TOO_DEEP, -1), None
        rows.append({name: node})
    return rows


def _upper(name: str) -> str:
    return name.encode(errors="replace").upper().decode()


def _named(rows: list[dict[str, Any]], name: str, how: int) -> list[Any]:
    """The field of every row; where none has that very name, the last that has it in upper case."""
    column = [row.get(name) for row in rows]
    if how == UPPER_NAMES and None in column:
        for number, value in enumerate(column):
            if value is None and name not in rows[number]:
                for key, other in rows[number].items():
                    if _upper(key) == name:
                        column[number] = other
    return column


def _column(
    values: list[Any], type: pa.DataType | None, ksql: int, field: int, bad: _Bad
) -> pa.Array:
    """The values as they fit; the rows of those that do not go to `bad`."""
    kinds = set(map(builtins.type, values)) - {NoneType}
    if type is not None and kinds <= {_PYTHON[type]}:
        try:
            return pa.array(values, type)
        except (OverflowError, pa.ArrowInvalid):
            pass
    fitting = []
    for number, value in enumerate(values):
        try:
            fitting.append(_fit(value, type, ksql))
        except _Refused as refused:
            bad.setdefault(number, (refused.why, field))
            fitting.append(None)
    return pa.array(fitting, pa.string() if type is None else type)


def scan(
    values: pa.BinaryArray, names: list[str], types: list[Any], how: int, ksql: int,
    checks: list[pa.DataType | None],
) -> tuple[list[pa.Array], list[tuple[int, int, int]], bytes]:  # fmt: skip
    """Columns, the bad rows as (row, why, field), and the flags of each row."""
    bad: _Bad = {}
    flags = bytearray(len(values))
    listed = values.to_pylist()
    if how == WHOLE_NAME:
        rows = _whole(listed, names[0] if names else "", bad)
    else:
        rows = _parsed(values, listed, bad, ksql)
        wanted = set(names)
        for number, row in enumerate(rows):
            flags[number] = 0 if row.keys() <= wanted else OTHER_FIELDS
    columns = [
        _column(_named(rows, name, how), type, ksql, field, bad)
        for field, (name, type) in enumerate(zip(names, types, strict=True))
    ]
    for field, (name, type) in enumerate(zip(names, checks, strict=True)):
        for number, row in enumerate(rows) if type is not None else ():
            try:
                flags[number] |= _check(row.get(name), type)
            except _Refused as refused:
                bad.setdefault(number, (refused.why, field))
    if bad:
        fine = pa.array([number not in bad for number in range(len(rows))], pa.bool_())
        columns = [pc.if_else(fine, column, None) for column in columns]
    return columns, [(number, *bad[number]) for number in sorted(bad)], bytes(flags)
