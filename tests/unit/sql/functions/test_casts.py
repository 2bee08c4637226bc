"""Casts and arithmetic: Java's narrowing, wrapping and texts."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.errors import BindError
from kshell.sql import duck
from kshell.sql.casts import render_cast
from kshell.sql.java.text import text as java_text
from kshell.types import DOUBLE, STRING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CAST(2147483648 AS INT)", -2147483648),
        ("CAST(-2147483649 AS INT)", 2147483647),
        ("CAST(3.0E9 AS INT)", 2147483647),
        ("CAST(-1.0E300 AS BIGINT)", -(2**63)),
        ("CAST(-1.9E0 AS INT)", -1),
        ("CAST(CAST('NaN' AS DOUBLE) AS INT)", 0),
        ("CAST(-1.9 AS INT)", -1),
        ("CAST(4294967297.5 AS INT)", 1),
        ("CAST(' +12 ' AS INT)", 12),
        ("CAST('9223372036854775807' AS BIGINT)", 2**63 - 1),
        ("CAST('1e3' AS DOUBLE)", 1000.0),
        ("CAST('1.5f' AS DOUBLE)", 1.5),
        ("CAST('-Infinity' AS DOUBLE)", float("-inf")),
        ("CAST(' 1.25 ' AS DECIMAL(3, 1))", Decimal("1.3")),
        ("CAST(-0.25 AS DECIMAL(2, 1))", Decimal("-0.3")),
        ("CAST(1.005E0 AS DECIMAL(5, 2))", Decimal("1.01")),
        ("CAST(7 AS DECIMAL(3, 1))", Decimal("7.0")),
        ("CAST('TRUE' AS BOOLEAN)", True),
        ("CAST('y' AS BOOLEAN)", True),
        ("CAST('nope' AS BOOLEAN)", False),
        ("CAST(1.50 AS STRING)", "1.50"),
        ("CAST(1.0E7 AS STRING)", "1.0E7"),
        ("CAST(1.234E-4 AS STRING)", "1.234E-4"),
        ("CAST(100.0E0 AS STRING)", "100.0"),
        ("CAST(FALSE AS STRING)", "false"),
        ("CAST(ARRAY[1.5, NULL] AS STRING)", "[1.5, null]"),
        ("CAST(MAP('a' := ARRAY[1.0E8]) AS STRING)", "{a=[1.0E8]}"),
        ("CAST(STRUCT(A := 1, `b` := CAST(NULL AS STRING)) AS STRING)", "Struct{A=1,b=null}"),
        ("CAST(ARRAY['1', '2'] AS ARRAY<INT>)", [1, 2]),
        ("CAST(MAP('1' := 'x') AS MAP<INT, STRING>)", {1: "x"}),
        ("CAST(STRUCT(A := 1, B := 2) AS STRUCT<B STRING, C INT>)", {"B": "2", "C": None}),
        ("CAST(CAST(NULL AS STRUCT<A INT>) AS STRUCT<A STRING>)", None),
        ("CAST(CAST(NULL AS ARRAY<INT>) AS STRING)", None),
        ("CAST(CAST(CAST(1.0E0 AS STRING) AS DOUBLE) AS STRING)", "1.0"),
    ],
)
def test_casts(value, text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CAST('2022' AS TIMESTAMP)", datetime.datetime(2022, 1, 1)),
        ("CAST('2022-04-28T21:44:47.943Z' AS TIMESTAMP)", datetime.datetime(2022, 4, 28, 21, 44, 47, 943000)),
        ("CAST('2022-04-28T10:30+01:00' AS TIMESTAMP)", datetime.datetime(2022, 4, 28, 9, 30)),
        ("CAST('2022-04-28T10-0130' AS TIMESTAMP)", datetime.datetime(2022, 4, 28, 11, 30)),
        ("CAST('2022-04' AS DATE)", datetime.date(2022, 4, 1)),
        ("CAST('10:20' AS TIME)", datetime.time(10, 20)),
        ("CAST(CAST('2022-04-28' AS DATE) AS TIMESTAMP)", datetime.datetime(2022, 4, 28)),
        ("CAST(CAST('2022-04-28T21:44' AS TIMESTAMP) AS DATE)", datetime.date(2022, 4, 28)),
        ("CAST(CAST('2022-04-28T21:44' AS TIMESTAMP) AS TIME)", datetime.time(21, 44)),
        ("CAST(CAST('2022-04-28T21:44' AS TIMESTAMP) AS STRING)", "2022-04-28T21:44:00.000"),
        ("CAST(CAST('2022-04-28' AS DATE) AS STRING)", "2022-04-28"),
        ("CAST(CAST('10:20:00' AS TIME) AS STRING)", "10:20"),
        ("CAST(CAST('10:00:05' AS TIME) AS STRING)", "10:00:05"),
        ("CAST(CAST('10:20:30.5' AS TIME) AS STRING)", "10:20:30.500"),
    ],
)  # fmt: skip
def test_times(value, text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CAST('1.5' AS INT)", 'For input string: "1.5"'),
        ("CAST('0x10' AS BIGINT)", 'For input string: "0x10"'),
        ("CAST('2147483648' AS INT)", "2147483648"),
        ("CAST('abc' AS DOUBLE)", 'For input string: "abc"'),
        ("CAST(99.99 AS DECIMAL(2, 1))", "99.99"),
        ("CAST('abc' AS DECIMAL(2, 1))", "abc"),
        ("CAST('soon' AS TIMESTAMP)", "no time: soon"),
        ("CAST('2022-02-30' AS DATE)", "2022"),
        ("CAST('1_000' AS DECIMAL(5, 1))", "1_000"),
        ("CAST('' AS DECIMAL(5, 1))", 'For input string: ""'),
        ("CAST('25:00' AS TIME)", "25:00"),
        ("CAST('24:00' AS TIME)", "24:00"),
        ("CAST('24:00:00.000' AS TIME)", "24:00"),
        ("CAST('2022-02-03T24:00:00' AS TIMESTAMP)", "24"),
        ("CAST('2022-02-03T23:60' AS TIMESTAMP)", "60"),
        ("CAST('2022-02-03T23:59:60' AS TIMESTAMP)", "60"),
        ("7 / 0", "/ by zero"),
        ("7 % 0", "/ by zero"),
        ("7.5 / 0.0", "/ by zero"),
    ],
)
def test_what_fails_is_null_and_told(evaluated, text, message):
    found = evaluated(text)
    assert found.values == [None]
    assert message in found.errors[0][1]


@pytest.mark.parametrize("text", ["CAST(1 AS BOOLEAN)", "CAST('a' AS ARRAY<INT>)",
                                  "CAST(ARRAY[1] AS MAP<STRING, INT>)", "CAST(TRUE AS INT)"])  # fmt: skip
def test_casts_that_there_are_not(bound, text):
    with pytest.raises(BindError, match="is not supported"):
        bound(text)


@pytest.mark.parametrize(
    "type", ["BOOLEAN", "INT", "BIGINT", "DOUBLE", "DECIMAL(4, 2)", "STRING", "BYTES", "TIME", "DATE",
             "TIMESTAMP", "ARRAY<INT>", "MAP<STRING, INT>", "STRUCT<A INT>"],
)  # fmt: skip
def test_null_of_every_type(value, type):
    assert value(f"CAST(NULL AS {type})") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2147483647 + 1", -2147483648),
        ("-2147483648 - 1", 2147483647),
        ("2147483647 * 2", -2),
        ("9223372036854775807 + 1", -(2**63)),
        ("9223372036854775807 * 3", 9223372036854775805),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7.0E0 / 0", float("inf")),
        ("1.5 + 1", Decimal("2.5")),
        ("1.0 / 3", Decimal("0.333333333333")),
        ("'a' + 'b'", "ab"),
    ],
)
def test_arithmetic(value, text, expected):
    assert value(text) == expected


def test_the_least_number_divided_and_negated(evaluated):
    least = pa.array([-(2**31)], pa.int32())
    assert evaluated("A / -1", A=least).values == [-(2**31)]
    assert evaluated("-A", A=least).values == [-(2**31)]
    longest = pa.array([-(2**63)], pa.int64())
    assert evaluated("A / -1", A=longest).values == [-(2**63)]
    assert evaluated("-A", A=longest).values == [-(2**63)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a%c' LIKE 'a!%c' ESCAPE '!'", True),
        ("'abc' LIKE 'a!%c' ESCAPE '!'", False),
        ("'abc' LIKE 'A__'", False),
        ("'abc' NOT LIKE '%z%'", True),
        ("1 IN (1.0, 2)", True),
        ("1 NOT IN ('1', '2')", False),
        # Double.toString at the ends of the range
        ("CAST(4.9E-324 AS STRING)", "4.9E-324"),
        ("CAST(-4.9E-324 AS STRING)", "-4.9E-324"),
        ("CAST(ARRAY[4.9E-324, 1E-323] AS STRING)", "[4.9E-324, 9.9E-324]"),
        ("CAST(1E-323 AS STRING)", "9.9E-324"),
        ("CAST(2E-323 AS STRING)", "2.0E-323"),
        ("CAST(4.9E-323 AS STRING)", "4.9E-323"),
        ("CAST(1.5E-323 AS STRING)", "1.5E-323"),
        ("CAST(2.2250738585072014E-308 AS STRING)", "2.2250738585072014E-308"),
        ("CAST(2E-308 AS STRING)", "2.0E-308"),
        ("CAST(1.7976931348623157E308 AS STRING)", "1.7976931348623157E308"),
        ("CAST('4.9E-324' AS DOUBLE) = 4.9E-324", True),
        ("'1' IN (2, 3)", False),
        ("CASE 3 WHEN 3 THEN 'three' END", "three"),
        ("CASE WHEN FALSE THEN 1 END", None),
        ("2 BETWEEN 1 AND 2.5", True),
        ("ARRAY[1] = ARRAY[1]", True),
        # Java's Map.equals: the order of entries is no part of the value
        ("MAP('a' := 1, 'b' := 2) = MAP('b' := 2, 'a' := 1)", True),
        ("MAP('a' := 1, 'b' := 2) <> MAP('b' := 2, 'a' := 1)", False),
        ("MAP('a' := 1, 'b' := 2) <> MAP('b' := 1, 'a' := 2)", True),
        ("MAP('a' := 1, 'b' := 2) IN (MAP('c' := 1), MAP('b' := 2, 'a' := 1))", True),
        ("MAP('a' := 1, 'b' := 2) IS DISTINCT FROM MAP('b' := 2, 'a' := 1)", False),
        ("CASE MAP('a' := 1, 'b' := 2) WHEN MAP('b' := 2, 'a' := 1) THEN 'same' END", "same"),
        ("MAP('a' := MAP('x' := 1, 'y' := 2)) = MAP('a' := MAP('y' := 2, 'x' := 1))", True),
        ("ARRAY[MAP('a' := 1, 'b' := 2)] = ARRAY[MAP('b' := 2, 'a' := 1)]", True),
        ("STRUCT(m := MAP('a' := 1, 'b' := 2)) = STRUCT(m := MAP('b' := 2, 'a' := 1))", True),
    ],
)
def test_predicates(value, text, expected):
    assert value(text) == expected


CONNECTION = duck.connect()


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1))
def test_doubles_as_text_are_the_same_everywhere(doubles):
    """DuckDB's macro and Python's function write the same, and it is read back as it was."""
    CONNECTION.register("source", pa.table({"d": pa.array(doubles, DOUBLE)}))
    sql = render_cast("d", DOUBLE, STRING)
    made = [t for (t,) in CONNECTION.execute(f"SELECT {sql} FROM source").fetchall()]
    assert made == [java_text(d) for d in doubles]
    for written, double in zip(made, doubles, strict=True):
        assert float(written) == double or double != double
