"""A topic's keys or values as a schema has them: by the ids in front of them, or the newest of its
subject.

`detect` and `as_set` call it for formats of the schema registry; `insert_typed` for an empty topic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError, CorruptRecord, UnknownSchema
from kshell.formats.base import Asked, Half, Place
from kshell.formats.framing import read_indexes, split_frame
from kshell.formats.from_schema import cut_times_of, exact_type_of, once
from kshell.formats.guess import Inferred, InferredColumn
from kshell.formats.merge import merged
from kshell.formats.open import open_codec
from kshell.formats.registry import Schema, Schemas, SchemaType

__all__ = ["FORMAT_OF", "exactly", "measured", "newest", "of_registry",
           "of_schema", "unwrapped"]  # fmt: skip

_AGREE = 0.5  # the share of the samples that is needed for a format
_IDS = 20  # schema ids that the registry is asked for, the most frequent first
FORMAT_OF = MappingProxyType(
    {SchemaType.AVRO: "AVRO", SchemaType.JSON: "JSON_SR", SchemaType.PROTOBUF: "PROTOBUF"}
)


def of_registry(
    asked: Asked, schemas: Schemas, samples: Sequence[bytes], ids: Counter[int],
    wanted: FormatSpec | None,
) -> Inferred | None:  # fmt: skip
    """By the schemas that the samples name; None where the registry knows too few of them."""
    known: dict[int, Schema] = {}
    for id, _ in ids.most_common(_IDS):
        try:
            known[id] = schemas.by_id(id)
        except UnknownSchema:
            continue
    kinds = Counter[SchemaType]()
    for id, schema in known.items():
        kinds[schema.type] += ids[id]
    if wanted is not None:
        kinds = Counter({k: n for k, n in kinds.items() if FORMAT_OF[k] == wanted.name})
    if not kinds or (wanted is None and kinds.total() / len(samples) < _AGREE):
        return None
    kind = kinds.most_common(1)[0][0]
    of_kind = {id: schema for id, schema in sorted(known.items()) if schema.type is kind}
    format = FormatSpec(FORMAT_OF[kind], wanted.options if wanted is not None else {})
    type, newest = None, 0
    cut: dict[str, None] = {}
    for id, schema in of_kind.items():
        if kind is SchemaType.PROTOBUF:
            format = _with_message(format, schema, id, samples)
        try:
            made = exact_type_of(schema, format)
        except BindError:
            continue  # a schema without columns: its records have none
        type, newest = (made if type is None else merged(type, made)), id
        cut |= dict.fromkeys(_cut(asked, schema, format, made))
    if type is None:
        return None
    type = once(type, of_kind[newest])
    made = of_schema(asked, _with(format, SCHEMA_ID=str(newest)), type)
    told = measured(asked, made, samples)
    return replace(told, ids=tuple(sorted((id, ids[id]) for id in ids)), cut=tuple(cut))


def _with(format: FormatSpec, **options: str) -> FormatSpec:
    return FormatSpec(format.name, MappingProxyType({**options, **format.options}))


def _with_message(
    format: FormatSpec, schema: Schema, id: int, samples: Sequence[bytes]
) -> FormatSpec:
    """With the name of the message that the first record of the schema says it is."""
    from kshell.formats.protobuf.pool import load, message_at

    for sample in samples:
        if sample[:5] != b"\0" + id.to_bytes(4, "big"):
            continue
        try:
            indexes, _ = read_indexes(split_frame(sample)[1])
            name = message_at(load(schema), indexes).full_name
        except (CorruptRecord, BindError):
            continue
        return _with(format, SCHEMA_FULL_NAME=name)
    return format


def of_schema(asked: Asked, format: FormatSpec, type: pa.DataType) -> Inferred:
    """The half as a schema's type has it: a value's fields are columns, a key is one column."""
    if asked.half is Half.VALUE and pa.types.is_struct(type):
        columns = tuple(InferredColumn(f.name, f.type, 0.0) for f in type)
    else:
        columns = (InferredColumn(asked.column, type, 0.0),)
        format = unwrapped(format)
    return Inferred(format, columns, 1.0)


def unwrapped(format: FormatSpec) -> FormatSpec:
    """With a single column that is the whole key."""
    return _with(format, WRAP_SINGLE_VALUE="false")


def exactly(asked: Asked, format: FormatSpec, schema: Schema) -> Inferred:
    """The half as one schema has it; raises BindError."""
    type = exact_type_of(schema, format)
    return replace(of_schema(asked, format, type), cut=_cut(asked, schema, format, type))


def _cut(asked: Asked, schema: Schema, format: FormatSpec, type: pa.DataType) -> tuple[str, ...]:
    found = cut_times_of(schema, format)
    if asked.half is Half.VALUE and pa.types.is_struct(type):
        return found
    return tuple(f"{asked.column}.{path}" if path else asked.column for path in found)


def measured(asked: Asked, made: Inferred, samples: Sequence[bytes]) -> Inferred:
    """With the share of the samples that decodes, and each column's presence in those."""
    if not samples:
        return made
    columns = tuple(Column(c.name, c.type) for c in made.columns)
    wrapped = made.format.options.get("WRAP_SINGLE_VALUE") != "false"
    schemas = None if "SCHEMA_FILE" in made.format.options else asked.schemas
    place = Place(
        asked.topic, asked.half, made.format, columns,
        wrapped=wrapped, loose=False, schemas=schemas,
    )  # fmt: skip
    decoded = open_codec(place).decode(pa.array(samples, pa.binary()), [c.name for c in columns])
    good = len(samples) - len(decoded.bad)
    present = [pc.sum(column.is_valid()).as_py() / max(good, 1) for column in decoded.columns]
    told = tuple(
        replace(c, presence=min(share, 1.0))
        for c, share in zip(made.columns, present, strict=True)
    )
    return replace(made, columns=told, agree=good / len(samples))


def newest(asked: Asked, record: str = "", id: str = "") -> Inferred | None:
    """The half as the newest schema of its subject has it, or that of an id; None without one.

    `record` is the full name of the record or message, where the schema holds several.
    """
    assert asked.schemas is not None
    if id:
        schema = asked.schemas.by_id(int(id))
    else:
        found = asked.schemas.latest(
            asked.schemas.subject(asked.topic, asked.half.value, record)
        )
        if found is None:
            return None
        schema, id = found.schema, str(found.id)
    format = FormatSpec(FORMAT_OF[schema.type], {"SCHEMA_ID": id})
    if record:
        format = _with(format, SCHEMA_FULL_NAME=record)
    try:
        return exactly(asked, format, schema)
    except BindError:
        return None
