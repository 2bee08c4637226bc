"""What samples suggest of lines, keys and single values is widened by a record that does not fit it.

Records are in one of four partitions: the sample is its first 25 and its last 25.
"""

from __future__ import annotations

import struct
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.engines.local.statements import bounded_continuous
from kshell.errors import EvaluationError, KshellError
from kshell.kafka.produce import Producer
from kshell.results import Message

from .answers import rows_of

MANY = 60  # more than the sample has of one end
LONG, DOUBLE, INT = (struct.Struct(form).pack for form in (">q", ">d", ">i"))


def around(middle: list, usual) -> list:
    """Records of which the sample sees the usual ones alone."""
    return [usual] * MANY + middle + [usual] * MANY


@pytest.fixture
def keyed(demo):
    """Makes a topic of keys, all of them in one partition; each value is `v`."""

    def of(*keys: bytes | None, value: bytes | None = b"v") -> str:
        name = f"k{uuid.uuid4().hex[:10]}"
        producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
        producer.send(name, [(key, value, None, 0, None) for key in keys])
        producer.flush()
        return name

    return of


@pytest.fixture
def errors(execute):
    """The reasons of a topic's error rows."""

    def of(name: str) -> list[str]:
        answer = execute("SHOW ERRORS")
        rows = [] if isinstance(answer, Message) else rows_of(answer)
        return [r["reason"] for r in rows if r["topic"] == name]

    return of


def live(execute, text: str) -> list[tuple]:
    answer, rows = execute(text), []
    while (changes := answer.poll(0.1)) is not None:
        rows += [tuple(r.values()) for r in changes.rows.to_pylist()]
    return rows


@pytest.mark.parametrize(
    ("usual", "odd", "query", "answer"),
    [
        ("a,1", "a,1.5", "SUM(C2)", 121.5),
        ("a,1", "a,x", "MAX(C2)", "x"),
        ("a,1", "a,18446744073709551615", "MAX(C2)", Decimal("18446744073709551615")),
        ("a,9007199254740993", "a,0.5", "MAX(C2)", Decimal("9007199254740993.0")),
        ("a,0.5", "a,9007199254740993", "MAX(C2)", Decimal("9007199254740993.0")),
        ("a,0.5", "a,1e5", "MAX(C2)", 100000.0),
        ("a,0.5", "a,NaN", "COUNT(*) FILTER (WHERE isnan(C2))", 1),
        ("a,0.5", "a, 2", "MIN(C2)", " 2"),
        ("a,", "a,7", "MAX(C2)", 7),
        ("a,1", '"b,c",2', "MAX(C1)", "b,c"),
        ("a,1", "a,", "COUNT(C2)", 120),
    ],
)
def test_a_cell_of_a_line(execute, rows, topic_of, errors, usual, odd, query, answer):
    name = topic_of(*around([odd], usual))
    execute(f"SET 'topic.{name}.value.format'='DELIMITED'")
    assert rows(f"SELECT {query}, COUNT(C1) FROM {name}") == [(answer, 121)]
    assert errors(name) == []


def test_a_line_of_another_width_is_an_error_row(execute, rows, topic_of, errors):
    name = topic_of(*around(["a,1,2"], "a,1"))
    execute(f"SET 'topic.{name}.value.format'='DELIMITED'")
    assert rows(f"SELECT SUM(C2) FROM {name}") == [(120,)]
    assert errors(name) == ["Unexpected field count, csvFields:3 schemaFields:2"]


@pytest.mark.parametrize(
    ("usual", "odd", "query", "answer"),
    [
        (b"1", b"1.5", "SUM(ROWKEY)", 121.5),
        (b'{"a":1}', b'{"a":1.6}', "MAX(ROWKEY.a)", 1.6),
        (b'{"a":1}', b'{"a":"12A"}', "MAX(ROWKEY.a)", "12A"),
        (b'{"a":1}', b'{"b":1}', "SUM(ROWKEY.a)", 120),
        (b'{"a":1}', b"7", "MAX(ROWKEY)", '{"a":1}'),
        (b'"x"', b"7", "MIN(ROWKEY)", "7"),
        (b"[1]", b"[1.5]", "MAX(ROWKEY[1])", 1.5),
    ],
)
def test_a_key_of_json(execute, rows, keyed, errors, usual, odd, query, answer):
    name = keyed(*around([odd], usual))
    execute(f"SET 'topic.{name}.key.format'='JSON'")
    assert rows(f"SELECT {query}, COUNT(*) FROM {name}") == [(answer, 121)]
    assert errors(name) == []


@pytest.mark.parametrize(
    ("usual", "odd", "query", "answer"),
    [
        (LONG(1), b"12345", "MAX(VALUE)", b"12345"),
        (INT(1), LONG(1), "MIN(VALUE)", LONG(1)),
        (DOUBLE(0.5), b"", "MIN(VALUE)", b""),
        (LONG(0), DOUBLE(1.5), "MAX(VALUE)", 1.5),
        (LONG(0), LONG(7), "MAX(VALUE)", 7),
        (LONG(1), LONG(2**62), "MAX(VALUE)", 2**62),
        (None, b"text", "MAX(VALUE)", "text"),
        (None, LONG(7), "MAX(VALUE)", 7),
        (b"\xff\xfe\xfd", b"text", "MAX(octet_length(VALUE))", 4),
    ],
)
def test_a_single_value(rows, topic_of, keyed, errors, usual, odd, query, answer):
    name = topic_of(*around([odd], usual))
    assert rows(f"SELECT {query}, COUNT(VALUE) FROM {name}") == [(answer, 121 if usual is not None else 1)]
    assert errors(name) == []
    name = keyed(*around([odd], usual))
    query = query.replace("VALUE", "ROWKEY")
    assert rows(f"SELECT {query}, COUNT(ROWKEY) FROM {name}") == [(answer, 121 if usual is not None else 1)]


def test_json_after_samples_without_a_value(rows, topic_of):
    name = topic_of(*around([b'{"a":1.5}'], None))
    with pytest.raises(KshellError, match="no column named VALUE") as raised:
        rows(f"SELECT VALUE FROM {name}")
    assert "no sample had" in raised.value.hint
    assert rows(f"SELECT SUM(a) FROM {name}") == [(1.5,)]


def test_numbers_that_the_user_says_there_are(execute, rows, topic_of, errors):
    name = topic_of(*around([b"12345"], LONG(1)))
    assert rows(f"SELECT MAX(VALUE) FROM {name}") == [(b"12345",)]
    execute(f"SET 'topic.{name}.value.format'='KAFKA'")
    assert rows(f"SELECT SUM(VALUE) FROM {name}") == [(120,)]
    assert errors(name) == ["field VALUE: 5 bytes where 8 are a number (Long)"]


def test_a_text_that_is_not_utf8_is_an_error_row(rows, topic_of, errors):
    name = topic_of(*around([b"\xff"], b"text"))
    assert rows(f"SELECT COUNT(VALUE) FROM {name}") == [(120,)]
    assert errors(name) == ["field VALUE: not valid UTF-8"]


def test_the_wider_type_is_known_to_the_next_statement(execute, rows, topic_of):
    name = topic_of(*around(["a,1.5"], "a,1"))
    execute(f"SET 'topic.{name}.value.format'='DELIMITED'")
    described = lambda: {r["column"]: r["type"] for b in execute(f"DESCRIBE {name}").parts[1].batches for r in b.to_pylist()}  # noqa: E731
    assert described()["C2"] == "BIGINT"
    rows(f"SELECT MAX(C2) FROM {name}")
    assert described()["C2"] == "DOUBLE"


def test_what_is_known_of_one_format_says_nothing_of_another(execute, rows, topic_of):
    name = topic_of(*around(["x;2,y"], "1;2,3"))
    execute(f"SET 'topic.{name}.value.delimiter'=','")
    assert rows(f"SELECT MAX(C2), MAX(C1) FROM {name}") == [("y", "x;2")]
    execute(f"SET 'topic.{name}.value.delimiter'=';'")
    types = {r["column"]: r["type"] for b in execute(f"DESCRIBE {name}").parts[1].batches for r in b.to_pylist()}
    assert (types["C1"], types["C2"]) == ("BIGINT", "STRING")


@pytest.mark.parametrize(
    ("usual", "odd", "column", "why"),
    [
        ("a,1", "a,1.5", "C2", "field C2: 1.5 does not fit BIGINT, which 50 samples suggested"),
        (LONG(1), b"12345", "VALUE", "field VALUE: 5 bytes where 8 are a number (Long), which 50 samples suggested"),
        (LONG(0), DOUBLE(1.5), "VALUE", "field VALUE: 8 bytes that are not zeros: BIGINT or DOUBLE, and 50 samples do not say which"),
    ],
)
def test_a_continuous_query_has_an_error_row(execute, topic_of, errors, usual, odd, column, why):
    name = topic_of(*around([odd], usual))
    if isinstance(usual, str):
        execute(f"SET 'topic.{name}.value.format'='DELIMITED'")
    found = live(execute, f"SELECT {column} FROM {name} EMIT CHANGES LIMIT 120")
    assert len(found) == 120
    assert errors(name) == [why]


def test_a_continuous_query_has_an_error_row_for_a_key(execute, keyed, errors):
    name = keyed(*around([b'{"a":1.5}'], b'{"a":1}'))
    execute(f"SET 'topic.{name}.key.format'='JSON'")
    assert len(live(execute, f"SELECT ROWKEY FROM {name} EMIT CHANGES LIMIT 120")) == 120
    assert errors(name) == ["key: field ROWKEY.a: 1.5 does not fit BIGINT, which 50 samples suggested"]


def test_a_continuous_query_over_nothing_yet_shows_text(execute, topic_of):
    name = topic_of(*around(["text"], None))
    assert live(execute, f"SELECT VALUE FROM {name} WHERE VALUE IS NOT NULL EMIT CHANGES LIMIT 1") == [("text",)]


WINDOWED = "WINDOW TUMBLING (SIZE 1 DAY)"


@pytest.mark.parametrize(
    ("usual", "odd", "query", "answer"),
    [
        ('{"g":1,"v":1}', '{"g":1,"v":1.5}', f"SELECT SUM(v) FROM {{0}} {WINDOWED} GROUP BY g", [(121.5,)]),
        ('{"g":1,"v":{"x":1}}', '{"g":1,"v":{"x":1.5}}', f"SELECT MAX(v->x) FROM {{0}} {WINDOWED} GROUP BY g", [(1.5,)]),
    ],
)
def test_a_bounded_query_by_a_continuous_plan(rows, topic_of, errors, usual, odd, query, answer):
    name = topic_of(*around([odd], usual))
    assert rows(query.format(name)) == answer
    assert errors(name) == []


def test_a_bounded_query_by_a_continuous_plan_over_lines(execute, rows, topic_of):
    name = topic_of(*around(["a,1.5"], "a,1"))
    execute(f"SET 'topic.{name}.value.format'='DELIMITED'")
    assert rows(f"SELECT SUM(C2) FROM {name} {WINDOWED} GROUP BY C1") == [(121.5,)]


def test_a_bounded_query_by_a_continuous_plan_over_keys(execute, rows, keyed):
    name = keyed(*around([b"1.5"], b"1"))
    execute(f"SET 'topic.{name}.key.format'='JSON'")
    assert rows(f"SELECT MAX(ROWKEY) FROM {name} {WINDOWED} GROUP BY VALUE") == [(1.5,)]


def test_a_stream_that_is_partitioned_anew(rows, topic_of):
    name = topic_of(*around(['{"v":1.5}'], '{"v":1}'))
    assert sorted(rows(f"SELECT v FROM {name} PARTITION BY v")) == [(1.0,)] * 120 + [(1.5,)]


def test_rows_of_a_continuous_plan_that_are_out_cannot_be_taken_back(execute, rows, topic_of, monkeypatch):
    name, whole = topic_of(*around(['{"v":1.5}'], '{"v":1}')), bounded_continuous._run

    def run(*given):  # as if a part had been read and shown before the rest came
        yield pa.record_batch([pa.array([1], pa.int64())], given[-1])
        yield from whole(*given)

    monkeypatch.setattr(bounded_continuous, "_run", run)
    with pytest.raises(EvaluationError) as raised:
        rows(f"SELECT v FROM {name} PARTITION BY v")
    assert "does not fit BIGINT, which 50 samples suggested; rows are out already" in raised.value.what
    monkeypatch.undo()
    assert len(rows(f"SELECT v FROM {name} PARTITION BY v")) == 121


def test_a_join_learns_of_both_sides_at_once(rows, topic_of):
    one, other = (topic_of(*around(['{"g":1,"v":1.5}'], '{"g":2,"v":1}')) for _ in range(2))
    found = rows(
        f"SELECT a.v AS x, b.v AS y FROM {one} a JOIN {other} b WITHIN 1 DAY ON a.g = b.g WHERE a.g = 1"
    )
    assert found == [(1.5, 1.5)]
