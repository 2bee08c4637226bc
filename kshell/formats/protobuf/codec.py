"""PROTOBUF and PROTOBUF_NOSR as codecs (see `formats.base`).

PROTOBUF reads whatever schema each record names and writes the schema of SCHEMA_ID, the subject's
newest if it has these very columns, or one made of the columns, which it registers.  PROTOBUF_NOSR
has no frame: both sides make the schema of the columns.  With SCHEMA_FILE the file is the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.errors import BindError, KshellError, RegistryError, UsageError
from kshell.formats.base import Decoded, Place
from kshell.formats.framing import frame, write_indexes
from kshell.formats.protobuf.decode import Framed, Plain
from kshell.formats.protobuf.pool import load, message_indexes, message_named
from kshell.formats.protobuf.steps import steps
from kshell.formats.protobuf.text import Nullable, proto_text
from kshell.formats.protobuf.unframed import Unframed
from kshell.formats.protobuf.write import Writer
from kshell.formats.registry import Schema, Schemas, SchemaType
from kshell.formats.row_writer import row_writer
from kshell.types import stored_type

__all__ = ["Codec", "open_protobuf", "open_protobuf_nosr", "schema_text"]

_Decoder = Framed | Plain | Unframed
_TAKEN = "PROTOBUF_NULLABLE_REPRESENTATION"


def open_protobuf(place: Place) -> Codec:
    """The codec of framed records; UsageError without a registry or a file."""
    if "SCHEMA_FILE" in place.format.options:
        return _of_file(place)
    if place.schemas is None:
        raise UsageError(
            "PROTOBUF needs a schema registry",
            hint="--registry URL, or PROTOBUF_NOSR, or VALUE_SCHEMA_FILE='….proto'",
        )
    return Codec(place, None, "")


def open_protobuf_nosr(place: Place) -> Codec:
    """The codec of records without a frame."""
    if "SCHEMA_FILE" in place.format.options:
        return _of_file(place)
    name = place.format.options.get("SCHEMA_FULL_NAME", "")
    return Codec(place, Schema(SchemaType.PROTOBUF, schema_text(place)), name)


def schema_text(place: Place) -> str:
    """The .proto text of the half's columns."""
    name = place.format.options.get("SCHEMA_FULL_NAME", "")
    return proto_text(_fields(place), _nullable_of(place), name)


def _of_file(place: Place) -> Codec:
    from kshell.formats.schema_files import read_schema_file

    name = place.format.options["SCHEMA_FILE"]
    schema = read_schema_file(name)
    if schema.type is not SchemaType.PROTOBUF:
        raise UsageError(f"{name} holds {schema.type.value}, not PROTOBUF")
    return Codec(place, schema, place.format.options.get("SCHEMA_FULL_NAME", ""))


def _nullable_of(place: Place) -> Nullable:
    """PROTOBUF_NULLABLE_REPRESENTATION; BindError for what it cannot be."""
    given = place.format.options.get(_TAKEN, "").upper()
    if given not in {n.value for n in Nullable}:
        raise BindError(f"{_TAKEN} cannot be '{given}'", hint="OPTIONAL or WRAPPER")
    return Nullable(given)


def _fields(place: Place) -> list[pa.Field]:
    """The message's columns: those of the half, or of its only STRUCT where that is the message."""
    if place.wrapped:
        return [pa.field(c.name, c.type) for c in place.columns]
    (column,) = place.columns
    if not pa.types.is_struct(column.type):
        raise BindError(
            f"a Protobuf record is a message: column {column.name} cannot stand alone",
            hint="WRAP_SINGLE_VALUE=true",
        )
    return list(column.type)


class Codec:
    """One half of one source; `schema` is None where the registry has it."""

    def __init__(self, place: Place, schema: Schema | None, name: str) -> None:
        self._place = place
        self._fields = _fields(place)
        self._message = message_named(load(schema), name) if schema is not None else None
        self._decoders: dict[tuple[str, ...], _Decoder] = {}
        self._writer: tuple[bytes, Writer] | None = None
        self._rows: Any = None  # the compiled writer

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        if not self._place.wrapped:
            return self._decode_struct(data, names)
        decoder = self._decoders.get(tuple(names))
        if decoder is None:
            by_name = {f.name: f for f in self._fields}
            decoder = self._decoders[tuple(names)] = self._open([by_name[n] for n in names])
        found = decoder.decode(data)
        return Decoded(found.columns, found.bad)

    def _decode_struct(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        if () not in self._decoders:
            self._decoders[()] = self._open(self._fields)
        found = self._decoders[()].decode(data)
        nothing = np.array(data.is_null())
        nothing[[row for row, _ in found.bad]] = True
        struct = pa.StructArray.from_arrays(
            found.columns, fields=self._fields, mask=pa.array(nothing)
        )
        return Decoded([struct] * len(names), found.bad)

    def _open(self, fields: Sequence[pa.Field]) -> _Decoder:
        if self._message is not None:
            plain = Plain(self._message, fields)
            return Unframed(plain) if "SCHEMA_FILE" in self._place.format.options else plain
        return Framed(_registry(self._place), fields)

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        if self._writer is None:
            self._writer = self._open_writer()
        prefix, writer = self._writer
        if self._rows is not None:
            made = self._rows.write(list(columns), gone, prefix)
            if made is not None:
                return made
        return pa.array(self._encoded(columns, gone, prefix, writer), pa.binary())

    def _encoded(
        self, columns: Sequence[pa.Array], gone: pa.Array, prefix: bytes, writer: Writer
    ) -> list[bytes | None]:
        """Row by row."""
        rows: list[Any] = [c.cast(stored_type(c.type)).to_pylist() for c in columns]
        single = not self._place.wrapped
        made: list[bytes | None] = []
        for number, deleted in enumerate(gone.to_pylist()):
            values = [column[number] for column in rows]
            if single and values[0] is not None:
                values = [values[0].get(f.name) for f in self._fields]
            elif single:
                deleted = True
            made.append(None if deleted else prefix + writer.write(values))
        return made

    def _open_writer(self) -> tuple[bytes, Writer]:
        """The bytes before every message, and what writes them."""
        if self._message is not None:
            return b"", self._of_message(self._message)
        place, schemas = self._place, _registry(self._place)
        name = place.format.options.get("SCHEMA_FULL_NAME", "")
        given = place.format.options.get("SCHEMA_ID")
        if given is not None:
            return self._with(int(given), schemas.by_id(int(given)), name)
        subject = schemas.subject(place.topic, place.half.value, name)
        newest = schemas.latest(subject)
        if newest is not None and newest.schema.type is SchemaType.PROTOBUF:
            try:
                if self._is_written(newest.schema, name):
                    return self._with(newest.id, newest.schema, name)
            except RegistryError:
                raise
            except KshellError:
                pass  # it holds other columns: the registry decides whether it may be replaced
        schema = Schema(SchemaType.PROTOBUF, schema_text(place))
        return self._with(schemas.register(subject, schema), schema, name)

    def _is_written(self, schema: Schema, name: str) -> bool:
        """Whether the schema has a field of the very name of every column."""
        fields = message_named(load(schema), name).fields_by_name
        return all(f.name in fields for f in self._fields)

    def _with(self, id: int, schema: Schema, name: str) -> tuple[bytes, Writer]:
        message = message_named(load(schema), name)
        prefix = frame(id, write_indexes(message_indexes(message)))
        return prefix, self._of_message(message)

    def _of_message(self, message: Any) -> Writer:
        wrapped = self._place.wrapped
        writer = Writer(message, self._fields)  # refuses what does not fit
        self._rows = row_writer(
            lambda: steps(message, self._fields, wrapped=wrapped), "protobuf", single=not wrapped
        )
        return writer


def _registry(place: Place) -> Schemas:
    assert place.schemas is not None
    return place.schemas
