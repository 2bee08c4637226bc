"""Values as clean text, for cells of a table.

The renderers turn whole Arrow columns into lists of strings here; a cell of a common type costs at
most one small Python call.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times, is_time, time_texts
from kshell.types import PRIMITIVES, duckdb_name, is_moment, ksql_name
from kshell.value_texts import raw_texts

__all__ = ["NULL", "Cells", "cells", "cells_of", "is_number", "to_right", "type_label"]

NULL = "NULL"


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as clean text, NULL as None; `simple`: each character takes one column."""

    texts: list[str | None]
    simple: bool

    def slice(self, count: int) -> list[str]:
        """The first cells, NULL as the word NULL."""
        return [NULL if t is None else t for t in self.texts[:count]]


def is_number(type: pa.DataType) -> bool:
    """Whether a column is aligned to the right."""
    types = pa.types
    return bool(types.is_integer(type) or types.is_floating(type) or types.is_decimal(type))


def cells(column: pa.Array) -> Cells:
    """A column as clean text.

    >>> cells(pa.array(["a", None, "\\x1b"])).texts
    ['a', None, '\\\\x1b']
    """
    found = raw_texts(column)
    # Most text is printable ASCII: one check of the column saves a check of each cell.
    joined = "".join([t for t in found if t] if column.null_count else found)  # type: ignore[arg-type]
    if joined.isascii() and joined.isprintable():
        return Cells(found, True)
    once = {t: None if t is None else clean(t) for t in set(found)}  # names repeat
    return Cells([once[t] for t in found], False)


def cells_of(column: pa.Array, field: pa.Field, times: Times) -> Cells:
    """A column as clean text, moments as times."""
    if is_time(field, times):
        return Cells(time_texts(column, times), True)
    return cells(column)


def to_right(field: pa.Field, times: Times) -> bool:
    """Whether a column is a number, and shown as one."""
    return is_number(field.type) and not is_time(field, times)


_NESTED = ((pa.types.is_struct, "STRUCT"), (pa.types.is_map, "MAP"), (pa.types.is_nested, "ARRAY"))
_NAMED = frozenset(p.arrow for p in PRIMITIVES)


def type_label(field: pa.Field, times: Times) -> str:
    """The type under a heading, in a word or two.

    >>> type_label(pa.field("a", pa.list_(pa.int32())), Times.UTC)
    'ARRAY'
    """
    type = field.type
    for is_it, name in _NESTED:
        if is_it(type):
            return name
    if is_moment(field) and is_time(field, times):
        return "BIGINT ms"
    if type in _NAMED or pa.types.is_decimal(type):
        return ksql_name(type)
    try:
        return duckdb_name(type)
    except ValueError:
        return str(type).upper()
