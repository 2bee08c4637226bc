"""A record has one value, whatever a sample of the topic had: on the demo's embedded broker.

Records are in one of four partitions: the sample is its first 25 and its last 25.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal
from itertools import chain

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.engines.local.statements import select
from kshell.errors import BindError, EvaluationError, UnknownName
from kshell.kafka.produce import Producer
from kshell.results import NoticeKind, Rows
from kshell.session import Session

MANY = 210  # more than the sample has of one end


@pytest.fixture
def session(demo):
    made = Session(Properties({"bootstrap.servers": demo.bootstrap, "auto.offset.reset": "earliest"}))
    yield made
    made.close()


@pytest.fixture
def run(session):
    return lambda text: list(session.execute(text))[-1]


@pytest.fixture
def ask(run):
    def ask(text):
        result = run(text)
        assert isinstance(result, Rows)
        return [tuple(row.values()) for batch in result.batches for row in batch.to_pylist()]

    return ask


@pytest.fixture
def topic(demo):
    """Makes a topic of JSON values."""

    def of(*values: str | bytes | None) -> str:
        name = f"v{uuid.uuid4().hex[:10]}"
        producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
        encoded = (v.encode() if isinstance(v, str) else v for v in values)
        producer.send(name, [(None, value, None, 0, None) for value in encoded])
        producer.flush()
        return name

    return of


def around(middle: list[str], usual: str) -> list[str]:
    """Records of which the sample sees the usual ones alone."""
    return [usual] * MANY + middle + [usual] * MANY


def test_a_fraction_among_whole_numbers(ask, topic):
    name = topic(*around(['{"price":10.5}'] * 10, '{"price":10}'))
    assert ask(f"SELECT COUNT(*) FROM {name} WHERE price > 10.2") == [(10,)]
    assert ask(f"SELECT COUNT(*), COUNT(price), SUM(price) FROM {name}") == [(430, 430, 4305.0)]


def test_the_wider_type_is_known_to_the_next_statement(ask, run, topic):
    name = topic(*around(['{"price":10.5}'], '{"price":10}'))
    columns = f"DESCRIBE {name}"
    described = lambda: {r["column"]: r["type"] for b in run(columns).parts[1].batches for r in b.to_pylist()}  # noqa: E731
    assert described()["price"] == "BIGINT"
    assert ask(f"SELECT MAX(price) FROM {name}") == [(10.5,)]
    assert described()["price"] == "DOUBLE"
    assert sum(len(b) for b in run(f"SELECT * FROM {name}").batches) == 421


@pytest.mark.parametrize(
    ("usual", "odd", "query", "answer"),
    [
        ('{"v":1}', '{"v":"12A"}', "MAX(v)", "12A"),
        ('{"v":1}', '{"v":true}', "COUNT(DISTINCT v)", 2),
        ('{"v":true}', '{"v":0}', "COUNT(DISTINCT v)", 2),
        ('{"v":1}', '{"v":18446744073709551615}', "MAX(v)", Decimal("18446744073709551615")),
        ('{"v":1}', '{"v":9007199254740993.5}', "MAX(v)", 9007199254740993.5),
        ('{"v":9007199254740993}', '{"v":0.5}', "MAX(v)", Decimal("9007199254740993.0")),
        ('{"v":0.5}', '{"v":9007199254740993}', "MAX(v)", Decimal("9007199254740993.0")),
        ('{"v":0.5}', '{"v":123456789012345678901234567890123456789}', "MAX(v)", "123456789012345678901234567890123456789"),
        ('{"v":null}', '{"v":7}', "SUM(v)", 7),
        ('{"v":null}', '{"v":{"x":7}}', "SUM(v.x)", 7),
        ('{"v":1}', '{"v":{"x":7}}', "MAX(v)", '{"x":7}'),
        ('{"v":[1]}', '{"v":[1.5]}', "SUM(v[1])", 421.5),
        ('{"v":{"x":1}}', '{"v":{"x":1.6}}', "MAX(v.x)", 1.6),
        ('{"v":{"x":1}}', '{"v":{"x":"12A"}}', "MAX(v.x)", "12A"),
        ('{"v":{"x":1}}', '{"v":{"x":18446744073709551615}}', "MAX(v.x)", Decimal("18446744073709551615")),
        ('{"v":{"x":1,"x":2}}', '{"v":{"x":3,"x":2}}', "SUM(v.x)", 842),
        ('{"v":{"x":"a"}}', '{"v":{"x":1.10}}', "MIN(v.x)", "1.10"),
        ('{"v":{}}', '{"v":{"x":1}}', "SUM(v.x)", 1),
        ('{"v":[]}', '{"v":[5]}', "SUM(v[1])", 5),
    ],
)  # fmt: skip
def test_a_value_of_another_type_than_any_sample(ask, topic, usual, odd, query, answer):
    name = topic(*around([odd], usual))
    if usual in ('{"v":null}', '{"v":{}}') and "v.x" in query:
        ask(f"SELECT MAX(v) FROM {name}")  # a field of a text is no name yet
    assert ask(f"SELECT {query} FROM {name}") == [(answer,)]


def test_every_column_that_does_not_fit_is_widened_at_once(ask, run, topic):
    name = topic(*around(['{"a":1.5,"b":1}', '{"a":1,"b":"x"}', '{"a":2,"b":2}'], '{"a":1,"b":1}'))
    assert ask(f"SELECT SUM(a), MAX(b) FROM {name}") == [(424.5, "x")]
    assert run("SHOW ERRORS").text == "No record has failed in this session."


def test_rows_that_are_out_cannot_be_taken_back(ask, run, topic, monkeypatch):
    name = topic(*around(['{"v":1.5}'], '{"v":1}'))
    whole = select.answer

    def answer(plan, connection):  # as if a part had been read and shown before the rest came
        rows = whole(plan, connection)
        first = pa.record_batch([pa.array([1], pa.int64())], rows.schema)
        return replace(rows, batches=chain([first], rows.batches))

    monkeypatch.setattr(select, "answer", answer)
    result = run(f"SELECT v FROM {name}")
    with pytest.raises(EvaluationError) as raised:
        list(result.batches)
    assert raised.value.what == (
        f"topic {name}: field v: 1.5 does not fit BIGINT, which 50 samples suggested;"
        " rows are out already, so it cannot start again"
    )
    monkeypatch.undo()
    assert ask(f"SELECT COUNT(v), MAX(v) FROM {name}") == [(421, 1.5)]


def test_a_continuous_query_says_which_value_did_not_fit(run, topic):
    name = topic(*around(['{"v":10.5}', '{"v":11}'], '{"v":10}'))
    live = run(f"SELECT v FROM {name} WHERE v > 10 EMIT CHANGES LIMIT 1")
    rows = []
    while (changes := live.poll(0.1)) is not None:
        rows += changes.rows.to_pylist()
    assert [list(r.values()) for r in rows] == [[11]]
    errors = [r for b in run("SHOW ERRORS").batches for r in b.to_pylist()]
    assert [r["reason"] for r in errors if r["topic"] == name] == [
        "field v: 10.5 does not fit BIGINT, which 50 samples suggested"
    ]


def test_whole_rows_say_which_fields_they_do_not_show(run, topic):
    name = topic(*around(['{"v":1,"w":2}'] * 3 + ['{"v":1,"x":2}'], '{"v":1}'))
    result = run(f"SELECT * FROM {name}")
    assert {tuple(b.schema.names) for b in result.batches} == {("v",)}
    (notice,) = [n for n in result.notices() if n.kind is NoticeKind.FIELDS]
    assert "(in so many records): w (3), x (1)" in notice.text


def test_a_field_that_no_sample_has_is_looked_for(ask, run, topic):
    name = topic(*around(['{"v":1,"w":2,"o":{"x":1}}'] * 3, '{"v":1,"o":{"y":1}}'))
    assert ask(f"SELECT SUM(w) FROM {name}") == [(6,)]
    assert ask(f"SELECT SUM(o.x) FROM {name}") == [(3,)]
    assert "w" in [r["column"] for b in run(f"DESCRIBE {name}").parts[1].batches for r in b.to_pylist()]


def test_a_continuous_query_looks_for_a_field_too(run, topic):
    name = topic(*around(['{"v":1,"w":2}'], '{"v":1}'))
    live = run(f"SELECT w FROM {name} WHERE w > 1 EMIT CHANGES LIMIT 1")
    rows = []
    while (changes := live.poll(0.1)) is not None:
        rows += changes.rows.to_pylist()
    assert [list(r.values()) for r in rows] == [[2]]


def test_a_field_that_no_record_has_is_refused_with_how_many_were_looked_at(run, ask, topic):
    name = topic(*around([], '{"v":1}'))
    with pytest.raises(UnknownName) as raised:
        ask(f"SELECT vv FROM {name}")
    assert raised.value.what == "no column named vv; 420 records looked at"
    assert raised.value.hint == "did you mean v?"
    with pytest.raises(UnknownName, match="420 records looked at"):
        run(f"SELECT vv FROM {name} EMIT CHANGES")


def test_describe_full_reads_all_and_is_remembered(run, ask, topic):
    name = topic(*around(['{"v":1.5,"w":{"x":"a"}}', '{"v":null}', None, "nonsense"], '{"v":1}'))
    full = run(f"DESCRIBE {name} FULL")
    (columns,) = [p for p in full.parts if isinstance(p, Rows)]
    assert [tuple(r.values()) for b in columns.batches for r in b.to_pylist()] == [
        ("v", "DOUBLE", 421), ("w", "STRUCT<`x` STRING>", 1),
    ]  # fmt: skip
    assert [n.text for n in columns.notices()] == []
    assert ask(f"SELECT MAX(w.x), SUM(v) FROM {name}") == [("a", 421.5)]
    with pytest.raises(BindError, match="FULL"):
        run(f"DESCRIBE {topic(*['text'] * 9)} FULL")
