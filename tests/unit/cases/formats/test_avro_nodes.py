"""A case's JSON as Avro and back: what `kshell test` writes and compares."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from kshell import types
from kshell.cases.formats.avro import open_nodes
from kshell.catalog.model import Column, FormatSpec
from kshell.errors import CorruptRecord
from kshell.formats.base import Half, Place
from kshell.formats.framing import frame
from tests.unit.formats.avro.common import Topic, record

DEC = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
ENTRY = {"type": "array", "items": record(("key", ["null", "string"]), ("value", ["null", "int"]), name="E")}


def nodes(schema):
    topic = Topic()
    topic.id(schema)
    place = Place("t", Half.VALUE, FormatSpec("AVRO"), (), schemas=topic.schemas)
    return open_nodes(place, topic.schemas.latest("t-value"))


# schema, a case's node, bytes, the node they are
NODES = [
    ("int", 10, b"\x14", 10),
    ("int", Decimal("10"), b"\x14", 10),
    ("long", "-1", b"\x01", -1),
    ("double", 2, b"\x00" * 7 + b"\x40", 2.0),
    ("string", "x", b"\x02x", "x"),
    ("boolean", True, b"\x01", True),
    ("bytes", "/w==", b"\x02\xff", "/w=="),
    ({"type": "fixed", "name": "F", "size": 1}, "/w==", b"\xff", "/w=="),
    ({"type": "enum", "name": "S", "symbols": ["A", "B"]}, "B", b"\x02", "B"),
    (DEC, Decimal("1.5"), b"\x04\x00\x96", Decimal("1.50")),
    ({"type": "int", "logicalType": "date"}, 10, b"\x14", 10),
    ({"type": "long", "logicalType": "timestamp-millis"}, 10, b"\x14", 10),
    (["null", "string"], None, b"\x00", None),
    (["null", "int", "string"], {"string": "x"}, b"\x04\x02x", {"int": None, "string": "x"}),
    (["null", "int", "string"], "x", b"\x04\x02x", {"int": None, "string": "x"}),
    ({"type": "array", "items": ["null", "int"]}, [1, None], b"\x04\x02\x02\x00\x00", [1, None]),
    ({"type": "map", "values": "int"}, {"k": 1}, b"\x02\x02k\x02\x00", {"k": 1}),
    (ENTRY, {"k": 1}, b"\x02\x02\x02k\x02\x02\x00", {"k": 1}),
    (record(("Foo", "int"), ("o", ["null", "int"]), {"name": "d", "type": "int", "default": 3}),
     {"FOO": 1, "other": 2}, b"\x02\x00\x06", {"Foo": 1, "o": None, "d": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "node", "data", "back"), NODES)
def test_a_node_is_what_a_producer_would_write(schema, node, data, back):
    made = nodes(schema)
    assert made.from_node(node) == frame(1, data)
    assert made.to_node(frame(1, data)) == back


@pytest.mark.parametrize(
    ("schema", "node"),
    [("int", "x"), ("int", 1.5), ("int", True), ("string", 1), ("boolean", 1), ("bytes", "?"),
     ("long", None), (["null", "int"], "x"), (record(("a", "int")), {}), (DEC, Decimal("1.234"))],
)  # fmt: skip
def test_a_node_that_is_no_such_value_is_told(schema, node):
    with pytest.raises(CorruptRecord):
        nodes(schema).from_node(node)


def test_what_is_expected_is_in_the_words_of_what_came():
    made = nodes(record(("foo", "int"), ("dec", DEC)))
    data = made.from_node({"foo": 1, "dec": 1})
    assert made.expected({"FOO": 1, "DEC": "1.0"}, data) == {"foo": 1, "dec": Decimal("1.0")}
    assert made.expected({"FOO": 2}, data) == {"foo": 2}


def test_without_a_schema_the_columns_make_one():
    topic = Topic()
    columns = (Column("A", types.BIGINT), Column("M", pa.map_(types.STRING, types.DATE)))
    made = open_nodes(Place("t", Half.VALUE, FormatSpec("AVRO"), columns, schemas=topic.schemas), None)
    node = {"A": 5, "M": {"k": 10}}
    assert made.to_node(made.from_node(node)) == node
    assert topic.schemas.latest("t-value").id == 1
