"""The types of + - * / %: ksqlDB's rules, those of SQL's decimals included.

`functions` calls `arithmetic`; what may be added to what was checked before.
"""

from __future__ import annotations

import pyarrow as pa

from kshell.errors import BindError
from kshell.sql.expressions import Call, Cast, Expression, Literal
from kshell.types import BIGINT, DOUBLE, INTEGER, STRING, decimal

__all__ = ["ARITHMETIC", "arithmetic"]

ARITHMETIC = ("ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", "MODULO")
_MOST_DIGITS = 38
_LEAST_SCALE = 6  # of a quotient


def _digits(type: pa.DataType) -> tuple[int, int]:
    """Precision and scale of a number that is no DOUBLE."""
    if type == INTEGER:
        return 10, 0
    if type == BIGINT:
        return 19, 0
    return type.precision, type.scale


def _decimal_result(name: str, left: pa.DataType, right: pa.DataType) -> pa.DataType:
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    if name in ("ADD", "SUBTRACT"):
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
    elif name == "MULTIPLY":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif name == "DIVIDE":
        scale = max(_LEAST_SCALE, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > _MOST_DIGITS:  # keep the whole digits, give up fractional ones
        scale = max(scale - (precision - _MOST_DIGITS), min(scale, _LEAST_SCALE))
        precision = _MOST_DIGITS
    return decimal(precision, scale)


def _to(value: Expression, type: pa.DataType) -> Expression:
    if value.type == type:
        return value
    if isinstance(value, Literal) and value.value is None:
        return Literal(None, type)
    return Cast(value, type)


def arithmetic(name: str, left: Expression, right: Expression) -> Expression:
    """The call with both sides in the type that the operation is done in.

    >>> from kshell.sql.expressions import Column
    >>> arithmetic("ADD", Column("A", INTEGER), Column("B", BIGINT)).type
    DataType(int64)
    """
    a, b = left.type, right.type
    if pa.types.is_null(a) or pa.types.is_null(b):
        known = b if pa.types.is_null(a) else a
        type = INTEGER if pa.types.is_null(known) else known
        return Call(name, (_to(left, type), _to(right, type)), type, "plain")
    if name == "ADD" and STRING in (a, b):
        return Call(name, (_to(left, STRING), _to(right, STRING)), STRING, "text")
    if DOUBLE in (a, b):
        return Call(name, (_to(left, DOUBLE), _to(right, DOUBLE)), DOUBLE, "plain")
    if pa.types.is_decimal(a) or pa.types.is_decimal(b):
        sides = tuple(s if pa.types.is_decimal(s.type) else Cast(s, decimal(*_digits(s.type)))
                      for s in (left, right))  # fmt: skip
        return Call(name, sides, _decimal_result(name, a, b), "decimal")
    if not {a, b} <= {INTEGER, BIGINT}:
        raise BindError(f"Unsupported arithmetic types. {a}, {b}")
    type = BIGINT if BIGINT in (a, b) else INTEGER
    return Call(name, (_to(left, type), _to(right, type)), type, "plain")
