"""ROUND and TRUNC: doubles by the digits that Java shows, decimals exactly.

The rows of `library/math.toml` name these.  Halves go up, towards positive infinity; numbers
without digits (NaN, Infinity) and results that do not fit the type raise ArithmeticError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.sql.java.columns import by_constants, over_columns

__all__ = ["round_decimal", "round_decimal_to", "round_double_to", "round_doubles",
           "trunc_decimal", "trunc_decimal_to", "trunc_double_to", "trunc_doubles"]  # fmt: skip

_EXACT = Context(prec=1200, traps=[InvalidOperation])
_MOST_PLACES = 400  # a double has no more digits than these


def _at(value: Decimal, places: int, rounding: str) -> Decimal:
    places = max(-_MOST_PLACES, min(_MOST_PLACES, places))
    return value.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=_EXACT)


def _half(value: Decimal) -> str:
    return ROUND_HALF_UP if value > 0 else ROUND_HALF_DOWN


def _double(value: float) -> Decimal:
    if not math.isfinite(value):
        raise ArithmeticError(f"Infinite or NaN: {value} has no digits to round")
    return Decimal(repr(value))


def _fit(value: Decimal, type: pa.DataType) -> Decimal:
    if len(value.as_tuple().digits) + (value.as_tuple().exponent or 0) > (  # type: ignore[operator]
        type.precision - type.scale
    ):
        raise ArithmeticError(f"{value} does not fit DECIMAL({type.precision}, {type.scale})")
    return _at(value, type.scale, ROUND_DOWN)


def round_double_to(value: float, places: int) -> float:
    """ROUND(value, places).

    >>> round_double_to(1.005, 2), round_double_to(-1.5, 0), round_double_to(-1.1, -1)
    (1.01, -1.0, 0.0)
    """
    exact = _double(value)
    return float(_at(exact, places, _half(exact))) + 0.0


def trunc_double_to(value: float, places: int) -> float:
    """TRUNC(value, places).

    >>> trunc_double_to(-12345.678, 1), trunc_double_to(12345.678, -2)
    (-12345.6, 12300.0)
    """
    return float(_at(_double(value), places, ROUND_DOWN)) + 0.0


_EXACT_POWER = 22  # ten to this power is an exact double, so a division by it rounds once
_WHOLE = 2.0**50  # below it, a double can hold fractions
Doubles = np.ndarray[Any, np.dtype[np.float64]]


def _by_places(
    column: pa.Array, places: pa.Array, whole: Callable[[Doubles], Doubles], edge: float,
    slow: Callable[[float, int], float],
) -> pa.Array:  # fmt: skip
    """Vectorised: `whole` of the scaled numbers; values near a rounding boundary go digit by digit.

    `edge` is the fraction of that boundary.
    """

    def done(values: pa.Array, digits: int) -> pa.Array:
        given = values.to_numpy(zero_copy_only=False)
        power = 10.0 ** min(abs(digits), _EXACT_POWER)
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = given * power if digits >= 0 else given / power
            found = whole(scaled)
            made = (found / power if digits >= 0 else found * power) + 0.0
            away = np.abs(scaled - np.floor(scaled) - edge)
            away = np.minimum(away, 1 - away)
            sure = (np.abs(scaled) < _WHOLE) & (away > 1e-15 + np.abs(scaled) * 1e-15)
            same = np.isfinite(given) & (given == np.floor(given)) & (digits >= 0)
        made = np.where(same, given + 0.0, made)
        nulls = values.is_null().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(~(sure & (abs(digits) <= _EXACT_POWER)) & ~same & ~nulls)
        made[rows] = [slow(value, digits) for value in given[rows].tolist()]
        return pa.array(made, pa.float64(), mask=nulls)

    return by_constants(done, column, places, type=pa.float64())


@over_columns
def round_doubles(column: pa.Array, places: pa.Array) -> pa.Array:
    """`round_double_to` for whole columns."""
    return _by_places(column, places, lambda x: np.floor(x + 0.5), 0.5, round_double_to)


@over_columns
def trunc_doubles(column: pa.Array, places: pa.Array) -> pa.Array:
    """`trunc_double_to` for whole columns."""
    return _by_places(column, places, np.trunc, 0.0, trunc_double_to)


def round_decimal(value: Decimal, *, type: pa.DataType) -> Decimal:
    """ROUND(value)."""
    return _fit(_at(value, 0, _half(value)), type)


def round_decimal_to(value: Decimal, places: int, *, type: pa.DataType) -> Decimal:
    """ROUND(value, places), in the value's own type.

    >>> round_decimal_to(Decimal("-2.45"), 1, type=pa.decimal128(5, 2))
    Decimal('-2.40')
    """
    return _fit(_at(value, places, _half(value)), type)


def trunc_decimal(value: Decimal, *, type: pa.DataType) -> Decimal:
    """TRUNC(value)."""
    return _fit(_at(value, 0, ROUND_DOWN), type)


def trunc_decimal_to(value: Decimal, places: int, *, type: pa.DataType) -> Decimal:
    """TRUNC(value, places), in the value's own type."""
    return _fit(_at(value, places, ROUND_DOWN), type)
