"""CAST as KSQL does it: Java's truncation, Java's text for doubles, ISO text for times.

`render` calls it for explicit casts and for the coercions that binding put in.
"""

from __future__ import annotations

import pyarrow as pa

from kshell.types import BOOLEAN, DATE, DOUBLE, STRING, TIME, TIMESTAMP, duckdb_name

__all__ = ["render_cast"]

# Double.toString: plain digits between 1e-3 and 1e7, else a mantissa and E.
_DOUBLE_TEXT = (
    "CASE WHEN {0} IS NULL THEN NULL WHEN isnan({0}) THEN 'NaN'"
    " WHEN isinf({0}) THEN CASE WHEN {0} > 0 THEN 'Infinity' ELSE '-Infinity' END"
    " WHEN {0} = 0 OR (abs({0}) >= 1e-3 AND abs({0}) < 1e7) THEN CAST({0} AS VARCHAR)"
    " ELSE regexp_replace(format('{{:e}}', {0}), '(\\.\\d+?)0*e([+-])0*(\\d+)$',"
    " '\\1E\\2\\3').replace('E+', 'E') END"
)
_TRUE = "('true', 'yes', 't', 'y')"
_FALSE = "('false', 'no', 'f', 'n')"


def _to_text(sql: str, source: pa.DataType) -> str:
    if source == DOUBLE:
        return _DOUBLE_TEXT.replace("{0}", sql).replace("{{", "{").replace("}}", "}")
    if source == BOOLEAN:
        return f"CAST({sql} AS VARCHAR)"
    if source == TIMESTAMP:
        return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%g')"
    if source == TIME:
        return f"regexp_replace(CAST({sql} AS VARCHAR), ':00$', '')"
    if pa.types.is_list(source):
        item = _to_text('"λitem"', source.value_type)
        inner = f"list_transform({sql}, lambda \"λitem\": coalesce({item}, 'null'))"
        text = f"'[' || array_to_string({inner}, ', ') || ']'"
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE {text} END"
    if pa.types.is_map(source):
        key = _to_text("entry.key", source.key_type)
        value = _to_text("entry.value", source.item_type)
        inner = (
            f"list_transform(map_entries({sql}), lambda entry: {key} || '=' ||"
            f" coalesce({value}, 'null'))"
        )
        text = f"'{{' || array_to_string({inner}, ', ') || '}}'"
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE {text} END"
    if pa.types.is_struct(source):
        parts = []
        for field in source:
            name = field.name.replace("'", "''")
            value = _to_text(f"struct_extract({sql}, '{name}')", field.type)
            parts.append(f"'{name}=' || coalesce({value}, 'null')")
        inner = " || ',' || ".join(parts)
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE 'Struct{{' || {inner} || '}}' END"
    return f"CAST({sql} AS VARCHAR)"


def render_cast(sql: str, source: pa.DataType, target: pa.DataType) -> str:
    """The cast of a rendered operand.

    >>> render_cast("x", pa.float64(), pa.int32())
    'CAST(trunc(x) AS INTEGER)'
    """
    if source == target:
        return sql
    if pa.types.is_null(source):
        return f"CAST(NULL AS {duckdb_name(target)})"
    if target == STRING:
        return _to_text(sql, source)
    if pa.types.is_integer(target) and (source == DOUBLE or pa.types.is_decimal(source)):
        return f"CAST(trunc({sql}) AS {duckdb_name(target)})"
    if pa.types.is_integer(target) and source == STRING:
        # A whole number alone: DuckDB would round '1.5'.
        return f"CAST(trunc(CAST(trim({sql}) AS DECIMAL(38,10))) AS {duckdb_name(target)})"
    if target == BOOLEAN and source == STRING:
        lower = f"lower(trim({sql}))"
        return (
            f"CASE WHEN {lower} IN {_TRUE} THEN true WHEN {lower} IN {_FALSE} THEN false"
            f" WHEN {sql} IS NULL THEN NULL ELSE false END"
        )
    if pa.types.is_list(source) and pa.types.is_list(target):
        item = render_cast('"λitem"', source.value_type, target.value_type)
        return f"list_transform({sql}, lambda \"λitem\": {item})"
    if pa.types.is_map(source) and pa.types.is_map(target):
        key = render_cast("entry.key", source.key_type, target.key_type)
        value = render_cast("entry.value", source.item_type, target.item_type)
        entries = f"list_transform(map_entries({sql}), lambda entry: {{'k': {key}, 'v': {value}}})"
        return f"map_from_entries({entries})"
    if pa.types.is_struct(source) and pa.types.is_struct(target):
        return _to_struct(sql, source, target)
    if target == TIMESTAMP and source == DATE:
        return f"CAST({sql} AS TIMESTAMP_MS)"
    return f"CAST({sql} AS {duckdb_name(target)})"


def _to_struct(sql: str, source: pa.DataType, target: pa.DataType) -> str:
    before = {f.name: f.type for f in source}
    parts = []
    for field in target:
        name = field.name.replace("'", "''")
        if field.name in before:
            inner = f"struct_extract({sql}, '{name}')"
            value = render_cast(inner, before[field.name], field.type)
        else:
            value = f"CAST(NULL AS {duckdb_name(field.type)})"
        parts.append(f"'{name}': {value}")
    return f"CASE WHEN {sql} IS NULL THEN NULL ELSE {{{', '.join(parts)}}} END"
