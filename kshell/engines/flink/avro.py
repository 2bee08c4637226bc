"""What Flink reads and writes of Avro as ksqlDB does, by the schemas of the registry.

`tables` asks.  Flink's Avro has two silent ways to go wrong: it reads a time in microseconds as one
in milliseconds, and starts a job for ever anew on a record that its own schema does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.config import Properties
from kshell.engines.flink.expressions import NoEqual
from kshell.engines.local.sources.chunks import schemas_of
from kshell.errors import UnknownSchema
from kshell.formats.avro.codec import record_name
from kshell.formats.avro.parse import Node, is_entry, load
from kshell.formats.avro.schema import avro_text, decimal_of, node_type
from kshell.formats.base import Half, Place
from kshell.formats.registry import Schema, Schemas, SchemaType
from kshell.types import ksql_name

__all__ = ["check_readable", "schema_options"]

_KINDS = {
    pa.bool_(): ("boolean",),
    pa.int32(): ("int",),
    pa.int64(): ("int", "long"),
    pa.float64(): ("int", "long", "float", "double"),
    pa.string(): ("string",),
    pa.binary(): ("bytes",),
}
_LOGICAL = {
    pa.date32(): ("date",),
    pa.timestamp("ms"): ("timestamp-millis", "local-timestamp-millis"),
}


def _spec(source: Source, half: Half) -> tuple[FormatSpec, tuple[Column, ...]]:
    if half is Half.KEY:
        return source.key_format, source.key
    return source.value_format, source.value


def _schemas(source: Source, half: Half, properties: Properties) -> tuple[Place, Schemas | None]:
    spec, columns = _spec(source, half)
    if "SCHEMA_FILE" in spec.options:
        raise NoEqual("Avro by the schema of a file has no equal on Flink",
                      f"{half.name}_SCHEMA_FILE")  # fmt: skip
    schemas = schemas_of(properties)
    return Place(source.topic, half, spec, columns, schemas=schemas, source=source.name), schemas


def check_readable(
    source: Source, half: Half, names: Sequence[str], ids: Sequence[int], properties: Properties
) -> None:
    """Raise NoEqual for a column that Flink cannot read by these ids' schemas, or the newest."""
    place, schemas = _schemas(source, half, properties)
    if schemas is None:
        return  # `connector` says that there is none
    columns = [c for c in place.columns if c.name in names]
    for node in _known(place, schemas, ids):
        fields = {f.name.casefold(): f.node for f in node.fields}
        for column in columns:
            there = fields.get(column.name.casefold())
            if there is not None and (why := _why_not(there, column.type)):
                raise NoEqual(f"{column.name}: {why} in Avro has no equal on Flink", column.name)


def _known(place: Place, schemas: Schemas, ids: Sequence[int]) -> Iterator[Node]:
    found: dict[str, Schema] = {}
    for id in ids:
        try:
            schema = schemas.by_id(id)
        except UnknownSchema:
            continue
        found[schema.text] = schema
    newest = schemas.latest(schemas.subject(place.topic, place.half.value, record_name(place)))
    if newest is not None:
        found[newest.schema.text] = newest.schema
    for schema in found.values():
        if schema.type is SchemaType.AVRO:
            yield load(schema)


def _why_not(node: Node, type: pa.DataType) -> str:
    """What Flink does not read as this type; empty if it does."""
    if node.kind == "union":
        branches = [b for b in node.parts if b.kind != "null"]
        return _why_not(branches[0], type) if len(branches) == 1 else "a union of several types"
    if pa.types.is_struct(type) and node.kind == "record":
        fields = {f.name.casefold(): f.node for f in node.fields}
        pairs = [(fields.get(f.name.casefold()), f.type) for f in type]
        return next((why for n, t in pairs if n is not None and (why := _why_not(n, t))), "")
    if pa.types.is_list(type) and node.kind == "array":
        return _why_not(node.parts[0], type.value_type)
    if pa.types.is_map(type) and node.kind == "map":
        return _why_not(node.parts[0], type.item_type)
    if pa.types.is_map(type) and node.kind == "array" and is_entry(node.parts[0]):
        return "a MAP as ksqlDB and Connect write it"
    if pa.types.is_decimal(type):
        same = node.kind == "bytes" and decimal_of(node) == (type.precision, type.scale)
        return "" if same else f"{ksql_name(type)} from {node.kind}"
    logical = _LOGICAL.get(type)
    fits = node.kind in _KINDS.get(type, ()) if logical is None else node.logical in logical
    return "" if fits else f"{ksql_name(type)} from {node.logical or node.kind}"


def schema_options(source: Source, half: Half, properties: Properties) -> dict[str, str]:
    """The options of a sink's half: its schema, as ksqlDB names it, and its subject."""
    place, schemas = _schemas(source, half, properties)
    if schemas is None:
        return {}
    name, lead = record_name(place), f"{half.value}.avro-confluent"
    subject = schemas.subject(place.topic, half.value, name)
    type = pa.struct([(c.name, c.type) for c in place.columns])
    text = avro_text(type, name)
    given = place.format.options.get("SCHEMA_ID")
    there: Schema | None = None
    if given is not None:
        there = schemas.by_id(int(given))
    elif (newest := schemas.latest(subject)) is not None:
        there = newest.schema
    if there is not None and there.type is SchemaType.AVRO:
        node = load(there)
        if node_type(node) == type and _all_nullable(node):
            text = there.text
        elif given is not None:
            raise NoEqual(f"the schema {given} has no equal on Flink", f"{half.name}_SCHEMA_ID",
                          "Flink writes columns that may be null, of the same types")  # fmt: skip
    options = {f"{lead}.schema": text}
    if subject != f"{source.topic}-{half.value}":
        options[f"{lead}.subject"] = subject
    return options


def _all_nullable(node: Node) -> bool:
    """Whether the schema is as Flink makes one of a table: all fields may be null."""
    return node.kind == "record" and all(
        f.node.kind == "union" and len(f.node.parts) == 2 and f.node.parts[0].kind == "null"
        for f in node.fields
    )
