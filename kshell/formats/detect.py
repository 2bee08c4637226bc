"""Finds the format of an undeclared topic's sampled keys or values.

`engines` ask it for each half of a topic.  What the user set comes first; then schema ids that the
registry knows (AVRO, PROTOBUF, JSON_SR); then the bytes alone (`guess`).  The share that
agrees is the part of the samples that the format's codec can decode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column, FormatSpec
from kshell.catalog.serde import check_delimiter, check_options, check_rivals
from kshell.errors import BindError, CorruptRecord, UnknownSchema, UsageError
from kshell.formats.base import Half, Place
from kshell.formats.framing import read_indexes, schema_ids, split_frame
from kshell.formats.from_schema import exact_type_of
from kshell.formats.guess import (
    Inferred,
    InferredColumn,
    infer_delimited,
    infer_key,
    infer_objects,
    infer_single,
    infer_value,
)
from kshell.formats.merge import merged
from kshell.formats.open import FORMATS, open_codec
from kshell.formats.registry import Schema, Schemas, SchemaType

__all__ = ["Asked", "detect", "newest"]

_AGREE = 0.5  # the share of the samples that is needed for a format
_IDS = 20  # schema ids that the registry is asked for, the most frequent first
_BIGINT = 8  # bytes
_FORMAT_OF = MappingProxyType(
    {SchemaType.AVRO: "AVRO", SchemaType.JSON: "JSON_SR", SchemaType.PROTOBUF: "PROTOBUF"}
)
_NO_REGISTRY = "behind a schema id; give its schema registry: --registry URL"


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which half of which topic; `format` is what the user set, its name empty if only options.

    `schemas` is None where no registry is configured.
    """

    topic: str
    half: Half
    schemas: Schemas | None = None
    format: FormatSpec | None = None

    @property
    def column(self) -> str:
        """What a single column is called."""
        return "ROWKEY" if self.half is Half.KEY else "VALUE"


def detect(asked: Asked, samples: Sequence[bytes | None]) -> Inferred:
    """The half's format and columns; raises RegistryError, and UsageError for a wrong setting."""
    found = [s for s in samples if s is not None]
    if asked.format is not None:
        return _as_set(asked, asked.format, found)
    if not found and asked.schemas is not None:
        return newest(asked) or _untold(asked, samples)
    ids = _ids(found)
    framed = sum(ids.values())
    if not found or framed / len(found) < _AGREE or _whole_numbers(found, ids):
        return _untold(asked, samples)
    if asked.schemas is not None:
        known = _of_registry(asked, asked.schemas, found, ids, None)
        if known is not None:
            return known
        note = f"behind schema ids that the registry does not know: {_listed(ids)}"
    else:
        note = f"{_NO_REGISTRY} (ids {_listed(ids)})"
    told = _untold(asked, samples)
    if told.format.name == "KAFKA" and all(len(s) == _BIGINT for s in found):
        return told  # whole numbers whose upper bytes look like an id
    return replace(told, ids=tuple(ids.most_common()), note=note)


def _untold(asked: Asked, samples: Sequence[bytes | None]) -> Inferred:
    return infer_key(samples) if asked.half is Half.KEY else infer_value(samples)


def _ids(samples: Sequence[bytes]) -> Counter[int]:
    """How many samples have which schema id in front; no registry gives the id 0."""
    found = schema_ids(pa.array(samples, pa.binary()))
    return Counter(int(id) for id in found if id > 0)


def _whole_numbers(samples: Sequence[bytes], ids: Counter[int]) -> bool:
    """Kafka's BIGINTs, whose upper half looks like many schema ids: no registry is asked."""
    return all(len(s) == _BIGINT for s in samples) and len(ids) > _IDS


def _listed(ids: Counter[int]) -> str:
    few = [str(id) for id, _ in ids.most_common(3)]
    return ", ".join(few) + (", …" if len(ids) > len(few) else "")


def _of_registry(
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
        kinds = Counter({k: n for k, n in kinds.items() if _FORMAT_OF[k] == wanted.name})
    if not kinds or (wanted is None and kinds.total() / len(samples) < _AGREE):
        return None
    kind = kinds.most_common(1)[0][0]
    of_kind = {id: schema for id, schema in sorted(known.items()) if schema.type is kind}
    format = FormatSpec(_FORMAT_OF[kind], wanted.options if wanted is not None else {})
    type, newest = None, 0
    for id, schema in of_kind.items():
        if kind is SchemaType.PROTOBUF:
            format = _with_message(format, schema, id, samples)
        try:
            made = exact_type_of(schema, format)
        except BindError:
            continue  # a schema without columns: its records have none
        type, newest = (made if type is None else merged(type, made)), id
    if type is None:
        return None
    made = _of_schema(asked, _with(format, SCHEMA_ID=str(newest)), type)
    told = _measured(asked, made, samples)
    return replace(told, ids=tuple(sorted((id, ids[id]) for id in ids)))


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


def _of_schema(asked: Asked, format: FormatSpec, type: pa.DataType) -> Inferred:
    """The half as a schema's type has it: a value's fields are columns, a key is one column."""
    if asked.half is Half.VALUE and pa.types.is_struct(type):
        columns = tuple(InferredColumn(f.name, f.type, 0.0) for f in type)
    else:
        columns = (InferredColumn(asked.column, type, 0.0),)
        format = _with(format, WRAP_SINGLE_VALUE="false")
    return Inferred(format, columns, 1.0)


def _measured(asked: Asked, made: Inferred, samples: Sequence[bytes]) -> Inferred:
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
    format = FormatSpec(_FORMAT_OF[schema.type], {"SCHEMA_ID": id})
    if record:
        format = _with(format, SCHEMA_FULL_NAME=record)
    try:
        return _of_schema(asked, format, exact_type_of(schema, format))
    except BindError:
        return None


def _as_set(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    """What the user said it is."""
    place = f"topic.{asked.topic}.{asked.half.value}"
    try:
        check_rivals(format)
        format = _named(asked, format, place)
        if format.name in FORMATS:
            check_options(format)
    except BindError as error:
        raise UsageError(f"{place}: {error.what}") from None
    if "DELIMITER" in format.options:
        check_delimiter(f"{place}.delimiter", format.options["DELIMITER"])
    if "SCHEMA_FILE" in format.options:
        return _of_file(asked, format, samples)
    read = _SET.get(format.name)
    if read is None:
        raise UsageError(
            f"no format named {format.name}", hint="formats: " + ", ".join(FORMATS)
        )
    return read(asked, format, samples)


def _named(asked: Asked, format: FormatSpec, place: str) -> FormatSpec:
    """With the format's name, where only its options are set."""
    if format.name or "SCHEMA_FILE" in format.options:
        return format
    if "DELIMITER" in format.options:
        return FormatSpec("DELIMITED", format.options)
    if "SCHEMA_ID" in format.options and asked.schemas is not None:
        schema = asked.schemas.by_id(int(format.options["SCHEMA_ID"]))
        return FormatSpec(_FORMAT_OF[schema.type], format.options)
    raise UsageError(
        f"of {place} a schema's id or name is set, and nothing that it belongs to",
        hint=f"{place}.format or {place}.schema.file; an id needs --registry URL",
    )


def _of_file(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    from kshell.formats.schema_files import read_schema_file

    schema = read_schema_file(format.options["SCHEMA_FILE"])
    named = FormatSpec(format.name or _FORMAT_OF[schema.type], format.options)
    return _measured(asked, _of_schema(asked, named, exact_type_of(schema, named)), samples)


def _registered(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    if asked.schemas is None:
        raise UsageError(
            f"topic {asked.topic} is set to {format.name}, and there is no schema registry",
            hint=f"--registry URL, or topic.{asked.topic}.{asked.half.value}.schema.file",
        )
    if "SCHEMA_ID" in format.options:
        schema = asked.schemas.by_id(int(format.options["SCHEMA_ID"]))
        return _measured(asked, _of_schema(asked, format, exact_type_of(schema, format)), samples)
    found = _of_registry(asked, asked.schemas, samples, _ids(samples), format) or newest(
        asked, format.options.get("SCHEMA_FULL_NAME", "")
    )
    if found is None or found.format.name != format.name:
        raise UsageError(
            f"topic {asked.topic} is set to {format.name}, and neither its records nor the"
            " registry's subject have such a schema"
        )
    return found


def _objects(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    told = infer_objects(samples)
    if asked.half is Half.VALUE:
        return replace(told, format=format)
    type = pa.struct([(c.name, c.type) for c in told.columns])
    return replace(_of_schema(asked, format, type), agree=told.agree)


def _single(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    told = infer_single(samples or [b""], asked.column)
    if told.format.name == format.name:
        return told
    type = pa.binary() if format.name == "BYTES" else pa.string()
    column = InferredColumn(asked.column, type, 1.0)
    return _measured(asked, Inferred(format, (column,), 1.0), samples)


def _lines(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    from kshell.formats.delimited import delimiter_of

    place = Place(asked.topic, asked.half, format, ())
    return infer_delimited(samples, format, delimiter_of(place))


def _nothing(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    return Inferred(format, (InferredColumn(asked.column, pa.string(), 0.0),), 1.0)


_Reader = Callable[[Asked, FormatSpec, Sequence[bytes]], Inferred]
_SET: Mapping[str, _Reader] = MappingProxyType(
    {
        "AVRO": _registered,
        "BYTES": _single,
        "DELIMITED": _lines,
        "JSON": _objects,
        "JSON_SR": _registered,
        "KAFKA": _single,
        "NONE": _nothing,
        "PROTOBUF": _registered,
    }
)
