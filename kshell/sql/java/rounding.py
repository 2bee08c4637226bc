"""ROUND and TRUNC, and CEIL and FLOOR of decimals: doubles by the digits that Java shows.

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
import pyarrow.compute as pc

from kshell.sql.java.columns import by_constants, over_columns

__all__ = ["ceil_decimals", "floor_decimals", "round_decimals", "round_decimals_to",
           "round_double_to", "round_doubles", "trunc_decimals", "trunc_decimals_to",
           "trunc_double_to", "trunc_doubles"]  # fmt: skip

_EXACT = Context(prec=1200, traps=[InvalidOperation])
_MOST_DIGITS = 38  # of a DECIMAL
_WIDE = 76  # digits of the type in which decimals are rounded
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


def _decimals(
    column: pa.Array, places: int | pa.Array, mode: str, type: pa.DataType
) -> pa.Array:
    """Rounded at the places, as that type: like ksqlDB's, a number may have the digit more that a
    carry makes (9.9 of DECIMAL(2, 1) becomes 10.0)."""
    wide = pa.decimal256(_WIDE, column.type.scale)

    def done(values: pa.Array, digits: int) -> pa.Array:
        digits = max(-_MOST_DIGITS - 1, min(_MOST_DIGITS, digits))
        return pc.round(values, ndigits=digits, round_mode=mode)

    rounded = column.cast(wide)
    if isinstance(places, int):
        rounded = done(rounded, places)
    else:
        rounded = by_constants(done, rounded, places, type=wide)
    whole = rounded.cast(pa.decimal256(_WIDE, type.scale))
    words = np.frombuffer(whole.buffers()[1], np.uint64).reshape(-1, 4)[whole.offset :]
    low = pa.py_buffer(np.ascontiguousarray(words[: len(whole), :2]))
    valid = pc.is_valid(whole) if whole.null_count else None
    made = pa.Array.from_buffers(type, len(whole), [None, low])
    return made if valid is None else pc.if_else(valid, made, pa.scalar(None, type))


@over_columns
def ceil_decimals(column: pa.Array, *, type: pa.DataType) -> pa.Array:
    """CEIL(value).

    >>> nines = pa.array([Decimal("9.9"), Decimal("-9.9"), None])
    >>> [str(n) for n in ceil_decimals(nines, type=nines.type).to_pylist()]
    ['10.0', '-9.0', 'None']
    """
    return _decimals(column, 0, "up", type)


@over_columns
def floor_decimals(column: pa.Array, *, type: pa.DataType) -> pa.Array:
    """FLOOR(value)."""
    return _decimals(column, 0, "down", type)


@over_columns
def round_decimals(column: pa.Array, *, type: pa.DataType) -> pa.Array:
    """ROUND(value)."""
    return _decimals(column, 0, "half_up", type)


@over_columns
def round_decimals_to(column: pa.Array, places: pa.Array, *, type: pa.DataType) -> pa.Array:
    """ROUND(value, places), in the value's own type.

    >>> numbers, places = pa.array([Decimal("-2.45")]), pa.array([1])
    >>> str(round_decimals_to(numbers, places, type=numbers.type)[0])
    '-2.40'
    """
    return _decimals(column, places, "half_up", type)


@over_columns
def trunc_decimals(column: pa.Array, *, type: pa.DataType) -> pa.Array:
    """TRUNC(value)."""
    return _decimals(column, 0, "towards_zero", type)


@over_columns
def trunc_decimals_to(column: pa.Array, places: pa.Array, *, type: pa.DataType) -> pa.Array:
    """TRUNC(value, places), in the value's own type."""
    return _decimals(column, places, "towards_zero", type)
