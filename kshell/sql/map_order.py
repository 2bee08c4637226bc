"""Maps with their entries in one order: DuckDB compares entries as they stand, and Java as a set.

`render` calls it for the arguments of `=`, `<>`, IN and IS DISTINCT FROM.
"""

from __future__ import annotations

import pyarrow as pa

from kshell.sql.casts import let
from kshell.types import parts, quote_duckdb

__all__ = ["in_order"]


def in_order(sql: str, type: pa.DataType, depth: int = 0) -> str:
    """The value with all its maps' entries by their keys; unchanged where the type has no map.

    >>> in_order("a", pa.int32())
    'a'
    """
    if not _has_map(type):
        return sql
    item = quote_duckdb(f"λm{depth}")
    if pa.types.is_map(type):
        value = in_order(f"{item}.value", type.item_type, depth + 1)
        pair = f"struct_pack(key := {item}.key, value := {value})"
        entries = f"list_transform(map_entries({sql}), lambda {item}: {pair})"
        return f"map_from_entries(list_sort({entries}))"
    if pa.types.is_list(type):
        inner = in_order(item, type.value_type, depth + 1)
        return f"list_transform({sql}, lambda {item}: {inner})"

    def fields(held: str) -> str:
        made = ", ".join(
            f"{name} := {in_order(f'{held}.{name}', f.type, depth)}"
            for f in type
            for name in [quote_duckdb(f.name)]
        )
        return f"CASE WHEN {held} IS NOT NULL THEN struct_pack({made}) END"

    return let(sql, fields)


def _has_map(type: pa.DataType) -> bool:
    return pa.types.is_map(type) or any(_has_map(t) for t in parts(type))
