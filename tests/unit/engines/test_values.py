"""A record has one value, whatever a sample of the topic had: on the demo's embedded broker.

Records are in one of four partitions: the sample is its first 25 and its last 25.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import chain

import pyarrow as pa
import pytest

from kshell.engines.local.statements import over_duckdb
from kshell.errors import BindError, EvaluationError, UnknownName
from kshell.results import Live, Message, NoticeKind, Rows, notices_of

from .answers import rows_of, rows_that_come

MANY = 210  # more than the sample has of one end


def around(middle: list[str], usual: str) -> list[str]:
    """Records of which the sample sees the usual ones alone."""
    return [usual] * MANY + middle + [usual] * MANY


def test_a_fraction_among_whole_numbers(rows, topic_of):
    name = topic_of(*around(['{"price":10.5}'] * 10, '{"price":10}'))
    assert rows(f"SELECT COUNT(*) FROM {name} WHERE price > 10.2") == [(10,)]
    assert rows(f"SELECT COUNT(*), COUNT(price), SUM(price) FROM {name}") == [(430, 430, 4305.0)]


def test_the_wider_type_is_known_to_the_next_statement(rows, execute, topic_of):
    name = topic_of(*around(['{"price":10.5}'], '{"price":10}'))
    columns = f"DESCRIBE {name}"
    described = lambda: {r["column"]: r["type"] for b in execute(columns).parts[1].batches for r in b.to_pylist()}  # noqa: E731
    assert described()["price"] == "BIGINT"
    assert rows(f"SELECT MAX(price) FROM {name}") == [(10.5,)]
    assert described()["price"] == "DOUBLE"
    assert sum(len(b) for b in execute(f"SELECT * FROM {name}").batches) == 421


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
def test_a_value_of_another_type_than_any_sample(rows, topic_of, usual, odd, query, answer):
    name = topic_of(*around([odd], usual))
    if usual in ('{"v":null}', '{"v":{}}') and "v.x" in query:
        rows(f"SELECT MAX(v) FROM {name}")  # a field of a text is no name yet
    assert rows(f"SELECT {query} FROM {name}") == [(answer,)]


def test_every_column_that_does_not_fit_is_widened_at_once(rows, execute, topic_of):
    name = topic_of(*around(['{"a":1.5,"b":1}', '{"a":1,"b":"x"}', '{"a":2,"b":2}'], '{"a":1,"b":1}'))
    assert rows(f"SELECT SUM(a), MAX(b) FROM {name}") == [(424.5, "x")]
    assert execute("SHOW ERRORS").text == "No record has failed in this session."


def test_rows_that_are_out_cannot_be_taken_back(rows, execute, topic_of, monkeypatch):
    name = topic_of(*around(['{"v":1.5}'], '{"v":1}'))
    whole = over_duckdb.answer

    def answer(plan, connection):  # as if a part had been read and shown before the rest came
        rows = whole(plan, connection)
        first = pa.record_batch([pa.array([1], pa.int64())], rows.schema)
        return replace(rows, batches=chain([first], rows.batches))

    monkeypatch.setattr(over_duckdb, "answer", answer)
    result = execute(f"SELECT v FROM {name}")
    with pytest.raises(EvaluationError) as raised:
        list(result.batches)
    assert raised.value.what == (
        f"topic {name}: field v: 1.5 does not fit BIGINT, which 50 samples suggested;"
        " rows are out already, so it cannot start again"
    )
    monkeypatch.undo()
    assert rows(f"SELECT COUNT(v), MAX(v) FROM {name}") == [(421, 1.5)]


def test_a_continuous_query_says_which_value_did_not_fit(execute, topic_of):
    name = topic_of(*around(['{"v":10.5}', '{"v":11}'], '{"v":10}'))
    live = execute(f"SELECT v FROM {name} WHERE v > 10 EMIT CHANGES LIMIT 1")
    rows = []
    while (changes := live.poll(0.1)) is not None:
        rows += changes.rows.to_pylist()
    assert [list(r.values()) for r in rows] == [[11]]
    errors = [r for b in execute("SHOW ERRORS").batches for r in b.to_pylist()]
    assert [r["reason"] for r in errors if r["topic"] == name] == [
        "field v: 10.5 does not fit BIGINT, which 50 samples suggested"
    ]


def test_whole_rows_say_which_fields_they_do_not_show(execute, topic_of):
    name = topic_of(*around(['{"v":1,"w":2}'] * 3 + ['{"v":1,"x":2}'], '{"v":1}'))
    result = execute(f"SELECT * FROM {name}")
    assert {tuple(b.schema.names) for b in result.batches} == {("v",)}
    (notice,) = [n for n in result.notices() if n.kind is NoticeKind.FIELDS]
    assert "(in so many records): w (3), x (1)" in notice.text


def test_a_field_that_no_sample_has_is_looked_for(rows, execute, topic_of):
    name = topic_of(*around(['{"v":1,"w":2,"o":{"x":1}}'] * 3, '{"v":1,"o":{"y":1}}'))
    assert rows(f"SELECT SUM(w) FROM {name}") == [(6,)]
    assert rows(f"SELECT SUM(o.x) FROM {name}") == [(3,)]
    assert "w" in [r["column"] for b in execute(f"DESCRIBE {name}").parts[1].batches for r in b.to_pylist()]


def test_a_continuous_query_looks_for_a_field_too(execute, topic_of):
    name = topic_of(*around(['{"v":1,"w":2}'], '{"v":1}'))
    live = execute(f"SELECT w FROM {name} WHERE w > 1 EMIT CHANGES LIMIT 1")
    rows = []
    while (changes := live.poll(0.1)) is not None:
        rows += changes.rows.to_pylist()
    assert [list(r.values()) for r in rows] == [[2]]


def test_a_field_that_no_record_has_is_refused_with_how_many_were_looked_at(execute, rows, topic_of):
    name = topic_of(*around([], '{"v":1}'))
    with pytest.raises(UnknownName) as raised:
        rows(f"SELECT vv FROM {name}")
    assert raised.value.what == "no column named vv; 420 records looked at"
    assert raised.value.hint == "did you mean v?"
    with pytest.raises(UnknownName, match="420 records looked at"):
        execute(f"SELECT vv FROM {name} EMIT CHANGES")


def test_describe_full_reads_all_and_is_remembered(execute, rows, topic_of):
    name = topic_of(*around(['{"v":1.5,"w":{"x":"a"}}', '{"v":null}', None, "nonsense"], '{"v":1}'))
    full = execute(f"DESCRIBE {name} FULL")
    (columns,) = [p for p in full.parts if isinstance(p, Rows)]
    assert [tuple(r.values()) for b in columns.batches for r in b.to_pylist()] == [
        ("v", "DOUBLE", 421), ("w", "STRUCT<`x` STRING>", 1),
    ]  # fmt: skip
    assert [n.text for n in columns.notices()] == []
    assert rows(f"SELECT MAX(w.x), SUM(v) FROM {name}") == [("a", 421.5)]
    with pytest.raises(BindError, match="FULL"):
        execute(f"DESCRIBE {topic_of(*['text'] * 9)} FULL")


@pytest.mark.parametrize("depth", [80, 3000])
def test_json_that_is_too_deep_is_an_error_row(rows, execute, topic_of, depth):
    deep = '{"v":1,"o":' + '{"o":' * depth + "1" + "}" * depth + "}"
    name = topic_of('{"v":1}', deep, *around([deep], '{"v":2}'))
    assert rows(f"SELECT SUM(v), COUNT(v) FROM {name}") == [(841, 421)]
    errors = [r for b in execute("SHOW ERRORS").batches for r in b.to_pylist()]
    assert {r["reason"] for r in errors if r["topic"] == name} == {"JSON nested more than 64 deep"}
    assert rows(f"SELECT * FROM {name} WHERE v = 1")[0][0] == 1


def test_json_as_deep_as_may_be_is_data(rows, topic_of):
    deep = '{"o":' * 64 + "1" + "}" * 64
    name = topic_of(deep)
    assert rows(f"SELECT COUNT(o) FROM {name}") == [(1,)]


MICROS = {"type": "long", "logicalType": "timestamp-micros"}
TIMES = {"type": "record", "name": "R", "fields": [
    {"name": "a", "type": ["null", MICROS]},
    {"name": "b", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "c", "type": {"type": "array", "items": {"type": "long", "logicalType": "local-timestamp-nanos"}}},
    {"name": "o", "type": {"type": "record", "name": "O", "fields": [{"name": "x", "type": MICROS}, {"name": "y", "type": "int"}]}},
    {"name": "p", "type": "O"},
]}  # fmt: skip


@pytest.fixture
def timed(execute, topic_of, tmp_path):
    """A topic of times, and the options of its schema."""
    file = tmp_path / "t.avsc"
    file.write_text(json.dumps(TIMES))
    name = topic_of(b"\x02\x02\x02\x00\x02\x02\x02\x02")
    execute(f"SET 'topic.{name}.value.schema.file'='{file}'")
    return name, f"KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO', VALUE_SCHEMA_FILE='{file}'"


def cut(answer) -> list[str]:
    """What the answer says is cut, when its rows were read."""
    if isinstance(answer, Rows):
        list(answer.batches)
    return [n.text for n in notices_of(answer) if n.kind is NoticeKind.CUT]


def test_times_of_avro_that_lose_digits_are_named(execute, timed):
    said = [a.text for a in execute(f"DESCRIBE {timed[0]}").parts if isinstance(a, Message)]
    assert "Cut to milliseconds: a, c, o.x, p.x." in said


CUT = "times that are cut to milliseconds: "


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * FROM {}", "a, c, o.x, p.x"),
        ("SELECT p->x FROM {} WHERE a IS NOT NULL", "a, p.x"),
        ("SELECT x.o, y.c FROM {} x JOIN {} y ON x.b = y.b", "c, o.x"),
        ("SELECT b FROM {}", None),
        ("SELECT COUNT(*) FROM {}", None),
        ("SELECT c FROM {} EMIT CHANGES LIMIT 1", "c"),
        ("SELECT b FROM {} EMIT CHANGES LIMIT 1", None),
        ("SELECT MAX(a) FROM {} WINDOW TUMBLING (SIZE 1 DAY) GROUP BY b", "a"),
        ("PRINT {} FROM BEGINNING LIMIT 1", "a, c, o.x, p.x"),
        ("CREATE STREAM made WITH (VALUE_FORMAT='JSON') AS SELECT a FROM {} EMIT CHANGES", "a"),
    ],
)
def test_a_statement_names_the_times_that_it_reads_and_that_lose_digits(execute, timed, query, names):
    answer = execute(query.format(timed[0], timed[0]))
    assert cut(answer) == ([] if names is None else [CUT + names])
    if isinstance(answer, Live):
        answer.cancel()


def test_a_declaration_names_the_times_that_lose_digits(execute, timed):
    assert cut(execute(f"CREATE STREAM s WITH ({timed[1]})")) == [f"{CUT}A, C, O.x, P.x"]
    assert cut(execute(f"CREATE STREAM u (B TIMESTAMP, A BIGINT) WITH ({timed[1]})")) == []
    assert cut(execute(f"CREATE STREAM v (a TIMESTAMP) WITH ({timed[1]})")) == [f"{CUT}A"]


def test_a_declared_key_names_its_times(execute, topic_of, tmp_path):
    file = tmp_path / "k.avsc"
    file.write_text(json.dumps(MICROS))
    options = f"KAFKA_TOPIC='{topic_of(b'1')}', KEY_FORMAT='AVRO', KEY_SCHEMA_FILE='{file}', VALUE_FORMAT='JSON'"
    assert cut(execute(f"CREATE STREAM w (k TIMESTAMP KEY, v INT) WITH ({options})")) == [f"{CUT}K"]


def test_a_part_of_a_text_is_the_same_in_both_kinds_of_query(rows, execute, topic_of):
    name = topic_of('{"s":"abcd"}')
    asked = f"SELECT SUBSTRING(s FROM 2 FOR 2) AS a, SUBSTRING(s FROM 3) AS b, SUBSTRING(s FOR 1) AS c FROM {name}"
    assert rows(asked) == [("bc", "cd", "a")]
    live, found = execute(f"{asked} EMIT CHANGES LIMIT 1"), []
    while (changes := live.poll(0.1)) is not None:
        found += changes.rows.to_pylist()
    assert found == [{"a": "bc", "b": "cd", "c": "a"}]


def test_good_json_that_is_no_object_is_said_to_be_that(topic_of, execute):
    odd = {"5": "number", "[1]": "array", '"text"': "string", "true": "boolean"}
    name = topic_of(*['{"a":1}'] * 60, *odd, *['{"a":1}'] * 60)
    execute(f"CREATE STREAM odd (a INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    wanted = [f"a JSON {kind}, where an object was expected" for kind in odd.values()]
    for text in (f"SELECT a FROM {name}", "SELECT a FROM odd", f"SELECT a FROM {name} EMIT CHANGES LIMIT 120"):
        execute("SHOW ERRORS;")
        result = execute(f"{text};")
        rows = rows_that_come(result) if "EMIT" in text else rows_of(result)
        assert len(rows) == 120
        (notice,) = [n for n in notices_of(result) if n.kind is NoticeKind.UNDECODABLE]
        assert (notice.count, "decoded" in notice.text) == (4, False)
        assert all(why in notice.text for why in wanted[:2])
        said = [row["reason"] for row in rows_of(execute("SHOW ERRORS;"))]
        assert said[-4:] == wanted or said[:4] == wanted
    execute("DROP STREAM odd;")


def test_a_field_of_a_struct_that_became_text(topic_of, rows, execute):
    name = topic_of(*around(['{"o":"text"}'], '{"o":{"x":1}}'))
    text = f"SELECT o->x FROM {name}"
    for _ in range(2):  # the type is wider after the first scan, and known to the second
        with pytest.raises(BindError, match="Can't access field x: the value is STRING, not a STRUCT") as caught:
            rows(text)
        assert caught.value.place.column == text.index("->x") + 3
        assert "EXTRACTJSONFIELD" in caught.value.hint
    assert rows(f"SELECT COUNT(*) FROM {name} WHERE TRY(EXTRACTJSONFIELD(o, '$.x')) = '1'") == [(2 * MANY,)]


def test_the_type_of_a_column_that_is_not_read(topic_of, rows):
    """DuckDB needs no value to say a type; the type is the column's all the same."""
    name = topic_of(*['{"o":{"x":1},"l":[1],"n":2}'] * 3)
    assert rows(f"SELECT DISTINCT typeof(o), typeof(l), typeof(n), typeof(o->x) FROM {name}") == [
        ("STRUCT(x BIGINT)", "BIGINT[]", "BIGINT", "BIGINT")
    ]
    assert rows(f"SELECT COUNT(*) FROM {name} WHERE typeof(o) LIKE 'STRUCT%'") == [(3,)]
    described = rows(f"DESCRIBE SELECT o, l FROM {name}")
    assert [row[:2] for row in described] == [("o", "STRUCT(x BIGINT)"), ("l", "BIGINT[]")]
    empty = topic_of(*['{"o":{},"l":[],"n":null}'] * 3)
    assert rows(f"SELECT COUNT(*) FROM {empty} WHERE typeof(o) IS NOT NULL") == [(3,)]
    assert rows(f"SELECT COUNT(*), COUNT(o), COUNT(l), COUNT(n) FROM {empty}") == [(3, 3, 3, 0)]
