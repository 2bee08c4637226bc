"""What both scanners of JSON hold to: why a record is bad, the flags of a row, what fits a type.

`json_scan` and its twin `json_scan_py` have it in common with scan.h; `found` and `shapes` judge
single values by it.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa

__all__ = ["INEXACT", "MALFORMED", "MAX_DEPTH", "NOT_OBJECT", "NOT_UTF8", "OTHER_FIELDS",
           "OTHER_INNER_FIELDS", "RANGE", "TOO_DEEP", "TRAILING", "UPPER_NAMES", "WHOLE_NAME",
           "WRONG_TYPE", "depth_of", "digits_of", "fits", "is_exact",
           "no_object"]  # fmt: skip

# Flags of a row: its texts are not exact to a reader of doubles, or to one that takes the first of
# two fields of one name; it has fields beside the wanted ones, or beside those of a nested type.
INEXACT, OTHER_FIELDS, OTHER_INNER_FIELDS = 1, 2, 4
UPPER_NAMES, WHOLE_NAME = 1, 2  # ways to find a field
MAX_DEPTH = 64
_WHOLE = 2**53  # the whole numbers that a double holds
MALFORMED, TOO_DEEP, NOT_UTF8, TRAILING, NOT_OBJECT, WRONG_TYPE, RANGE = range(1, 8)


def is_exact(value: float | Decimal) -> bool:
    """Whether a double keeps the number: each digit, if it is a whole one."""
    return abs(value) <= _WHOLE if isinstance(value, int) else math.isfinite(float(value))


def fits(value: Any, type: pa.DataType) -> bool:
    """Whether a value with all of its digits is of a type that is neither nested nor text."""
    if isinstance(value, bool):
        return bool(pa.types.is_boolean(type))
    if not isinstance(value, int | float | Decimal):
        return False
    if pa.types.is_floating(type):
        return is_exact(value)
    if pa.types.is_integer(type):
        return isinstance(value, int) and -(2**63) <= value < 2**63
    if pa.types.is_decimal(type):
        whole, scale = digits_of(Decimal(str(value)))
        return bool(whole <= type.precision - type.scale and scale <= type.scale)
    return False


def digits_of(number: Decimal) -> tuple[int, int]:
    """How many digits a number has in front of and behind the point.

    >>> digits_of(Decimal("-12.50")), digits_of(Decimal("0.05")), digits_of(Decimal("1e3"))
    ((2, 1), (0, 2), (4, 0))
    """
    if not number:
        return 0, 0
    _, digits, exponent = number.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    assert isinstance(exponent, int)
    return max(number.adjusted() + 1, 0), max(-exponent - zeros, 0)


def depth_of(node: Any) -> int:
    """How deep objects and arrays are in one another.

    >>> depth_of({"a": [1, []]}), depth_of(1)
    (3, 0)
    """
    deepest, layer = 0, [node]
    while layer := [v for v in layer if isinstance(v, dict | list)]:
        deepest += 1
        layer = [c for v in layer for c in (v.values() if isinstance(v, dict) else v)]
    return deepest


_KINDS = {"[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}


def no_object(value: bytes) -> str:
    """What good JSON is that should be an object, in words.

    >>> no_object(b" [1]")
    'a JSON array, where an object was expected'
    """
    kind = _KINDS.get(value.lstrip(b" \t\r\n")[:1].decode("latin-1"), "number")
    return f"a JSON {kind}, where an object was expected"
