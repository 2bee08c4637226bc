"""Maps with their entries in one order: DuckDB compares entries as they stand, and Java as a set.

`render` calls it for the arguments of `=`, `<>`, IN and IS DISTINCT FROM.
"""

from __future__ import annotations

import pyarrow as pa

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
    fields = ", ".join(
        f"{quote_duckdb(f.name)} := {in_order(f'{item}.{quote_duckdb(f.name)}', f.type, depth + 1)}"
        for f in type
    )
    # A list of one gives the STRUCT a name, and a NULL stays one.
    made = f"CASE WHEN {item} IS NOT NULL THEN struct_pack({fields}) END"
    return f"list_transform([{sql}], lambda {item}: {made})[1]"


def _has_map(type: pa.DataType) -> bool:
    return pa.types.is_map(type) or any(_has_map(t) for t in parts(type))
