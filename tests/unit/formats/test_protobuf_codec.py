"""Protobuf records, by the compiled walk and over upb: values, absence, merging, hostile bytes, frames."""

from __future__ import annotations

import datetime
import decimal
import os
import struct
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.errors import BindError, EvaluationError, RegistryDown, UsageError
from kshell.formats.framing import frame, write_indexes
from kshell.formats.protobuf import walk
from kshell.formats.protobuf.columns import exact_type, message_type
from kshell.formats.protobuf.decode import Framed, Plain
from kshell.formats.protobuf.pool import load, message_class, message_named
from kshell.formats.registry import Remembered, Schema, SchemaType

from .halves import (
    BIGINT,
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
    write,
)

HEAD = 'syntax = "proto3"; '
UNSIGNED = pa.decimal128(20, 0)
TEXT = HEAD + """
import "google/protobuf/wrappers.proto"; import "google/protobuf/timestamp.proto";
import "google/type/date.proto"; import "google/type/timeofday.proto";
message A {
  int32 i = 1; sint64 z = 2; uint64 u = 3; fixed32 f = 4; double d = 5; float g = 6; bool b = 7;
  string s = 8; bytes y = 9; enum E { X = 0; Y = 1; MINUS = -2; } E e = 10; optional int32 o = 11;
  repeated int32 r = 12; repeated string rs = 13; message N { int32 x = 1; repeated N ns = 2; string s = 3; } N n = 14;
  repeated N rn = 15; oneof k { string ks = 16; int64 kn = 17; N km = 18; }
  google.protobuf.StringValue w = 19; google.protobuf.Timestamp t = 20;
  google.type.Date dt = 21; google.type.TimeOfDay tm = 22; uint32 u32 = 23; sfixed64 s64 = 100;
  fixed64 fu = 101; google.protobuf.UInt64Value wu = 102; repeated uint64 ru = 103;
}"""
MESSAGE = message_named(load(Schema(SchemaType.PROTOBUF, TEXT)))
A = message_class(MESSAGE)


@pytest.fixture(params=["walk", "upb"], autouse=True)
def reader(request, monkeypatch):
    if request.param == "upb":
        monkeypatch.setenv("KSHELL_PURE", "1")
    else:
        pytest.importorskip("kshell.formats._protobuf")
        monkeypatch.delenv("KSHELL_PURE", raising=False)
    return request.param


def rows(fields, *records):
    found = Plain(MESSAGE, [pa.field(*f) for f in fields.items()]).decode(pa.array(records, pa.binary()))
    bad = dict(found.bad)
    for column in found.columns:
        column.validate(full=True)
    return [bad.get(i, row) for i, row in enumerate(zip(*(c.to_pylist() for c in found.columns), strict=True))]


def value(name, type, *records):
    found = rows({name: type}, b"".join(r if isinstance(r, bytes) else r.SerializeToString() for r in records))[0]
    return found if isinstance(found, str) else found[0]


N = pa.struct([("x", INT), ("s", STRING)])


@pytest.mark.parametrize(
    ("name", "type", "message", "expected"),
    [
        ("i", INT, A(i=-1), -1), ("i", BIGINT, A(i=-1), -1), ("i", DOUBLE, A(i=3), 3.0),
        ("z", BIGINT, A(z=-(2**63)), -(2**63)), ("u", BIGINT, A(u=2**63 - 1), 2**63 - 1),
        ("u", BIGINT, A(u=2**63), "field u: a value too large for BIGINT"),
        ("u", UNSIGNED, A(u=2**64 - 1), decimal.Decimal(2**64 - 1)), ("u", UNSIGNED, A(u=7), decimal.Decimal(7)),
        ("fu", UNSIGNED, A(fu=2**63), decimal.Decimal(2**63)), ("wu", UNSIGNED, A(wu={"value": 2**64 - 1}), decimal.Decimal(2**64 - 1)),
        ("fu", BIGINT, A(fu=2**63), "field fu: a value too large for BIGINT"), ("ru", pa.list_(UNSIGNED), A(ru=[1, 2**64 - 1]), [1, 2**64 - 1]),
        ("f", BIGINT, A(f=2**32 - 1), 2**32 - 1), ("u32", BIGINT, A(u32=2**32 - 1), 2**32 - 1), ("s64", BIGINT, A(s64=-5), -5),
        ("d", DOUBLE, A(d=-0.5), -0.5), ("g", DOUBLE, A(g=1.1234), 1.1233999729156494), ("b", pa.bool_(), A(b=True), True),
        ("s", STRING, A(s="é☃😀"), "é☃😀"), ("y", BYTES, A(y=b"\xff\0"), b"\xff\0"),
        ("e", STRING, A(e=1), "Y"), ("e", STRING, A(e=-2), "MINUS"), ("e", STRING, A(e=77), "77"), ("e", INT, A(e=-2), -2),
        ("o", INT, A(o=0), 0), ("r", pa.list_(INT), A(r=[1, -1]), [1, -1]), ("rs", pa.list_(STRING), A(rs=["", "x"]), ["", "x"]),
        ("n", N, A(n={"x": 5}), {"x": 5, "s": ""}), ("rn", pa.list_(N), A(rn=[{"x": 1}, {"s": "b"}]), [{"x": 1, "s": ""}, {"x": 0, "s": "b"}]),
        ("ks", STRING, A(ks=""), ""), ("k_0", pa.struct([("ks", STRING), ("kn", BIGINT)]), A(kn=7), {"ks": None, "kn": 7}),
        ("k_0", pa.struct([("ks", STRING)]), A(kn=7), {"ks": None}),
        ("w", STRING, A(w={"value": ""}), ""), ("w", STRING, A(w={"value": "v"}), "v"),
        ("t", TIMESTAMP, A(t={"seconds": -1, "nanos": 999999999}), datetime.datetime(1969, 12, 31, 23, 59, 59, 999000)),
        ("t", BIGINT, A(t={"seconds": 2, "nanos": -1}), 1999),
        ("dt", DATE, A(dt={"year": 2024, "month": 2, "day": 29}), datetime.date(2024, 2, 29)),
        ("dt", DATE, A(dt={"year": 1, "month": 1, "day": 1}), datetime.date(1, 1, 1)),
        ("tm", TIME, A(tm={"hours": 23, "minutes": 59, "seconds": 59, "nanos": 999999999}), datetime.time(23, 59, 59, 999000)),
        ("I", INT, A(i=4), 4), ("nowhere", STRING, A(i=4), None),
    ],
)  # fmt: skip
def test_values(name, type, message, expected):
    assert value(name, type, message) == expected


@pytest.mark.parametrize(
    ("name", "type", "expected"),
    [("i", INT, 0), ("u", UNSIGNED, 0), ("wu", UNSIGNED, None), ("s", STRING, ""), ("y", BYTES, b""), ("b", pa.bool_(), False), ("d", DOUBLE, 0.0), ("e", STRING, "X"),
     ("o", INT, None), ("r", pa.list_(INT), []), ("n", N, None), ("rn", pa.list_(N), []), ("ks", STRING, None),
     ("k_0", pa.struct([("ks", STRING)]), None), ("w", STRING, None), ("t", TIMESTAMP, None), ("dt", DATE, None)],
)  # fmt: skip
def test_what_is_absent(name, type, expected):
    assert value(name, type, b"") == expected
    assert rows({name: type}, None, b"") == [(None,), (expected,)]


def test_what_comes_twice():
    assert value("i", INT, A(i=1), A(i=2)) == 2
    assert value("s", STRING, A(s="a"), A(s="long one"), A(s="b")) == "b"
    assert value("n", N, A(n={"x": 1, "s": "a"}), A(n={"s": "b"})) == {"x": 1, "s": "b"}
    assert value("r", pa.list_(INT), A(r=[1]), A(r=[2])) == [1, 2]
    assert value("t", BIGINT, A(t={"seconds": 5}), A(t={"nanos": 7_000_000})) == 5007
    assert value("ks", STRING, A(ks="x"), A(kn=1)) is None
    assert value("k_0", pa.struct([("ks", STRING), ("kn", BIGINT)]), A(ks="x"), A(kn=1)) == {"ks": None, "kn": 1}
    assert value("km", N, A(km={"x": 1}), A(kn=1), A(km={"s": "b"})) == {"x": 0, "s": "b"}


def test_repeated_numbers_packed_or_not():
    assert value("r", pa.list_(INT), b"\x62\x02\x01\x02", b"\x60\x03") == [1, 2, 3]


def test_unknown_fields_and_wire_types_are_passed_over():
    unknown = b"\xa0\x3e\x01" + b"\xa2\x3e\x02hi" + b"\xa5\x3e" + bytes(4) + b"\xa1\x3e" + bytes(8)
    group = b"\xa3\x3e\x08\x05\xab\x3e\xac\x3e\xa4\x3e"
    assert value("i", INT, unknown, A(i=3), group) == 3
    assert value("i", INT, b"\x0a\x02hi") == 0  # a text where a number is known
    assert value("s", STRING, b"\x40\x05") == ""


NOT_VALID = "not a valid Protobuf message of the schema"


@pytest.mark.parametrize(
    "data",
    [
        b"\x08", b"\x08\x80", b"\x08" + b"\x80" * 10 + b"\x01", b"\x00\x01", b"\x42\x05hi", b"\x42\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x29\x00", b"\x25\x00", b"\x0e", b"\x0f\x00", b"\x0c", b"\x0b", b"\x0b\x14", b"\x0b\x08", b"\xa3\x3e" * 200 + b"\xa4\x3e" * 200,
        b"\x72\x02\x08", b"\x72\x01\x08", b"\x62\x01\x80", b"\x80\x80\x80\x80\x80\x01\x00", b"\xff\xff\xff\xff\xff\x0f\x01",
    ],
)  # fmt: skip
def test_what_is_no_message(data):
    everything = {"i": INT, "s": STRING, "d": DOUBLE, "f": BIGINT, "r": pa.list_(INT), "n": N}
    good = A(i=7, s="x").SerializeToString()
    found = rows(everything, good, data, good)
    assert found[1] == NOT_VALID
    assert found[0] == found[2] == (7, "x", 0.0, 0, [], None)


def test_a_bad_record_leaves_nothing_behind():
    n = A(rn=[{"x": 1, "s": "one"}, {"x": 2}], rs=["a", "b"], n={"s": "deep"}, ks="k").SerializeToString()
    fields = {"rn": pa.list_(N), "rs": pa.list_(STRING), "n": N, "ks": STRING, "i": INT}
    found = rows(fields, n + b"\x08", n + b"\x7a\x03\x08\x01\x1a", b"", n, None)
    assert found[:2] == [NOT_VALID, NOT_VALID]
    assert found[2] == ([], [], None, None, 0)
    assert found[3] == ([{"x": 1, "s": "one"}, {"x": 2, "s": ""}], ["a", "b"], {"x": 0, "s": "deep"}, "k", 0)
    assert found[4] == (None,) * 5


def test_reasons_name_the_field(reader):
    bad_text = rows({"s": STRING}, b"\x42\x02\xff\xff")[0]
    assert bad_text == ("field s: not valid UTF-8" if reader == "walk" else NOT_VALID)
    assert value("z", INT, A(z=2**31)) == "field z: a value too large for INTEGER"
    assert value("u32", INT, A(u32=2**32 - 1)) == "field u32: a value too large for INTEGER"
    assert value("dt", DATE, A(dt={"year": 2023, "month": 2, "day": 29})) == "field dt: no date"
    assert value("tm", TIME, A(tm={"hours": 24})) == "field tm: no time of a day"
    for seconds, nanos in ((2**62, 0), (253402300799, 10**9), (-62135596800, -1)):
        reason = value("t", TIMESTAMP, A(t={"seconds": seconds, "nanos": nanos}))
        assert reason == "field t: a value too large for TIMESTAMP"
    assert value("t", TIMESTAMP, A(t={"seconds": -62135596800})) == datetime.datetime(1, 1, 1)
    inside = pa.struct([("ns", pa.list_(pa.struct([("x", pa.int32())])))])
    assert value("n", inside, A(n={"ns": [{"x": 4}]})) == {"ns": [{"x": 4}]}


@pytest.mark.parametrize("text", [b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x98", b"abcdefgh\xff", b"\xf0\x80\x80\x80"])
def test_what_is_not_utf8(text):
    assert isinstance(rows({"s": STRING}, b"\x42" + bytes([len(text)]) + text)[0], str)


def test_a_record_of_too_many_values():
    wide = pa.list_(pa.struct([(f"c{i}", INT) for i in range(99)]))
    many = b"\x7a\x00" * 50_000
    assert "too many values" in rows({"rn": wide}, many)[0]
    assert len(rows({"rn": wide}, many[:2000])[0][0]) == 1000


def test_a_batch_of_too_many_values(reader, monkeypatch):
    if reader == "upb":
        monkeypatch.setattr("kshell.formats.protobuf.read._MAX_BATCH", 1000 * 100 * 2)
        records, wanted = 4, 2
    else:
        records, wanted = 700, 671  # of 64 Mi values
    wide = [pa.field("rn", pa.list_(pa.struct([(f"c{i}", INT) for i in range(99)])))]
    data = pa.array([b"\x7a\x00" * 1000] * records, pa.binary())
    found = Plain(MESSAGE, wide).decode(data)
    assert [row for row, _ in found.bad] == list(range(wanted, records))
    assert {why for _, why in found.bad} <= {"too many values", "field rn: too many values"}


@pytest.mark.parametrize(
    ("name", "type"), [("s", INT), ("n", STRING), ("r", INT), ("i", pa.list_(INT)), ("d", pa.bool_()), ("t", STRING), ("s", BYTES)]
)  # fmt: skip
def test_columns_that_can_never_fit_are_refused(name, type):
    with pytest.raises(BindError, match=f"Protobuf field {name} is"):
        Plain(MESSAGE, [pa.field(name, type)])


# Only over upb: what the table of `walk` cannot say.
PROTO2 = """syntax = "proto2"; message B {
  optional int32 i = 1 [default = 7]; optional string s = 2 [default = "d"]; optional E e = 3; enum E { P = 1; Q = 2; }
  repeated group G = 4 { optional int32 x = 1; } required int32 q = 5; optional int32 plain = 6; }"""


def test_proto2():
    message = message_named(load(Schema(SchemaType.PROTOBUF, PROTO2)))
    fields = list(message_type(message))
    assert [f.name for f in fields] == ["i", "s", "e", "g", "q", "plain"]
    found = Plain(message, fields).decode(pa.array([b"\x28\x01", b"\x23\x08\x05\x24\x18\x02\x28\x01\x18\x09"], pa.binary()))
    assert found.bad == []
    assert [c.to_pylist() for c in found.columns] == [[7, 7], ["d", "d"], [None, "Q"], [[], [{"x": 5}]], [1, 1], [None, None]]


def test_maps_decimals_and_json():
    text = HEAD + """import "google/protobuf/struct.proto"; import "confluent/type/decimal.proto";
      message C { map<string, int32> m = 1; map<int32, N> mi = 2; message N { string s = 1; } confluent.type.Decimal d = 3;
                  google.protobuf.Struct j = 4; }"""
    message = message_named(load(Schema(SchemaType.PROTOBUF, text)))
    made = message_class(message)(m={"b": 2, "a": 1}, mi={-5: {"s": "x"}})
    made.d.value, made.d.scale = (-12345).to_bytes(2, "big", signed=True), 3
    made.j.update({"k": [1.5, None]})
    fields = [pa.field("m", pa.map_(STRING, INT)), pa.field("mi", pa.map_(STRING, pa.struct([("s", STRING)]))),
              pa.field("d", pa.decimal128(8, 3)), pa.field("j", STRING)]  # fmt: skip
    found = Plain(message, fields).decode(pa.array([made.SerializeToString()], pa.binary()))
    assert found.bad == []
    assert [c[0].as_py() for c in found.columns] == [
        [("a", 1), ("b", 2)], [("-5", {"s": "x"})], Decimal("-12.345"), '{"k": [1.5, null]}']  # fmt: skip
    narrow = Plain(message, [pa.field("d", pa.decimal128(4, 2))]).decode(pa.array([made.SerializeToString()], pa.binary()))
    assert narrow.bad == [(0, "field d: -12.345 does not fit DECIMAL(4, 2)")]


# Frames.


class Counted(Remembered):
    asked = 0

    def by_id(self, id):
        self.asked += 1
        if id == 99:
            raise RegistryDown("no answer")
        return super().by_id(id)


def framed_registry():
    schemas = Counted()
    schemas.register("a", Schema(SchemaType.PROTOBUF, HEAD + "message X { int32 a = 1; message Y { string a = 1; } } message Z { int64 a = 3; }"))
    schemas.register("b", Schema(SchemaType.PROTOBUF, HEAD + "message W { string b = 1; }"))
    schemas.register("c", Schema(SchemaType.JSON, "{}"))
    schemas.register("d", Schema(SchemaType.PROTOBUF, "broken"))
    return schemas


def test_records_of_many_schemas_and_messages():
    schemas = framed_registry()
    records = [
        frame(1, b"\0\x08\x05"), None, frame(1, write_indexes([1]) + b"\x18\x07"), frame(2, b"\0\x0a\x01x"), b"", b"plain",
        frame(1, write_indexes([0, 0]) + b"\x0a\x01q"), frame(3, b"\0"), frame(4, b"\0"), frame(5, b"\0"), frame(1, b"\x04\x08\x08"),
        frame(1, b"\x02"), frame(1, b"\0\x08"), frame(1, b"\0"), frame(1, write_indexes([9])), frame(1, b"\xfe\xff\xff\xff\x0f"),
        frame(1, b"\x02\x01"), frame(1, b""),
    ]  # fmt: skip
    data = pa.array([b"skipped", *records], pa.binary()).slice(1)
    found = Framed(schemas, [pa.field("A", BIGINT)]).decode(data)
    good = {0: 5, 2: 7, 3: None, 13: 0}
    assert found.columns[0].to_pylist() == [good.get(i) for i in range(len(records))]
    bad = dict(found.bad)
    assert bad.keys() == set(range(len(records))) - good.keys() - {1}
    assert "no schema id in front" in bad[4] and "no schema id in front" in bad[5]  # noqa: PT018
    assert bad[6] == "the Protobuf field a is string, not BIGINT"
    assert bad[7] == "schema 3 is JSON, not PROTOBUF"
    assert "not valid" in bad[8] and bad[9] == "no schema with the id 5"  # noqa: PT018
    assert bad[12] == NOT_VALID
    assert "no message at [9]" in bad[14]
    asked = schemas.asked
    Framed(schemas, [pa.field("A", BIGINT)]).decode(pa.array([records[0]] * 50, pa.binary()))
    assert schemas.asked == asked + 1


def test_a_registry_that_is_down_is_no_bad_row():
    reader = Framed(framed_registry(), [pa.field("A", BIGINT)])
    with pytest.raises(RegistryDown):
        reader.decode(pa.array([frame(1, b"\0"), frame(99, b"\0")], pa.binary()))


# Writing.


def test_writing_registers_the_schema_of_the_columns():
    schemas = Remembered()
    made = write("PROTOBUF", {"A": INT, "B": STRING}, (5, "x"), (None, None), (1, "y"), schemas=schemas, gone=[False, False, True])
    assert made == [frame(1, b"\0\x08\x05\x12\x01x"), frame(1, b"\0"), None]
    assert "int32 A = 1;" in schemas.latest("t-value").schema.text
    again = write("PROTOBUF", {"A": INT, "B": STRING}, (6, "x"), schemas=schemas)
    assert again[0][:5] == made[0][:5]


def test_writing_by_the_schema_that_is_there():
    schemas = Remembered()
    text = HEAD + "message Other { int32 q = 1; } message Row { sint32 B = 9; string A = 2; int64 more = 3; }"
    schemas.put("t-value", Schema(SchemaType.PROTOBUF, text), 41)
    options = {"SCHEMA_FULL_NAME": "Row"}
    expected = frame(41, b"\x02\x02\x12\x01x\x48\x09")
    for given in (options, options | {"SCHEMA_ID": "41"}):
        assert write("PROTOBUF", {"A": STRING, "B": INT}, ("x", -5), options=given, schemas=schemas) == [expected]
        assert one("PROTOBUF", {"A": STRING, "B": INT}, expected, given, schemas=schemas) == ("x", -5)


@pytest.mark.parametrize(
    ("representation", "expected"), [("", (0, "", [])), ("OPTIONAL", (None, None, [])), ("WRAPPER", (None, None, []))]
)
def test_nulls_by_their_representation(representation, expected):
    columns = {"I": INT, "S": STRING, "L": pa.list_(INT)}
    options = {"PROTOBUF_NULLABLE_REPRESENTATION": representation} if representation else {}
    for format in ("PROTOBUF", "PROTOBUF_NOSR"):
        made = codec(format, columns, options)
        arrays = [pa.array([None, v], t) for t, v in zip(columns.values(), (0, "", [0]), strict=True)]
        records = made.encode(arrays, pa.array([False, False])).to_pylist()
        assert read(made, *records, names=list(columns)) == [expected, (0, "", [0])]
    with pytest.raises(BindError, match="OPTIONAL or WRAPPER|cannot be"):
        write("PROTOBUF", columns, (1, "x", []), options={"PROTOBUF_NULLABLE_REPRESENTATION": "SOME"})


def test_values_that_protobuf_cannot_hold():
    with pytest.raises(EvaluationError, match="no NULL inside"):
        write("PROTOBUF_NOSR", {"L": pa.list_(INT)}, ([1, None],))
    schemas = Remembered()
    schemas.put("t-value", Schema(SchemaType.PROTOBUF, HEAD + "message R { E e = 1; uint32 u = 2; enum E { X = 0; } }"), 1)
    with pytest.raises(EvaluationError, match="has no value 'Z'"):
        write("PROTOBUF", {"e": STRING}, ("Z",), schemas=schemas)
    with pytest.raises(EvaluationError, match="too large"):
        write("PROTOBUF", {"u": BIGINT}, (-1,), schemas=schemas)
    with pytest.raises(BindError, match="has no field q"):
        write("PROTOBUF", {"q": INT}, (1,), schemas=schemas, options={"SCHEMA_ID": "1"})


def test_what_a_codec_needs():
    with pytest.raises(UsageError, match="schema registry"):
        codec("PROTOBUF", {"A": INT}, schemas=None)
    with pytest.raises(BindError, match="cannot stand alone"):
        codec("PROTOBUF_NOSR", {"A": INT}, wrapped=False)
    struct_only = {"R": pa.struct([("A", INT)])}
    assert write("PROTOBUF_NOSR", struct_only, ({"A": 5},), (None,), wrapped=False) == [b"\x08\x05", None]
    assert one("PROTOBUF_NOSR", struct_only, b"\x08\x05", wrapped=False) == ({"A": 5},)


def test_struct_reads_what_python_packs():
    """Against struct: numbers of fixed size."""
    data = b"\x25" + struct.pack("<I", 2**31) + b"\x29" + struct.pack("<d", 1e300) + b"\xa1\x06" + struct.pack("<q", -(2**62))
    assert rows({"f": BIGINT, "d": DOUBLE, "s64": BIGINT}, data) == [(2**31, 1e300, -(2**62))]


def test_the_table_says_all_of_this_schema():
    fields = list(message_type(MESSAGE))
    assert walk.walker(MESSAGE, fields) is not None or os.environ.get("KSHELL_PURE")


def test_what_is_nested_too_often_in_itself_is_marked():
    text = 'syntax = "proto3"; message Node { int32 v = 1; Node next = 2; repeated Node kids = 3; }'
    type = exact_type(Schema(SchemaType.PROTOBUF, text))
    inner = pa.struct([("v", pa.int32()), ("next", pa.string()), ("kids", pa.list_(pa.string()))])
    assert type.field("next").type == inner
    message = message_named(load(Schema(SchemaType.PROTOBUF, text)))
    node = message_class(message)
    record = node(v=1, next=node(v=2, next=node(v=3), kids=[node(v=4, next=node(v=5))])).SerializeToString()
    (following,) = Plain(message, [type.field("next")]).decode(pa.array([record, node(v=1).SerializeToString()], pa.binary())).columns
    assert following.to_pylist() == [{"v": 2, "next": "…", "kids": ["…"]}, None]
