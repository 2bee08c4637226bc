"""Errors of INSERT … VALUES stand under the value or the column that is wrong."""

from __future__ import annotations

import uuid

import pytest

from kshell.errors import KshellError
from kshell.kafka.outgoing import OutgoingRecord
from kshell.kafka.produce import Producer


@pytest.fixture(scope="module")
def targets(demo):
    """An undeclared topic of JSON, one whose values are numbers, and the name of a stream and a table."""
    json, numbers = (f"p{uuid.uuid4().hex[:10]}" for _ in range(2))
    from kshell.config import Properties

    producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    producer.send(json, [OutgoingRecord(b"\x00\x00\x00\x05", b'{"a": 1, "s": "x"}', None, 0)])
    producer.send(numbers, [OutgoingRecord(b"k", b"\x00\x00\x00\x05", None, 0)])
    producer.flush()
    return {"json": json, "numbers": numbers, "stream": f"s{json}", "table": f"t{json}"}


@pytest.fixture
def declared(execute, targets):
    execute(
        f"CREATE STREAM {targets['stream']} (k STRING KEY, v INT, t TIMESTAMP, h BYTES HEADER('h')) WITH"
        f" (KAFKA_TOPIC='{targets['stream']}', VALUE_FORMAT='JSON', PARTITIONS=4);"
        f"CREATE TABLE {targets['table']} (k STRING PRIMARY KEY, v INT) WITH"
        f" (KAFKA_TOPIC='{targets['table']}', VALUE_FORMAT='JSON', PARTITIONS=4);"
    )


# The wrong part is between « and ».
WRONG = [
    "{json} (a, s) VALUES (1, 'x', «3», 4)",
    "{json} (a, s) VALUES (1, 'x'), («2»)",
    "{json} (a, s) VALUES (1, 'x'),\n  (2, 'y', «ARRAY[1, 2]»)",
    "{json} (a, s) VALUES (1, «x»)",
    "{json} (a, s) VALUES (1, «-x»)",
    "{json} (a, s) VALUES (1, «CAST('x' AS INT)»)",
    "{json} (a, ROWTIME) VALUES (1, «-5»)",
    "{json} (a, ROWTIME) VALUES (1, «'now'»)",
    "{json} (a, ROWTIME) VALUES (1, 5), (2, «TRUE»)",
    "{json} (ROWPARTITION, a) VALUES (0, 1), («9», 1)",
    "{json} (ROWPARTITION, a) VALUES («-1», 1)",
    "{json} (a, ROWHEADERS) VALUES (1, «'x'»)",
    "{json} (a, ROWHEADERS) VALUES (1, «ARRAY[1]»)",
    "{json} (a, ROWHEADERS) VALUES (1, «MAP('h' := 5)»)",
    "{json} (ROWVALUE) VALUES (NULL), («1.5»)",
    "{json} (a, ROWVALUE) VALUES («1», NULL)",
    "{json} (ROWKEY, a) VALUES («'text'», 1)",
    "{json} (ROWKEY, a) VALUES (5, 1), («'text'», 1)",
    "{json} (a, «A») VALUES (1, 2)",
    "{numbers} (ROWKEY, «what») VALUES ('k', 1)",
    "{numbers} VALUES (1, «2»)",
    "{stream} (k, v) VALUES ('k', 1, «2»)",
    "{stream} (k, v) VALUES («'k'»)",
    "{stream} (k, v) VALUES ('k', «'x'»)",
    "{stream} (k, v) VALUES ('k', 1), ('k', «TRUE»)",
    "{stream} (k, v) VALUES ('k', «ARRAY[]»)",
    "{stream} (k, v) VALUES ('k', «no_such(1)»)",
    "{stream} (k, v) VALUES ('k', «CAST('x' AS INT)»)",
    "{stream} (k, t) VALUES ('k', «'never'»)",
    "{stream} (k, t) VALUES ('k', '2020-01-01'), ('k', «'never'»)",
    "{stream} (k, «h») VALUES ('k', TO_BYTES('00', 'hex'))",
    "{stream} (k, «nothing») VALUES ('k', 1)",
    "{stream} (k, «ROWOFFSET») VALUES ('k', 1)",
    "{stream} (k, ROWTIME) VALUES ('k', «-5»)",
    "{stream} (k, ROWTIME) VALUES ('k', «'never'»)",
    "{stream} (k, ROWPARTITION) VALUES ('k', 1), ('k', «4»)",
    "{stream} (k, ROWPARTITION) VALUES ('k', «-1»)",
    "{stream} (k, ROWHEADERS) VALUES ('k', «'x'»)",
    "{stream} (k, ROWVALUE) VALUES ('k', «1.5»)",
    "{stream} (v, ROWVALUE) VALUES («1», NULL)",
    "{table} (k, v) VALUES ('a', 1), («NULL», 1)",
    "{table} (k, v) VALUES («NULL», 1)",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_caret_is_under_what_is_wrong(execute, declared, targets, wrong) -> None:
    marked = f"INSERT INTO {wrong.format(**targets)};"
    with pytest.raises(KshellError) as raised:
        execute(marked.replace("«", "").replace("»", ""))
    lines = marked.split("\n")
    (line,) = [n for n, text in enumerate(lines) if "«" in text]
    begins, ends = lines[line].index("«") + 1, lines[line].index("»")
    place = raised.value.place
    assert place is not None, raised.value.what
    assert place.line == line + 1
    assert begins <= place.column < ends, raised.value.what
