"""Named fields of JSON records as Arrow columns, in one pass that also validates each record.

The compiled `_json` serves where it was built, a twin over orjson where not (or where KSHELL_PURE
is set); both give the same.  The JSON formats and the zero-DDL scan call `scan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from kshell.compiled import compiled
from kshell.formats.json_rules import (
    INEXACT,
    MALFORMED,
    MAX_DEPTH,
    NOT_OBJECT,
    NOT_UTF8,
    OTHER_FIELDS,
    OTHER_INNER_FIELDS,
    RANGE,
    TOO_DEEP,
    TRAILING,
    WRONG_TYPE,
    no_object,
)

__all__ = ["INEXACT", "OTHER_FIELDS", "OTHER_INNER_FIELDS", "Field", "Names", "Scanned", "Types",
           "scan"]  # fmt: skip

_SCALARS = (pa.string(), pa.int64(), pa.int32(), pa.float64(), pa.bool_())
_REASONS = {
    MALFORMED: "not valid JSON",
    TOO_DEEP: f"JSON nested more than {MAX_DEPTH} deep",
    NOT_UTF8: "not valid UTF-8",
    TRAILING: "more bytes after the JSON value",
    WRONG_TYPE: "a value that does not fit the column's type",
    RANGE: "a number too large for the column's type",
}


class Names(Enum):
    """How fields are found: by their exact name; by that or else in upper case (as in ksqlDB: only
    ASCII folds); or not at all, because the one field is the whole value."""

    EXACT = 0
    UPPER = 1
    WHOLE = 2


class Types(Enum):
    """What fits a column: JSON's own type alone, at every depth and without the loss of a whole
    number's digit, with anything's text for a string; or what ksqlDB takes without a change: also a
    number in a string, and of what is no string only words and whole numbers."""

    STRICT = 0
    KSQL = 1


@dataclass(frozen=True, slots=True)
class Field:
    """A top-level field; a type that is no scalar comes as its JSON text (a string column).

    Nothing but null is of the type null.
    """

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Scanned:
    """A column for each field, and the bad rows with the reason (they are NULL).

    `unfit` are those of the bad rows that may be JSON nonetheless, but of another shape; `misfits`
    those of which a field is of another type than wanted.  `flags` has a byte for each row, of
    `INEXACT`, `OTHER_FIELDS` and `OTHER_INNER_FIELDS`.
    """

    columns: list[pa.Array]
    bad: list[tuple[int, str]]
    unfit: Sequence[int] = ()
    flags: Any = b""
    misfits: Sequence[int] = ()


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
    checked = [
        f.type if types is Types.STRICT and f.type not in _SCALARS else None for f in fields
    ]
    columns, bad, flags = _scan(
        values, [f.name for f in fields], wanted, names.value, types.value, checked
    )
    reasons = []
    for row, why, number in bad:
        reason = no_object(values[row].as_py()) if why == NOT_OBJECT else _REASONS[why]
        if number >= 0 and why in (WRONG_TYPE, RANGE):
            reason = f"field {fields[number].name}: {reason}"
        reasons.append((row, reason))
    unfit = [row for row, why, _ in bad if why in (NOT_OBJECT, WRONG_TYPE, RANGE)]
    misfits = [row for row, why, _ in bad if why in (WRONG_TYPE, RANGE)]
    return Scanned(columns, reasons, unfit, flags, misfits)


if (_compiled := compiled("kshell.formats._json")) is not None:
    _scan = _compiled.scan
else:
    from kshell.formats.json_scan_py import scan as _scan
