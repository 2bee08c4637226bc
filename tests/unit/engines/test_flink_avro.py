"""What Flink may read and write of Avro: by the schemas of the registry, before anything is sent."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.flink import avro
from kshell.engines.flink.expressions import NoEqual
from kshell.formats.base import Half
from kshell.formats.registry import Remembered, Schema, SchemaType

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
ENTRIES = {"type": "array", "items": {"type": "record", "name": "E", "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": "int"}]}}
DIGITS = {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}


def source(type: pa.DataType, **options: str) -> Source:
    value = (Column("C", type),)
    return Source("S", Kind.STREAM, "t", (), value, FormatSpec("KAFKA"), FormatSpec("AVRO", options))


@pytest.fixture
def schemas(monkeypatch) -> Remembered:
    made = Remembered()
    monkeypatch.setattr(avro, "schemas_of", lambda properties: made)
    return made


def put(schemas: Remembered, type: object, subject: str = "t-value") -> int:
    text = json.dumps({"type": "record", "name": "R", "fields": [{"name": "c", "type": type}]})
    return schemas.register(subject, Schema(SchemaType.AVRO, text))


@pytest.mark.parametrize(
    ("written", "column", "why"),
    [
        ({"type": "long", "logicalType": "timestamp-micros"}, pa.timestamp("ms"), "TIMESTAMP from timestamp-micros"),
        ("long", pa.timestamp("ms"), "TIMESTAMP from long"),
        ({"type": "enum", "name": "X", "symbols": ["a"]}, pa.string(), "STRING from enum"),
        ({"type": "fixed", "name": "X", "size": 2}, pa.binary(), "BYTES from fixed"),
        ("long", pa.int32(), "INTEGER from long"),
        (["null", "string", "int"], pa.string(), "a union of several types"),
        (ENTRIES, pa.map_(pa.string(), pa.int32()), "a MAP as ksqlDB and Connect write it"),
        ({**DIGITS, "scale": 3}, pa.decimal128(8, 2), "DECIMAL(8, 2) from bytes"),
        ({"type": "array", "items": {"type": "record", "name": "X", "fields": [{"name": "f", "type": "int"}]}},
         pa.list_(pa.struct([("F", pa.string())])), "STRING from int"),
    ],
)  # fmt: skip
def test_what_flink_would_misread_is_refused(schemas, written, column, why):
    put(schemas, written)
    with pytest.raises(NoEqual) as raised:
        avro.check_readable(source(column), Half.VALUE, ["C"], (), Properties())
    assert raised.value.what == f"C: {why} in Avro has no equal on Flink"
    assert raised.value.word == "C"


@pytest.mark.parametrize(
    ("written", "column"),
    [
        (["null", MILLIS], pa.timestamp("ms")), ({"type": "int", "logicalType": "date"}, pa.date32()),
        ("int", pa.int64()), ("float", pa.float64()), ("string", pa.string()), (DIGITS, pa.decimal128(8, 2)),
        ({"type": "map", "values": ["null", "long"]}, pa.map_(pa.string(), pa.int64())),
        ({"type": "array", "items": "int"}, pa.list_(pa.int32())),
    ],
)  # fmt: skip
def test_what_flink_reads_is_not(schemas, written, column):
    put(schemas, written)
    avro.check_readable(source(column), Half.VALUE, ["C"], (), Properties())


def test_older_schemas_count_where_records_name_them_and_other_columns_do_not(schemas):
    old = put(schemas, "string")
    put(schemas, "int")
    avro.check_readable(source(pa.int32()), Half.VALUE, ["C"], (), Properties())
    with pytest.raises(NoEqual, match="C: INTEGER from string in Avro"):
        avro.check_readable(source(pa.int32()), Half.VALUE, ["C"], (old,), Properties())
    avro.check_readable(source(pa.int32()), Half.VALUE, ["D"], (old,), Properties())


def test_a_sink_has_the_schema_that_ksqldb_writes(schemas):
    made = avro.schema_options(source(pa.int32()), Half.VALUE, Properties())
    (text,) = made.values()
    assert list(made) == ["value.avro-confluent.schema"]
    assert json.loads(text)["connect.name"] == "io.confluent.ksql.avro_schemas.KsqlDataSourceSchema"
    assert json.loads(text)["fields"] == [{"name": "C", "type": ["null", "int"], "default": None}]
    named = avro.schema_options(source(pa.int32(), SCHEMA_FULL_NAME="shop.Order"), Half.VALUE, Properties())
    assert json.loads(named["value.avro-confluent.schema"])["name"] == "Order"


def test_a_topic_keeps_the_schema_that_it_has_where_columns_may_be_null(schemas):
    text = '{"type":"record","name":"Own","fields":[{"name":"C","type":["null","int"]}]}'
    schemas.register("t-value", Schema(SchemaType.AVRO, text))
    assert avro.schema_options(source(pa.int32()), Half.VALUE, Properties()) == {"value.avro-confluent.schema": text}


def test_a_schema_that_flink_cannot_write_is_refused(schemas):
    text = '{"type":"record","name":"Own","fields":[{"name":"C","type":"int"}]}'
    id = schemas.register("t-value", Schema(SchemaType.AVRO, text))
    with pytest.raises(NoEqual, match=f"the schema {id} has no equal on Flink"):
        avro.schema_options(source(pa.int32(), SCHEMA_ID=str(id)), Half.VALUE, Properties())
    with pytest.raises(NoEqual, match="Avro by the schema of a file"):
        avro.schema_options(source(pa.int32(), SCHEMA_FILE="a.avsc"), Half.VALUE, Properties())
