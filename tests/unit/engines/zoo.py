"""Odd records, and what each is by hand: the columns that it has (all others are NULL), or why it is an error.

A herd has columns of the same types for all, by which they are declared and which the usual record
suggests of a topic that nobody declares.
"""

from __future__ import annotations

import io
import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import fastavro


@dataclass(frozen=True)
class Bad:
    """An error row whose reason has these words."""

    why: str


@dataclass(frozen=True)
class Herd:
    """`declared` says of records what they are to a declared source where KSQL takes more or less."""

    name: str
    format: str
    columns: dict[str, str]
    usual: bytes
    records: list[tuple[bytes | None, Any]]
    declared: dict[bytes, Any] = field(default_factory=dict)
    plain: bool = True  # PRINT shows the bytes as text
    schema: tuple[str, str] | None = None  # the file's ending and its text
    fits: bool = True  # False: a bounded query over the topic widens the types that samples suggest

    def of_declared(self, record: bytes | None, found: Any) -> Any:
        return self.declared.get(record, found) if record is not None else found


NOT_JSON, NOT_UTF8 = Bad("not valid JSON"), Bad("not valid UTF-8")
MORE = Bad("more bytes after the JSON value")
NO_OBJECT = {
    kind: Bad(f"a JSON {kind}, where an object was expected") for kind in ("array", "number", "boolean", "string")
}
DEEP = Bad("nested more than 64 deep")


def nested(depth: int, opening: str = '{"x":', closing: str = "}") -> bytes:
    """A record whose field n is so many objects or arrays deep."""
    return ('{"n":' + opening * depth + "1" + closing * depth + "}").encode()


_JSON: list[tuple[bytes | None, Any]] = [
    # Whole numbers and fractions
    (b'{"i":0}', {"i": 0}),
    (b'{"i":-0}', {"i": 0}),
    (b'{"i":9223372036854775807}', {"i": 9223372036854775807}),
    (b'{"i":-9223372036854775808}', {"i": -9223372036854775808}),
    (b'{"d":1}', {"d": 1.0}),
    (b'{"d":-0.0}', {"d": -0.0}),
    (b'{"d":1E5}', {"d": 100000.0}),
    (b'{"d":1e308}', {"d": 1e308}),
    (b'{"d":5e-324}', {"d": 5e-324}),
    (b'{"d":1e-400}', {"d": 0.0}),
    (b'{"d":0.1000000000000000055511151231257827}', {"d": 0.1}),
    (b'{"d":9007199254740992}', {"d": 9007199254740992.0}),
    # Text
    (b'{"s":""}', {"s": ""}),
    (b'{"s":"\\u00e9"}', {"s": "é"}),
    ('{"s":"é"}'.encode(), {"s": "é"}),
    (b'{"s":"\\ud83d\\ude00"}', {"s": "😀"}),
    ('{"s":"😀"}'.encode(), {"s": "😀"}),
    (b'{"s":"\\u0000"}', {"s": "\0"}),
    (b'{"s":"a\\u0000b"}', {"s": "a\0b"}),
    (b'{"s":"\\b\\f\\n\\r\\t\\/\\\\\\""}', {"s": '\b\f\n\r\t/\\"'}),
    (b'{"s":"\\u202e"}', {"s": "\u202e"}),
    (b'{"s":"\x7f"}', {"s": "\x7f"}),
    (b'{"s":"1e400"}', {"s": "1e400"}),
    (b'{"s":"NaN"}', {"s": "NaN"}),
    (b'{"s":"null"}', {"s": "null"}),
    (b'{"s":"2024-02-30"}', {"s": "2024-02-30"}),
    (b'{"s":"2024-02-29T12:00:00Z"}', {"s": "2024-02-29T12:00:00Z"}),
    (b'{"s":"' + b"x" * 5000 + b'"}', {"s": "x" * 5000}),
    # Booleans and nothing
    (b'{"b":true}', {"b": True}),
    (b'{"b":false}', {"b": False}),
    (b'{"i":null,"d":null,"s":null,"b":null,"l":null,"o":null}', {}),
    (b"{}", {}),
    (b" \t\r\n{ } \n", {}),
    (None, None),
    # Arrays and objects
    (b'{"l":[]}', {"l": []}),
    (b'{"l":[1,null,-2]}', {"l": [1, None, -2]}),
    (b'{"o":{}}', {"o": {"x": None, "y": None}}),
    (b'{"o":{"x":null}}', {"o": {"x": None, "y": None}}),
    (b'{"o":{"z":9}}', {"o": {"x": None, "y": None}}),
    (b'{"o":{"y":"\\ud83d\\ude00","x":1}}', {"o": {"x": 1, "y": "😀"}}),
    (b'{"o":{"x":9223372036854775807}}', {"o": {"x": 9223372036854775807, "y": None}}),
    # Names
    (b'{"i":1,"i":2}', {"i": 2}),
    (b'{"s":"a","i":1,"s":"b"}', {"i": 1, "s": "b"}),
    (b'{"i":1,"i":null}', {}),
    (b'{"o":{"x":1,"x":2}}', {"o": {"x": 2, "y": None}}),
    (b'{"o":{"x":1},"o":{"y":"b"}}', {"o": {"x": None, "y": "b"}}),
    (b'{"\\u0069":5}', {"i": 5}),
    (b'{"":1,"i":2}', {"i": 2}),
    (b'{"\\u0000":1,"i":2}', {"i": 2}),
    (b'{"' + b"k" * 1000 + b'":1,"i":2}', {"i": 2}),
    # Depth: the record itself is one
    (nested(62), {}),
    (nested(63, "[", "]"), {}),
    (nested(80), DEEP),
    (nested(80, "[", "]"), DEEP),
    (b"[" * 80 + b"]" * 80, DEEP),
    # Not an object
    (b"[]", NO_OBJECT["array"]),
    (b'[{"i":1}]', NO_OBJECT["array"]),
    (b"5", NO_OBJECT["number"]),
    (b"-0.5e1", NO_OBJECT["number"]),
    (b"true", NO_OBJECT["boolean"]),
    (b'"text"', NO_OBJECT["string"]),
    (b"null", {}),
    # Not JSON
    (b"", NOT_JSON),
    (b" ", NOT_JSON),
    (b"{", NOT_JSON),
    (b'{"i":1', NOT_JSON),
    (b'{"i":1,}', NOT_JSON),
    (b'{"i":}', NOT_JSON),
    (b'{"i"}', NOT_JSON),
    (b"{i:1}", NOT_JSON),
    (b"{'i':1}", NOT_JSON),
    (b'{"l":[1,]}', NOT_JSON),
    (b'{"l":[1 2]}', NOT_JSON),
    (b'{"i":01}', NOT_JSON),
    (b'{"i":+1}', NOT_JSON),
    (b'{"d":.5}', NOT_JSON),
    (b'{"d":1.}', NOT_JSON),
    (b'{"d":1e}', NOT_JSON),
    (b'{"i":0x10}', NOT_JSON),
    (b'{"d":NaN}', NOT_JSON),
    (b'{"d":Infinity}', NOT_JSON),
    (b'{"d":-Infinity}', NOT_JSON),
    (b'{"b":nul}', NOT_JSON),
    (b'{"b":True}', NOT_JSON),
    (b'{"s":"a\nb"}', NOT_JSON),
    (b'{"s":"\x00"}', NOT_JSON),
    (b'{"s":"\\x41"}', NOT_JSON),
    (b'{"s":"\\u12"}', NOT_JSON),
    (b'{"s":"', NOT_JSON),
    (b'{"i":1/*c*/}', NOT_JSON),
    (b"\xef\xbb\xbf{}", NOT_JSON),
    ("{}".encode("utf-16"), NOT_JSON),
    (b"\x00\x00\x00\x00", NOT_JSON),
    (b"nonsense", NOT_JSON),
    (b'{"i":1}{"i":2}', MORE),
    (b'{"i":1} x', MORE),
    (b'{"i":1}\x00', MORE),
    (b'{"s":"\xff"}', NOT_UTF8),
    (b'{"s":"\xc3"}', NOT_UTF8),
    (b'{"s":"\xed\xa0\x80"}', NOT_UTF8),
    (b'{"s":"\xc0\xaf"}', NOT_UTF8),
    (b'{"z":"\xff","i":1}', NOT_UTF8),
    (b'{"\xff":1}', NOT_UTF8),
]

JSON = Herd(
    "json",
    "JSON",
    {"i": "BIGINT", "d": "DOUBLE", "s": "STRING", "b": "BOOLEAN", "l": "ARRAY<BIGINT>",
     "o": "STRUCT<`x` BIGINT, `y` STRING>"},
    b'{"i":7,"d":0.5,"s":"t","b":true,"l":[1],"o":{"x":1,"y":"a"}}',
    _JSON,
)  # fmt: skip

# JSON that is of another type than the column: a declared column takes what ksqlDB takes, and a
# topic that nobody declared has an error row in a continuous query (a bounded one widens the type).
OTHERWISE = Bad("does not fit")
MISFITS = Herd(
    "misfits",
    "JSON",
    JSON.columns,
    JSON.usual,
    [
        (b'{"i":"5"}', OTHERWISE),
        (b'{"i":1.5}', OTHERWISE),
        (b'{"i":9223372036854775808}', OTHERWISE),
        (b'{"i":true}', OTHERWISE),
        (b'{"i":[1]}', OTHERWISE),
        (b'{"i":{}}', OTHERWISE),
        (b'{"d":"0.5"}', OTHERWISE),
        (b'{"d":false}', OTHERWISE),
        (b'{"b":"true"}', OTHERWISE),
        (b'{"b":1}', OTHERWISE),
        (b'{"s":5}', {"s": "5"}),
        (b'{"s":true}', {"s": "true"}),
        (b'{"s":{"a":1}}', {"s": '{"a":1}'}),
        (b'{"s":[1]}', {"s": "[1]"}),
        (b'{"l":5}', OTHERWISE),
        (b'{"l":["1"]}', OTHERWISE),
        (b'{"l":{}}', OTHERWISE),
        (b'{"o":5}', OTHERWISE),
        (b'{"o":[]}', OTHERWISE),
        (b'{"o":{"x":"1"}}', OTHERWISE),
    ],
    {
        b'{"i":"5"}': {"i": 5},
        b'{"i":1.5}': {"i": 1},
        **dict.fromkeys((b'{"i":9223372036854775808}', b'{"i":true}', b'{"i":[1]}', b'{"i":{}}'), Bad("i")),
        b'{"d":"0.5"}': {"d": 0.5},
        b'{"d":false}': Bad("d"),
        **dict.fromkeys((b'{"b":"true"}', b'{"b":1}'), Bad("b")),
        b'{"l":5}': Bad("l"),
        b'{"l":["1"]}': {"l": [1]},
        b'{"l":{}}': Bad("l"),
        **dict.fromkeys((b'{"o":5}', b'{"o":[]}'), Bad("o")),
        b'{"o":{"x":"1"}}': {"o": {"x": 1, "y": None}},
    },
    fits=False,
)


# Kafka's own serializers

_long = struct.Struct(">q").pack
_double = struct.Struct(">d").pack
LONGS = Herd(
    "longs", "KAFKA", {"VALUE": "BIGINT"}, _long(1),
    [
        (_long(0), {"VALUE": 0}),
        (_long(2**63 - 1), {"VALUE": 2**63 - 1}),
        (_long(-(2**63)), {"VALUE": -(2**63)}),
        (None, None),
    ],
    plain=False,
)  # fmt: skip
LONG_MISFITS = Herd(
    "long_misfits", "KAFKA", LONGS.columns, LONGS.usual,
    [
        (_long(2), {"VALUE": 2}),
        (b"", Bad("0 bytes where 8 are a number")),
        (b"\0" * 7, Bad("7 bytes where 8 are a number")),
        (b"\0" * 9, Bad("9 bytes where 8 are a number")),
        (b'{"a":1}', Bad("7 bytes where 8 are a number")),
    ],
    plain=False, fits=False,
)  # fmt: skip
DOUBLES = Herd(
    "doubles", "KAFKA", {"VALUE": "DOUBLE"}, _double(0.1),
    [
        (_double(-0.0), {"VALUE": -0.0}),
        (_double(math.inf), {"VALUE": math.inf}),
        (_double(-math.inf), {"VALUE": -math.inf}),
        (_double(math.nan), {"VALUE": math.nan}),
        (_double(5e-324), {"VALUE": 5e-324}),
    ],
    plain=False,
)  # fmt: skip
TEXTS = Herd(
    "texts", "KAFKA", {"VALUE": "STRING"}, b"plain",
    [
        (b"", {"VALUE": ""}),
        (b" ", {"VALUE": " "}),
        ("é😀".encode(), {"VALUE": "é😀"}),
        (b"\0", {"VALUE": "\0"}),
        (b"a\nb", {"VALUE": "a\nb"}),
        (b"\xef\xbb\xbfa", {"VALUE": "\ufeffa"}),
        (b"\xff", NOT_UTF8),
        (b"\xed\xa0\x80", NOT_UTF8),
        (b"\xc3", NOT_UTF8),
    ],
)  # fmt: skip

# Text between delimiters

DELIMITED = Herd(
    "delimited", "DELIMITED", {"C1": "STRING", "C2": "BIGINT", "C3": "DOUBLE"}, b"a,1,0.5",
    [
        (b"b,2,1", {"C1": "b", "C2": 2, "C3": 1.0}),
        (b"b,-9223372036854775808,-1e300", {"C1": "b", "C2": -(2**63), "C3": -1e300}),
        (b",,", {}),
        (b'"x,y",3,2.5', {"C1": "x,y", "C2": 3, "C3": 2.5}),
        (b'"x""y",3,2.5', {"C1": 'x"y', "C2": 3, "C3": 2.5}),
        (b'"x\ny",3,2.5', {"C1": "x\ny", "C2": 3, "C3": 2.5}),
        ("é😀,3,2.5".encode(), {"C1": "é😀", "C2": 3, "C3": 2.5}),
        (None, None),
        (b"b,2", Bad("csvFields:2 schemaFields:3")),
        (b"b,2,3,4", Bad("csvFields:4 schemaFields:3")),
        (b"\xff,2,3", NOT_UTF8),
    ],
)  # fmt: skip
LINE_MISFITS = Herd(
    "line_misfits", "DELIMITED", DELIMITED.columns, DELIMITED.usual,
    [
        *((line, Bad("C2")) for line in (b"b,x,3", b"b,1.5,3", b"b, 2,3", b"b,9223372036854775808,3")),
        (b"b,2,x", Bad("C3")),
        (b"b,2,9007199254740993", OTHERWISE),
    ],
    {b"b,2,9007199254740993": {"C1": "b", "C2": 2, "C3": 9007199254740992.0}},
    fits=False,
)  # fmt: skip

# Avro

_AVRO = {"type": "record", "name": "R", "fields": [
    {"name": "i", "type": "int"},
    {"name": "n", "type": ["null", "long"]},
    {"name": "d", "type": "double"},
    {"name": "s", "type": "string"},
    {"name": "l", "type": {"type": "array", "items": "int"}},
]}  # fmt: skip
_PARSED = fastavro.parse_schema(_AVRO)


def avro(**fields: Any) -> bytes:
    """A record with these fields, and zeros."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _PARSED, {"i": 0, "n": None, "d": 0.0, "s": "", "l": []} | fields)
    return out.getvalue()


def _avro(**fields: Any) -> tuple[bytes, Any]:
    return avro(**fields), {"i": 0, "d": 0.0, "s": "", "l": []} | fields


_HEAD = b"\x02" + b"\x00" + struct.pack("<d", 0.5)  # i 1, no n, d 0.5
AVRO = Herd(
    "avro", "AVRO", {"i": "INT", "n": "BIGINT", "d": "DOUBLE", "s": "STRING", "l": "ARRAY<INT>"},
    avro(i=1, n=2, d=0.5, s="t", l=[1]),
    [
        _avro(),
        _avro(i=2**31 - 1, n=2**63 - 1),
        _avro(i=-(2**31), n=-(2**63)),
        _avro(d=math.inf),
        _avro(d=-math.inf),
        _avro(d=math.nan),
        _avro(d=-0.0),
        _avro(s="é😀"),
        _avro(s="\0"),
        _avro(l=list(range(100))),
        # an array in two blocks, the first with its size in bytes
        (_HEAD + b"\x00" + b"\x01\x02\x02" + b"\x02\x04" + b"\x00", {"i": 1, "d": 0.5, "s": "", "l": [1, 2]}),
        (None, None),
        (b"", Bad("")),
        (avro(i=1)[:-1], Bad("")),
        (avro(i=1)[:3], Bad("")),
        (avro(i=1) + b"\0", Bad("")),
        (b"\xff\xff\xff\xff\x7f" + avro()[1:], Bad("")),  # i does not fit an int
        (b"\x02\x04" + avro()[2:], Bad("")),  # no such part of the union
        (_HEAD + b"\x01" + b"\x00", Bad("")),  # a text of length -1
        (_HEAD + b"\x02\xff" + b"\x00", Bad("")),  # a text that is not UTF-8
        (_HEAD + b"\xfe\xff\xff\xff\x0f", Bad("")),  # a text of 2 GiB
        (_HEAD + b"\x00" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", Bad("")),  # an array of 2**62
        (b'{"i":1}', Bad("")),
    ],
    plain=False, schema=("avsc", json.dumps(_AVRO)),
)  # fmt: skip

# Protobuf

_PROTO = """syntax = "proto3";
message R { int32 i = 1; int64 u = 2; double d = 3; string s = 4; repeated int32 l = 5; N o = 6; }
message N { int32 x = 1; }
"""
_EMPTY = {"i": 0, "u": 0, "d": 0.0, "s": "", "l": []}
_MINUS_ONE = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
PROTOBUF = Herd(
    "protobuf", "PROTOBUF_NOSR",
    {"i": "INT", "u": "BIGINT", "d": "DOUBLE", "s": "STRING", "l": "ARRAY<INT>", "o": "STRUCT<`x` INT>"},
    b"\x08\x01\x22\x01t",
    [
        (b"", _EMPTY),
        (b"\x08\x96\x01", _EMPTY | {"i": 150}),
        (b"\x08" + _MINUS_ONE, _EMPTY | {"i": -1}),
        (b"\x08\x01\x08\x02", _EMPTY | {"i": 2}),
        (b"\x10" + _MINUS_ONE, _EMPTY | {"u": -1}),
        (b"\x19" + struct.pack("<d", math.nan), _EMPTY | {"d": math.nan}),
        (b"\x19" + struct.pack("<d", -math.inf), _EMPTY | {"d": -math.inf}),
        (b"\x22\x06" + "é😀".encode(), _EMPTY | {"s": "é😀"}),
        (b"\x2a\x02\x01\x02", _EMPTY | {"l": [1, 2]}),
        (b"\x28\x01\x28\x02", _EMPTY | {"l": [1, 2]}),  # not packed
        (b"\x32\x00", _EMPTY | {"o": {"x": 0}}),
        (b"\x32\x02\x08\x07", _EMPTY | {"o": {"x": 7}}),
        (b"\x38\x05", _EMPTY),  # a field that the schema has not
        (b"\x0d\0\0\0\0", _EMPTY),  # i as four bytes: another field to the reader
        (None, None),
        (b"\x08", Bad("")),
        (b"\x22\x05t", Bad("")),
        (b"\x22\x01\xff", Bad("")),  # a text that is not UTF-8
        (b"\x08" + b"\xff" * 11, Bad("")),  # a number of more than ten bytes
        (b"\x00\x01", Bad("")),  # no field has the number 0
        (b"\x0f", Bad("")),  # no such kind of field
        (b"\x32\x02\x08", Bad("")),
    ],
    plain=False, schema=("proto", _PROTO),
)  # fmt: skip

HERDS = [JSON, MISFITS, LONGS, LONG_MISFITS, DOUBLES, TEXTS, DELIMITED, LINE_MISFITS, AVRO, PROTOBUF]
