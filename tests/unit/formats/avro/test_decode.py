"""Every Avro type into every KSQL type it fits, with bytes written out."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell import types
from kshell.errors import RegistryDown, UsageError
from kshell.formats.avro.schema import exact_type
from kshell.formats.framing import frame
from kshell.formats.registry import Schema, SchemaType

from .common import Topic, datum, read, record

pytestmark = pytest.mark.usefixtures("either")

DAY = datetime.date(1970, 1, 11)
NOON = datetime.time(12, 0, 0, 7000)
MOMENT = datetime.datetime(1970, 1, 1, 0, 0, 1, 500000)


def logical(base, name, **more):
    return {"type": base, "logicalType": name, **more}


E_SUIT = {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}
FOUR = {"type": "fixed", "name": "Four", "size": 4}
UUID = {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}
DEC = logical("bytes", "decimal", precision=6, scale=2)
FIXED_DEC = {"type": "fixed", "name": "D", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 2}  # fmt: skip
ENTRY = {"type": "array", "items": record(("key", ["null", "int"]), ("value", ["null", "string"]), name="MapEntry")}  # fmt: skip
INNER = record(("a", "int"), ("b", ["null", "string"]), name="Inner")

# schema, the bytes of a value, KSQL type, what it is
VALUES = [
    ("boolean", b"\x01", types.BOOLEAN, True),
    ("boolean", b"\x00", types.STRING, "false"),
    ("int", b"\x01", types.INTEGER, -1),
    ("int", b"\xfe\xff\xff\xff\x0f", types.INTEGER, 2**31 - 1),
    ("int", b"\x14", types.BIGINT, 10),
    ("int", b"\x14", types.DOUBLE, 10.0),
    ("int", b"\x13", types.STRING, "-10"),
    ("int", b"\x14", types.DATE, DAY),
    ("long", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", types.BIGINT, -(2**63)),
    ("long", b"\x14", types.INTEGER, 10),
    ("long", b"\x14", types.DOUBLE, 10.0),
    ("long", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", types.STRING, str(-(2**63))),
    ("long", b"\xb8\x17", types.TIMESTAMP, MOMENT),
    ("float", b"\x00\x00\xc0\x3f", types.DOUBLE, 1.5),
    ("double", b"\x00\x00\x00\x00\x00\x00\xf8\xbf", types.DOUBLE, -1.5),
    ("string", b"\x06h\xc3\xa9", types.STRING, "hé"),
    ("string", b"\x06h\xc3\xa9", types.BYTES, b"h\xc3\xa9"),
    ("bytes", b"\x04\xff\x00", types.BYTES, b"\xff\x00"),
    ("bytes", b"\x06h\xc3\xa9", types.STRING, "hé"),
    (FOUR, b"abcd", types.BYTES, b"abcd"),
    (E_SUIT, b"\x02", types.STRING, "HEARTS"),
    (UUID, bytes(range(16)), types.STRING, "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    (logical("string", "uuid"), b"\x02x", types.STRING, "x"),
    (DEC, b"\x04\xff\x85", types.decimal(6, 2), Decimal("-1.23")),
    (DEC, b"\x02\x7b", types.decimal(9, 4), Decimal("1.2300")),
    (DEC, b"\x04\x04\xce", types.decimal(6, 1), Decimal("12.3")),
    (DEC, b"\x24" + bytes(17) + b"\x7b", types.decimal(6, 2), Decimal("1.23")),
    (FIXED_DEC, b"\x00\x00\x7b", types.decimal(6, 2), Decimal("1.23")),
    (logical("int", "date"), b"\x14", types.DATE, DAY),
    (logical("int", "date"), b"\x14", types.INTEGER, 10),
    (logical("int", "time-millis"), datum("int", 43200007), types.TIME, NOON),
    (logical("long", "time-micros"), datum("long", 43200007999), types.TIME, NOON),
    (logical("long", "timestamp-millis"), datum("long", 1500), types.TIMESTAMP, MOMENT),
    (logical("long", "timestamp-millis"), datum("long", 1500), types.BIGINT, 1500),
    (logical("long", "timestamp-micros"), datum("long", 1500999), types.TIMESTAMP, MOMENT),
    (logical("long", "timestamp-micros"), datum("long", -1), types.TIMESTAMP,
     datetime.datetime(1969, 12, 31, 23, 59, 59, 999000)),
    (logical("long", "local-timestamp-millis"), datum("long", 1500), types.TIMESTAMP, MOMENT),
    (logical("long", "local-timestamp-micros"), datum("long", 1500000), types.TIMESTAMP, MOMENT),
    (logical("long", "timestamp-nanos"), datum("long", 1500000000), types.TIMESTAMP, MOMENT),
    (["null", "long"], b"\x00", types.BIGINT, None),
    (["null", "long"], b"\x02\x14", types.BIGINT, 10),
    (["long", "null"], b"\x02", types.BIGINT, None),
    (["long", "null"], b"\x00\x14", types.BIGINT, 10),
    (["long"], b"\x00\x14", types.BIGINT, 10),
    (["int", "string", "null"], b"\x00\x14", types.STRING, "10"),
    (["int", "string", "null"], b"\x02\x02x", types.STRING, "x"),
    (["int", "string", "null"], b"\x04", types.STRING, None),
    ("null", b"", types.STRING, None),
    ({"type": "array", "items": "int"}, b"\x04\x02\x04\x00", pa.list_(types.INTEGER), [1, 2]),
    ({"type": "array", "items": "int"}, b"\x03\x04\x02\x04\x02\x06\x00", pa.list_(types.BIGINT), [1, 2, 3]),
    ({"type": "array", "items": "int"}, b"\x00", pa.list_(types.INTEGER), []),
    ({"type": "array", "items": ["null", {"type": "array", "items": "string"}]},
     b"\x04\x00\x02\x02\x02x\x00\x00", pa.list_(pa.list_(types.STRING)), [None, ["x"]]),
    ({"type": "map", "values": "long"}, b"\x04\x02a\x02\x02b\x04\x00", pa.map_(types.STRING, types.BIGINT),
     [("a", 1), ("b", 2)]),
    (ENTRY, b"\x04\x02\x02\x02\x02x\x02\x04\x00\x00", pa.map_(types.INTEGER, types.STRING),
     [(1, "x"), (2, None)]),
    (INNER, b"\x02\x02\x02x", pa.struct([("B", types.STRING), ("A", types.BIGINT)]), {"B": "x", "A": 1}),
    (INNER, b"\x02\x00", pa.struct([("B", types.STRING), ("NEW", types.BIGINT)]), {"B": None, "NEW": None}),
    (["null", INNER], b"\x00", pa.struct([("A", types.INTEGER)]), None),
    (["null", "int", INNER], b"\x02\x14", pa.struct([("INT", types.INTEGER), ("INNER", pa.struct([("A", types.INTEGER)]))]),
     {"INT": 10, "INNER": None}),
    (["null", "int", INNER], b"\x04\x14\x00", pa.struct([("INT", types.INTEGER), ("INNER", pa.struct([("A", types.INTEGER)]))]),
     {"INT": None, "INNER": {"A": 10}}),
    (["null", "int", INNER], b"\x00", pa.struct([("INT", types.INTEGER)]), None),
    (["null", "int", INNER], b"\x04\x14\x00", pa.struct([("INT", types.INTEGER)]), {"INT": None}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "data", "type", "value"), VALUES)
def test_a_value_is_the_columns_value(schema, data, type, value):
    columns, bad = read(schema, [data], {"V": type}, wrapped=False)
    assert bad == []
    assert columns == [[value]]


@pytest.mark.parametrize(("schema", "data", "type", "value"), VALUES)
def test_a_value_that_is_not_wanted_is_passed_over(schema, data, type, value):
    whole = record(("before", "int"), ("v", schema), ("after", "string"))
    columns, bad = read(whole, [b"\x02" + data + b"\x02z"], {"AFTER": types.STRING})
    assert (columns, bad) == ([["z"]], [])


# schema, its bytes, KSQL type, why not
REFUSED = [
    ("boolean", b"\x01", types.INTEGER, "Avro boolean cannot be INTEGER"),
    ("double", bytes(8), types.BIGINT, "Avro double cannot be BIGINT"),
    ("double", bytes(8), types.STRING, "Avro double cannot be STRING"),
    ("string", b"\x021", types.INTEGER, "Avro string cannot be INTEGER"),
    ("bytes", b"\x021", types.decimal(4, 2), "Avro bytes cannot be DECIMAL(4, 2)"),
    (INNER, b"\x02\x00", types.STRING, "Avro Inner cannot be STRING"),
    ({"type": "map", "values": "int"}, b"\x00", pa.map_(types.INTEGER, types.INTEGER),
     "Avro map cannot be MAP<INTEGER, INTEGER>"),
    ("long", datum("long", 2**31), types.INTEGER, "a value out of its column's range"),
    ("int", datum("long", 2**31), types.BIGINT, "a value out of its column's range"),
    ("int", datum("int", 2932897), types.DATE, "a value out of its column's range"),
    (logical("int", "time-millis"), datum("int", 86400000), types.TIME, "a value out of its column's range"),
    (logical("int", "time-millis"), datum("int", -1), types.TIME, "a value out of its column's range"),
    (DEC, b"\x04\x04\xcf", types.decimal(6, 1), "a value out of its column's range"),
    (DEC, b"\x04\x27\x10", types.decimal(4, 2), "a value out of its column's range"),
    (DEC, b"\x00", types.decimal(6, 2), "a length that cannot be"),
    (DEC, b"\x22\x01" + bytes(16), types.decimal(38, 2), "a value out of its column's range"),
    (["int", "string"], b"\x02\x02x", types.INTEGER, "Avro string cannot be INTEGER"),
    (ENTRY, b"\x02\x00\x00\x00", pa.map_(types.INTEGER, types.STRING), "a map with a key that is NULL"),
    ({"type": "map", "values": "int"}, b"\x04\x02a\x02\x02a\x02\x00", pa.map_(types.STRING, types.INTEGER),
     "a map with the same key twice"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "data", "type", "why"), REFUSED)
def test_what_does_not_fit_is_a_bad_row(schema, data, type, why):
    columns, bad = read(record(("v", schema)), [data, None, data], {"V": type})
    assert columns == [[None, None, None]]
    assert bad == [(0, f"V: {why}"), (2, f"V: {why}")]


def test_the_place_of_what_is_wrong_is_told():
    schema = record(("o", record(("i", {"type": "array", "items": INNER}), name="O")))
    type = pa.struct([("I", pa.list_(pa.struct([("A", types.STRING), ("B", types.BIGINT)])))])
    _, bad = read(schema, [b"\x02\x02\x02\x02x\x00"], {"O": type})
    assert bad == [(0, "O->I[]->B: Avro string cannot be BIGINT")]


def test_rows_keep_their_places_around_bad_ones():
    schema = record(("a", {"type": "array", "items": "string"}), ("n", ["null", "long"]))
    good = [datum(schema, {"a": ["x", "y"][:k], "n": k}) for k in range(3)]
    columns, bad = read(
        schema,
        [good[2], good[2][:-1], None, good[0], b"\x04\x02x\x09", good[1]],
        {"N": types.BIGINT, "A": pa.list_(types.STRING)},
    )
    assert columns == [
        [2, None, None, 0, None, 1],
        [["x", "y"], None, None, [], None, ["x"]],
    ]
    assert [row for row, _ in bad] == [1, 4]


def test_names_match_in_any_case_unless_exactly():
    schema = record(("a", "int"), ("A", "int"), ("b", "int"))
    data = [b"\x02\x04\x06"]
    assert read(schema, data, {"A": types.INTEGER, "B": types.INTEGER})[0] == [[2], [3]]
    exact = read(schema, data, {"a": types.INTEGER, "B": types.INTEGER}, loose=False)
    assert exact == ([[1], [None]], [])


def test_many_map_keys_are_compared_by_sorting():
    schema = {"type": "map", "values": "null"}
    keys = [f"key{n}" for n in range(1000)]
    fine = datum({"type": "map", "values": "int"}, dict.fromkeys(keys, 1))
    columns, bad = read({"type": "map", "values": "int"}, [fine], {"V": pa.map_(types.STRING, types.INTEGER)}, wrapped=False)  # fmt: skip
    assert [k for k, _ in columns[0][0]] == keys
    assert bad == []
    twice = datum("long", 1001) + b"".join(datum("string", k) for k in [*keys, "key500"]) + b"\x00"
    _, bad = read(schema, [twice], {"V": pa.map_(types.STRING, types.STRING)}, wrapped=False)
    assert bad == [(0, "a map with the same key twice")]


def test_a_single_value_is_the_only_column_where_the_schema_has_no_record():
    assert read("string", [b"\x02x"], {"ROWVAL": types.STRING}) == ([["x"]], [])


def test_several_schemas_in_one_batch_give_one_result():
    topic = Topic()
    old = record(("id", "int"), ("name", "string"))
    new = record(("name", ["null", "string"]), ("id", "long"), ("more", "double"))
    data = pa.array(
        [
            topic.framed(old, {"id": 1, "name": "a"}),
            topic.framed(new, {"id": 2**40, "name": None, "more": 2.5}),
            None,
            topic.framed(old, {"id": 3, "name": "c"}),
            frame(99, b"\x02"),
            b"plain",
        ],
        pa.binary(),
    )
    codec = topic.codec({"ID": types.BIGINT, "NAME": types.STRING, "MORE": types.DOUBLE})
    found = codec.decode(data, ["ID", "MORE", "NAME"])
    assert [c.to_pylist() for c in found.columns] == [
        [1, 2**40, None, 3, None, None],
        [None, 2.5, None, None, None, None],
        ["a", None, None, "c", None, None],
    ]
    assert found.bad == [
        (4, "no schema with the id 99"),
        (5, "no schema id in front: not written with a schema registry"),
    ]


def test_a_slice_of_a_batch_is_read_where_it_is():
    topic = Topic()
    data = pa.array([None, *(topic.framed("long", n) for n in range(20))], pa.binary())
    found = topic.codec({"V": types.BIGINT}, wrapped=False).decode(data.slice(3, 9), ["V"])
    assert found.columns[0].to_pylist() == list(range(2, 11))
    assert topic.codec({"V": types.BIGINT}).decode(data.slice(3, 0), ["V"]).columns[0].to_pylist() == []


def test_a_schema_of_another_kind_is_a_bad_row():
    topic = Topic()
    topic.schemas.put("x", Schema(SchemaType.JSON, "{}"), 7)
    found = topic.codec({"V": types.BIGINT}).decode(pa.array([frame(7, b"{}")], pa.binary()), ["V"])
    assert found.bad == [(0, "schema 7 is JSON, not AVRO")]


def test_a_registry_that_is_down_is_an_outage():
    topic = Topic()

    def down(id):
        raise RegistryDown("the schema registry does not answer")

    topic.schemas.by_id = down
    with pytest.raises(RegistryDown):
        topic.codec({"V": types.BIGINT}).decode(pa.array([frame(7, b"")], pa.binary()), ["V"])


def test_without_a_registry_or_a_file_there_is_no_codec():
    topic = Topic()
    topic.schemas = None
    with pytest.raises(UsageError, match="AVRO needs a schema registry"):
        topic.codec({"V": types.BIGINT})


@pytest.mark.parametrize("prefix", [b"", b"\x00\x00\x00\x00\x07"])
def test_a_file_reads_records_with_and_without_a_frame(tmp_path, prefix):
    schema = record(("id", "long"), ("s", "string"))
    file = tmp_path / "r.avsc"
    file.write_text(json.dumps(schema))
    topic = Topic()
    topic.schemas = None
    codec = topic.codec({"ID": types.BIGINT, "S": types.STRING}, SCHEMA_FILE=str(file))
    rows = [{"id": 0, "s": ""}, {"id": 5, "s": "x"}]
    data = pa.array([*(prefix + datum(schema, r) for r in rows), prefix + b"\x02\x08"], pa.binary())
    found = codec.decode(data, ["S", "ID"])
    assert [c.to_pylist() for c in found.columns] == [["", "x", None], [0, 5, None]]
    assert found.bad == [(2, "S: the record ends too early")]


def test_what_is_nested_too_often_in_itself_is_marked(either):
    kids = {"type": "array", "items": "N"}
    schema = record(("v", "int"), ("next", ["null", "N"]), ("kids", kids), ("by", {"type": "map", "values": "N"}), name="N")
    type = exact_type(Schema(SchemaType.AVRO, json.dumps(schema)))
    inner = pa.struct([("v", types.INTEGER), ("next", types.STRING), ("kids", pa.list_(types.STRING)),
                       ("by", pa.map_(types.STRING, types.STRING))])  # fmt: skip
    assert type.field("next").type == inner

    def node(v, next=None, kids=(), by=()):
        return {"v": v, "next": next, "kids": list(kids), "by": dict(by)}

    deep = node(1, next=node(2, next=node(3, kids=[node(4)]), kids=[node(5, next=node(6))], by={"k": node(7)}))
    rows = [datum(schema, deep), datum(schema, node(1, next=node(2)))]
    columns, bad = read(schema, rows, {f.name: f.type for f in type}, loose=False)
    assert bad == []
    assert columns[1] == [
        {"v": 2, "next": "…", "kids": ["…"], "by": [("k", "…")]}, {"v": 2, "next": None, "kids": [], "by": []},
    ]  # fmt: skip
    assert columns[0] == [1, 1]
