"""The JSON scanner, compiled and pure: values, types, and everything that is no such record."""

from __future__ import annotations

import json
import math

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.formats import json_scan, json_scan_py
from kshell.formats.json_scan import Field, Names, Types, scan

try:
    from kshell.formats import _json
except ImportError:
    _json = None

ROW = {"a": pa.int64(), "d": pa.float64(), "s": pa.string(), "b": pa.bool_(), "n": pa.list_(pa.string())}


@pytest.fixture(params=["compiled", "pure"], autouse=True)
def implementation(request, monkeypatch):
    if request.param == "compiled" and _json is None:
        pytest.skip("the compiled scanner was not built here")
    chosen = _json.scan if request.param == "compiled" else json_scan_py.scan
    monkeypatch.setattr(json_scan, "_scan", chosen)


def one(text: str | bytes | None, names=Names.EXACT, types=Types.STRICT, **fields):
    """The row of one record as a dict, or the reason it is bad."""
    fields = fields or ROW
    data = text.encode() if isinstance(text, str) else text
    found = scan(pa.array([data], pa.binary()), [Field(*f) for f in fields.items()], names, types)
    if found.bad:
        assert all(c.null_count == 1 for c in found.columns)
        return found.bad[0][1]
    return dict(zip(fields, (c[0].as_py() for c in found.columns), strict=True))


def test_every_type():
    text = '{"a":-5,"d":2.5,"s":"x","b":true,"n":[1,{"k":null}]}'
    assert one(text) == {"a": -5, "d": 2.5, "s": "x", "b": True, "n": '[1,{"k":null}]'}


def test_what_is_missing_or_null_is_null():
    nothing = dict.fromkeys(ROW)
    assert one("{}") == nothing
    assert one('{"a":null,"d":null,"s":null,"b":null,"n":null}') == nothing
    assert one(None) == nothing


def test_rows_do_not_leak_into_one_another():
    values = [b'{"s":"long text"}', b"broken", None, b'{"s":"b","a":2}', b'{"a":3}']
    found = scan(
        pa.array(values, pa.binary()),
        [Field("s", pa.string()), Field("a", pa.int64())],
        Names.EXACT,
        Types.STRICT,
    )
    assert found.columns[0].to_pylist() == ["long text", None, None, "b", None]
    assert found.columns[1].to_pylist() == [None, None, None, 2, 3]
    assert found.bad == [(1, "not valid JSON")]


def test_a_slice_of_an_array():
    values = pa.array([b'{"a":1}', None, b'{"a":3}', b'{"a":4}'], pa.binary())[1:3]
    found = scan(values, [Field("a", pa.int64())], Names.EXACT, Types.STRICT)
    assert found.columns[0].to_pylist() == [None, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"\u00e9\n\t\"\\\/\b\f\r"', 'é\n\t"\\/\b\f\r'),
        (r'"\ud83d\ude00"', "😀"),
        ('"日本語 text that is longer than sixteen bytes"', "日本語 text that is longer than sixteen bytes"),
        ('""', ""),
        ("12", "12"),
        ("true", "true"),
        ('{"x":[1]}', '{"x":[1]}'),
    ],
)
def test_strings(text, expected):
    assert one('{"s":%s}' % text, s=pa.string()) == {"s": expected}


def test_half_of_a_surrogate_pair_reaches_nobody():
    result = one(r'{"s":"a\ud800b"}', s=pa.string())
    assert result in ({"s": "a\ufffdb"}, "not valid JSON")  # orjson refuses it


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9223372036854775807", 9223372036854775807),
        ("-9223372036854775808", -9223372036854775808),
        ("0", 0),
        ("-0", 0),
    ],
)
def test_whole_numbers_are_exact(text, expected):
    assert one('{"a":%s}' % text, a=pa.int64()) == {"a": expected}


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "1e400"])
def test_numbers_too_large_for_bigint(text):
    assert one('{"a":%s}' % text, a=pa.int64()).startswith(("field a", "not valid"))


@pytest.mark.parametrize(
    "text",
    ["0.1", "1e22", "1e23", "123456789012345678", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
     "0.30000000000000004", "9007199254740993", "3.141592653589793238462643383279502884197", "1E+2", "-0.0"],
)  # fmt: skip
def test_doubles_are_correctly_rounded(text):
    assert one('{"d":%s}' % text, types=Types.KSQL, d=pa.float64()) == {"d": float(text)}


@pytest.mark.parametrize(
    ("text", "type"),
    [("1.5", pa.int64()), ('"1"', pa.int64()), ("true", pa.int64()), ("[]", pa.float64()),
     ("{}", pa.int64()), ('"true"', pa.bool_()), ("1", pa.bool_()), ("2147483648", pa.int32())],
)  # fmt: skip
def test_a_value_of_another_type_is_told_with_its_field(text, type):
    assert one('{"other":0,"f":%s}' % text, f=type).startswith("field f: ")


def test_numbers_in_strings_as_ksqldb_takes_them():
    text = '{"a":"12","d":"1.5","b":true}'
    assert one(text, types=Types.KSQL, a=pa.int64(), d=pa.float64()) == {"a": 12, "d": 1.5}
    assert one('{"a":"x"}', types=Types.KSQL, a=pa.int64()).startswith("field a")


def test_the_last_of_equal_names_wins():
    assert one('{"a":1,"a":2}', a=pa.int64()) == {"a": 2}
    assert one('{"s":"long one","s":"x"}', s=pa.string()) == {"s": "x"}


def test_names_in_upper_case_where_the_exact_one_is_not_there():
    assert one('{"a":1}', names=Names.UPPER, A=pa.int64()) == {"A": 1}
    assert one('{"A":2,"a":1}', names=Names.UPPER, A=pa.int64()) == {"A": 2}
    assert one('{"a":1,"A":2}', names=Names.UPPER, A=pa.int64()) == {"A": 2}
    assert one('{"A":1}', names=Names.UPPER, a=pa.int64()) == {"a": None}
    assert one('{"A":null,"a":1}', names=Names.UPPER, A=pa.int64()) == {"A": None}
    assert one('{"a":1}', A=pa.int64()) == {"A": None}


def test_a_value_alone():
    assert one(" 12 ", names=Names.WHOLE, k=pa.int64()) == {"k": 12}
    assert one('"é"', names=Names.WHOLE, k=pa.string()) == {"k": "é"}
    assert one("null", names=Names.WHOLE, k=pa.string()) == {"k": None}
    assert one("[1]", names=Names.WHOLE, k=pa.int64()).startswith("field k")
    assert one("12 13", names=Names.WHOLE, k=pa.int64()) in ("not valid JSON", "more bytes after the JSON value")
    assert one("", names=Names.WHOLE, k=pa.int64()) == "not valid JSON"
    assert "deep" in one("[" * 65 + "]" * 65, names=Names.WHOLE, k=pa.list_(pa.int8()))


def test_what_ksqldb_writes_its_own_way_is_the_callers():
    for text in ("1.5", "[1]", "{}", "-0.0"):
        assert one('{"s":%s}' % text, types=Types.KSQL, s=pa.string()).startswith("field s")
    for text in ("12", "-7", "true", '"x"'):
        assert one('{"s":%s}' % text, types=Types.KSQL, s=pa.string()) == {"s": text.strip('"')}


def test_an_escaped_name_is_the_name():
    assert one(r'{"\u0061":7}', a=pa.int64()) == {"a": 7}


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{a:1}", '{"a":01}', '{"a":1.}',
     '{"a":.5}', '{"a":+1}', '{"a":1e}', '{"a":-}', '{"x":tru}', '{"x":nul}', '{"x":"\n"}', r'{"x":"\x"}',
     r'{"x":"\u12"}', '{"x":"abc}', "{'a':1}", '{"x":[1,]}', '{"x":[1 2]}', '{"x":{"y" 1}}', '{"a":NaN}',
     '{"a":1}x', '{"a":1}{}', '{"a" 1}', '{"x":[}', '{"a":1]'],
)  # fmt: skip
def test_what_is_not_json(text):
    assert one(text) in ("not valid JSON", "more bytes after the JSON value")


@pytest.mark.parametrize("data", [b'{"s":"\xff"}', b'{"s":"\xc0\x80"}', b'{"x":"\xed\xa0\x80"}', b'{"x":"\xf5"}', b'{"x":"\xe2\x82"}'])
def test_what_is_not_utf8(data):
    assert one(data) in ("not valid UTF-8", "not valid JSON")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1", "number"), ("-0.5e1", "number"), ('"x"', "string"), (" [1]", "array"), ("null", "null"), ("true", "boolean"), ("false", "boolean")],
)  # fmt: skip
def test_what_is_no_object(text, kind):
    assert one(text) == f"a JSON {kind}, where an object was expected"


def test_depth_is_bounded():
    assert one('{"x":' + "[" * 63 + "]" * 63 + "}") == dict.fromkeys(ROW)
    assert "deep" in one('{"x":' + "[" * 64 + "]" * 64 + "}")
    very_deep = one('{"x":' + "[" * 100_000 + "]" * 100_000 + "}")
    assert very_deep in ("JSON nested more than 64 deep", "not valid JSON")  # orjson's own limit


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["a", "d", "s", "b", "n", "é"]) | st.text(), json_values))
def test_the_same_as_orjson(record):
    text = orjson.dumps(record).decode()
    for name, type in (("a", pa.int64()), ("d", pa.float64()), ("s", pa.string()), ("b", pa.bool_())):
        value = record.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        result = one(text, **{name: type})
        if value is None:
            assert result == {name: None}
        elif name == "s":
            assert result == {"s": value if isinstance(value, str) else orjson.dumps(value).decode()}
        elif name == "b" and isinstance(value, bool):
            assert result == {"b": value}
        elif name == "d" and number and isinstance(value, int) and abs(value) > 2**53:
            assert result == "field d: a number too large for the column's type"
        elif name == "d" and number:
            assert result["d"] == float(value)
            assert math.copysign(1, result["d"]) == math.copysign(1, value)
        elif name == "a" and number and not isinstance(value, float):
            assert result == {"a": value}
        else:
            assert str(result).startswith(f"field {name}")


@pytest.mark.parametrize("indent", [None, 2])
def test_white_space(indent):
    record = {"x": [1, {"y": []}], "a": 4}
    assert one(" \n" + json.dumps(record, indent=indent) + "\t ", a=pa.int64()) == {"a": 4}


def test_a_deep_record_is_found_among_values_without_brackets():
    deep = b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"
    values = pa.array([b"1"] * 100 + [deep], pa.binary())
    found = scan(values, [Field("b", pa.int64())], Names.EXACT, Types.STRICT)
    assert found.bad[-1] == (100, "JSON nested more than 64 deep")
    assert found.bad[0] == (0, "a JSON number, where an object was expected")
    assert len(found.bad) == 101


STRUCT = pa.struct([("x", pa.int64()), ("l", pa.list_(pa.float64())), ("m", pa.map_(pa.string(), pa.bool_()))])


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ('{"x":1,"l":[1,2.5,null],"m":{"k":true}}', STRUCT),
        ('{"x":null,"l":[],"m":{}}', STRUCT),
        ("9007199254740992", pa.float64()),
        ("0.1234567890123456789", pa.float64()),
        ("18446744073709551616", pa.decimal128(38, 0)),
        ("1e3", pa.decimal128(4, 0)),
        ("12.50", pa.decimal128(3, 1)),
        ("{}", pa.struct([])),
        ("null", pa.null()),
    ],
)
def test_a_value_that_is_of_its_type_at_every_depth(text, type):
    found = one('{"v":%s}' % text, v=type)
    assert isinstance(found, dict)
    assert (found["v"] is None) == (text == "null")


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ('{"x":1.6}', STRUCT),
        ('{"x":"12A"}', STRUCT),
        ('{"x":9223372036854775808}', STRUCT),
        ('{"l":[1,"a"]}', STRUCT),
        ('{"l":{}}', STRUCT),
        ('{"m":{"k":1}}', STRUCT),
        ("[1]", STRUCT),
        ('"x"', STRUCT),
        ("9007199254740993", pa.float64()),
        ("-9007199254740993", pa.float64()),
        ("1e400", pa.float64()),
        ("1000", pa.decimal128(3, 0)),
        ("0.5", pa.decimal128(3, 0)),
        ('{"a":1}', pa.struct([])),
        ("0", pa.null()),
        ('""', pa.null()),
    ],
)
def test_a_value_that_is_not_of_its_type_is_unfit_and_not_broken(text, type):
    values = pa.array(['{"v":%s}' % text, '{"v":null}'], pa.string()).cast(pa.binary())
    found = scan(values, [Field("v", type)], Names.EXACT, Types.STRICT)
    assert found.unfit == [0]
    assert found.bad[0][1].startswith("field v: ")


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ('{"v":{"x":1}}', 0),
        ('{"v":{"x":1},"w":2}', json_scan.OTHER_FIELDS),
        ('{"v":{"x":1,"y":2}}', json_scan.OTHER_INNER_FIELDS),
    ],
)
def test_fields_that_nobody_asked_for_are_flagged(text, flag):
    values = pa.array([text], pa.string()).cast(pa.binary())
    type = pa.struct([("x", pa.int64())])
    assert list(bytes(scan(values, [Field("v", type)], Names.EXACT, Types.STRICT).flags)) == [flag]


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ('{"x":"a","x":"b"}', pa.struct([("x", pa.string())])),
        ('{"x":1.10}', pa.struct([("x", pa.string())])),
        ('{"x":[1]}', pa.struct([("x", pa.string())])),
        ('{"k":1,"l":2,"k":3}', pa.map_(pa.string(), pa.int64())),
    ],
)
def test_texts_that_another_parser_reads_otherwise_are_flagged(text, type, request):
    if "pure" in request.node.name and text.count('"k"') + text.count('"x"') > 1:
        pytest.skip("its texts have the last of two fields alone")
    values = pa.array(['{"v":%s}' % text], pa.string()).cast(pa.binary())
    found = scan(values, [Field("v", type)], Names.EXACT, Types.STRICT)
    assert list(bytes(found.flags)) == [json_scan.INEXACT]


NAMES = ["a", "A", "aa", "b", "B", r"\u0061", "é", ""]
VALUES = ["1", "-0", "01", "1.0", "1e2", "999999999999999999", "9223372036854775808", '"x"', '"7"', "null", "true", "{}", "[1]", "", "x"]


@st.composite
def members(draw):
    """A record of members that other records of a batch have too, in some order and spelling."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["", " "]), st.sampled_from(VALUES)), max_size=5))
    return ("{" + ",".join(f'"{name}"{space}:{space}{value}' for name, space, value in pairs) + "}").encode()


@given(st.lists(members(), max_size=6), st.sampled_from([Names.EXACT, Names.UPPER]), st.sampled_from(list(Types)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_is_read_alike_whatever_came_before_it(records, names, types):
    fields = [Field("A", pa.int64()), Field("B", pa.string()), Field("C", pa.float64()), Field("I", pa.int32())]
    alone = [scan(pa.array([record], pa.binary()), fields, names, types) for record in records]
    found = scan(pa.array(records, pa.binary()), fields, names, types)
    for n, column in enumerate(found.columns):
        assert column.to_pylist() == [one.columns[n][0].as_py() for one in alone]
    assert found.bad == [(row, why) for row, one in enumerate(alone) for _, why in one.bad]
    assert list(found.flags) == [flag for one in alone for flag in one.flags]


def test_more_members_than_are_remembered():
    many = {f"f{n}": n for n in range(200)}
    texts = [json.dumps(many), json.dumps(dict(reversed(many.items()))), json.dumps(many)]
    found = scan(
        pa.array([t.encode() for t in texts], pa.binary()),
        [Field(name, pa.int64()) for name in ("f0", "f63", "f64", "f65", "f199")], Names.EXACT, Types.STRICT,
    )  # fmt: skip
    assert [c.to_pylist() for c in found.columns] == [[n] * 3 for n in (0, 63, 64, 65, 199)]
