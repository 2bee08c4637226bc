"""Reading, comparing and judging cases."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kshell.cases.compare import difference, same
from kshell.cases.formats.plain import add_window, from_node, split_window, to_node
from kshell.cases.model import Case, Header, Record, Rejection, SourceSpec, WindowSpec
from kshell.cases.read import read_cases, read_three_files
from kshell.cases.rejection import explain_rejection, is_expected
from kshell.catalog.model import Column, Window, WindowType
from kshell.errors import BindError, KshellError, ParseError, Place, Unsupported, UsageError


@pytest.fixture
def cases(tmp_path: Path) -> Any:
    def read(*tests: dict[str, Any]) -> list[Case]:
        file = tmp_path / "some.json"
        file.write_text(json.dumps({"tests": tests}))
        return read_cases(str(file))

    return read


def test_one_case_for_each_format(cases: Any) -> None:
    found = cases(
        {
            "name": "n",
            "format": ["JSON", "AVRO"],
            "statements": ["CREATE STREAM s (a INT) WITH (value_format='{FORMAT}');"],
            "inputs": [{"topic": "t", "value": {"A": 1}}],
        },
        {"name": "m", "statements": ["SHOW TOPICS;"]},
    )
    assert [(c.file, c.name, c.format) for c in found] == [
        ("some.json", "n", "JSON"), ("some.json", "n", "AVRO"), ("some.json", "m", None),
    ]  # fmt: skip
    assert found[1].statements == ["CREATE STREAM s (a INT) WITH (value_format='AVRO');"]


def test_all_of_a_case(cases: Any, tmp_path: Path) -> None:
    (case,) = cases(
        {
            "name": "n",
            "statements": ["X;"],
            "inputs": [
                {
                    "topic": "t", "key": 5, "value": None, "timestamp": 7,
                    "window": {"start": 1, "end": 2, "type": "SESSION"},
                    "headers": [{"KEY": "h", "VALUE": "Iw=="}, {"KEY": "i", "VALUE": None}],
                }
            ],
            "properties": {"a.b": True, "n": 3},
            "post": {"sources": [{"name": "O", "type": "table", "schema": "K INT KEY",
                                  "keyFormat": {"format": "KAFKA", "windowType": "SESSION"}}]},
            "expectedException": {"type": "a.B", "message": "no", "causeMessage": "why"},
        }
    )  # fmt: skip
    assert case.inputs == [
        Record("t", 5, None, 7, WindowSpec(1, 2, "session"), (Header("h", b"#"), Header("i", None)))
    ]
    assert case.properties == {"a.b": "true", "n": "3"}
    assert case.rejection == Rejection("a.B", "no", "why")
    key_format = {"format": "KAFKA", "windowType": "SESSION"}
    assert case.sources == [SourceSpec("O", "TABLE", "K INT KEY", key_format)]


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text(
        '{"tests":[{"name":"n","statements":[],"inputs":[{"topic":"t","value":1.10}]}]}'
    )
    (case,) = read_cases(str(file))
    assert case.inputs[0].value == Decimal("1.10")
    assert from_node(case.inputs[0].value, "JSON", ()) == b"1.10"


def test_three_files(tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("-- a\nCREATE STREAM a;\nCREATE STREAM b;")
    (tmp_path / "i.json").write_text('{"inputs": [{"topic": "t", "value": "1,2"}]}')
    (tmp_path / "o.json").write_text('{"outputs": []}')
    case = read_three_files(*(str(tmp_path / n) for n in ("s.sql", "i.json", "o.json")))
    assert (case.name, case.statements) == ("s", ["CREATE STREAM a;", "CREATE STREAM b;"])
    assert (case.inputs, case.outputs) == ([Record("t", None, "1,2")], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "no list of tests"),
        ('{"tests": [{"statements": []}]}', "malformed"),
        ('{"tests": [{"name": "n", "statements": [], "inputs": [{"value": 1}]}]}', "test n"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_files_that_are_no_cases(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_cases(str(file))


@pytest.mark.parametrize(
    ("actual", "expected", "equal"),
    [
        (1, 1.0, True),
        (Decimal("1.10"), Decimal("1.1"), True),
        (Decimal("0.30000000000000004"), Decimal("0.3"), False),
        (Decimal("0.30000000000000004"), Decimal("0.3000000000000000444"), True),
        (True, 1, False),
        (None, False, False),
        ("1", 1, False),
        ({"a": 1, "b": None}, {"b": None, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, [2]], [1, [2]], True),
        ([1], [1, 2], False),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, False),
        (None, None, True),
    ],
)
def test_same(actual: object, expected: object, equal: bool) -> None:
    assert same(actual, expected) is equal


R = Record


@pytest.mark.parametrize(
    ("actual", "expected", "said"),
    [
        ([R("t", 1, 2, 3)], [R("t", 1, 2)], ""),
        ([R("t", 1, 2, 3), R("u", 9)], [R("t", 1, 2, 3)], ""),
        ([R("t", 1, 2, 3)], [R("t", 2, 2, 3)], "key"),
        ([R("t", 1, 2, 3)], [R("t", 1, 3, 3)], "value"),
        ([R("t", 1, 2, 3)], [R("t", 1, 2, 4)], "timestamp"),
        ([R("t", 1, 2, 3)], [R("t", 1, 2, 3, WindowSpec(0, 1))], "window"),
        ([R("t", 1, 2, 3, WindowSpec(0, 1))], [R("t", 1, 2, 3, WindowSpec(0, 2))], "window"),
        ([R("t", 1, 2, 3, WindowSpec(0, 1))], [R("t", 1, 2, 3)], "window"),
        ([R("t", 1)], [R("t", 1, headers=(Header("a", b""),))], "headers"),
        ([R("t", 2), R("t", 1)], [R("t", 1), R("t", 2)], "record 1: key"),
        ([R("t", 1)], [R("t", 1), R("t", 2)], "first missing: key 2"),
        ([R("t", 1), R("t", 2)], [R("t", 1)], "first extra: key 2"),
        ([], [R("t", 1)], "expected 1 records, got 0"),
        ([R("t", 1)], [], "t: expected 0 records, got 1"),
        ([R("t", 1, {"A": 1, "B": None})], [R("t", 1, {"A": 1})], ""),
        ([R("t", 1, {"A": 1})], [R("t", 1, {"A": 1, "B": None})], ""),
        ([R("t", 1, {"A": 1, "B": 2})], [R("t", 1, {"A": 1})], "value"),
        ([R("t", 1, {"A": 1})], [R("t", 1, {"A": 1, "B": 2})], "value"),
        ([R("t", 1, {"A": {"B": None}})], [R("t", 1, {"A": {}})], "value"),
        ([R("t", 1, {"A": None})], [R("t", 1, None)], "value"),
        ([], [], ""),
    ],
)
def test_difference(actual: list[Record], expected: list[Record], said: str) -> None:
    found = difference(actual, expected)
    assert said in found
    assert bool(found) is bool(said)


def syntax(line: int, column: int) -> ParseError:
    return ParseError("Syntax error at or near 'X' at line 2:47", place=Place(line, column))


@pytest.mark.parametrize(
    ("error", "expected", "passes"),
    [
        (BindError("Table T has no key."), "table t has no key", True),
        (BindError("Table T has no key."), "Exception while preparing statement: "
         "Line: 3, Col: 8: Table T has no key", True),
        (BindError("Table T has no key."), "Table U has no key", False),
        (BindError("no"), "Table T has no key", False),
        (Unsupported("Table T has no key"), "Table T has no key", False),
        (syntax(2, 47), "Syntax error at or near 'X' at line 2:47", True),
        (syntax(2, 47), "line 2:47: Syntax Error\nExpecting {A}\nStatement: B", True),
        (syntax(2, 46), "line 2:47: Syntax Error", False),
        (syntax(2, 46), "Syntax Error", True),
        (syntax(1, 1), "Table T has no key", False),
        (BindError("Syntax Error"), "Syntax Error", False),
        (ParseError("Invalid numeric literal: 9"), "line 2:40: Invalid numeric literal: 9", True),
    ],
)  # fmt: skip
def test_rejections(error: KshellError, expected: str, passes: bool) -> None:
    assert is_expected(error, Rejection("", expected)) is passes


def test_a_rejection_of_a_type_alone_is_a_parse_failure() -> None:
    expected = Rejection("io.x.ParseFailedException")
    assert is_expected(syntax(1, 1), expected)
    assert not is_expected(BindError("no"), expected)


def test_the_cause_is_what_counts() -> None:
    expected = Rejection("", "Exception caught in process", "Numeric field overflow")
    assert is_expected(KshellError("Numeric field overflow"), expected)
    assert not is_expected(KshellError("Exception caught in process"), expected)
    assert "Numeric field overflow" in explain_rejection(KshellError("x"), expected)


COLUMN = {
    t: (Column("K", t),) for t in (pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.binary())
}


@pytest.mark.parametrize(
    ("node", "format", "columns", "data"),
    [
        ({"A": [1, None]}, "JSON", (), b'{"A":[1,null]}'),
        ("text", "JSON", (), b'"text"'),
        ("1,a", "DELIMITED", (), b"1,a"),
        (5, "KAFKA", COLUMN[pa.int32()], b"\0\0\0\5"),
        (-1, "KAFKA", COLUMN[pa.int64()], b"\xff" * 8),
        (1.5, "KAFKA", COLUMN[pa.float64()], b"\x3f\xf8\0\0\0\0\0\0"),
        ("a", "KAFKA", COLUMN[pa.string()], b"a"),
        ("Iw==", "KAFKA", COLUMN[pa.binary()], b"#"),
        (None, "JSON", (), None),
    ],
)
def test_nodes_and_bytes(node: Any, format: str, columns: Any, data: bytes | None) -> None:
    assert from_node(node, format, columns) == data
    assert same(to_node(data, format, columns), node)


@pytest.mark.parametrize(
    ("window", "spec"),
    [
        (Window(WindowType.TUMBLING, 10), WindowSpec(20, 30)),
        (Window(WindowType.HOPPING, 10), WindowSpec(5, 15)),
        (Window(WindowType.SESSION), WindowSpec(5, 99, "session")),
    ],
)
def test_windowed_keys(window: Window, spec: WindowSpec) -> None:
    assert split_window(add_window(b"key", spec), window) == (b"key", spec)
    assert split_window(None, window) == (None, None)
