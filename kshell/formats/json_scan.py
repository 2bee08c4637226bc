"""Named fields of JSON records as Arrow columns, in one pass that also validates each record.

The compiled `_json` serves where it was built, a twin over orjson where not (or where KSHELL_PURE
is set); both give the same.  The JSON formats and the zero-DDL scan call `scan`.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kshell.compiled import compiled
from kshell.formats.json_values import depth_of

__all__ = ["Field", "Names", "Scanned", "Types", "scan"]

_SCALARS = (pa.string(), pa.int64(), pa.int32(), pa.float64(), pa.bool_())
_MAX_DEPTH = 64
_MALFORMED, _TOO_DEEP, _NOT_UTF8, _TRAILING, _NOT_OBJECT, _WRONG_TYPE, _RANGE = range(1, 8)
# Escapes in their order: a whole surrogate pair, half of one, any other.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\.",
    re.DOTALL,
)
_REASONS = {
    _MALFORMED: "not valid JSON",
    _TOO_DEEP: f"JSON nested more than {_MAX_DEPTH} deep",
    _NOT_UTF8: "not valid UTF-8",
    _TRAILING: "more bytes after the JSON value",
    _NOT_OBJECT: "not a JSON object",
    _WRONG_TYPE: "a value that does not fit the column's type",
    _RANGE: "a number too large for the column's type",
}


class Names(Enum):
    """How fields are found: by their exact name; by that or else in upper case (as in ksqlDB: only
    ASCII folds); or not at all, because the one field is the whole value."""

    EXACT = 0
    UPPER = 1
    WHOLE = 2


class Types(Enum):
    """The values that fit a column. JSON: only its own type, and any value's text for a string.
    KSQL: numbers may be quoted; a STRING column takes text, true/false and whole numbers; the rest
    is re-read by `coerce`."""

    STRICT = 0
    KSQL = 1


@dataclass(frozen=True, slots=True)
class Field:
    """A top-level field; a type that is no scalar comes as its JSON text (a string column)."""

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Scanned:
    """A column for each field, and the bad rows with the reason (they are NULL).

    `unfit` are those of the bad rows that may be JSON nonetheless, but of another shape.
    """

    columns: list[pa.Array]
    bad: list[tuple[int, str]]
    unfit: Sequence[int] = ()


def scan(
    values: pa.BinaryArray, fields: Sequence[Field], names: Names, types: Types
) -> Scanned:
    """The named fields of every value; a NULL value (a tombstone) is a row of NULLs.

    >>> values = pa.array([b'{"a":1,"b":[2]}', b'nonsense'], pa.binary())
    >>> found = scan(values, [Field("a", pa.int64())], Names.EXACT, Types.STRICT)
    >>> found.columns[0].to_pylist(), found.bad
    ([1, None], [(1, 'not valid JSON')])
    """
    wanted = [f.type if f.type in _SCALARS else None for f in fields]
    columns, bad = _scan(values, [f.name for f in fields], wanted, names.value, types.value)
    reasons = []
    for row, why, number in bad:
        reason = _REASONS[why]
        if number >= 0 and why in (_WRONG_TYPE, _RANGE):
            reason = f"field {fields[number].name}: {reason}"
        reasons.append((row, reason))
    unfit = [row for row, why, _ in bad if why in (_NOT_OBJECT, _WRONG_TYPE, _RANGE)]
    return Scanned(columns, reasons, unfit)


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


def _fit(value: Any, type: pa.DataType | None, ksql: int) -> Any:
    if value is None:
        return None
    if type is None or (pa.types.is_string(type) and not isinstance(value, str)):
        if ksql and (_has_fraction(value) if type is None else not isinstance(value, int)):
            raise _Refused(_WRONG_TYPE)  # its digits are in the text alone
        return orjson.dumps(value).decode()
    if pa.types.is_string(type):
        return value
    if pa.types.is_boolean(type):
        if isinstance(value, bool):
            return value
        raise _Refused(_WRONG_TYPE)
    if ksql and isinstance(value, str):
        value = _number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(_WRONG_TYPE)
    if pa.types.is_floating(type):
        return float(value)
    if isinstance(value, float):
        raise _Refused(_RANGE if value.is_integer() and abs(value) >= 2**63 else _WRONG_TYPE)
    if not -(2 ** (type.bit_width - 1)) <= value < 2 ** (type.bit_width - 1):
        raise _Refused(_RANGE)
    return value


_Bad = dict[int, tuple[int, int]]  # a row: (why, field)
_PYTHON = {
    pa.string(): str, pa.int64(): int, pa.int32(): int, pa.float64(): float, pa.bool_(): bool,
}  # fmt: skip


def _bracketed(values: list[bytes | None], objects: int) -> Iterator[int]:
    """The rows that may be too deep: each of the objects has a bracket, and so have others many."""
    joined = b"".join(filter(None, values))
    if joined.count(b"{") + joined.count(b"[") - objects < _MAX_DEPTH:
        return
    for number, value in enumerate(values):
        if value and value.count(b"{") + value.count(b"[") > _MAX_DEPTH:
            yield number


def _parsed(values: list[bytes | None], bad: _Bad) -> list[dict[str, Any]]:
    """A dictionary for each value, an empty one where there is no record."""
    rows: list[dict[str, Any]] = []
    nothing: dict[str, Any] = {}
    for number, value in enumerate(values):
        try:
            row = nothing if value is None else _loads(value)
        except orjson.JSONDecodeError:
            bad[number] = _MALFORMED, -1
            row = nothing
        rows.append(row)
    objects = list(map(type, rows)).count(dict) - values.count(None) - len(bad)
    for number in _bracketed(values, objects):
        if depth_of(rows[number]) > _MAX_DEPTH:
            bad[number] = _TOO_DEEP, -1
            rows[number] = nothing
    if set(map(type, rows)) - {dict}:
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                bad[number] = _NOT_OBJECT, -1
                rows[number] = nothing
    return rows


def _whole(values: list[bytes | None], name: str, bad: _Bad) -> list[dict[str, Any]]:
    """A dictionary for each value, which is the one field in it."""
    rows: list[dict[str, Any]] = []
    for number, value in enumerate(values):
        try:
            node = None if value is None else _loads(value)
        except orjson.JSONDecodeError:
            bad[number], node = (_MALFORMED, -1), None
        if isinstance(node, dict | list) and depth_of(node) > _MAX_DEPTH:
            bad[number], node = (_TOO_DEEP, -1), None
        rows.append({name: node})
    return rows


def _upper(name: str) -> str:
    return name.encode(errors="replace").upper().decode()


def _named(rows: list[dict[str, Any]], name: str, how: int) -> list[Any]:
    """The field of every row; where none has that very name, the last that has it in upper case."""
    column = [row.get(name) for row in rows]
    if how == Names.UPPER.value and None in column:
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


def _scan_py(
    values: pa.BinaryArray, names: list[str], types: list[Any], how: int, ksql: int
) -> tuple[list[pa.Array], list[tuple[int, int, int]]]:
    bad: _Bad = {}
    listed = values.to_pylist()
    if how == Names.WHOLE.value:
        rows = _whole(listed, names[0] if names else "", bad)
    else:
        rows = _parsed(listed, bad)
    columns = [
        _column(_named(rows, name, how), type, ksql, field, bad)
        for field, (name, type) in enumerate(zip(names, types, strict=True))
    ]
    if bad:
        fine = pa.array([number not in bad for number in range(len(rows))], pa.bool_())
        columns = [pc.if_else(fine, column, None) for column in columns]
    return columns, [(number, *bad[number]) for number in sorted(bad)]


_scan = getattr(compiled("kshell.formats._json"), "scan", _scan_py)
