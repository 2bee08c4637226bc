"""JSON in texts: paths, digits that are kept, and values written as JSON."""

import datetime
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.sql.java.json_text import items

DOC = json.dumps({"a": {"b c": [1, {"d": "x"}], "@t": True, "n": None}, "e.f": 2})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a[\"b c\"][0]", "1"),
        ("$.a.b c[1].d", "x"),
        ("$.a.b c[1]", '{"d":"x"}'),
        ("$.a.@t", "true"),
        ("$.a.n", "null"),
        ("$[\"e.f\"]", "2"),
        ("$.a.b c[2]", None),
        ("$.a.b c[-1]", None),
        ("$.a.b c.d", None),
        ("$.x.y", None),
        ("$.a.@t.z", None),
    ],
)  # fmt: skip
def test_a_value_at_a_path(path, expected, value):
    assert value(f"EXTRACTJSONFIELD('{DOC}', '{path}')") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1.23450", "1.23450"),
        ("1e2", "1E+2"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("-0", "0"),
        ('[1.50,"a\\u0001\\n\\"é"]', '[1.50,"a\\u0001\\n\\"é"]'),
    ],
)
def test_numbers_keep_their_digits(source, expected, evaluated):
    found = evaluated("EXTRACTJSONFIELD(J, '$.v')", J=pa.array([f'{{"v": {source}}} trailing']))
    assert found.values == [expected]
    assert found.errors == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IS_JSON_STRING('[1, 2, 3]')", True),
        ("IS_JSON_STRING('\"abc\"')", True),
        ("IS_JSON_STRING('null')", True),
        ("IS_JSON_STRING('')", False),
        ("IS_JSON_STRING('abc')", False),
        ("IS_JSON_STRING('NaN')", False),
        ("IS_JSON_STRING(NULL)", False),
        ("JSON_ARRAY_LENGTH('[]')", 0),
        ("JSON_ARRAY_LENGTH('{}')", None),
        ("JSON_ARRAY_LENGTH('123')", None),
        ("JSON_ARRAY_LENGTH(NULL)", None),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', 1)", True),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', '2')", True),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', 2)", False),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', CAST(2.5 AS DOUBLE))", True),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', true)", True),
        ("JSON_ARRAY_CONTAINS('[1, \"2\", 2.5, true, null]', false)", False),
        ("JSON_ARRAY_CONTAINS('[[1]]', 1)", False),
        ("JSON_ARRAY_CONTAINS('{\"a\": 1}', 1)", False),
        ("JSON_ARRAY_CONTAINS('not json', 1)", False),
        ("JSON_CONCAT('{\"a\": {\"5\": 6}}', '{\"a\": {\"3\": 4}, \"b\": 1.50}')",
         '{"a":{"3":4},"b":1.50}'),
        ("JSON_CONCAT('[1, [2]]', '[[[3]], [[[4]]]]')", "[1,[2],[[3]],[[[4]]]]"),
        ("JSON_CONCAT('null', 'null')", "[null,null]"),
        ("JSON_CONCAT('[1, 2]', '{\"a\": 1}')", '[1,2,{"a":1}]'),
        ("JSON_CONCAT('1', '2')", "[1,2]"),
        ("JSON_CONCAT('[]', '[]')", "[]"),
        ("JSON_CONCAT(NULL, '[1]')", None),
        ("JSON_CONCAT('', '[1]')", None),
        ("JSON_KEYS('{}')", []),
        ("JSON_KEYS('[]')", None),
        ("JSON_KEYS('')", None),
        ("JSON_RECORDS('{\"a\": \"abc\", \"b\": { \"c\": \"a\" }, \"d\": 1}')",
         {"a": "abc", "b": '{"c":"a"}', "d": "1"}),
        ('JSON_RECORDS(\'{"a": "\\u00e9\\"", "b": ["x"], "c": null, "": ""}\')',
         {"a": 'é"', "b": '["x"]', "c": "null", "": ""}),
        ("JSON_RECORDS('123')", None),
        ("JSON_ITEMS('[{\"a\": 1}, [2], \"x\"]')", ['{"a":1}', "[2]", '"x"']),
        ("JSON_ITEMS('{}')", None),
    ],
)  # fmt: skip
def test_of_constants(text, expected, value):
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "EXTRACTJSONFIELD('abc', '$.a')",
        "EXTRACTJSONFIELD('{\"a\": NaN}', '$.a')",
        "JSON_ARRAY_LENGTH('abc')",
        "JSON_CONCAT('abc', '[1]')",
        "JSON_KEYS('abc')",
        "JSON_RECORDS('abc')",
        "JSON_ITEMS('[1')",
    ],
)
def test_what_is_no_json_is_null_and_an_error(text, evaluated):
    found = evaluated(text)
    assert found.values == [None]
    assert ["Invalid JSON format" in message for _, message in found.errors] == [True]


@pytest.mark.parametrize("path", ["a", "$..a", "$.a[", "$.a[*]", "$.a.", ""])
def test_what_is_no_path_is_an_error(path, evaluated):
    found = evaluated(f"EXTRACTJSONFIELD('{{}}', '{path}')")
    assert [f"Invalid JSON path: '{path}'" in message for _, message in found.errors] == [True]


STRUCT = pa.struct([("ID", pa.int32()), ("NAME", pa.string())])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1], pa.int32()), "1"),
        (pa.array([True]), "true"),
        (pa.array([15.3]), "15.3"),
        (pa.array([1e10]), "1.0E10"),
        (pa.array([float("nan")]), '"NaN"'),
        (pa.array(['a"b']), '"a\\"b"'),
        (pa.array([b"hi"]), '"aGk="'),
        (pa.array([Decimal("123.450")], pa.decimal128(6, 3)), "123.450"),
        (pa.array([datetime.date(2021, 10, 11)]), '"2021-10-11"'),
        (pa.array([datetime.time(13, 25)], pa.time32("ms")), '"13:25"'),
        (pa.array([60220000], pa.int32()).cast(pa.time32("ms")), '"16:43:40"'),
        (pa.array([1625055519446], pa.int64()).cast(pa.timestamp("ms")),
         '"2021-06-30T12:18:39.446"'),
        (pa.array([[1, None]], pa.list_(pa.int32())), "[1,null]"),
        (pa.array([[]], pa.map_(pa.string(), pa.int32())), "{}"),
        (pa.array([[("c", 2), ("d", None)]], pa.map_(pa.string(), pa.int32())),
         '{"c":2,"d":null}'),
        (pa.array([{"ID": 1, "NAME": "A"}], STRUCT), '{"ID":1,"NAME":"A"}'),
        (pa.array([[{"ID": None, "NAME": "A"}]], pa.list_(STRUCT)), '[{"ID":null,"NAME":"A"}]'),
        (pa.array([None], STRUCT), "null"),
    ],
)  # fmt: skip
def test_any_value_is_json(array, expected, evaluated):
    assert evaluated("TO_JSON_STRING(V)", V=array) == ([expected], [])


def test_an_untyped_null_is_json(value):
    assert value("TO_JSON_STRING(NULL)") == "null"


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.none() | st.booleans() | st.integers() | texts | st.lists(texts)))
def test_what_is_written_is_the_same_json(values):
    written = items(json.dumps(values))
    assert written is not None
    assert [json.loads(item) for item in written] == values
