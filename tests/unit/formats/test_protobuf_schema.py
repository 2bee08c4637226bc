"""Protobuf schemas: texts by protoc, descriptors, imports, columns, and the texts of columns."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2 as pb

from kshell.errors import BindError, CorruptRecord, UsageError
from kshell.formats.protobuf.columns import protobuf_type
from kshell.formats.protobuf.pool import load, message_at, message_indexes
from kshell.formats.protobuf.text import Nullable, proto_text
from kshell.formats.registry import Schema, SchemaType
from kshell.formats.schema_files import read_schema_file

from .halves import BIGINT, BOOLEAN, BYTES, DATE, DOUBLE, INT, STRING, TIME, TIMESTAMP

HEAD = 'syntax = "proto3"; '


def schema(text, **imports):
    return Schema(SchemaType.PROTOBUF, text, (), {k.replace("__", "/") + ".proto": v for k, v in imports.items()})


def columns(text, name="", **imports):
    return {f.name: f.type for f in protobuf_type(schema(text, **imports), name)}


@pytest.mark.parametrize(
    ("field", "type"),
    [
        ("bool c = 1", BOOLEAN), ("int32 c = 1", INT), ("sint32 c = 1", INT), ("sfixed32 c = 1", INT),
        ("uint32 c = 1", BIGINT), ("fixed32 c = 1", BIGINT), ("int64 c = 1", BIGINT), ("uint64 c = 1", BIGINT),
        ("float c = 1", DOUBLE), ("double c = 1", DOUBLE), ("string c = 1", STRING), ("bytes c = 1", BYTES),
        ("E c = 1", STRING), ("repeated string c = 1", pa.list_(STRING)), ("optional int32 c = 1", INT),
        ("map<string, int32> c = 1", pa.map_(STRING, INT)), ("map<int64, N> c = 1", pa.map_(STRING, pa.struct([("x", INT)]))),
        ("N c = 1", pa.struct([("x", INT)])), ("repeated N c = 1", pa.list_(pa.struct([("x", INT)]))),
        ("google.protobuf.Int32Value c = 1", INT), ("google.protobuf.UInt32Value c = 1", BIGINT),
        ("google.protobuf.StringValue c = 1", STRING), ("google.protobuf.BytesValue c = 1", BYTES),
        ("google.protobuf.BoolValue c = 1", BOOLEAN), ("google.protobuf.FloatValue c = 1", DOUBLE),
        ("google.protobuf.Timestamp c = 1", TIMESTAMP), ("google.type.Date c = 1", DATE),
        ("google.type.TimeOfDay c = 1", TIME), ("google.protobuf.Struct c = 1", STRING),
        ("google.protobuf.Value c = 1", STRING), ("google.protobuf.ListValue c = 1", STRING),
        ("google.type.LatLng c = 1", pa.struct([("latitude", DOUBLE), ("longitude", DOUBLE)])),
        ('confluent.type.Decimal c = 1 [(confluent.field_meta) = {params: [{key: "precision", value: "9"}, {key: "scale", value: "2"}]}]', pa.decimal128(9, 2)),
    ],
)  # fmt: skip
def test_types(field, type):
    imports = ("google/protobuf/wrappers", "google/protobuf/timestamp", "google/protobuf/struct", "google/type/date",
               "google/type/timeofday", "google/type/latlng", "confluent/meta", "confluent/type/decimal")  # fmt: skip
    used = "".join(f'import "{i}.proto"; ' for i in imports)
    text = f"{HEAD}{used} message A {{ {field}; enum E {{ X = 0; }} message N {{ int32 x = 1; }} }}"
    assert columns(text) == {"c": type}


def test_a_oneof_is_a_struct_in_front():
    text = HEAD + "message A { int32 a = 1; oneof k { string s = 2; int64 n = 3; } optional int32 o = 4; }"
    struct = pa.struct([("s", STRING), ("n", BIGINT)])
    assert columns(text) == {"k_0": struct, "a": INT, "o": INT}


def test_a_message_in_itself_is_followed_twice():
    text = HEAD + "message A { int32 x = 1; A a = 2; }"
    assert columns(text) == {"x": INT, "a": pa.struct([("x", INT)])}
    assert columns(HEAD + "message A { E e = 1; int32 x = 2; } message E {}") == {"x": INT}


def test_messages_by_name_and_by_index():
    text = HEAD + "package p; message A { int32 a = 1; message B { int32 b = 1; } } message C { int32 c = 1; }"
    file = load(schema(text))
    for path in ([0], [0, 0], [1]):
        assert message_indexes(message_at(file, path)) == path
    assert [columns(text, n) for n in ("", "p.C", "C", "p.A.B", "B")] == [
        {"a": INT}, {"c": INT}, {"c": INT}, {"b": INT}, {"b": INT}]  # fmt: skip
    with pytest.raises(BindError, match="no message X"):
        columns(text, "X")
    for path in ([2], [1, 0], [0, 1], [-1]):
        with pytest.raises(CorruptRecord, match="no message at"):
            message_at(file, path)


EVENT = HEAD + "package ev; message Event { int64 t = 1; }"
MAIN = HEAD + 'import "a/event.proto"; message M { ev.Event e = 1; }'
WANTED = {"e": pa.struct([("t", BIGINT)])}


def described(text, name):
    file = pb.FileDescriptorProto.FromString(load(schema(text)).serialized_pb)
    file.name = name
    return base64.b64encode(file.SerializeToString()).decode()


def test_imports_as_text_and_as_descriptors():
    assert columns(MAIN, a__event=EVENT) == WANTED
    assert columns(MAIN, a__event=described(EVENT, "a/event.proto")) == WANTED
    main = pb.FileDescriptorProto.FromString(load(schema(MAIN, a__event=EVENT)).serialized_pb)
    text = base64.b64encode(main.SerializeToString()).decode()
    assert columns(text, a__event=EVENT) == WANTED
    assert columns(text, a__event=described(EVENT, "a/event.proto")) == WANTED


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nonsense;", "line 1, column 1"),
        ("nonsense", "neither a .proto text nor a descriptor"),
        (HEAD + "message A { Foo x = 1; }", '"Foo" is not defined'),
        (HEAD + "message A { int32 x = 0; }", "positive integers"),
        (HEAD + "message A { int32 x = 1; int32 y = 1; }", "already been used"),
        (HEAD + 'import "gone.proto"; message A { int32 x = 1; }', "gone.proto"),
        (HEAD + "message A {" * 200, "recursion limit"),
        (HEAD + 'import "schema.proto"; message A {}', "recursively imports itself"),
        (HEAD + "enum E { X = 0; }", "has no message"),
        (HEAD + "\x00\x1b[2J", "control characters"),
        ("x" * ((4 << 20) + 1), "more than 4,194,304 characters"),
    ],
)
def test_wrong_schemas_are_told(text, what, capfd):
    with pytest.raises(BindError, match=what) as caught:
        columns(text)
    assert "\x1b" not in caught.value.what
    assert capfd.readouterr() == ("", ""), "protoc may write nothing to the terminal"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "x\ny"])
def test_a_file_is_written_nowhere_else(name):
    with pytest.raises(BindError, match="no name of a Protobuf file"):
        load(Schema(SchemaType.PROTOBUF, MAIN, (), {name: EVENT}))


def test_descriptors_that_are_wrong():
    def text(**file):
        return base64.b64encode(pb.FileDescriptorProto(**file).SerializeToString()).decode()

    with pytest.raises(BindError, match="imports x.proto, which is not there"):
        columns(text(name="m.proto", dependency=["x.proto"]))
    with pytest.raises(BindError, match="in circles at schema.proto"):
        columns(text(name="m.proto", dependency=["x.proto"]), x=text(name="x.proto", dependency=["schema.proto"]))
    message = pb.DescriptorProto(name="A", field=[pb.FieldDescriptorProto(name="x", number=1, type_name=".Gone", type=11)])
    with pytest.raises(BindError, match="not valid"):
        columns(text(name="m.proto", message_type=[message]))


FIELDS = [
    pa.field("I", INT), pa.field("L", BIGINT), pa.field("D", DOUBLE), pa.field("S", STRING), pa.field("B", BOOLEAN),
    pa.field("Y", BYTES), pa.field("DT", DATE), pa.field("T", TIME), pa.field("TS", TIMESTAMP),
    pa.field("N", pa.decimal128(9, 2)), pa.field("A", pa.list_(STRING)), pa.field("AA", pa.list_(pa.list_(INT))),
    pa.field("M", pa.map_(STRING, pa.struct([("X", INT)]))), pa.field("R", pa.struct([("Q", pa.list_(DATE))])),
]  # fmt: skip


@pytest.mark.parametrize("nullable", Nullable)
def test_columns_come_back_from_their_own_text(nullable):
    found = columns(proto_text(FIELDS, nullable))
    nested = pa.struct([("value", pa.list_(INT))])  # no field repeats what repeats
    assert found == {f.name: pa.list_(nested) if f.name == "AA" else f.type for f in FIELDS}


def test_the_text_of_columns():
    assert proto_text([pa.field("A", INT), pa.field("B", STRING)], Nullable.OPTIONAL, "p.Row") == (
        'syntax = "proto3";\n\npackage p;\n\nmessage Row {\n  optional int32 A = 1;\n  optional string B = 2;\n}\n'
    )
    assert proto_text([pa.field("A", BIGINT)], Nullable.WRAPPER) == (
        'syntax = "proto3";\n\nimport "google/protobuf/wrappers.proto";\n\nmessage ConnectDefault1 {\n'
        "  google.protobuf.Int64Value A = 1;\n}\n"
    )
    load(schema(proto_text([pa.field("A_B", INT), pa.field("AB", INT)])))
    for name in ("1A", "A B", "A-B", "É", ""):
        with pytest.raises(BindError, match="no name of a Protobuf field"):
            proto_text([pa.field(name, INT)])
    with pytest.raises(BindError, match="no name of a Protobuf message"):
        proto_text([pa.field("A", INT)], name="p..x")


def test_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "event.proto").write_text(EVENT)
    (tmp_path / "-main.proto").write_text(MAIN)
    deep = tmp_path / "a" / "main.proto"
    deep.write_text(MAIN)
    for path in (tmp_path / "-main.proto", deep):
        assert {f.name: f.type for f in protobuf_type(read_schema_file(str(path)))} == WANTED
    made = pb.FileDescriptorSet()
    event, main = made.file.add(), made.file.add()
    event.ParseFromString(base64.b64decode(described(EVENT, "a/event.proto")))
    main.ParseFromString(load(schema(MAIN, a__event=EVENT)).serialized_pb)
    (tmp_path / "main.desc").write_bytes(made.SerializeToString())
    assert {f.name: f.type for f in protobuf_type(read_schema_file(str(tmp_path / "main.desc")))} == WANTED
    (tmp_path / "bad.proto").write_text("nope")
    (tmp_path / "bad.desc").write_bytes(b"\xff")
    for name in ("bad.proto", "bad.desc", "gone.proto", "x.txt"):
        with pytest.raises(UsageError, match=name.partition(".")[0]):
            read_schema_file(str(tmp_path / name))
