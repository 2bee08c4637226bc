"""Constants: the type of a number by its text, and the conversion of constants to another type.

`bind.expressions` and what reads VALUES call it.  1 is INTEGER, 3000000000 BIGINT,
1.0 DECIMAL(2, 1), 1e0 DOUBLE, as in ksqlDB.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

import pyarrow as pa
from sqlglot import exp

from kshell.errors import BindError, Place, Unsupported
from kshell.field_names import plain
from kshell.sql.as_written import odd_one, place_of
from kshell.sql.clauses import Name
from kshell.sql.expressions import Cast, Expression, Literal
from kshell.types import BIGINT, DOUBLE, INTEGER, decimal, quote_ksql

__all__ = ["check_constant", "check_once", "check_width", "coerce", "number", "scaled"]

_WIDE = Context(prec=1000, rounding=ROUND_HALF_UP)


def check_once(names: Sequence[str], written: Sequence[Name]) -> None:
    """BindError at a column that INSERT names a second time; `written`: as it names them."""
    for n, name in enumerate(names):
        if name in names[:n]:
            raise BindError(
                f"Column {quote_ksql(plain(name))} is named twice.", hint="name each column once",
                place=written[n].place,
            )  # fmt: skip


def check_constant(node: exp.Expr) -> None:
    """Unsupported, at its place, where a value of VALUES has a name in it."""
    if node.find(exp.Column) is not None:
        raise Unsupported(
            "VALUES takes constants", hint="put text into 'single quotes'", place=place_of(node)
        )


def check_width(names: Sequence[str], row: Sequence[exp.Expr], place: Place | None) -> None:
    """BindError where a row of VALUES has not one for each of the columns; at `place`, if the row
    has none."""
    if len(row) != len(names):
        columns, values = (
            f"{count} {what}{'s' * (count != 1)}"
            for count, what in ((len(names), "column"), (len(row), "value"))
        )
        raise BindError(
            f"{columns} and {values}",
            hint=f"the columns are {', '.join(names)}",
            place=odd_one(row, len(names)) or place,
        )


def number(text: str, *, wide: bool = False) -> Literal:
    """A number's literal; `wide` makes a whole number BIGINT however small it is.

    >>> number("1").type, number("3000000000").type, number("1.50").type, number("1e2").value
    (DataType(int32), DataType(int64), Decimal128Type(decimal128(3, 2)), 100.0)
    """
    text = text.replace("_", "")
    if "e" in text.lower():
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise BindError(f"Number overflows DOUBLE: {text}")
        return Literal(value, DOUBLE)
    if "." in text:
        return _decimal(text)
    whole = int(text)
    if not wide and -(2**31) <= whole < 2**31:
        return Literal(whole, INTEGER)
    if not -(2**63) <= whole < 2**63:
        raise BindError(f"Invalid numeric literal: {text}")
    return Literal(whole, BIGINT)


def _decimal(text: str) -> Literal:
    value = Decimal(text)
    _, digits, exponent = value.as_tuple()
    scale = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    precision = max(len(digits), scale, 1)
    if precision > 38:
        return Literal(float(text), DOUBLE)
    return Literal(value, decimal(precision, scale))


def scaled(value: Decimal, type: pa.DataType) -> Decimal | None:
    """The number with the type's scale, rounded half up; None if it has too many digits.

    >>> str(scaled(Decimal("1.25"), decimal(3, 1))), scaled(Decimal(100), decimal(3, 1))
    ('1.3', None)
    """
    if not value.is_finite():
        return None
    made = value.quantize(Decimal(1).scaleb(-type.scale), context=_WIDE)
    return made if len(made.as_tuple().digits) <= type.precision else None


def coerce(value: Expression, type: pa.DataType) -> Expression:
    """The expression in a wider type: constants are converted now, all else by a Cast.

    >>> coerce(Literal(1, INTEGER), DOUBLE)
    Literal(value=1.0, type=DataType(double))
    """
    if value.type == type:
        return value
    if isinstance(value, Literal):
        if value.value is None:
            return Literal(None, type)
        if type == BIGINT and isinstance(value.value, int):
            return Literal(value.value, type)
        if type == DOUBLE and isinstance(value.value, int | Decimal):
            return Literal(float(value.value), type)
        if pa.types.is_decimal(type) and isinstance(value.value, int | Decimal):
            fitted = scaled(Decimal(value.value), type)
            return Cast(value, type) if fitted is None else Literal(fitted, type)
    return Cast(value, type)
