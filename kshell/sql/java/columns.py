"""Functions over whole columns: their mark, and their constant arguments.

`sql.duck` calls a marked function once for a chunk of rows instead of once for each row; most
arguments of such functions (patterns, zones, encodings, paths) are the same in every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["by_constants", "over_columns"]

F = TypeVar("F", bound=Callable[..., Any])


def over_columns(function: F) -> F:
    """Mark a function that takes and returns Arrow arrays."""
    function.over_columns = True  # type: ignore[attr-defined]
    return function


def by_constants(
    done: Callable[..., pa.Array], column: pa.Array, *constants: pa.Array, type: pa.DataType
) -> pa.Array:
    """`done(column, *values)` for each combination of the constants; NULL if one is NULL."""
    if not len(column):
        return pa.nulls(0, type)
    firsts = [c[0] for c in constants]
    if all(_constant(c, first) for c, first in zip(constants, firsts, strict=True)):
        if not all(f.is_valid for f in firsts):
            return pa.nulls(len(column), type)
        return done(column, *(f.as_py() for f in firsts))
    out = pa.nulls(len(column), type).to_pylist()
    rows: dict[tuple[Any, ...], list[int]] = {}
    for row, values in enumerate(zip(*(c.to_pylist() for c in constants), strict=True)):
        if None not in values:
            rows.setdefault(values, []).append(row)
    for values, places in rows.items():
        made = done(column.take(pa.array(places, pa.int64())), *values).to_pylist()
        for place, value in zip(places, made, strict=True):
            out[place] = value
    return pa.array(out, type)


def _constant(column: pa.Array, first: pa.Scalar) -> bool:
    if not first.is_valid:
        return bool(column.null_count == len(column))
    return column.null_count == 0 and bool(pc.all(pc.equal(column, first)).as_py())
