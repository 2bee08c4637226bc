"""Bytes and schemas made to harm: each is refused, in bounded time and memory, with its reason."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pytest

from kshell import types
from kshell.errors import BindError
from kshell.formats.avro.parse import load
from kshell.formats.framing import frame
from kshell.formats.registry import Schema, SchemaType

from .common import Topic, datum, read, record

pytestmark = pytest.mark.usefixtures("either")

LIST = {"type": "array", "items": "int"}
NODE = record(("v", "int"), ("next", ["null", "Node"]), name="Node")
TREE = record(("kids", {"type": "array", "items": "Tree"}), name="Tree")
MINIMUM = datum("long", -(2**63))

# schema, bytes, the wanted type or None to pass over it, why it is refused
BAD = [
    ("long", b"", types.BIGINT, "the record ends too early"),
    ("long", b"\x80", types.BIGINT, "the record ends too early"),
    ("long", b"\x80" * 9, types.BIGINT, "the record ends too early"),
    ("long", b"\xff" * 9 + b"\x02", types.BIGINT, "a number of more than 64 bits"),
    ("long", b"\x80" * 10 + b"\x00", types.BIGINT, "a number of more than 64 bits"),
    ("long", b"\x02\x00", types.BIGINT, "more bytes after the record"),
    ("int", b"\xff\xff\xff\xff\x1f", types.INTEGER, "a value out of its column's range"),
    ("int", b"\xff\xff\xff\xff\x1f", None, "a value out of its column's range"),
    ("boolean", b"\x02", types.BOOLEAN, "a boolean that is neither 0 nor 1"),
    ("boolean", b"\x02", None, "a boolean that is neither 0 nor 1"),
    ("boolean", b"", types.BOOLEAN, "the record ends too early"),
    ("float", b"\x00\x00\x00", types.DOUBLE, "the record ends too early"),
    ("double", b"\x00" * 7, None, "the record ends too early"),
    ("string", b"\x04x", types.STRING, "the record ends too early"),
    ("string", b"\x04x", None, "the record ends too early"),
    ("string", b"\x01", types.STRING, "a length that cannot be"),
    ("bytes", MINIMUM, types.BYTES, "a length that cannot be"),
    ("string", datum("long", 2**62), types.STRING, "the record ends too early"),
    ("string", b"\x04\xc0\x80", types.STRING, "not valid UTF-8"),
    ("string", b"\x06\xed\xa0\x80", types.STRING, "not valid UTF-8"),
    ("string", b"\x02\xe2", types.STRING, "not valid UTF-8"),
    (["null", "int"], b"\x04", types.INTEGER, "a union branch that is not there"),
    (["null", "int"], b"\x01", types.INTEGER, "a union branch that is not there"),
    (["null", "int"], b"\x01", None, "a union branch that is not there"),
    (["null", "int"], MINIMUM, types.INTEGER, "a union branch that is not there"),
    (["null", "int", "string"], b"\x06", types.STRING, "a union branch that is not there"),
    (["null", "int", "string"], b"\x03", pa.struct([("int", types.INTEGER)]), "a union branch that is not there"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02", types.STRING, "an enum symbol that is not there"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01", types.STRING, "an enum symbol that is not there"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01", None, "an enum symbol that is not there"),
    ({"type": "fixed", "name": "F", "size": 3}, b"ab", types.BYTES, "the record ends too early"),
    (LIST, b"\x02", pa.list_(types.INTEGER), "the record ends too early"),
    (LIST, b"\x02\x02", pa.list_(types.INTEGER), "the record ends too early"),
    (LIST, datum("long", 2**40) + b"\x02", pa.list_(types.INTEGER), "the record ends too early"),
    (LIST, datum("long", 2**62), None, "the record ends too early"),
    (LIST, MINIMUM + b"\x00", pa.list_(types.INTEGER), "a length that cannot be"),
    (LIST, b"\x01\x01\x02\x00", pa.list_(types.INTEGER), "a length that cannot be"),
    (LIST, b"\x01\x04\x02\x00", pa.list_(types.INTEGER), "a length that cannot be"),
    (LIST, b"\x01\x40\x02\x00", pa.list_(types.INTEGER), "the record ends too early"),
    ({"type": "array", "items": "null"}, datum("long", 30_000_000) + b"\x00", pa.list_(types.STRING),
     "too many items that take no bytes"),
    ({"type": "array", "items": "null"}, datum("long", 30_000_000) + b"\x00", None,
     "too many items that take no bytes"),
    ({"type": "array", "items": "null"}, datum("long", 2**62) + b"\x00", None,
     "too many items that take no bytes"),
    ({"type": "array", "items": record(name="Empty")}, datum("long", -30_000_000) + b"\x00\x00", None,
     "too many items that take no bytes"),
    ({"type": "array", "items": {"type": "fixed", "name": "Z", "size": 0}}, datum("long", 600) + datum("long", 600) + b"\x00",
     pa.list_(types.BYTES), "too many items that take no bytes"),
    (NODE, b"\x00\x02" * 64 + b"\x00\x00", None, "nested more than 64 deep"),
    (TREE, b"\x02" * 40 + b"\x00" * 41, None, "nested more than 64 deep"),
    (record(("r", "R"), name="R"), b"", None, "nested more than 64 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "data", "type", "why"), BAD)
def test_a_hostile_record_is_a_bad_row(schema, data, type, why):
    whole = record(("v", schema), name="Whole")
    columns = {"V": type} if type is not None else {"OTHER": types.STRING}
    began = time.perf_counter()
    found, bad = read(whole, [data], columns)
    assert time.perf_counter() - began < 1
    assert found == [[None]]
    assert [reason.removeprefix("V: ").removeprefix("V[]: ") for _, reason in bad] == [why]


def test_depth_is_counted_where_it_is_legal():
    whole = record(("v", NODE), name="Whole")
    assert read(whole, [b"\x00\x02" * 62 + b"\x00\x00"], {"OTHER": types.STRING})[1] == []


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x01\x02"])
def test_what_has_no_frame_says_so(data):
    topic = Topic()
    topic.id("long")
    found = topic.codec({"V": types.BIGINT}).decode(pa.array([data], pa.binary()), ["V"])
    assert found.bad == [(0, "no schema id in front: not written with a schema registry")]


def test_a_small_record_cannot_grow_without_bounds():
    """Items of one byte that each make a long text."""
    symbol = "A" * 10_000
    enum = {"type": "enum", "name": "E", "symbols": [symbol]}
    schema = {"type": "array", "items": enum}
    _, fine = read(schema, [datum(schema, [symbol] * 5)], {"V": pa.list_(types.STRING)}, wrapped=False)
    assert fine == []
    bomb = datum("long", 100_000) + bytes(100_001)
    _, bad = read(schema, [bomb], {"V": pa.list_(types.STRING)}, wrapped=False)
    assert bad == [(0, "[]: grows too large when decoded")]


def test_defaults_in_items_count_as_growth():
    topic = Topic()
    inner = record(("x", "int"), name="I")
    id = topic.id({"type": "array", "items": inner})
    more = record(("x", "int"), {"name": "y", "type": "string", "default": "z" * 5000}, name="I")
    topic.id({"type": "array", "items": more})
    type = pa.list_(pa.struct([("X", types.INTEGER), ("Y", types.STRING)]))
    codec = topic.codec({"V": type}, wrapped=False)
    rows = [frame(id, datum("long", n) + bytes(n + 1)) for n in (3, 100_000)]
    found = codec.decode(pa.array(rows, pa.binary()), ["V"])
    assert found.columns[0][0].as_py() == [{"X": 0, "Y": "z" * 5000}] * 3
    assert found.bad == [(1, "grows too large when decoded")]


def test_empty_records_that_double_at_every_level_end_soon():
    """2^40 visits of records that take no bytes."""
    schema = record(name="R0")
    for level in range(1, 41):
        schema = record(("a", schema), ("b", f"R{level - 1}"), name=f"R{level}")
    began = time.perf_counter()
    _, bad = read(record(("v", schema), name="W"), [b""], {"OTHER": types.STRING})
    assert time.perf_counter() - began < 2
    assert bad == [(0, "grows too large when decoded")]


def test_what_is_left_for_a_batch_is_shared_by_its_rows():
    enum = {"type": "enum", "name": "E", "symbols": ["A" * 60_000]}
    columns, bad = read(enum, [b"\x00"] * 3000, {"V": types.STRING}, wrapped=False)
    good = sum(v is not None for v in columns[0])
    assert 1000 < good < 1500
    assert {reason for _, reason in bad} == {"grows too large when decoded"}


def nested(depth):
    schema = "int"
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


BAD_SCHEMAS = [
    ("{", "not valid JSON"),
    ("[" * 100_000, "not valid JSON"),
    (json.dumps(nested(400)), "nested more than 200 deep"),
    ('"nonsense"', "refers to nonsense, which is not there"),
    ('{"type": "record", "name": "R", "fields": [{"name": "a"}]}', "is no Avro schema"),
    ('{"type": "record", "name": "R", "fields": [7]}', "is no Avro schema"),
    ('{"type": "fixed", "name": "F", "size": -1}', "cannot have -1 bytes"),
    ('{"type": "fixed", "name": "F", "size": 99999999}', "cannot have 99999999 bytes"),
    ("17", "is no Avro schema"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), BAD_SCHEMAS)
def test_a_hostile_schema_is_refused(text, why):
    with pytest.raises(BindError, match=why):
        load(Schema(SchemaType.AVRO, text))
    topic = Topic()
    topic.schemas.put("x", Schema(SchemaType.AVRO, text), 5)
    found = topic.codec({"V": types.BIGINT}).decode(pa.array([frame(5, b"\x02")], pa.binary()), ["V"])
    assert len(found.bad) == 1
    assert why in found.bad[0][1]


def test_names_that_lead_deep_are_no_stack_overflow():
    imports = {"T0": json.dumps(record(("x", "int"), name="T0"))}
    for n in range(1, 3000):
        imports[f"T{n}"] = json.dumps(record(("x", f"T{n - 1}"), name=f"T{n}"))
    topic = Topic()
    topic.schemas.put("x", Schema(SchemaType.AVRO, json.dumps(record(("y", "T2999"), name="Top")), (), imports), 5)
    data = pa.array([frame(5, b"\x02")], pa.binary())
    found = topic.codec({"V": types.BIGINT}).decode(data, ["V"])
    assert len(found.bad) == 1
    assert "deep" in found.bad[0][1]
