"""Values written side by side take one type: ARRAY[…], MAP(…), IN (…), and both sides of =.

`bind.expressions` and `bind.constructors` call it.  As in ksqlDB (and PostgreSQL), a string
constant takes the type of the values beside it, or is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from kshell.errors import BindError
from kshell.sql.bind.datatypes import can_cast, common_type
from kshell.sql.bind.literals import coerce, scaled
from kshell.sql.expressions import Cast, Expression, Literal
from kshell.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, STRING, is_numeric, ksql_name

__all__ = ["alike", "numbers_alike"]

_TRUE = ("true", "t", "yes", "y", "on", "1")
_FALSE = ("false", "f", "no", "n", "off", "0")


def _is_text(value: Expression) -> bool:
    return isinstance(value, Literal) and value.type == STRING and value.value is not None


def alike(values: Sequence[Expression]) -> list[Expression]:
    """The values in the type that they have in common; BindError if there is none.

    >>> [v.value for v in alike([Literal(1, INTEGER), Literal("2", STRING)])]
    [1, 2]
    """
    first = [v for v in values if not pa.types.is_null(v.type) and not _is_text(v)]
    if not first:
        return list(values)
    type = _common(first)
    return [_converted(v, type) for v in values]


def numbers_alike(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Two numbers in their common type; anything else as it is."""
    if left.type == right.type or not (is_numeric(left.type) and is_numeric(right.type)):
        return left, right
    type = common_type([left.type, right.type])
    assert type is not None  # numbers have one
    return coerce(left, type), coerce(right, type)


def _common(values: Sequence[Expression]) -> pa.DataType:
    found: pa.DataType = values[0].type
    for value in values[1:]:
        joined = _joined(found, value.type)
        if joined is None:
            raise BindError(
                f"operator does not exist: {ksql_name(found)} = {ksql_name(value.type)}",
                hint="you might need to add explicit casts",
            )
        found = joined
    return found


def _joined(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if left == STRING and can_cast(right, STRING):
        return left
    if pa.types.is_struct(left) and pa.types.is_struct(right):
        return _joined_structs(left, right)
    if pa.types.is_list(left) and pa.types.is_list(right):
        element = _joined(left.value_type, right.value_type)
        return None if element is None else pa.list_(element)
    if pa.types.is_map(left) and pa.types.is_map(right):
        key, item = _joined(left.key_type, right.key_type), _joined(left.item_type, right.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    return common_type([left, right])


def _joined_structs(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """All the fields of both."""
    types: dict[str, pa.DataType] = {f.name: f.type for f in left}
    for field in right:
        type = _joined(types[field.name], field.type) if field.name in types else field.type
        if type is None:
            return None
        types[field.name] = type
    return pa.struct(list(types.items()))


def _converted(value: Expression, type: pa.DataType) -> Expression:
    if value.type == type or pa.types.is_null(value.type):
        return coerce(value, type)
    if _is_text(value):
        assert isinstance(value, Literal)
        return _from_text(value.value, type)
    return coerce(value, type)


def _from_text(text: str, type: pa.DataType) -> Expression:
    if type == STRING:
        return Literal(text, STRING)
    if type == BOOLEAN or is_numeric(type):
        return Literal(_parsed(text, type), type)
    if can_cast(STRING, type):
        return Cast(Literal(text, STRING), type)
    raise BindError(
        f"operator does not exist: {ksql_name(type)} = STRING ('{text}')",
        hint="you might need to add explicit casts",
    )


def _parsed(text: str, type: pa.DataType) -> Any:
    plain = text.strip().lower()
    if type == BOOLEAN and plain in (*_TRUE, *_FALSE):
        return plain in _TRUE
    try:
        if type in (INTEGER, BIGINT):
            whole = int(plain)
            width = 31 if type == INTEGER else 63
            if -(2**width) <= whole < 2**width:
                return whole
        elif type == DOUBLE:
            return float(plain)
        elif type != BOOLEAN:
            fitted = scaled(Decimal(plain), type)
            if fitted is not None:
                return fitted
    except (ValueError, InvalidOperation):
        pass
    raise BindError(f'invalid input syntax for type {ksql_name(type)}: "{text}".')
