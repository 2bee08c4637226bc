"""Declared JSON: every type, ksqlDB's leniency and where it ends, names, single values, writing."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.formats import json_scan, json_scan_py

from .halves import (
    BIGINT,
    BOOLEAN,
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
)  # fmt: skip


@pytest.fixture(params=["compiled", "pure"], autouse=True)
def implementation(request, monkeypatch):
    if request.param == "compiled":
        module = pytest.importorskip("kshell.formats._json")
        monkeypatch.setattr(json_scan, "_scan", module.scan)
    else:
        monkeypatch.setattr(json_scan, "_scan", json_scan_py.scan)


def cell(type, text, **more):
    """What a column C of that type is for the text of its value."""
    found = one("JSON", {"C": type}, '{"C":%s}' % text, **more)
    return found if isinstance(found, str) else found[0]


@pytest.mark.parametrize(
    ("type", "text", "expected"),
    [
        (INT, "-5", -5),
        (INT, '"12"', 12),
        (INT, '"-012"', -12),
        (INT, "1.9", 1),
        (INT, "1e2", 100),
        (BIGINT, "9223372036854775807", 2**63 - 1),
        (BIGINT, '"-9223372036854775808"', -(2**63)),
        (DOUBLE, "1", 1.0),
        (DOUBLE, "-2.5e-3", -0.0025),
        (DOUBLE, '" 2.5 "', 2.5),
        (DOUBLE, '"-Infinity"', float("-inf")),
        (BOOLEAN, "true", True),
        (STRING, '"x\\n\\u00e9"', "x\né"),
        (STRING, "12", "12"),
        (STRING, "1.10", "1.10"),
        (STRING, "true", "true"),
        (STRING, '{"a": [1, null]}', '{"a":[1,null]}'),
        (STRING, '"\\ud800x"', "\ufffdx"),
        (STRING, '["\\ud800"]', '["\ufffd"]'),
        (BYTES, '"aGk="', b"hi"),
        (BYTES, '""', b""),
        (DATE, "19000", datetime.date(2022, 1, 8)),
        (DATE, '"-1"', datetime.date(1969, 12, 31)),
        (TIME, "86399999", datetime.time(23, 59, 59, 999000)),
        (TIMESTAMP, "1700000000123", datetime.datetime(2023, 11, 14, 22, 13, 20, 123000)),
        (TIMESTAMP, '"-1"', datetime.datetime(1969, 12, 31, 23, 59, 59, 999000)),
        (pa.decimal128(6, 2), "1.5", Decimal("1.50")),
        (pa.decimal128(6, 2), '"-9999.99"', Decimal("-9999.99")),
        (pa.decimal128(6, 2), "1.5000", Decimal("1.50")),
        (pa.decimal128(38, 0), "12345678901234567890123456789012345678", Decimal("12345678901234567890123456789012345678")),
        (pa.list_(INT), "[1,null,\"2\",3.7]", [1, None, 2, 3]),
        (pa.list_(DOUBLE), "[1,2.5]", [1.0, 2.5]),
        (pa.list_(STRING), '["a",1,{"b":2}]', ["a", "1", '{"b":2}']),
        (pa.list_(pa.list_(BIGINT)), "[[1],[],null]", [[1], [], None]),
        (pa.map_(STRING, INT), '{"a":1,"b":null}', [("a", 1), ("b", None)]),
        (pa.map_(STRING, pa.list_(STRING)), '{"a":["x"]}', [("a", ["x"])]),
        (pa.struct([("A", INT), ("b", STRING)]), '{"a":1,"b":"x"}', {"A": 1, "b": "x"}),
        (pa.struct([("A", INT), ("b", STRING)]), '{"A":1,"B":"x"}', {"A": 1, "b": None}),
        (pa.struct([("A", pa.struct([("D", DATE)]))]), '{"A":{"D":1}}', {"A": {"D": datetime.date(1970, 1, 2)}}),
        (pa.struct([("A", pa.decimal128(4, 1))]), '{"A":"1.5"}', {"A": Decimal("1.5")}),
    ],
)  # fmt: skip
def test_values(type, text, expected):
    assert cell(type, text) == expected
    assert cell(type, "null") is None


@pytest.mark.parametrize(
    ("type", "text", "where"),
    [
        (INT, "2147483648", "C"),
        (INT, "true", "C"),
        (INT, '"1.5"', "C"),
        (INT, '"1_0"', "C"),
        (INT, '" 1"', "C"),
        (INT, '"x"', "C"),
        (INT, "[]", "C"),
        (BIGINT, "9223372036854775808", "C"),
        (BIGINT, "1e999999999", "C"),
        (BIGINT, "1" * 400, "C"),
        (DOUBLE, '"nan"', "C"),
        (DOUBLE, '"1_0"', "C"),
        (DOUBLE, "{}", "C"),
        (BOOLEAN, '"true"', "C"),
        (BOOLEAN, "1", "C"),
        (BYTES, '"x"', "C"),
        (BYTES, "1", "C"),
        (DATE, "99999999999", "C"),
        (DATE, '"2020-01-01"', "C"),
        (DATE, "2932897", "C"),
        (DATE, "-719163", "C"),
        (TIMESTAMP, "253402300800000", "C"),
        (TIMESTAMP, "-62135596800001", "C"),
        (TIME, "86400000", "C"),
        (TIME, "-1", "C"),
        (pa.decimal128(4, 2), "123.45", "C"),
        (pa.decimal128(4, 2), "1.005", "C"),
        (pa.decimal128(4, 2), '"NaN"', "C"),
        (pa.decimal128(4, 2), '" 1"', "C"),
        (pa.list_(INT), '[1,"x"]', "C[1]"),
        (pa.list_(INT), "{}", "C"),
        (pa.map_(STRING, INT), '{"k":"x"}', "C['k']"),
        (pa.map_(STRING, INT), "[]", "C"),
        (pa.struct([("A", pa.list_(pa.struct([("B", INT)])))]), '{"A":[{"B":1},{"B":"x"}]}', "C->A[1]->B"),
        (pa.struct([("A", INT)]), "7", "C"),
    ],
)  # fmt: skip
def test_what_does_not_fit_names_its_place(type, text, where):
    assert str(cell(type, text)).startswith(f"{where}: ")


@pytest.mark.parametrize("text", ["", "{", "[1", "nope", '{"C":01}', '{"C":1}}', "NaN", '{"C":Infinity}'])
def test_what_is_no_json(text):
    reason = one("JSON", {"C": INT}, text)
    assert isinstance(reason, str)
    assert "JSON" in reason


def test_records_that_are_no_object():
    assert one("JSON", {"C": INT}, "[1]") == "a JSON array, where an object was expected"
    assert one("JSON", {"C": INT, "D": STRING}, "null") == (None, None)


def test_depth_is_bounded_wherever_it_is_found():
    deep = "[" * 70 + "]" * 70
    assert "64 deep" in cell(STRING, deep)
    assert "64 deep" in one("JSON", {"C": INT}, '{"C":"x","D":%s}' % deep)
    assert "JSON" in cell(STRING, "[" * 200_000 + "]" * 200_000)


def test_names_as_declared_or_in_upper_case():
    columns = {"AB": INT, "cd": INT}
    assert one("JSON", columns, '{"ab":1,"CD":2}') == (1, None)
    assert one("JSON", columns, '{"Ab":1,"AB":3,"cd":2}') == (3, 2)
    assert one("JSON", columns, '{"AB":null,"ab":1}') == (None, None)
    assert one("JSON", columns, '{"AB":1,"AB":4}') == (4, None)


def test_only_what_is_asked_for_must_fit():
    made = codec("JSON", {"A": INT, "B": INT})
    assert read(made, b'{"A":1,"B":"x"}', names=["A"]) == [(1,)]
    assert str(read(made, b'{"A":1,"B":"x"}', names=["B"])[0]).startswith("B: ")
    assert read(made, b'{"A":1}', b"nope", None, names=["B", "A"])[::2] == [(None, 1), (None, None)]


def test_good_and_bad_rows_stay_in_their_places():
    made = codec("JSON", {"A": pa.list_(INT), "B": STRING})
    records = [b'{"A":[1],"B":"x"}', b'{"A":["y"]}', None, b'{"A":["2"],"B":1.5}', b"{", b'{"B":"z"}']
    found = read(made, *records, names=["A", "B"])
    assert found[0] == ([1], "x")
    assert found[1].startswith("A[0]: ")
    assert found[2] == (None, None)
    assert found[3] == ([2], "1.5")
    assert isinstance(found[4], str)
    assert found[5] == (None, "z")


def test_what_json_sr_wrote_is_read():
    made = codec("JSON", {"A": INT})
    records = [b'\0\0\0\0\1{"A":1}', b'{"A":2}', None, b"\0\0\0\0\1{", b"\0"]
    found = read(made, *records, names=["A"])
    assert found[:3] == [(1,), (2,), (None,)]
    assert all(isinstance(f, str) for f in found[3:])


def test_slices_and_large_binary():
    made = codec("JSON", {"A": INT})
    data = pa.array([b"x", b'{"A":1}', None, b'{"A":2}'], pa.binary()).slice(1)
    assert made.decode(data, ["A"]).columns[0].to_pylist() == [1, None, 2]
    assert made.decode(data.cast(pa.large_binary()), ["A"]).columns[0].to_pylist() == [1, None, 2]
    assert made.decode(data.slice(0, 0), ["A"]).columns[0].to_pylist() == []


@pytest.mark.parametrize(
    ("type", "text", "expected"),
    [(INT, "12", 12), (STRING, '"x"', "x"), (STRING, "12", "12"), (pa.list_(INT), "[1]", [1]),
     (pa.struct([("A", INT)]), '{"a":1}', {"A": 1}), (DOUBLE, '"1.5"', 1.5), (INT, "null", None)],
)  # fmt: skip
def test_single_values(type, text, expected):
    assert one("JSON", {"K": type}, text, wrapped=False) == (expected,)
    assert str(one("JSON", {"K": BOOLEAN}, '"x"', wrapped=False)).startswith("K: ")


def test_writing():
    columns = {
        "I": BIGINT, "D": DOUBLE, "S": STRING, "B": BOOLEAN, "Y": BYTES, "DT": DATE, "T": TIME,
        "TS": TIMESTAMP, "N": pa.decimal128(30, 20), "L": pa.list_(DOUBLE), "M": pa.map_(STRING, DATE),
        "R": pa.struct([("A", pa.decimal128(3, 1))]),
    }  # fmt: skip
    row = (2**63 - 1, 0.1, 'é"\n', True, b"hi", datetime.date(1970, 1, 3), datetime.time(0, 0, 1),
           datetime.datetime(1970, 1, 1, 0, 0, 2), Decimal("1234567890.12345678901234567890"),
           [1.5, float("nan"), float("-inf")], [("k", datetime.date(1969, 12, 31))], {"A": Decimal("1.5")})  # fmt: skip
    text = (
        '{"I":9223372036854775807,"D":0.1,"S":"é\\"\\n","B":true,"Y":"aGk=","DT":2,"T":1000,"TS":2000,'
        '"N":1234567890.12345678901234567890,"L":[1.5,"NaN","-Infinity"],"M":{"k":-1},"R":{"A":1.5}}'
    )
    nothing = "{" + ",".join(f'"{n}":null' for n in columns) + "}"
    assert write("JSON", columns, row, (None,) * 12, row, gone=[False, False, True]) == [
        text.encode(), nothing.encode(), None,
    ]  # fmt: skip
    json.loads(text)


def test_writing_single_values():
    assert write("JSON", {"K": STRING}, ("x",), (None,), wrapped=False) == [b'"x"', None]
    assert write("JSON", {"K": pa.decimal128(4, 2)}, (Decimal("1.5"),), wrapped=False) == [b"1.50"]
    assert write("JSON", {"K": pa.struct([("A", INT)])}, ({"A": 1},), wrapped=False) == [b'{"A":1}']


@pytest.mark.parametrize("text", ["%s.0100", '"%s.0100"'])
def test_a_decimal_of_many_digits_keeps_them(text):
    digits = "12345678901234567890123456789"
    assert cell(pa.decimal128(38, 2), text % digits) == Decimal(f"{digits}.01")


@pytest.mark.parametrize("text", ["%s.019", '"%s.019"'])
def test_a_decimal_with_more_digits_than_its_scale_is_refused_however_long_it_is(text):
    few, many = (text % digits for digits in ("1", "12345678901234567890123456789"))
    refused = cell(pa.decimal128(38, 2), few)
    assert cell(pa.decimal128(38, 2), many) == refused.replace(few.strip('"'), many.strip('"'))
