"""The compiled writer gives the bytes that Protobuf's own writer gives for the same rows."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.errors import Unwritable
from kshell.formats.protobuf.pool import load, message_named
from kshell.formats.protobuf.steps import steps
from kshell.formats.protobuf.write import Writer
from kshell.formats.registry import Schema, SchemaType
from kshell.formats.row_writer import row_writer

from .halves import BIGINT, BOOLEAN, BYTES, DOUBLE, INT, STRING, TIMESTAMP, codec

pytest.importorskip("kshell.formats._write")
thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = """syntax = "proto3";
import "google/protobuf/wrappers.proto"; import "google/protobuf/timestamp.proto";
import "confluent/type/decimal.proto";
message L { repeated string value = 1; }
message N { string s = 2; int32 x = 1; repeated N ns = 3; }
enum E { ZERO = 0; ONE = 1; }
message A {
  fixed64 f64 = 104; int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6;
  fixed32 f32 = 7; sfixed32 sf32 = 8; sfixed64 sf64 = 9; float f = 10; double d = 11; float fi = 12; double di = 13;
  bool b = 14; string s = 15; bytes y = 16; optional int32 o = 17; optional string os = 18; optional double od = 19;
  repeated int32 r = 20; repeated sint64 rz = 21 [packed = false]; repeated string rs = 22; repeated bool rb = 23;
  N n = 24; repeated N rn = 25; google.protobuf.StringValue ws = 26; google.protobuf.Int64Value wi = 27;
  google.protobuf.DoubleValue wd = 28; google.protobuf.Timestamp t = 29; confluent.type.Decimal de = 30; L l = 31;
  repeated google.protobuf.Timestamp rt = 2000; repeated google.protobuf.BoolValue rw = 100; repeated float rf = 101;
  map<string, int32> m = 200; E e = 201; oneof choice { int32 a = 202; string z = 203; }
}"""
MESSAGE = message_named(load(Schema(SchemaType.PROTOBUF, TEXT)), "A")
INTS = st.integers(-(2**31), 2**31 - 1) | st.just(0)
LONGS = st.integers(-(2**63), 2**63 - 1) | st.just(0)
UNSIGNED = st.integers(0, 2**32 - 1)
DOUBLES = st.floats() | st.sampled_from([0.0, -0.0])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=200) | st.just("é" * 70)
TIMES = st.integers(-(10**13), 10**14)
DECIMALS = st.decimals(-(10**20), 10**20, places=3, allow_nan=False)
NESTED = pa.struct({"X": INT, "S": STRING})
N = pa.struct({"S": STRING, "NS": pa.list_(NESTED), "X": INT})


def lists(of):
    return st.lists(of, max_size=4) | st.lists(of, min_size=100, max_size=150)


DEEP = st.fixed_dictionaries(
    {
        "S": TEXTS | st.none(), "X": INTS | st.none(),
        "NS": st.none() | st.lists(st.fixed_dictionaries({"X": INTS | st.none(), "S": TEXTS}), max_size=3),
    }
)  # fmt: skip
COLUMNS = {
    "I32": (INT, INTS), "I64": (BIGINT, LONGS), "U32": (BIGINT, UNSIGNED), "U64": (BIGINT, LONGS), "S32": (INT, INTS),
    "S64": (BIGINT, LONGS), "F32": (BIGINT, UNSIGNED), "SF32": (INT, INTS), "SF64": (BIGINT, LONGS),
    "F64": (BIGINT, LONGS), "F": (DOUBLE, st.floats(width=32) | st.just(-0.0)), "D": (DOUBLE, DOUBLES),
    "FI": (BIGINT, st.integers(-(2**40), 2**40)), "DI": (INT, INTS), "B": (BOOLEAN, st.booleans()), "S": (STRING, TEXTS),
    "Y": (BYTES, st.binary(max_size=9)), "O": (INT, INTS), "OS": (STRING, TEXTS), "OD": (DOUBLE, DOUBLES),
    "R": (pa.list_(INT), lists(INTS)), "RZ": (pa.list_(BIGINT), lists(LONGS)), "RS": (pa.list_(STRING), lists(TEXTS)),
    "RB": (pa.list_(BOOLEAN), lists(st.booleans())), "N": (N, DEEP), "RN": (pa.list_(N), st.lists(DEEP, max_size=3)),
    "WS": (STRING, TEXTS), "WI": (BIGINT, LONGS), "WD": (DOUBLE, DOUBLES), "T": (TIMESTAMP, TIMES),
    "DE": (pa.decimal128(30, 3), DECIMALS), "L": (pa.list_(STRING), lists(TEXTS)), "RT": (pa.list_(TIMESTAMP), lists(TIMES)),
    "RW": (pa.list_(BOOLEAN), lists(st.booleans())), "RF": (pa.list_(DOUBLE), lists(st.floats(width=32))),
}  # fmt: skip


def both(fields, arrays, gone, prefix=b"", wrapped=True):
    """What C writes; it is what Protobuf writes."""
    made = row_writer(lambda: steps(MESSAGE, fields, wrapped=wrapped), "protobuf", single=not wrapped)
    assert made is not None
    written = made.write(list(arrays), pa.array(gone, pa.bool_()), prefix)
    written.validate(full=True)
    twin = Writer(MESSAGE, fields)
    values = [a.to_pylist() for a in arrays]
    if not wrapped:
        gone = [dead or v is None for dead, v in zip(gone, values[0], strict=True)]
        values = [[(v or {}).get(f.name) for v in values[0]] for f in fields]
    rows = list(zip(*values, strict=True))
    assert written.to_pylist() == [
        None if dead else prefix + twin.write(row) for dead, row in zip(gone, rows, strict=True)
    ]


@thorough
@given(st.data())
def test_any_rows_of_any_columns(data):
    names = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=9, unique=True))
    fields = [pa.field(name, COLUMNS[name][0]) for name in names]
    rows = data.draw(st.lists(st.tuples(*(COLUMNS[n][1] | st.none() for n in names)), min_size=1, max_size=5))
    gone = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    arrays = [pa.array([r[i] for r in rows], f.type) for i, f in enumerate(fields)]
    both(fields, arrays, gone, data.draw(st.binary(max_size=6)))
    longer = [pa.concat_arrays([a, a, a])[len(rows) - 1 : 2 * len(rows)] for a in arrays]
    both(fields, longer, [*gone, False])
    # The same as one STRUCT that is the message.
    struct = pa.StructArray.from_arrays(arrays, fields=fields, mask=pa.array([n % 3 == 1 for n in range(len(rows))]))
    both(fields, [struct], gone, wrapped=False)


@pytest.mark.parametrize("name", sorted(COLUMNS))
@thorough
@given(st.data())
def test_one_column(name, data):
    type, values = COLUMNS[name]
    given = data.draw(st.lists(values | st.none(), min_size=1, max_size=6))
    both([pa.field(name, type)], [pa.array(given, type)], [False] * len(given))


@pytest.mark.parametrize(
    ("name", "type", "value"),
    [
        ("I32", BIGINT, 2**31), ("I32", BIGINT, -(2**31) - 1), ("U32", INT, -1), ("U32", BIGINT, 2**32),
        ("S32", BIGINT, 2**40), ("F32", BIGINT, 2**32), ("F32", INT, -1), ("SF32", BIGINT, 2**31),
        ("F", DOUBLE, 1e300), ("F", DOUBLE, -3.5e38), ("R", pa.list_(BIGINT), [1, 2**31]), ("R", pa.list_(INT), [1, None]), ("RS", pa.list_(STRING), [None]),
        ("RN", pa.list_(N), [None]), ("RW", pa.list_(BOOLEAN), [None]), ("L", pa.list_(STRING), ["", None]),
        ("N", pa.struct({"X": BIGINT}), {"X": 2**31}),
    ],
)  # fmt: skip
def test_what_python_refuses_c_refuses(name, type, value):
    fields = [pa.field(name, type)]
    made = row_writer(lambda: steps(MESSAGE, fields, wrapped=True), "protobuf")
    assert made.write([pa.array([value], type)], pa.array([False]), b"") is None
    with pytest.raises(Unwritable):
        Writer(MESSAGE, fields).write([value])


@pytest.mark.parametrize(
    ("name", "type"),
    [("M", pa.map_(STRING, INT)), ("E", STRING), ("A", INT), ("U64", pa.decimal128(20, 0)), ("RS", pa.list_(STRING))],
)
def test_what_is_left_to_python(name, type):
    made = row_writer(lambda: steps(MESSAGE, [pa.field(name, type)], wrapped=True), "protobuf")
    assert (made is None) == (name != "RS")


def test_a_sink_is_written_by_it():
    made = codec("PROTOBUF", {"I": INT, "S": STRING})
    columns = [pa.array([1, None], INT), pa.array(["a", "b"])]
    written = made.encode(columns, pa.array([False, False])).to_pylist()
    assert made._rows is not None
    made._rows = None
    assert made.encode(columns, pa.array([False, False])).to_pylist() == written
