"""Brings the arguments of GREATEST and LEAST to one type, by ksqlDB's rules.

`functions` calls `of_one_type` before it looks for the overload.  Decimals widen to one type that
holds them all, a text next to dates or times is read as one; numbers of different types are
refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kshell.errors import BindError
from kshell.sql.expressions import Cast, Expression
from kshell.sql.widening import common_type
from kshell.types import DATE, STRING, TIME, TIMESTAMP, is_numeric, ksql_name

__all__ = ["EXTREMES", "of_one_type"]

EXTREMES = ("GREATEST", "LEAST")


def _shown(type: pa.DataType) -> str:
    return "null" if pa.types.is_null(type) else ksql_name(type)


def of_one_type(name: str, args: Sequence[Expression]) -> list[Expression]:
    """The arguments cast to one type; unchanged if no rule applies.

    Raises BindError if the types fit several overloads.
    """
    types = dict.fromkeys(a.type for a in args if not pa.types.is_null(a.type))
    numbers = [t for t in types if is_numeric(t)]
    plain = [t for t in numbers if not pa.types.is_decimal(t)]
    if (args and not types) or len(plain) > 1 or (plain and len(numbers) > len(plain)):
        given = ", ".join(_shown(a.type) for a in args)
        raise BindError(
            f"Function '{name}' cannot be resolved due to ambiguous method parameters ({given}).",
            hint="CAST the arguments to one type",
        )
    if numbers and len(numbers) == len(types) and not plain:
        return _cast(args, common_type(numbers))
    moments = [t for t in types if t in (DATE, TIME, TIMESTAMP)]
    if len(moments) == 1 and set(types) == {moments[0], STRING}:
        return _cast(args, moments[0])
    return list(args)


def _cast(args: Sequence[Expression], type: pa.DataType | None) -> list[Expression]:
    return [
        a if a.type == type or pa.types.is_null(a.type) else Cast(a, type) for a in args
    ]
