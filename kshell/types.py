"""KSQL's types: one table of KSQL name ↔ Arrow ↔ DuckDB.

A type **is** a `pyarrow.DataType` everywhere in kshell.  Formats (Avro, Protobuf) add their own
types in their own modules.  Source of the names: ksqlDB's reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["BIGINT", "BOOLEAN", "BYTES", "DATE", "DOUBLE", "INTEGER", "PRIMITIVES", "STRING",
           "TIME", "TIMESTAMP", "array_of", "as_moment", "decimal", "duckdb_name", "is_moment",
           "is_numeric", "ksql_name", "ksql_type", "map_of", "parts", "quote_duckdb", "quote_ksql",
           "quote_text", "stored_type"]  # fmt: skip

BOOLEAN = pa.bool_()
INTEGER = pa.int32()
BIGINT = pa.int64()
DOUBLE = pa.float64()
STRING = pa.string()
BYTES = pa.binary()
TIME = pa.time32("ms")
DATE = pa.date32()
TIMESTAMP = pa.timestamp("ms")


@dataclass(frozen=True, slots=True)
class Primitive:
    """One row: KSQL's names (the first is how it is shown), the Arrow type, DuckDB's name."""

    names: tuple[str, ...]
    arrow: pa.DataType
    duckdb: str


PRIMITIVES = (
    Primitive(("BOOLEAN",), BOOLEAN, "BOOLEAN"),
    Primitive(("INTEGER", "INT"), INTEGER, "INTEGER"),
    Primitive(("BIGINT",), BIGINT, "BIGINT"),
    Primitive(("DOUBLE",), DOUBLE, "DOUBLE"),
    Primitive(("STRING", "VARCHAR"), STRING, "VARCHAR"),
    Primitive(("BYTES",), BYTES, "BLOB"),
    Primitive(("TIME",), TIME, "TIME"),
    Primitive(("DATE",), DATE, "DATE"),
    Primitive(("TIMESTAMP",), TIMESTAMP, "TIMESTAMP_MS"),
)
_BY_ARROW = {p.arrow: p for p in PRIMITIVES}
# Arrow types without a KSQL type: a table that is given to a session may have them.
_BEYOND_KSQL = {
    pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.uint8(): "UTINYINT", pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER", pa.uint64(): "UBIGINT", pa.float32(): "FLOAT",
    pa.large_string(): "VARCHAR", pa.string_view(): "VARCHAR", pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB", pa.date64(): "DATE", pa.time32("s"): "TIME",
    pa.time64("us"): "TIME", pa.time64("ns"): "TIME_NS", pa.timestamp("s"): "TIMESTAMP_S",
    pa.timestamp("us"): "TIMESTAMP", pa.timestamp("ns"): "TIMESTAMP_NS",
}  # fmt: skip


def decimal(precision: int, scale: int) -> pa.DataType:
    """DECIMAL(precision, scale); at most 38 digits, DuckDB's limit."""
    return pa.decimal128(precision, scale)


def array_of(element: pa.DataType) -> pa.DataType:
    """ARRAY<element>."""
    return pa.list_(element)


def map_of(key: pa.DataType, value: pa.DataType) -> pa.DataType:
    """MAP<key, value>."""
    return pa.map_(key, value)


def is_numeric(type: pa.DataType) -> bool:
    """Whether arithmetic applies: INTEGER, BIGINT, DOUBLE or DECIMAL."""
    return type in (INTEGER, BIGINT, DOUBLE) or pa.types.is_decimal(type)


_MOMENT = {b"kshell.time": b"ms"}


def as_moment(field: pa.Field) -> pa.Field:
    """The field of a column whose values are moments, in milliseconds since 1970 in UTC.

    Only a BIGINT can be one: other fields stay as they are.

    >>> as_moment(pa.field("t", pa.string())).metadata is None
    True
    >>> is_moment(as_moment(pa.field("t", pa.int64()))), is_moment(pa.field("t", pa.int64()))
    (True, False)
    """
    return field.with_metadata(_MOMENT) if field.type == BIGINT else field


def is_moment(field: pa.Field) -> bool:
    """Whether the field says so of its column: ROWTIME is one, ROWTIME + 1 is a number."""
    metadata = field.metadata
    return metadata is not None and field.type == BIGINT and _MOMENT.items() <= metadata.items()


def parts(type: pa.DataType) -> list[pa.DataType]:
    """The types inside a STRUCT, an ARRAY or a MAP, in order; empty for other types.

    >>> parts(pa.map_(pa.string(), pa.int32()))
    [DataType(string), DataType(int32)]
    """
    if pa.types.is_struct(type):
        return [field.type for field in type]
    if pa.types.is_list(type):
        return [type.value_type]
    if pa.types.is_map(type):
        return [type.key_type, type.item_type]
    return []


def quote_ksql(name: str) -> str:
    """The name in backticks, as ksqlDB shows a struct's field."""
    return "`" + name.replace("`", "``") + "`"


def quote_duckdb(name: str) -> str:
    """The name as a DuckDB identifier.

    >>> quote_duckdb('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A string constant; NUL, which DuckDB's SQL cannot carry, as chr(0)."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in text else quoted


def ksql_name(type: pa.DataType) -> str:
    """KSQL's spelling.

    >>> ksql_name(pa.struct([("A", pa.list_(pa.int32()))]))
    'STRUCT<`A` ARRAY<INTEGER>>'
    """
    if type in _BY_ARROW:
        return _BY_ARROW[type].names[0]
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision}, {type.scale})"
    if pa.types.is_list(type):
        return f"ARRAY<{ksql_name(type.value_type)}>"
    if pa.types.is_map(type):
        return f"MAP<{ksql_name(type.key_type)}, {ksql_name(type.item_type)}>"
    if pa.types.is_struct(type):
        fields = (f"{quote_ksql(f.name)} {ksql_name(f.type)}" for f in type)
        return f"STRUCT<{', '.join(fields)}>"
    return str(type).upper()


def ksql_type(type: pa.DataType) -> pa.DataType:
    """The KSQL type that holds every value of an Arrow type.

    >>> ksql_type(pa.uint32()), ksql_type(pa.list_(pa.large_string()))
    (DataType(int64), ListType(list<element: string>))
    """
    is_ = pa.types
    if is_.is_dictionary(type):
        return ksql_type(type.value_type)
    if isinstance(type, pa.BaseExtensionType):
        return ksql_type(type.storage_type)
    if is_.is_integer(type):
        if type == pa.uint64():
            return decimal(20, 0)
        return BIGINT if type in (pa.int64(), pa.uint32()) else INTEGER
    if is_.is_floating(type):
        return DOUBLE
    if is_.is_decimal(type):
        return decimal(min(type.precision - min(type.scale, 0), 38), max(type.scale, 0))
    if is_.is_large_string(type) or is_.is_string_view(type) or is_.is_null(type):
        return STRING
    if is_.is_large_binary(type) or is_.is_fixed_size_binary(type) or is_.is_binary_view(type):
        return pa.binary()
    if is_.is_timestamp(type):
        return TIMESTAMP
    if is_.is_time(type):
        return TIME
    if is_.is_date64(type):
        return pa.date32()
    if is_.is_map(type):
        return pa.map_(ksql_type(type.key_type), ksql_type(type.item_type))
    if is_.is_list(type) or is_.is_large_list(type) or is_.is_fixed_size_list(type):
        return pa.list_(pa.field("element", ksql_type(type.value_type)))
    if is_.is_struct(type):
        return pa.struct([(f.name, ksql_type(f.type)) for f in type])
    return type


def stored_type(type: pa.DataType) -> pa.DataType:
    """The type with times as the numbers that they are in Arrow.

    >>> stored_type(pa.list_(pa.timestamp("ms")))
    ListType(list<item: int64>)
    """
    if pa.types.is_struct(type):
        return pa.struct([(f.name, stored_type(f.type)) for f in type])
    if pa.types.is_list(type):
        return pa.list_(stored_type(type.value_type))
    if pa.types.is_map(type):
        return pa.map_(stored_type(type.key_type), stored_type(type.item_type))
    return {TIMESTAMP: pa.int64(), DATE: pa.int32(), TIME: pa.int32()}.get(type, type)


def duckdb_name(type: pa.DataType) -> str:
    """DuckDB's spelling.

    >>> duckdb_name(pa.struct([("A", pa.list_(pa.int32()))]))
    'STRUCT("A" INTEGER[])'
    """
    if type in _BY_ARROW:
        return _BY_ARROW[type].duckdb
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    if pa.types.is_list(type):
        return duckdb_name(type.value_type) + "[]"
    if pa.types.is_map(type):
        return f"MAP({duckdb_name(type.key_type)}, {duckdb_name(type.item_type)})"
    if pa.types.is_struct(type):
        fields = (f"{quote_duckdb(f.name)} {duckdb_name(f.type)}" for f in type)
        return f"STRUCT({', '.join(fields)})"
    if type in _BEYOND_KSQL:
        return _BEYOND_KSQL[type]
    if pa.types.is_dictionary(type):
        return duckdb_name(type.value_type)
    if pa.types.is_large_list(type):
        return duckdb_name(type.value_type) + "[]"
    if pa.types.is_fixed_size_list(type):
        return f"{duckdb_name(type.value_type)}[{type.list_size}]"
    if pa.types.is_fixed_size_binary(type):
        return "BLOB"
    if pa.types.is_duration(type) or pa.types.is_interval(type):
        return "INTERVAL"
    if pa.types.is_timestamp(type):
        return "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_null(type):
        return "INTEGER"  # DuckDB's own type for an untyped NULL
    raise ValueError(f"no DuckDB type for {type}")
