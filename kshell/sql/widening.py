"""What widens without being asked: INTEGER → BIGINT → DECIMAL → DOUBLE, and unlike DECIMALs.

`bind` asks it of expressions side by side and of sinks, `signatures` and `extremes` of arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kshell.types import BIGINT, DOUBLE, INTEGER, decimal, is_numeric

__all__ = ["as_decimal", "can_widen", "common_type"]

_WIDTH = {INTEGER: 10, BIGINT: 19}
_MOST_DIGITS = 38


def can_widen(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether every value of one type fits another.

    >>> can_widen(INTEGER, DOUBLE), can_widen(DOUBLE, INTEGER)
    (True, False)
    """
    if source == target:
        return True
    if pa.types.is_decimal(target):
        whole = target.precision - target.scale
        if pa.types.is_decimal(source):
            fits = source.scale <= target.scale and source.precision - source.scale <= whole
            return bool(fits)
        return source in _WIDTH and _WIDTH[source] <= whole
    order = [INTEGER, BIGINT, DOUBLE]
    if target == DOUBLE:
        return is_numeric(source)
    return source in order and target in order and order.index(source) <= order.index(target)


def common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that all of them widen to; None if there is none.  NULLs have no say.

    >>> common_type([decimal(9, 2), decimal(7, 6)])
    Decimal128Type(decimal128(13, 6))
    """
    found = [t for t in types if not pa.types.is_null(t)]
    if not found:
        return pa.null()
    widest = found[0]
    for type in found[1:]:
        joined = _join(widest, type)
        if joined is None:
            return None
        widest = joined
    return widest


def _join(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if left == right:
        return left
    if not (is_numeric(left) and is_numeric(right)):
        return None
    if DOUBLE in (left, right):
        return DOUBLE
    if pa.types.is_decimal(left) or pa.types.is_decimal(right):
        a, b = as_decimal(left), as_decimal(right)
        scale = max(a.scale, b.scale)
        whole = max(a.precision - a.scale, b.precision - b.scale)
        return decimal(min(whole + scale, _MOST_DIGITS), scale)
    return BIGINT


def as_decimal(type: pa.DataType) -> pa.Decimal128Type:
    """A number that is not DOUBLE as the DECIMAL that holds it."""
    return type if pa.types.is_decimal(type) else decimal(_WIDTH[type], 0)
