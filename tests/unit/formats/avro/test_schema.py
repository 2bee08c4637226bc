"""Avro schemas as KSQL types, and the schemas that ksqlDB writes."""

from __future__ import annotations

import json

import fastavro
import pyarrow as pa
import pytest

from kshell import types
from kshell.catalog.model import FormatSpec
from kshell.errors import BindError
from kshell.formats.avro.schema import avro_text, avro_type, key_name
from kshell.formats.base import Half
from kshell.formats.from_schema import infer_columns
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.types import ksql_name

from .common import record


def typed(schema, name="", **imports):
    texts = {k: json.dumps(v) for k, v in imports.items()}
    return avro_type(Schema(SchemaType.AVRO, json.dumps(schema), (), texts), name)


def logical(base, name, **more):
    return {"type": base, "logicalType": name, **more}


INNER = record(("a", "int"), name="x.y.Inner")

TYPES = [
    ("boolean", "BOOLEAN"),
    ("int", "INTEGER"),
    ("long", "BIGINT"),
    ("float", "DOUBLE"),
    ("double", "DOUBLE"),
    ("string", "STRING"),
    ("bytes", "BYTES"),
    ({"type": "string", "avro.java.string": "String"}, "STRING"),
    ({"type": "fixed", "name": "F", "size": 4}, "BYTES"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, "STRING"),
    ({"type": "array", "items": ["null", "long"]}, "ARRAY<BIGINT>"),
    ({"type": "map", "values": ["null", "long"]}, "MAP<STRING, BIGINT>"),
    (record(("a", "int"), ("b", ["null", INNER])), "STRUCT<`a` INTEGER, `b` STRUCT<`a` INTEGER>>"),
    (["null", "int"], "INTEGER"),
    (["int", "null"], "INTEGER"),
    (["int"], "INTEGER"),
    (["null", "int", "string", INNER],
     "STRUCT<`int` INTEGER, `string` STRING, `Inner` STRUCT<`a` INTEGER>>"),
    ([INNER, record(("b", "int"), name="z.Inner")],
     "STRUCT<`x_y_Inner` STRUCT<`a` INTEGER>, `z_Inner` STRUCT<`b` INTEGER>>"),
    (["int", {"type": "array", "items": "int"}, {"type": "map", "values": "int"}],
     "STRUCT<`int` INTEGER, `array` ARRAY<INTEGER>, `map` MAP<STRING, INTEGER>>"),
    ({"type": "array", "items": record(("key", ["null", "string"]), ("value", ["null", "int"]))},
     "MAP<STRING, INTEGER>"),
    ({"type": "array", "items": record(("key", "int"), ("value", INNER))},
     "MAP<INTEGER, STRUCT<`a` INTEGER>>"),
    (logical("bytes", "decimal", precision=10, scale=3), "DECIMAL(10, 3)"),
    (logical("bytes", "decimal", precision=10), "DECIMAL(10, 0)"),
    (logical("bytes", "decimal", precision=64, scale=3), "BYTES"),
    ({"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2},
     "DECIMAL(9, 2)"),
    (logical("int", "date"), "DATE"),
    (logical("int", "time-millis"), "TIME"),
    (logical("long", "time-micros"), "TIME"),
    (logical("long", "timestamp-millis"), "TIMESTAMP"),
    (logical("long", "timestamp-micros"), "TIMESTAMP"),
    (logical("long", "local-timestamp-millis"), "TIMESTAMP"),
    (logical("long", "local-timestamp-micros"), "TIMESTAMP"),
    (logical("string", "uuid"), "STRING"),
    ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, "STRING"),
    ({"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}, "BYTES"),
    (logical("long", "nonsense"), "BIGINT"),
    (record(("a", "null"), ("b", "int")), "STRUCT<`b` INTEGER>"),
    (record(("v", "int"), ("next", ["null", "N"]), name="N"),
     "STRUCT<`v` INTEGER, `next` STRUCT<`v` INTEGER>>"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "name"), TYPES)
def test_a_schema_is_a_type(schema, name):
    assert ksql_name(typed(schema)) == name


def test_references_are_looked_up():
    schema = record(("i", "x.y.Inner"), ("o", ["null", "Outer"]))
    found = typed(schema, i=INNER, o=record(("j", "x.y.Inner"), name="Outer"))
    assert ksql_name(found) == (
        "STRUCT<`i` STRUCT<`a` INTEGER>, `o` STRUCT<`j` STRUCT<`a` INTEGER>>>"
    )


def test_a_reference_that_is_missing_is_told():
    with pytest.raises(BindError, match=r"refers to x\.y\.Inner, which is not there"):
        typed(record(("i", "x.y.Inner")))


def test_a_record_of_a_union_is_chosen_by_its_name():
    assert ksql_name(typed([INNER, record(("b", "int"), name="B")], "B")) == "STRUCT<`b` INTEGER>"


def test_too_many_columns_are_refused():
    with pytest.raises(BindError, match="more than 5,000 columns"):
        typed(record(*((f"f{n}", "int") for n in range(6000))))
    chain = record(*((f"f{n}", "int") for n in range(30)), name="T0")
    for level in range(1, 12):
        chain = record(("a", chain), ("b", f"T{level - 1}"), name=f"T{level}")
    with pytest.raises(BindError, match="more than 5,000 columns"):
        typed(chain)


@pytest.mark.parametrize(
    ("half", "schema", "options", "columns"),
    [
        (Half.VALUE, record(("a", "int"), ("B", "string")), {}, ["A INTEGER", "B STRING"]),
        (Half.VALUE, record(("a", "int")), {"SCHEMA_ID": "1"}, ["a INTEGER"]),
        (Half.VALUE, record(("a", "int")), {"WRAP_SINGLE_VALUE": "false"}, ["ROWVAL STRUCT<`A` INTEGER>"]),
        (Half.VALUE, "long", {"WRAP_SINGLE_VALUE": "false"}, ["ROWVAL BIGINT"]),
        (Half.KEY, "long", {}, ["ROWKEY BIGINT"]),
        (Half.KEY, record(("a", "int")), {}, ["ROWKEY STRUCT<`A` INTEGER>"]),
    ],
)  # fmt: skip
def test_columns_are_inferred(half, schema, options, columns):
    schemas = Remembered()
    schemas.register(f"t-{half.value}", Schema(SchemaType.AVRO, json.dumps(schema)))
    found = infer_columns(schemas, "t", half, FormatSpec("AVRO", options))
    assert [f"{c.name} {ksql_name(c.type)}" for c in found] == columns


# What ksqlDB registers, as its documentation and the schemas that it leaves in registries show it.
NS = "io.confluent.ksql.avro_schemas"


def test_every_column_may_be_null_and_is_by_default():
    made = json.loads(avro_text(pa.struct([("ID", types.BIGINT), ("NAME", types.STRING)])))
    assert made == {
        "type": "record",
        "name": "KsqlDataSourceSchema",
        "namespace": NS,
        "fields": [
            {"name": "ID", "type": ["null", "long"], "default": None},
            {"name": "NAME", "type": ["null", "string"], "default": None},
        ],
        "connect.name": f"{NS}.KsqlDataSourceSchema",
    }


def test_records_below_are_named_by_their_path():
    inner = pa.struct([("X", pa.list_(pa.struct([("Y", types.INTEGER)])))])
    made = json.loads(avro_text(pa.struct([("S", inner)])))
    s = made["fields"][0]["type"][1]
    assert (s["name"], s["namespace"]) == ("KsqlDataSourceSchema_S", NS)
    assert s["connect.name"] == f"{NS}.KsqlDataSourceSchema_S"
    assert s["fields"][0]["type"][1]["items"][1]["name"] == "KsqlDataSourceSchema_S_X"


def test_maps_are_entries_whose_keys_may_be_null():
    made = json.loads(avro_text(pa.struct([("FOO", pa.map_(types.STRING, types.DOUBLE))])))
    assert made["fields"][0]["type"] == [
        "null",
        {
            "type": "array",
            "items": {
                "type": "record",
                "name": "KsqlDataSourceSchema_FOO",
                "namespace": NS,
                "fields": [
                    {"name": "key", "type": ["null", "string"], "default": None},
                    {"name": "value", "type": ["null", "double"], "default": None},
                ],
                "connect.internal.type": "MapEntry",
            },
        },
    ]


def test_logical_types_have_connects_names():
    columns = [("T", types.TIMESTAMP), ("D", types.DATE), ("H", types.TIME), ("N", types.decimal(5, 2))]
    made = json.loads(avro_text(pa.struct(columns)))
    connect = "org.apache.kafka.connect.data"
    assert [f["type"][1] for f in made["fields"]] == [
        {"type": "long", "connect.version": 1, "connect.name": f"{connect}.Timestamp", "logicalType": "timestamp-millis"},
        {"type": "int", "connect.version": 1, "connect.name": f"{connect}.Date", "logicalType": "date"},
        {"type": "int", "connect.version": 1, "connect.name": f"{connect}.Time", "logicalType": "time-millis"},
        {
            "type": "bytes", "scale": 2, "precision": 5, "connect.version": 1,
            "connect.parameters": {"scale": "2", "connect.decimal.precision": "5"},
            "connect.name": f"{connect}.Decimal", "logicalType": "decimal",
        },
    ]  # fmt: skip


def test_a_single_value_is_no_record():
    assert json.loads(avro_text(types.BIGINT)) == ["null", "long"]
    assert key_name("ORDERS_BY_USER") == f"{NS}.OrdersByUserKey"
    assert json.loads(avro_text(pa.struct([("A", types.BIGINT)]), "com.acme.Order"))["connect.name"] == "com.acme.Order"


@pytest.mark.parametrize(
    "type",
    [
        pa.struct([("A", pa.list_(pa.map_(types.STRING, pa.struct([("B", types.DATE)])))), ("C", types.decimal(9, 0))]),
        pa.map_(types.STRING, pa.map_(types.STRING, pa.list_(types.TIME))),
        pa.list_(pa.list_(types.BYTES)),
    ],
)
def test_a_schema_that_is_written_is_the_type_again(type):
    text = avro_text(type)
    fastavro.parse_schema(json.loads(text))
    assert avro_type(Schema(SchemaType.AVRO, text)) == type
