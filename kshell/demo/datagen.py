"""Records for `kshell datagen`: the demo's page views, users and orders, a click stream, or records
of a schema; as JSON, or as Avro with the schema registry.

`terminal.datagen_command` sends them.  The same seed makes the same records.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.config import Properties
from kshell.demo.generators import MAKERS, Make
from kshell.demo.schema_values import SchemaValues
from kshell.errors import BindError, UnknownName, UsageError
from kshell.formats.base import Half, Place
from kshell.formats.open import open_codec
from kshell.formats.registry import Schema, Schemas, SchemaType
from kshell.kafka.outgoing import Outgoing

__all__ = ["QUICKSTARTS", "Datagen"]

_TEXT, _LONG = pa.string(), pa.int64()
# The columns of each kind of records that has a name.
QUICKSTARTS: Mapping[str, pa.StructType] = {
    "pageviews": pa.struct([("viewtime", _LONG), ("userid", _TEXT), ("pageid", _TEXT)]),
    "users": pa.struct(
        [("registertime", _LONG), ("userid", _TEXT), ("regionid", _TEXT), ("gender", _TEXT)]
    ),
    "orders": pa.struct(
        [("ordertime", _LONG), ("orderid", _LONG), ("userid", _TEXT), ("total", pa.float64()),
         ("address", pa.struct([("city", _TEXT), ("country", _TEXT)])),
         ("items", pa.list_(pa.struct(
             [("name", _TEXT), ("quantity", pa.int32()), ("price", pa.float64())])))]
    ),
    "clickstream": pa.struct(
        [("ip", _TEXT), ("userid", _TEXT), ("time", _LONG), ("request", _TEXT),
         ("status", pa.int32()), ("bytes", pa.int32()), ("referrer", _TEXT), ("agent", _TEXT)]
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Datagen:
    """Makes records for one topic; `seed` and a record's number decide what is in it."""

    topic: str
    seed: str
    type: pa.StructType
    make: Make
    encode: Callable[[Sequence[pa.Array], pa.Array], pa.Array]

    @classmethod
    def of(
        cls,
        kind: str,
        topic: str,
        seed: str,
        format: str,
        schema: Schema | None,
        key: str,
        properties: Properties,
        schemas: Schemas | None,
    ) -> Datagen:
        """Of a quickstart's name or a schema; raises UnknownName, BindError, UsageError.

        `key` is the field whose text is the key of each record; the kind's own if it is empty.
        """
        if format == "AVRO" and schemas is None:
            raise UsageError(
                "Avro needs the schema registry", hint="--registry URL, or schema.registry.url"
            )
        if schema is None:
            type, make = QUICKSTARTS[kind], MAKERS[kind]
            if key:
                make = _keyed(make, _field(type, key))
        else:
            values = SchemaValues(schema)
            type = values.type
            make = _of_schema(values, _field(type, key or type.field(0).name))
        spec = FormatSpec(format)
        if format == "AVRO":
            spec = FormatSpec(format, _options(kind, topic, schema, schemas))
        columns = tuple(Column(f.name, f.type) for f in type)
        place = Place(topic, Half.VALUE, spec, columns, schemas=schemas)
        return cls(topic, seed, type, make, open_codec(place).encode)

    def batch(self, first: int, times: Sequence[int]) -> Outgoing:
        """The records from number `first` on, one for each time (ms)."""
        keys, rows = [], []
        for number, now in enumerate(times, first):
            chance = random.Random(f"{self.seed} {number}")
            key, value = self.make(chance, number, now)
            keys.append(key.encode())
            rows.append(value)
        columns = [pa.array([row[f.name] for row in rows], f.type) for f in self.type]
        gone = pa.array([False] * len(rows))
        return Outgoing(
            pa.array(keys, pa.binary()), self.encode(columns, gone), pa.array(times, pa.int64())
        )


def _options(
    kind: str, topic: str, schema: Schema | None, schemas: Schemas | None
) -> Mapping[str, str]:
    """Avro's: the schema of the file, which is registered, or a name for that of the columns."""
    if schema is None or schema.type is not SchemaType.AVRO:
        return {"SCHEMA_FULL_NAME": f"kshell.{kind or 'record'}"}
    assert schemas is not None
    subject = schemas.subject(topic, Half.VALUE.value)
    return {"SCHEMA_ID": str(schemas.register(subject, schema))}


def _field(type: pa.StructType, name: str) -> str:
    names = [field.name for field in type]
    if name not in names:
        raise UnknownName("field", name, names)
    if pa.types.is_nested(type.field(name).type):
        raise BindError(f"{name} has fields of its own: it cannot be a key")
    return name


def _of_schema(values: SchemaValues, key: str) -> Make:
    def make(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
        row = values.record(chance, number, now)
        return str(row[key]), row

    return make


def _keyed(make: Make, key: str) -> Make:
    def other(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
        _, row = make(chance, number, now)
        return str(row[key]), row

    return other
