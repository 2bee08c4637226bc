"""+ - * / %: their types by ksqlDB's rules (with SQL's rules for decimals), and their SQL.

`functions` calls `arithmetic`, `render` the rest; binding has checked the operands before.
Whole numbers wrap around and doubles divide by zero to Infinity, as in Java.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kshell.errors import BindError
from kshell.sql.casts import let
from kshell.sql.expressions import Call, Cast, Expression, Literal
from kshell.types import BIGINT, DOUBLE, INTEGER, STRING, decimal, duckdb_name

__all__ = ["ARITHMETIC", "arithmetic", "arithmetic_in_lambda", "arithmetic_sql",
           "python_arithmetic"]  # fmt: skip

ARITHMETIC = ("ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", "MODULO")
_INFIX = {"ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "DIVIDE": "/", "MODULO": "%"}
_IN_PYTHON = ("MULTIPLY", "DIVIDE", "MODULO")  # for decimals: DuckDB's own results are not exact
_DECIMAL_FUNCTIONS = "kshell.sql.java.decimals"
_MOST_DIGITS = 38
_LEAST_SCALE = 6  # smallest scale of a quotient


def _digits(type: pa.DataType) -> tuple[int, int]:
    """Precision and scale of a number that is not a DOUBLE."""
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
    """The call, with both sides in the type of the operation.

    >>> from kshell.sql.expressions import Column
    >>> arithmetic("ADD", Column("A", INTEGER), Column("B", BIGINT)).type
    DataType(int64)
    """
    a, b = left.type, right.type
    if pa.types.is_null(a) or pa.types.is_null(b):
        known = b if pa.types.is_null(a) else a
        type = INTEGER if pa.types.is_null(known) else known
        variant = "text" if type == STRING else "plain"
        return Call(name, (_to(left, type), _to(right, type)), type, variant)
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


def python_arithmetic(call: Call) -> str:
    """`module:function` for an operation that DuckDB does not do exactly, else empty."""
    if call.variant == "decimal" and call.function in _IN_PYTHON:
        return f"{_DECIMAL_FUNCTIONS}:{call.function.lower()}"
    return ""


def arithmetic_sql(call: Call, args: Sequence[str]) -> str:
    """The operation on two rendered operands; NULL if one is NULL.

    >>> from kshell.sql.expressions import Column
    >>> sides = (Column("A", DOUBLE), Column("B", DOUBLE))
    >>> arithmetic_sql(Call("DIVIDE", sides, DOUBLE, "plain"), ["a", "b"])
    'CASE WHEN b = 0 THEN fdiv(a, b) ELSE (a / b) END'
    """
    left, right = args
    sign = _INFIX[call.function]
    if call.variant == "text":
        return f"({left} || {right})"
    if call.variant == "decimal":
        return f"CAST(({left} {sign} {right}) AS {duckdb_name(call.type)})"
    if call.type == DOUBLE and sign == "/":  # of zero: "/" gives NULL, fdiv (which floors) Infinity
        return let(
            right, lambda by: f"CASE WHEN {by} = 0 THEN fdiv({left}, {by}) ELSE ({left} / {by}) END"
        )
    if call.type == DOUBLE:
        return f"({left} {sign} {right})"
    wide, wrap = ("BIGINT", "java_int") if call.type == INTEGER else ("HUGEINT", "java_long")
    if sign not in "/%":
        return f"{wrap}(CAST({left} AS {wide}) {sign} {right})"
    fail = "java_fail('/ by zero')"
    return let(
        right,
        lambda by: f"CASE WHEN {by} = 0 THEN {fail}"
        f" ELSE {wrap}(CAST({left} AS {wide}) {sign} {by}) END",
    )


def arithmetic_in_lambda(call: Call, args: Sequence[str]) -> str:
    """The same, but a NULL operand fails the whole function, as it does in ksqlDB."""
    message = f"java_fail('NULL {_INFIX[call.function]} in a lambda')"
    failed = f"CAST(CAST({message} AS VARCHAR) AS {duckdb_name(call.type)})"
    return let(
        args[0],
        lambda left: let(
            args[1],
            lambda right: f"CASE WHEN {left} IS NULL OR {right} IS NULL THEN {failed}"
            f" ELSE {arithmetic_sql(call, [left, right])} END",
        ),
    )
