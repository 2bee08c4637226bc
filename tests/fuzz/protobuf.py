"""Mutated Protobuf records, of which the compiled walk and upb read the same; mutated schemas."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.errors import BindError
from kshell.formats.framing import frame
from kshell.formats.protobuf.columns import message_type, oneof_name, oneofs, protobuf_type
from kshell.formats.protobuf.decode import Framed, _OverUpb
from kshell.formats.protobuf.pool import load, message_class, message_named
from kshell.formats.protobuf.walk import walker
from kshell.formats.registry import Remembered, Schema, SchemaType

from .mutate import mutate

ROWS = 50
# All that the walk's table can say, and no message in itself: what is not asked for is not compared.
_TEXT = """syntax = "proto3";
import "google/protobuf/wrappers.proto"; import "google/protobuf/timestamp.proto";
import "google/type/date.proto"; import "google/type/timeofday.proto";
message A {
  int32 i = 1; int64 l = 2; uint32 u = 3; uint64 ul = 4; sint32 s = 5; sint64 sl = 6; fixed32 f = 7; fixed64 fl = 8;
  sfixed32 sf = 9; sfixed64 sfl = 10; float g = 11; double d = 12; bool b = 13; string t = 14; bytes y = 15;
  enum E { X = 0; Y = 1; Z = -5; } E e = 16; optional int32 oi = 17; optional string ot = 18;
  repeated int32 ri = 19; repeated string rt = 20; repeated double rd = 21 [packed = false]; repeated sint64 rs = 40;
  repeated E re = 41; repeated bool rb = 42; message M { string z = 1; repeated bool w = 2; }
  message N { int32 a = 1; string b = 2; repeated int64 c = 3; M n = 4; oneof q { int32 qa = 5; M qn = 6; } }
  N n = 22; repeated N rn = 23; oneof k { int32 ka = 24; string kb = 25; N kn = 26; google.protobuf.Int32Value kw = 27; }
  google.protobuf.StringValue ws = 28; google.protobuf.UInt64Value wu = 29; google.protobuf.BoolValue wb = 30;
  repeated google.protobuf.Int64Value rw = 31; google.protobuf.Timestamp ts = 32; google.type.Date dt = 33;
  google.type.TimeOfDay tm = 34; repeated google.protobuf.Timestamp rts = 35; google.protobuf.BytesValue wy = 37; }"""
_INTS = (0, 1, -1, 127, 128, 300, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**64 - 1, 1_700_000_000)


def _fill(chance: random.Random, made: Any, depth: int = 0) -> None:
    for field in made.DESCRIPTOR.fields:
        if chance.random() < 0.4:
            continue
        message = field.message_type
        if field.is_repeated:
            target = getattr(made, field.name)
            for _ in range(chance.randrange(4)):
                if message is None:
                    target.append(_scalar(chance, field))
                elif depth < 3:
                    _fill(chance, target.add(), depth + 1)
        elif message is None:
            setattr(made, field.name, _scalar(chance, field))
        elif depth < 3:
            inner = getattr(made, field.name)
            inner.SetInParent()
            _fill(chance, inner, depth + 1)


def _scalar(chance: random.Random, field: Any) -> Any:
    if field.enum_type is not None:
        return chance.choice([0, 1, -5, 9])
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return chance.choice([0.0, 1.5, -2.25, 1e30, float("inf")])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.type == field.TYPE_STRING:
        return chance.choice(["", "a", "é☃😀", "x" * 40])
    if field.type == field.TYPE_BYTES:
        return chance.choice([b"", b"\xff\0", b"y" * 30])
    bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
    number = chance.choice([*_INTS, chance.randrange(32)]) % (1 << bits)
    signed = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64)
    return number - (1 << bits) if signed and number >= 1 << (bits - 1) else number


def fuzz_protobuf(chance: random.Random) -> Callable[[], None]:
    """Batches of records without a frame, and with one, whose ids and indexes are mutated too."""
    schema = Schema(SchemaType.PROTOBUF, _TEXT)
    message = message_named(load(schema))
    kind, schemas = message_class(message), Remembered()
    schemas.register("t-value", schema)
    seeds = []
    for _ in range(150):
        made = kind()
        _fill(chance, made)
        seeds.append(made.SerializeToString())
    seeds += [a + b for a, b in zip(seeds[:50], seeds[50:100], strict=True)]
    whole, groups = list(message_type(message)), {oneof_name(o) for o in oneofs(message)}
    apart = [member for f in whole for member in (f.type if f.name in groups else [f])]
    readers = [(walker(message, f), _OverUpb(message, f), Framed(schemas, f)) for f in (whole, apart)]

    def once() -> None:
        compiled, upb, framed = chance.choice(readers)
        rows = [chance.choice(seeds) for _ in range(ROWS)]
        rows = [bytes(mutate(chance, r)) if chance.random() < 0.8 else r for r in rows]
        ends = np.cumsum([len(r) for r in rows])
        starts = np.concatenate([[0], ends[:-1]])
        data = pa.py_buffer(b"".join(rows))
        theirs, bad = upb.read(data, starts, ends)
        if compiled is not None:
            ours, ours_bad = compiled.read(data, starts, ends)
            assert {row for row, _ in ours_bad} == {row for row, _ in bad}
            for one, other in zip(ours, theirs, strict=True):
                one.validate(full=True)
                assert repr(one.to_pylist()) == repr(other.to_pylist())
        values = [bytes(mutate(chance, frame(1, b"\0" + r)[:40])) + r[34:] for r in rows]
        found = framed.decode(pa.array(values, pa.binary()))
        for column in found.columns:
            column.validate(full=True)

    return once


# Without what only protoc finds.
_OWN = """syntax = "proto3"; package p; import "google/protobuf/timestamp.proto";
message A { int32 a = 1; repeated A b = 2; oneof k { string c = 3; N d = 4; } map<string, N> e = 5;
  message N { optional E f = 1; enum E { X = 0; Y = 7; } google.protobuf.Timestamp g = 2; } }
message B { A.N h = 1; p.A i = 2 [json_name = "j"]; }"""


def fuzz_protobuf_schema(chance: random.Random) -> Callable[[], None]:
    """Schemas as descriptors, and a few as texts: those cost a process each."""
    seeds = [load(Schema(SchemaType.PROTOBUF, _OWN)).serialized_pb]

    def once() -> None:
        if chance.random() < 0.0005:
            text = bytes(mutate(chance, _TEXT.encode())).decode(errors="replace")
        else:
            text = base64.b64encode(bytes(mutate(chance, chance.choice(seeds)))).decode()
        try:
            found = protobuf_type(Schema(SchemaType.PROTOBUF, text))
        except BindError:
            return
        assert isinstance(found, pa.StructType)

    return once
