"""The columns of a topic whose schema a registry or a file knows (CREATE STREAM without columns).

ksqlDB's rules: names fold to upper case, unless the statement names the schema by its id; a key
that can stand without a record around it is one column ROWKEY, a value under
WRAP_SINGLE_VALUE=false one column ROWVAL.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.errors import BindError, RegistryError
from kshell.formats.base import Half
from kshell.formats.registry import Schema, Schemas, SchemaType
from kshell.formats.source_reader import unwraps
from kshell.types import TIME, TIMESTAMP, parts

__all__ = ["cut_times_in", "cut_times_of", "exact_type_of", "folded", "infer_columns", "once",
           "type_of"]  # fmt: skip

# Format → the registry's kind of schema, and `module:function` from a schema (and the name of a
# record in it, or "") to a type.
_FORMATS: Mapping[str, tuple[SchemaType, str]] = {
    "AVRO": (SchemaType.AVRO, "kshell.formats.avro.schema:avro_type"),
    "JSON_SR": (SchemaType.JSON, "kshell.formats.json_sr.schema:json_schema_type"),
    "PROTOBUF": (SchemaType.PROTOBUF, "kshell.formats.protobuf.columns:protobuf_type"),
    "PROTOBUF_NOSR": (SchemaType.PROTOBUF, "kshell.formats.protobuf.columns:protobuf_type"),
}
# The same for topics that nobody declared, where ksqlDB's type has not all values.
_EXACT = {
    "AVRO": "kshell.formats.avro.schema:exact_type",
    "PROTOBUF": "kshell.formats.protobuf.columns:exact_type",
    "PROTOBUF_NOSR": "kshell.formats.protobuf.columns:exact_type",
}
# What finds times that have more digits than milliseconds; JSON Schema's have no type of their own.
_CUT: Mapping[SchemaType, str] = {
    SchemaType.AVRO: "kshell.formats.avro.schema:cut_times",
    SchemaType.PROTOBUF: "kshell.formats.protobuf.columns:cut_times",
}
_UNWRAPPED_KEYS = frozenset({"AVRO", "JSON_SR"})


def _schema_of(
    schemas: Schemas | None, topic: str, half: Half, format: FormatSpec
) -> Schema | None:
    """The schema that SCHEMA_ID or SCHEMA_FILE names, else the subject's newest; None without."""
    options = format.options
    if "SCHEMA_FILE" in options:
        from kshell.formats.schema_files import read_schema_file

        return read_schema_file(options["SCHEMA_FILE"])
    if schemas is None:
        return None
    if "SCHEMA_ID" in options:
        return schemas.by_id(int(options["SCHEMA_ID"]))
    name = options.get("SCHEMA_FULL_NAME", "")
    newest = schemas.latest(schemas.subject(topic, half.value, name))
    return newest.schema if newest is not None else None


def exact_type_of(schema: Schema, format: FormatSpec) -> pa.DataType:
    """The type of the schema's values in a topic that nobody declared; raises BindError."""
    return _type_of(schema, format, _EXACT.get(format.name, _FORMATS[format.name][1]))


def cut_times_of(schema: Schema, format: FormatSpec) -> tuple[str, ...]:
    """The ways to the fields whose times lose digits beyond milliseconds."""
    where = _CUT.get(schema.type)
    if where is None:
        return ()
    found: tuple[str, ...] = resolve_name(where)(
        schema, format.options.get("SCHEMA_FULL_NAME", "")
    )
    return found


def cut_times_in(schemas: Schemas | None, source: Source) -> tuple[str, ...]:
    """The same of a declared source's columns by the schemas that are known now."""
    found: list[str] = []
    for half, columns, format in (
        (Half.KEY, source.key, source.key_format),
        (Half.VALUE, source.value, source.value_format),
    ):
        timed = {c.name.upper(): c.name for c in columns if _has_time(c.type)}
        if not timed or format.name not in _EXACT:
            continue
        try:
            schema = _schema_of(schemas, source.topic, half, format)
        except RegistryError:
            continue
        whole = unwraps(source, half)
        for path in cut_times_of(schema, format) if schema is not None else ():
            name, dot, rest = ("", "." * bool(path), path) if whole else path.partition(".")
            column = columns[0].name if whole or not path else timed.get(name.upper())
            if column is not None:
                found.append(f"{column}{dot}{rest}")
    return tuple(found)


def _has_time(type: pa.DataType) -> bool:
    return type in (TIME, TIMESTAMP) or any(map(_has_time, parts(type)))


def once(type: pa.DataType, newest: Schema) -> pa.DataType:
    """The type without the fields that the newest schema has by another name."""
    if newest.type is not SchemaType.AVRO:
        return type
    from kshell.formats.avro.schema import once

    return once(type, newest)


def type_of(schema: Schema, format: FormatSpec) -> pa.DataType:
    """The type of the schema's values, as ksqlDB has it; BindError for another kind of schema."""
    return _type_of(schema, format, _FORMATS[format.name][1])


def _type_of(schema: Schema, format: FormatSpec, path: str) -> pa.DataType:
    kind, _ = _FORMATS[format.name]
    if schema.type is not kind:
        raise BindError(
            f"the schema is {schema.type.value}, and the format {format.name}",
            hint="say the format that the topic is in: KEY_FORMAT, VALUE_FORMAT",
        )
    type: pa.DataType = resolve_name(path)(schema, format.options.get("SCHEMA_FULL_NAME", ""))
    return type


def infer_columns(
    schemas: Schemas | None, topic: str, half: Half, format: FormatSpec
) -> tuple[Column, ...] | None:
    """The half's columns; None where no schema is known."""
    schema = _schema_of(schemas, topic, half, format)
    if schema is None:
        return None
    type = type_of(schema, format)
    if "SCHEMA_ID" not in format.options:
        type = folded(type)
    if half is Half.KEY and format.name in _UNWRAPPED_KEYS:
        return (Column("ROWKEY", type),)
    if half is Half.VALUE and format.options.get("WRAP_SINGLE_VALUE", "").lower() == "false":
        return (Column("ROWVAL", type),)
    if not pa.types.is_struct(type):
        return (Column("ROWKEY" if half is Half.KEY else "ROWVAL", type),)
    return tuple(Column(f.name, f.type) for f in type)


def folded(type: pa.DataType) -> pa.DataType:
    """The type with the names of its fields in upper case, at every depth.

    >>> folded(pa.struct([("a", pa.list_(pa.struct([("b", pa.int32())])))]))
    StructType(struct<A: list<item: struct<B: int32>>>)
    """
    if pa.types.is_struct(type):
        return pa.struct([(f.name.upper(), folded(f.type)) for f in type])
    if pa.types.is_list(type):
        return pa.list_(folded(type.value_type))
    if pa.types.is_map(type):
        return pa.map_(type.key_type, folded(type.item_type))
    return type
