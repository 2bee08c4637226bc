"""JSON_SR: JSON behind a schema's id (see `formats.base`).

The JSON codec reads and writes the text; the schema gives the columns (see `schema`) and gets
registered, but does not change how a value is read, as in ksqlDB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column
from kshell.errors import BindError, UsageError
from kshell.formats.base import Codec, Decoded, Place
from kshell.formats.framing import NO_VALUE, UNFRAMED, frame, payloads, schema_ids
from kshell.formats.json_codec import JsonCodec
from kshell.formats.json_sr.schema import json_schema_text, json_schema_type
from kshell.formats.registry import Schema, SchemaType

__all__ = ["open_json_sr"]

_UNFRAMED = "no schema id in front: not written with a schema registry"


def open_json_sr(place: Place) -> Codec:
    """The codec; UsageError without a registry."""
    if place.schemas is None and "SCHEMA_FILE" not in place.format.options:
        raise UsageError(
            "JSON_SR needs a schema registry",
            hint="--registry URL, or JSON, which needs no schema",
        )
    return JsonSr(place)


class JsonSr:
    """One half of one source.  With SCHEMA_FILE and no registry, records have no frame."""

    def __init__(self, place: Place) -> None:
        self._place, self._json = place, JsonCodec(place)
        self._writer: tuple[bytes, JsonCodec, Sequence[pa.DataType]] | None = None

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        ids = schema_ids(data)
        if self._place.schemas is None:
            # JSON never begins with a zero byte, a frame does.
            framed = ids != UNFRAMED
            if not framed.any():
                return self._json.decode(data, names)
            bare = pa.array(framed)
            stripped = pc.if_else(bare, payloads(data), data)
            return self._json.decode(stripped, names)
        unframed = np.flatnonzero(ids == UNFRAMED)
        texts = payloads(data)
        if len(unframed):
            nothing = pa.scalar(None, pa.binary())
            texts = pc.if_else(pa.array(ids >= NO_VALUE), texts, nothing)
        found = self._json.decode(texts, names)
        bad = [*found.bad, *((int(row), _UNFRAMED) for row in unframed)]
        return Decoded(found.columns, sorted(bad))

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        if self._writer is None:
            self._writer = self._open_writer()
        prefix, json, more = self._writer
        absent = [pa.nulls(len(gone), type) for type in more]
        return json.encode([*columns, *absent], gone, prefix)

    def _open_writer(self) -> tuple[bytes, JsonCodec, Sequence[pa.DataType]]:
        """The frame, what writes the text, and the types of what the schema has beyond our columns.

        Connect writes every property of the schema, those that nobody sets as null.
        """
        place, schemas = self._place, self._place.schemas
        if schemas is None:
            return b"", self._json, ()
        options = place.format.options
        if "SCHEMA_ID" not in options:
            record = options.get("SCHEMA_FULL_NAME", "")
            schema = Schema(SchemaType.JSON, json_schema_text(self._type(), record))
            subject = schemas.subject(place.topic, place.half.value, record)
            return frame(schemas.register(subject, schema), b""), self._json, ()
        id = int(options["SCHEMA_ID"])
        schema = schemas.by_id(id)
        if schema.type is not SchemaType.JSON:
            raise BindError(f"schema {id} is {schema.type.value}, not JSON")
        type = json_schema_type(schema)
        known = {c.name for c in place.columns}
        more = [f for f in type if f.name not in known] if pa.types.is_struct(type) else []
        if not place.wrapped or not more:
            return frame(id, b""), self._json, ()
        columns = (*place.columns, *(Column(f.name, f.type) for f in more))
        wider = replace(place, columns=columns)
        return frame(id, b""), JsonCodec(wider), [f.type for f in more]

    def _type(self) -> pa.DataType:
        columns = self._place.columns
        if not self._place.wrapped:
            return columns[0].type
        return pa.struct([(c.name, c.type) for c in columns])
