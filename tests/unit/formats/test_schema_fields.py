"""The fields of Avro and JSON schemas by their paths."""

from __future__ import annotations

import json

import pytest

from kshell.formats.registry import Schema, SchemaType
from kshell.formats.schema_fields import fields_of


def avro(node) -> dict[str, str] | None:
    return fields_of(Schema(SchemaType.AVRO, node if isinstance(node, str) else json.dumps(node)))


def record(name: str, *fields, **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, type, **more):
    return {"name": name, "type": type, **more}


def test_every_type_of_avro_in_words():
    line = record("Line", field("qty", "int"))
    node = record(
        "Order", field("id", "long", doc="its number"), field("at", {"type": "long", "logicalType": "timestamp-millis"}),
        field("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        field("state", {"type": "enum", "name": "State", "symbols": ["A", "B"]}, default="A"),
        field("hash", {"type": "fixed", "name": "H", "size": 16}), field("lines", {"type": "array", "items": line}),
        field("more", {"type": "map", "values": "Line"}), field("city", ["null", "string"], default=None, aliases=["town"]),
        field("other", ["null", record("A", field("x", "int")), record("B", field("x", "string"))]),
        namespace="shop",
    )  # fmt: skip
    assert avro(node) == {
        "(schema)": "record shop.Order",
        "id": 'long, doc "its number"',
        "at": "timestamp-millis in long",
        "price": "decimal(9, 2) in bytes",
        "state": 'enum State (A, B), default "A"',
        "hash": "fixed H(16)",
        "lines": "array of record Line",
        "lines[].qty": "int",
        "more": "map of Line",
        "city": 'null or string, default null, aliases ["town"]',
        "other": "null or record A or record B",
        "other<A>.x": "int",
        "other<B>.x": "string",
    }


def test_a_schema_without_fields_is_its_type():
    assert avro('"string"') == {"(schema)": "string"}
    assert avro({"type": "array", "items": "int"}) == {"(schema)": "array of int"}


def test_json_schema_by_its_properties():
    node = {
        "title": "Order", "type": "object", "required": ["id"], "additionalProperties": False,
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "city": {"oneOf": [{"type": "null"}, {"type": "string"}]},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"qty": {"type": ["integer", "null"]}}}},
            "to": {"$ref": "#/definitions/Address"},
            "any": True,
        },
        "definitions": {"Address": {"type": "string"}},
    }  # fmt: skip
    assert fields_of(Schema(SchemaType.JSON, json.dumps(node))) == {
        "(schema)": 'object, additionalProperties false, title "Order"',
        "id": "integer, required, minimum 1",
        "city": "anything",
        "city<oneOf 1>": "null",
        "city<oneOf 2>": "string",
        "lines": "array",
        "lines[]": "object",
        "lines[].qty": "integer or null",
        "to": "#/definitions/Address",
        "any": "anything",
        "#Address": "string",
    }


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 5000, '{"type":"record","name":"R"}', '{"type":"record","name":"R","fields":7}',
     '{"type":"record","name":"R","fields":[{"type":"int"}]}', '{"type":"enum","name":"E"}'],
)  # fmt: skip
def test_what_cannot_be_read_has_no_fields(text):
    assert avro(text) is None


def test_protobuf_has_none():
    assert fields_of(Schema(SchemaType.PROTOBUF, 'syntax = "proto3";')) is None


def test_a_schema_that_nests_without_end_is_cut():
    node: object = "int"
    for _ in range(200):
        node = {"type": "array", "items": node}
    assert avro(record("R", field("a", node))) is not None
