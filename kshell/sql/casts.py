"""CAST as KSQL does it: Java's narrowing and texts, ISO text for times.

`render` calls it for explicit casts and for the coercions that binding adds.  Longer SQL is in
macros of `java.macros`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pyarrow as pa

from kshell.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    duckdb_name,
)

__all__ = ["let", "render_cast"]

_NAME = r'(?:"(?:[^"]|"")*"|\w+)(?:\.\w+)?'
_SIMPLE = re.compile(rf"{_NAME}|CAST\('[^']*' AS [\w(),]+\)|struct_extract\({_NAME}, '[^']*'\)")
_ITEM = '"λitem"'
_KEY, _VALUE = '"λentry".key', '"λentry".value'

# (from, to) → SQL with {0} for the operand; other casts are DuckDB's own.
_CASTS: Mapping[tuple[pa.DataType, pa.DataType], str] = MappingProxyType(
    {
        (DOUBLE, STRING): "java_double_text({0})",
        (TIME, STRING): "java_time_text({0})",
        (TIMESTAMP, STRING): "strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')",
        (BIGINT, INTEGER): "java_int({0})",
        (DOUBLE, INTEGER): "java_double_to_int({0})",
        (DOUBLE, BIGINT): "java_double_to_long({0})",
        (STRING, BOOLEAN): "java_text_to_boolean({0})",
        (STRING, INTEGER): "java_text_to_int({0})",
        (STRING, BIGINT): "java_text_to_long({0})",
        (STRING, DOUBLE): "java_text_to_double({0})",
        (STRING, TIME): "java_time({0})",
        (STRING, DATE): "java_date({0})",
        (STRING, TIMESTAMP): "java_timestamp({0})",
    }
)


def let(operand: str, made: Callable[[str], str]) -> str:
    """SQL that uses its operand several times; the operand is written and computed only once.

    >>> let("x", lambda x: f"{x} + {x}")
    'x + x'
    """
    if _SIMPLE.fullmatch(operand):
        return made(operand)
    # A different name for each operand, because one may stand inside another.
    held = f'"λ{hashlib.md5(operand.encode()).hexdigest()[:8]}"'
    return f"list_transform([{operand}], lambda {held}: {made(held)})[1]"


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def _nested_text(sql: str, source: pa.DataType) -> str:
    """Java's toString of a collection; a NULL in it is the word null."""

    def text(part: str, type: pa.DataType) -> str:
        return f"coalesce({render_cast(part, type, STRING)}, 'null')"

    if pa.types.is_list(source):
        items = f"list_transform({sql}, lambda {_ITEM}: {text(_ITEM, source.value_type)})"
        return f"('[' || array_to_string({items}, ', ') || ']')"
    if pa.types.is_map(source):
        key = text(_KEY, source.key_type)
        value = text(_VALUE, source.item_type)
        pairs = f"list_transform(java_entries({sql}), lambda \"λentry\": {key} || '=' || {value})"
        return f"('{{' || array_to_string({pairs}, ', ') || '}}')"

    def struct(held: str) -> str:
        parts = (
            f"'{_quoted(f.name)}=' || "
            + text(f"struct_extract({held}, '{_quoted(f.name)}')", f.type)
            for f in source
        )
        inner = " || ',' || ".join(parts)
        return f"CASE WHEN {held} IS NULL THEN NULL ELSE 'Struct{{' || {inner} || '}}' END"

    return let(sql, struct)


def render_cast(sql: str, source: pa.DataType, target: pa.DataType) -> str:
    """The cast of a rendered operand.

    >>> render_cast("x", pa.float64(), pa.int32())
    'java_double_to_int(x)'
    """
    if source == target:
        return sql
    if pa.types.is_null(source):
        return f"CAST(NULL AS {duckdb_name(target)})"
    found = _CASTS.get((source, target))
    if found is not None:
        return let(sql, lambda held: found.replace("{0}", held))
    if pa.types.is_decimal(source) and pa.types.is_integer(target):
        wrap = "java_int" if target == INTEGER else "java_long"
        return f"{wrap}(CAST(trunc({sql}) AS HUGEINT))"
    if source == DOUBLE and pa.types.is_decimal(target):
        # Rounds the digits that are shown, not the binary fraction.
        return f"CAST(CAST({sql} AS VARCHAR) AS {duckdb_name(target)})"
    if source == STRING and pa.types.is_decimal(target):
        made = let(sql, lambda held: f"java_decimal_text({held})")
        return f"CAST({made} AS {duckdb_name(target)})"
    if pa.types.is_nested(source):
        return _nested(sql, source, target)
    return f"CAST({sql} AS {duckdb_name(target)})"


def _nested(sql: str, source: pa.DataType, target: pa.DataType) -> str:
    if target == STRING:
        return _nested_text(sql, source)
    if pa.types.is_list(source):
        item = render_cast(_ITEM, source.value_type, target.value_type)
        return f"list_transform({sql}, lambda {_ITEM}: {item})"
    if pa.types.is_map(source):
        key = render_cast(_KEY, source.key_type, target.key_type)
        value = render_cast(_VALUE, source.item_type, target.item_type)
        pair = f"{{'k': {key}, 'v': {value}}}"
        entries = f"list_transform(map_entries({sql}), lambda \"λentry\": {pair})"
        return f"map_from_entries({entries})"
    return let(sql, lambda held: _to_struct(held, source, target))


def _to_struct(held: str, source: pa.DataType, target: pa.DataType) -> str:
    before = {f.name: f.type for f in source}
    parts = []
    for field in target:
        name = _quoted(field.name)
        value = f"CAST(NULL AS {duckdb_name(field.type)})"
        if field.name in before:
            inner = f"struct_extract({held}, '{name}')"
            value = render_cast(inner, before[field.name], field.type)
        parts.append(f"'{name}': {value}")
    return f"CASE WHEN {held} IS NULL THEN NULL ELSE {{{', '.join(parts)}}} END"
