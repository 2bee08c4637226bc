"""Records as cases write them: nodes to bytes and back, the schemas a case gives, and its wording."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.cases.formats.base import respelled
from kshell.cases.formats.records import open_codec
from kshell.cases.log import Stored
from kshell.cases.model import TopicSpec
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.errors import CorruptRecord
from kshell.formats.framing import frame
from tests.unit.formats.halves import DATE, INT, STRING, TIMESTAMP


def topic(**given):
    return TopicSpec(**{"name": "t", "value_format": "PROTOBUF", **given})


def source(format, columns, **options):
    value = tuple(Column(n, t) for n, t in columns.items())
    key = (Column("K", STRING),)
    return Source("S", Kind.STREAM, "t", key, value, FormatSpec("KAFKA"), FormatSpec(format, options))


COLUMNS = {"A": INT, "D": DATE, "N": pa.decimal128(4, 2), "L": pa.list_(STRING), "T": TIMESTAMP}
NODE = {"a": 1, "D": 3, "N": Decimal("1.50"), "l": ["x"], "T": 1000}
HELD = {"A": 1, "D": 3, "N": Decimal("1.50"), "L": ["x"], "T": 1000}


@pytest.mark.parametrize("format", ["PROTOBUF", "PROTOBUF_NOSR", "JSON_SR"])
def test_a_node_goes_through_the_codec_and_comes_back(format):
    codec, given = open_codec({}, {}), source(format, COLUMNS)
    data = codec.from_node(NODE, given, "value")
    row = codec.decode(given, Stored(b"k", data, 5), 3)
    assert (row["A"], row["L"], row["K"], row["ROWOFFSET"], row["ROWGONE"]) == (1, ["x"], "k", 3, False)
    key, value, time = codec.encode(given, row, 7, False, None)
    assert (key, time) == (b"k", 7)
    assert codec.to_node(value, given, "value") == HELD
    assert codec.from_node(None, given, "value") is None
    assert codec.to_node(None, given, "value") is None
    assert codec.decode(given, Stored(b"k", b"\0nope", 5), 0) is None


TEXT = 'syntax = "proto3"; message First { int32 q = 1; } message Second { string b = 5; E e = 6; enum E { X = 0; Y = 1; } }'


def test_the_schema_that_a_case_gives():
    codec = open_codec({"t": topic(value_schema=TEXT, value_schema_id=9)}, {})
    given = source("PROTOBUF", {"B": STRING, "E": STRING}, SCHEMA_FULL_NAME="Second")
    data = codec.from_node({"B": "x", "e": "Y"}, given, "value")
    assert data == frame(9, b"\x02\x02\x2a\x01x\x30\x01")
    assert codec.to_node(data, given, "value") == {"b": "x", "e": "Y"}
    columns = codec.infer("t", "value", given.value_format)
    assert columns == (Column("B", STRING), Column("E", STRING))
    with pytest.raises(CorruptRecord):
        codec.from_node({"e": "Z"}, given, "value")


def test_a_schema_without_an_id_gets_that_of_the_statement():
    node = {"type": "object", "properties": {"b": {"type": "integer"}}}
    codec = open_codec({"t": topic(value_format="JSON_SR", value_schema=node)}, {})
    format = FormatSpec("JSON_SR", {"SCHEMA_ID": "4"})
    assert codec.infer("t", "value", format) == (Column("b", pa.int64()),)
    assert codec.from_node({"b": 1}, source("JSON_SR", {"b": pa.int64()}, SCHEMA_ID="4"), "value") == frame(4, b'{"b":1}')
    assert open_codec({}, {}).infer("t", "value", format.__class__("JSON_SR")) is None


def test_imports():
    given = topic(
        value_schema='syntax = "proto3"; import "e.proto"; message M { E e = 1; }',
        value_references=({"name": "e.proto", "schema": 'syntax = "proto3"; message E { int32 x = 1; }'},),
    )
    assert open_codec({"t": given}, {}).infer("t", "value", FormatSpec("PROTOBUF")) == (
        Column("E", pa.struct([("X", INT)])),
    )


def test_what_is_expected_in_the_words_of_what_came():
    codec, given = open_codec({}, {}), source("PROTOBUF", {"A": INT, "S": pa.struct([("B", STRING)])})
    data = codec.from_node({"A": 0, "S": {"B": ""}}, given, "value")
    assert codec.expected({"a": None, "s": {"b": None}}, data, given, "value") == {"A": 0, "S": {"B": ""}}
    assert codec.expected({"A": 1}, data, given, "value") == {"A": 1, "S": None}
    # What the message does not have stays, and differs.
    assert codec.expected({"A": 0, "q": 1}, data, given, "value") == {"A": 0, "S": None, "q": 1}
    assert codec.expected({"A": "x"}, data, given, "value") == {"A": "x"}
    assert codec.expected(None, data, given, "value") is None
    plain = source("JSON_SR", {"A": INT})
    framed = codec.from_node({"A": 1}, plain, "value")
    assert codec.expected({"a": 2, "b": None}, framed, plain, "value") == {"A": 2, "b": None}


def test_names_are_spelled_as_they_came():
    assert respelled({"a": 1, "A": 2}, {"A": 0}) == {"a": 1, "A": 2}
    assert respelled([{"x": {"y": 1}}], [{"X": {"Y": None}}]) == [{"X": {"Y": 1}}]
    assert respelled({"a": 1}, 5) == {"a": 1}
