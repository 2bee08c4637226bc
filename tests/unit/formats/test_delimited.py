"""DELIMITED: types, quotes, delimiters, wrong lines."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.value_texts import java_double

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

ALL = {"I": INT, "L": BIGINT, "D": DOUBLE, "S": STRING, "B": BOOLEAN, "Y": BYTES, "DT": DATE, "T": TIME,
       "TS": TIMESTAMP, "N": pa.decimal128(6, 2)}  # fmt: skip
ROW = (-1, 2**40, 1.5, "x y", True, b"hi", datetime.date(1970, 1, 2), datetime.time(0, 0, 1),
       datetime.datetime(1970, 1, 1, 0, 0, 2), Decimal("1.50"))  # fmt: skip
LINE = b"-1,1099511627776,1.5,x y,true,aGk=,1,1000,2000,1.50"


def test_every_type():
    assert one("DELIMITED", ALL, LINE) == ROW
    assert one("DELIMITED", ALL, b"," * 9) == (None,) * 10
    assert write("DELIMITED", ALL, ROW) == [b'"-1"' + LINE[2:]]  # commons-csv quotes a line's first -
    assert write("DELIMITED", ALL, (None,) * 10, ROW, gone=[False, True]) == [b"," * 9, None]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,a", (1, "a")),
        ('1,"a,b"', (1, "a,b")),
        ('1,"say ""x"""', (1, 'say "x"')),
        ('1,"two\nlines"', (1, "two\nlines")),
        ("1, a ", (1, " a ")),
        ("1,é☃", (1, "é☃")),
        ('"1",a\x85b\u2028', (1, "a\x85b\u2028")),
        ('1,"a\x85\nb\r\nc"', (1, "a\x85\nb\r\nc")),
        ("\n1,x", (1, "x")),
        ("007,x", (7, "x")),
        ('"12",x', (12, "x")),
        (",", (None, None)),
    ],
)
def test_lines(line, expected):
    assert one("DELIMITED", {"I": INT, "S": STRING}, line) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1", "Unexpected field count, csvFields:1 schemaFields:2"),
        ("1,a,b", "Unexpected field count, csvFields:3 schemaFields:2"),
        ("x,a", "I: "),
        ("1.5,a", "I: "),
        ("0x1F,a", "I: "),
        (" 1,a", "I: "),
        ("2147483648,a", "I: "),
        ('1,"a', "not DELIMITED"),
        ('1,"a"b', "not DELIMITED"),
        (b"1,\xff", "not valid UTF-8"),
        ("", "No fields in record"),
        ("\n", "No fields in record"),
    ],
)
def test_wrong_lines(line, reason):
    assert str(one("DELIMITED", {"I": INT, "S": STRING}, line)).startswith(reason)


def test_good_and_bad_lines_stay_in_their_places():
    made = codec("DELIMITED", {"I": INT, "S": STRING})
    lines = [b"1,a", b"x,b", None, b'3,"c"', b"4", b"5,e", b",f"]
    found = read(made, *lines, names=["S", "I"])
    assert found[0] == ("a", 1)
    assert found[1].startswith("I: ")
    assert found[2:4] == [(None, None), ("c", 3)]
    assert found[4].startswith("Unexpected")
    assert found[5:] == [("e", 5), ("f", None)]
    # What nobody asks for need only be there.
    assert read(made, *lines, names=["S"])[1] == ("b",)
    data = pa.array([b"?", *lines], pa.binary()).slice(1)
    assert made.decode(data, ["S"]).columns[0].to_pylist() == ["a", "b", None, "c", None, "e", "f"]


@pytest.mark.parametrize(
    ("option", "delimiter"), [("TAB", "\t"), ("tab", "\t"), ("SPACE", " "), ("|", "|"), ("$", "$"), ("x", "x")]
)
def test_delimiters(option, delimiter):
    columns, options = {"I": INT, "S": STRING}, {"DELIMITER": option}
    line = f"1{delimiter}a,b".encode()
    assert one("DELIMITED", columns, line, options) == (1, "a,b")
    assert write("DELIMITED", columns, (1, "a,b"), options=options) == [line]
    quoted = f'1{delimiter}"a{delimiter}b"'.encode()
    assert write("DELIMITED", columns, (1, f"a{delimiter}b"), options=options) == [quoted]
    assert one("DELIMITED", columns, quoted, options) == (1, f"a{delimiter}b")


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        ("a", "b", "a,b"),
        ("", "", '"",'),
        (None, None, ","),
        ("-1", "-1", '"-1",-1'),
        ("é", "é", '"é",é'),
        ("a b", "a ", 'a b,"a "'),
        ("a,b", "#x", '"a,b","#x"'),
        ('a"b', "a\nb", '"a""b","a\nb"'),
        ("9", " x", '9," x"'),
    ],
)
def test_quotes_as_commons_csv_writes_them(first, second, line):
    assert write("DELIMITED", {"A": STRING, "B": STRING}, (first, second)) == [line.encode()]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.0, "-0.0"), (1e7, "1.0E7"), (9999999.0, "9999999.0"), (0.001, "0.001"),
     (0.0001, "1.0E-4"), (123456789.125, "1.23456789125E8"),
     (5e-324, "4.9E-324"), (-5e-324, "-4.9E-324"), (1e-323, "9.9E-324"), (2e-323, "2.0E-323"), (1e-322, "9.9E-323"),
     (float("nan"), "NaN"), (float("inf"), "Infinity"), (1.7976931348623157e308, "1.7976931348623157E308")],
)  # fmt: skip
def test_doubles_as_java_writes_them(value, text):
    assert java_double(value) == text
    assert write("DELIMITED", {"A": STRING, "D": DOUBLE}, ("a", value)) == [f"a,{text}".encode()]
