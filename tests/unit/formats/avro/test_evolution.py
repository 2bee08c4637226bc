"""A writer's schema, a reader's, and what of the record comes through: Avro's resolution rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell import types
from kshell.formats.base import Asked, Half
from kshell.formats.detect import detect
from kshell.formats.framing import frame

from .common import Topic, datum, record

pytestmark = pytest.mark.usefixtures("either")

OLD_ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}
NEW_ENUM = {"type": "enum", "name": "E", "symbols": ["X", "A"], "default": "X"}
POINT = record(("x", "int"), name="Point")
POINT3 = record(("x", "long"), {"name": "z", "type": "double", "default": 0.5}, name="Point")

# writer, value, reader (registered later), columns, what is read
PAIRS = {
    "int to long": ("int", 7, "long", types.BIGINT, 7),
    "int to double": ("int", 7, "double", types.DOUBLE, 7.0),
    "long to double": ("long", 2**53 + 1, "double", types.DOUBLE, float(2**53)),
    "float to double": ("float", 0.5, "double", types.DOUBLE, 0.5),
    "string to bytes": ("string", "é", "bytes", types.BYTES, "é".encode()),
    "bytes to string": ("bytes", "é".encode(), "string", types.STRING, "é"),
    "to a union": ("int", 7, ["null", "long"], types.BIGINT, 7),
    "from a union": (["null", "int"], 7, "long", types.BIGINT, 7),
    "null from a union": (["null", "int"], None, "long", types.BIGINT, None),
    "an unknown symbol": (OLD_ENUM, "C", NEW_ENUM, types.STRING, "X"),
    "a known symbol": (OLD_ENUM, "A", NEW_ENUM, types.STRING, "A"),
    "items": (
        {"type": "array", "items": "int"}, [1], {"type": "array", "items": "long"},
        pa.list_(types.BIGINT), [1],
    ),
    "values": (
        {"type": "map", "values": "int"}, {"k": 1}, {"type": "map", "values": "double"},
        pa.map_(types.STRING, types.DOUBLE), [("k", 1.0)],
    ),
    "a field with a default inside": (
        POINT, {"x": 3}, POINT3, pa.struct([("X", types.BIGINT), ("Z", types.DOUBLE)]),
        {"X": 3, "Z": 0.5},
    ),
    "a default inside items": (
        {"type": "array", "items": POINT}, [{"x": 3}], {"type": "array", "items": POINT3},
        pa.list_(pa.struct([("Z", types.DOUBLE)])), [{"Z": 0.5}],
    ),
    "a default behind a union": (
        ["null", POINT], {"x": 3}, ["null", POINT3], pa.struct([("Z", types.DOUBLE)]), {"Z": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("writer", "value", "reader", "type", "read"), PAIRS.values(), ids=PAIRS)
def test_a_field_of_an_older_schema(writer, value, reader, type, read):
    topic = Topic()
    row = topic.framed(record(("f", writer)), {"f": value})
    topic.id(record(("f", reader)))
    found = topic.codec({"F": type}).decode(pa.array([row], pa.binary()), ["F"])
    assert found.bad == []
    assert found.columns[0].to_pylist() == [read]


# type, default as JSON, KSQL type, what is read where the record has no such field
DEFAULTS = [
    ("int", -3, types.INTEGER, -3),
    ("long", 2**40, types.BIGINT, 2**40),
    ("float", 1, types.DOUBLE, 1.0),
    ("double", 0.25, types.DOUBLE, 0.25),
    ("boolean", True, types.BOOLEAN, True),
    ("string", "é", types.STRING, "é"),
    ("bytes", "\u00ff", types.BYTES, b"\xff"),
    ({"type": "fixed", "name": "F", "size": 2}, "\u00ff\u0000", types.BYTES, b"\xff\x00"),
    (OLD_ENUM, "B", types.STRING, "B"),
    (["null", "int"], None, types.INTEGER, None),
    (["int", "null"], 4, types.INTEGER, 4),
    (["null", "string"], "x", types.STRING, "x"),
    ({"type": "array", "items": "int"}, [1, 2], pa.list_(types.INTEGER), [1, 2]),
    ({"type": "map", "values": "int"}, {"k": 1}, pa.map_(types.STRING, types.INTEGER), [("k", 1)]),
    (POINT3, {"x": 1}, pa.struct([("X", types.BIGINT), ("Z", types.DOUBLE)]), {"X": 1, "Z": 0.5}),
    (
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u007b",
        types.decimal(4, 2), Decimal("1.23"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("type", "default", "column", "read"), DEFAULTS)
def test_a_field_that_the_record_lacks_has_the_newest_schemas_default(type, default, column, read):
    topic = Topic()
    row = topic.framed(record(("a", "int")), {"a": 1})
    topic.id(record(("a", "int"), {"name": "f", "type": type, "default": default}))
    found = topic.codec({"F": column, "A": types.INTEGER}).decode(
        pa.array([row, None], pa.binary()), ["A", "F"]
    )
    assert found.bad == []
    assert [c.to_pylist() for c in found.columns] == [[1, None], [read, None]]


def test_a_field_that_no_schema_knows_is_null():
    topic = Topic()
    row = topic.framed(record(("a", "int")), {"a": 1})
    found = topic.codec({"F": types.BIGINT}).decode(pa.array([row], pa.binary()), ["F"])
    assert (found.columns[0].to_pylist(), found.bad) == ([None], [])


def test_a_default_that_is_no_value_is_told():
    topic = Topic()
    row = topic.framed(record(("a", "int")), {"a": 1})
    topic.id(record(("a", "int"), {"name": "f", "type": "int", "default": None}))
    topic.schemas.by_id(2)
    found = topic.codec({"F": types.INTEGER}).decode(pa.array([row], pa.binary()), ["F"])
    assert found.columns[0].to_pylist() == [None]


def test_a_field_has_its_older_name_as_an_alias():
    topic = Topic()
    row = topic.framed(record(("user", "string"), ("n", "int")), {"user": "u", "n": 1})
    topic.id(record({"name": "customer", "type": "string", "aliases": ["client", "user"]}))
    found = topic.codec({"CUSTOMER": types.STRING}).decode(pa.array([row], pa.binary()), ["CUSTOMER"])
    assert found.columns[0].to_pylist() == ["u"]


def test_fields_in_another_order_and_more_of_them():
    topic = Topic()
    schema = record(("c", {"type": "map", "values": POINT}), ("b", "double"), ("a", "string"))
    row = topic.framed(schema, {"c": {"k": {"x": 1}}, "b": 0.5, "a": "x"})
    columns = {"A": types.STRING, "B": types.DOUBLE}
    found = topic.codec(columns).decode(pa.array([row], pa.binary()), ["A", "B"])
    assert [c.to_pylist() for c in found.columns] == [["x"], [0.5]]


def test_the_schema_that_is_named_tells_the_defaults():
    topic = Topic()
    row = topic.framed(record(("a", "int")), {"a": 1})
    named = topic.id(record({"name": "f", "type": "int", "default": 1}))
    topic.id(record({"name": "f", "type": "int", "default": 2}))
    data = pa.array([row], pa.binary())
    assert topic.codec({"F": types.INTEGER}).decode(data, ["F"]).columns[0].to_pylist() == [2]
    codec = topic.codec({"F": types.INTEGER}, SCHEMA_ID=str(named))
    assert codec.decode(data, ["F"]).columns[0].to_pylist() == [1]


def test_one_bad_schema_does_not_spoil_the_others():
    topic = Topic()
    rows = [
        topic.framed(record(("f", "double")), {"f": 0.5}),
        topic.framed(record(("f", "int")), {"f": 3}),
        topic.framed(record(("f", ["null", "double"])), {"f": None}),
        frame(1000, b""),
    ]
    found = topic.codec({"F": types.BIGINT}).decode(pa.array(rows, pa.binary()), ["F"])
    assert found.columns[0].to_pylist() == [None, 3, None, None]
    assert found.bad == [(0, "F: Avro double cannot be BIGINT"), (3, "no schema with the id 1000")]


def test_many_schema_ids_are_each_read_their_own_way():
    topic = Topic()
    rows = []
    for n in range(50):
        schema = record(*((f"x{k}", "string") for k in range(n % 7)), ("id", "long" if n % 2 else "int"), name=f"R{n}")
        rows.append(topic.framed(schema, {"id": n, **{f"x{k}": "x" * k for k in range(n % 7)}}))
    order = [(7 * n) % 50 for n in range(200)]
    data = pa.array([rows[n] for n in order], pa.binary())
    found = topic.codec({"ID": types.BIGINT}).decode(data, ["ID"])
    assert found.columns[0].to_pylist() == order
    assert datum("int", 3) == b"\x06"


def test_one_codec_serves_several_threads():
    topic = Topic()
    rows = [topic.framed(record(("a", "int")), {"a": n}) for n in range(500)]
    topic.id(record(("a", "int"), {"name": "f", "type": "string", "default": "d"}))
    codec = topic.codec({"A": types.BIGINT, "F": types.STRING})
    data = pa.array(rows, pa.binary())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: codec.decode(data, ["F", "A"]), range(40)))
    for decoded in found:
        assert [c.to_pylist() for c in decoded.columns] == [["d"] * 500, list(range(500))]


def test_a_record_has_its_older_name_as_an_alias():
    topic = Topic()
    old, other = record(("a", "int"), name="Old"), record(("b", "int"), name="Other")
    row = topic.framed(record(("u", ["null", other, old])), {"u": ("Old", {"a": 7})})
    new = record({"name": "z", "type": "int", "aliases": ["a"]}, name="New", aliases=["Old"])
    topic.id(record(("u", ["null", other, new])))
    type = pa.struct([("Other", pa.struct([("b", types.INTEGER)])), ("New", pa.struct([("z", types.INTEGER)]))])
    found = topic.codec({"u": type}, loose=False).decode(pa.array([row], pa.binary()), ["u"])
    assert (found.columns[0].to_pylist(), found.bad) == ([{"Other": None, "New": {"z": 7}}], [])


def test_an_undeclared_topic_has_a_renamed_field_once():
    topic = Topic()
    rows = [topic.framed(record(("user", "string"), ("n", "int")), {"user": "u", "n": 1})]
    new = record({"name": "customer", "type": "string", "aliases": ["user"]}, ("n", "int"))
    rows.append(topic.framed(new, {"customer": "c", "n": 2}))
    told = detect(Asked("t", Half.VALUE, topic.schemas), rows)
    assert {c.name: c.presence for c in told.columns} == {"customer": 1.0, "n": 1.0}
