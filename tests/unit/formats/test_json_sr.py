"""JSON_SR: JSON Schema as columns and back, frames, writing with and without a schema's id."""

from __future__ import annotations

import json

import jsonschema
import pyarrow as pa
import pytest

from kshell.errors import BindError, UsageError
from kshell.formats.framing import frame
from kshell.formats.json_sr.schema import json_schema_text, json_schema_type
from kshell.formats.registry import Remembered, Schema, SchemaType

from .halves import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INT,
    STRING,
    TIME,
    TIMESTAMP,
    codec,
    one,
    read,
    types,
    write,
)  # fmt: skip

from hypothesis import given, settings  # isort: skip


def type_of(node, **imports):
    return json_schema_type(Schema(SchemaType.JSON, json.dumps(node), (), {k: json.dumps(v) for k, v in imports.items()}))


@pytest.mark.parametrize(
    ("node", "type"),
    [
        ({"type": "boolean"}, BOOLEAN), ({"type": "integer"}, BIGINT), ({"type": "number"}, DOUBLE), ({"type": "string"}, STRING),
        ({"type": "integer", "connect.type": "int32"}, INT), ({"type": "integer", "connect.type": "int8"}, INT),
        ({"type": "string", "connect.type": "bytes"}, BYTES),
        ({"type": "integer", "title": "org.apache.kafka.connect.data.Date", "connect.type": "int32"}, DATE),
        ({"type": "integer", "title": "org.apache.kafka.connect.data.Time", "connect.type": "int32"}, TIME),
        ({"type": "integer", "title": "org.apache.kafka.connect.data.Timestamp", "connect.type": "int64"}, TIMESTAMP),
        ({"type": "number", "title": "org.apache.kafka.connect.data.Decimal", "connect.type": "bytes",
          "connect.parameters": {"scale": "2", "connect.decimal.precision": "6"}}, pa.decimal128(6, 2)),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, BIGINT),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, DOUBLE),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, STRING),
        ({"type": ["null", "integer"]}, BIGINT),
        ({"type": "array", "items": {"type": "string"}}, pa.list_(STRING)),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, pa.map_(STRING, BIGINT)),
        ({"type": "array", "connect.type": "map", "items": {"type": "object", "properties": {
            "key": {"type": "integer", "connect.index": 0}, "value": {"type": "string", "connect.index": 1}}}}, pa.map_(BIGINT, STRING)),
        ({"type": "object", "properties": {"b": {"type": "integer", "connect.index": 1}, "a": {"type": "string", "connect.index": 0}}},
         pa.struct([("a", STRING), ("b", BIGINT)])),
        ({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "boolean"}}}]},
         pa.struct([("a", BIGINT), ("b", BOOLEAN)])),
        ({"definitions": {"x": {"type": "integer"}}, "type": "object", "properties": {"a": {"$ref": "#/definitions/x"}}}, pa.struct([("a", BIGINT)])),
        ({}, STRING), (True, STRING),
    ],
)  # fmt: skip
def test_types(node, type):
    assert type_of(node) == type


def test_references_to_other_schemas_and_to_itself():
    other = {"$id": "http://x/other.json", "type": "object", "properties": {"o": {"type": "integer"}}}
    main = {"type": "object", "properties": {"a": {"$ref": "other.json"}, "b": {"$ref": "http://x/other.json#/properties/o"}}}
    assert type_of(main, **{"other.json": other}) == pa.struct([("a", pa.struct([("o", BIGINT)])), ("b", BIGINT)])
    tree = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}}}
    assert str(type_of(tree)).count("struct") <= 4
    with pytest.raises(BindError, match="not there"):
        type_of({"$ref": "#/gone"})
    with pytest.raises(BindError, match="not valid JSON"):
        json_schema_type(Schema(SchemaType.JSON, "{"))
    deep = {"type": "string"}
    for _ in range(100):
        deep = {"type": "array", "items": deep}
    with pytest.raises(BindError, match="64 deep"):
        type_of(deep)


@settings(max_examples=100, deadline=None)
@given(types())
def test_columns_come_back_from_their_own_schema(type):
    struct = pa.struct([("A", type)])
    text = json_schema_text(struct)
    jsonschema.validators.validator_for(json.loads(text)).check_schema(json.loads(text))
    assert json_schema_type(Schema(SchemaType.JSON, text)) == struct


def test_writing_registers_and_frames():
    schemas = Remembered()
    columns = {"A": INT, "B": STRING}
    made = write("JSON_SR", columns, (5, "x"), (None, None), (1, "y"), schemas=schemas, gone=[False, False, True])
    assert made == [frame(1, b'{"A":5,"B":"x"}'), frame(1, b'{"A":null,"B":null}'), None]
    registered = json.loads(schemas.by_id(1).text)
    jsonschema.validate({"A": 5, "B": None}, registered)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"A": "x"}, registered)
    assert read(codec("JSON_SR", columns, schemas=schemas), *made, names=["B", "A"]) == [("x", 5), (None, None), (None, None)]


def test_writing_by_a_schemas_id_names_what_nobody_sets():
    schemas = Remembered()
    text = '{"type":"object","properties":{"A":{"type":"integer"},"more":{"type":"string"}}}'
    schemas.put("x", Schema(SchemaType.JSON, text), 7)
    assert write("JSON_SR", {"A": BIGINT}, (5,), options={"SCHEMA_ID": "7"}, schemas=schemas) == [frame(7, b'{"A":5,"more":null}')]
    schemas.put("y", Schema(SchemaType.AVRO, '"string"'), 8)
    with pytest.raises(BindError, match="schema 8 is AVRO"):
        write("JSON_SR", {"A": BIGINT}, (5,), options={"SCHEMA_ID": "8"}, schemas=schemas)


def test_what_is_not_framed_is_a_bad_row():
    made = codec("JSON_SR", {"A": INT})
    found = read(made, frame(1, b'{"a":1}'), b'{"A":1}', b"\0\0", None, frame(2, b'{"A":"x"}'), b"", names=["A"])
    assert found[0] == (1,)
    assert found[3] == (None,)
    assert [str(f)[:12] for f in (found[1], found[2], found[5])] == ["no schema id"] * 3
    assert found[4].startswith("A: ")


def test_single_values_and_a_file_without_a_registry():
    assert one("JSON_SR", {"K": INT}, frame(1, b"5"), wrapped=False) == (5,)
    assert write("JSON_SR", {"K": STRING}, ("x",), wrapped=False) == [frame(1, b'"x"')]
    options = {"SCHEMA_FILE": "x.json"}
    made = codec("JSON_SR", {"A": INT}, options, schemas=None)
    assert read(made, b'{"A":1}', frame(9, b'{"A":2}'), None, names=["A"]) == [(1,), (2,), (None,)]
    with pytest.raises(UsageError, match="schema registry"):
        codec("JSON_SR", {"A": INT}, schemas=None)


def test_the_schemas_title_is_the_name_that_is_asked_for():
    for options, title in (({}, None), ({"SCHEMA_FULL_NAME": "a.B"}, "a.B")):
        schemas = Remembered()
        write("JSON_SR", {"A": BIGINT}, (5,), options=options, schemas=schemas)
        assert json.loads(schemas.by_id(1).text).get("title") == title
