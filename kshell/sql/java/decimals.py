"""Decimal arithmetic that DuckDB does not have: exact products and quotients, rounded half up.

`render` names these for decimal operands; the last argument is the result's type.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

import pyarrow as pa

__all__ = ["divide", "modulo", "multiply"]

_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)


def _fit(value: Decimal, type: pa.DataType) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-type.scale), context=_EXACT)


def multiply(a: Decimal, b: Decimal, *, type: pa.DataType) -> Decimal:
    """a * b."""
    return _fit(_EXACT.multiply(a, b), type)


def divide(a: Decimal, b: Decimal, *, type: pa.DataType) -> Decimal:
    """a / b; raises ZeroDivisionError."""
    if not b:
        raise ZeroDivisionError("/ by zero")
    return _fit(_EXACT.divide(a, b), type)


def modulo(a: Decimal, b: Decimal, *, type: pa.DataType) -> Decimal:
    """a % b with the sign of a."""
    if not b:
        raise ZeroDivisionError("/ by zero")
    return _fit(_EXACT.remainder(a, b), type)
