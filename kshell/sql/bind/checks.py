"""Checks of types in expressions and filters, in ksqlDB's words.

`bind.expressions` and `bind.select` call it.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from kshell.errors import BindError, Place, UnknownName
from kshell.sql.expressions import Expression
from kshell.types import BOOLEAN, BYTES, DATE, STRING, TIME, TIMESTAMP, is_numeric, ksql_name

__all__ = ["check_arithmetic", "check_comparison", "in_clause"]

_EQUALITY = ("EQUAL", "NOT_EQUAL", "IS_DISTINCT_FROM", "IS_NOT_DISTINCT_FROM")
_NULL_SAFE = ("IS_DISTINCT_FROM", "IS_NOT_DISTINCT_FROM")


def _base_name(type: pa.DataType) -> str:
    """The type's name without parameters: DECIMAL, ARRAY.

    >>> _base_name(pa.decimal128(4, 2))
    'DECIMAL'
    """
    return ksql_name(type).split("(")[0].split("<")[0]


def _shown(type: pa.DataType) -> str:
    return "null" if pa.types.is_null(type) else ksql_name(type)


def check_comparison(
    left: tuple[str, Expression], right: tuple[str, Expression], operator: str
) -> None:
    """BindError unless the two, each with its text, can be compared by the operator."""
    (left_text, a), (right_text, b) = left, right
    if pa.types.is_null(a.type) or pa.types.is_null(b.type):
        if operator in _NULL_SAFE:
            return
        symbol = {"EQUAL": "=", "NOT_EQUAL": "<>", "LESS_THAN": "<", "GREATER_THAN": ">",
                  "LESS_THAN_OR_EQUAL": "<=", "GREATER_THAN_OR_EQUAL": ">="}[operator]  # fmt: skip
        shown = (_null_upper(left_text), _null_upper(right_text))
        raise BindError(
            f"Comparison with NULL not supported: {shown[0]} {symbol} {shown[1]}",
            hint="IS NULL and IS NOT NULL test for it",
        )
    if _comparable(a.type, b.type, operator):
        return
    raise BindError(
        f"Cannot compare {left_text} ({_shown(a.type)}) to {right_text} ({_shown(b.type)}) "
        f"with {operator}."
    )


def _null_upper(text: str) -> str:
    return "NULL" if text == "null" else text


def _comparable(a: pa.DataType, b: pa.DataType, operator: str) -> bool:
    if is_numeric(a) and is_numeric(b):
        return True
    times = (TIMESTAMP, DATE)
    if (a in times and (b in times or b == STRING)) or (b in times and a == STRING):
        return True
    if TIME in (a, b):
        return a in (TIME, STRING) and b in (TIME, STRING)
    if a == b and a in (STRING, BYTES):
        return True
    if a == b == BOOLEAN:
        return operator in _EQUALITY
    return operator in _EQUALITY and a == b


def check_arithmetic(name: str, left: Expression, right: Expression, text: str) -> None:
    """BindError unless both are numbers, or strings to be joined by +."""
    types = (left.type, right.type)
    if all(is_numeric(t) or pa.types.is_null(t) for t in types):
        return
    if name == "ADD" and all(t == STRING or pa.types.is_null(t) for t in types):
        return
    shown = " ".join("null" if pa.types.is_null(t) else _base_name(t) for t in types)
    raise BindError(f"Error processing expression: {text}. Unsupported arithmetic types. {shown}")


def in_clause(
    clause: str, bind: Callable[[], Expression], text: str, place: Place | None
) -> Expression:
    """A filter's predicate: BOOLEAN; its errors name their clause."""
    try:
        predicate = bind()
    except UnknownName:
        raise
    except BindError as error:
        if not error.what.startswith((f"Error in {clause}", "Window bounds", "Column '")):
            error.what = f"Error in {clause} expression: {error.what}"
            error.args = (error.what,)
        raise
    if predicate.type != BOOLEAN:
        raise BindError(
            f"Type error in {clause} expression: Should evaluate to boolean but is {text} "
            f"({_shown(predicate.type)}) instead.",
            place=place,
        )
    return predicate
